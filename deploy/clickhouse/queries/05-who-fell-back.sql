-- In which departments did people stop coming in the last 28 days?
SELECT member AS department, sum(people) AS went_silent
FROM esn_bi.lifecycle
WHERE dimension = 'department' AND transition IN ('at_risk', 'dormant') AND NOT suppressed
    AND day > (SELECT max(day) FROM esn_bi.lifecycle) - 28
GROUP BY member
ORDER BY went_silent DESC
