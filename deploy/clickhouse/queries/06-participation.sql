-- Our own 90-9-1: how many read, contribute, lead?
SELECT member AS department, participants, round(100 * readers_share) AS readers, round(100 * contributors_share) AS contributors, round(100 * leading_share) AS leading
FROM esn_bi.participation
WHERE dimension IN ('company', 'department') AND day = (SELECT max(day) FROM esn_bi.participation) AND NOT suppressed
ORDER BY participants DESC
