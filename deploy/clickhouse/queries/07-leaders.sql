-- Do leaders show themselves more than everybody else?
SELECT dimension, member, who, people, round(100 * active_share) AS percent_active, round(100 * contributing_share) AS percent_contributing
FROM esn_bi.leaders
WHERE dimension IN ('company', 'region') AND day = (SELECT max(day) FROM esn_bi.leaders) AND NOT suppressed
ORDER BY dimension, member, who
