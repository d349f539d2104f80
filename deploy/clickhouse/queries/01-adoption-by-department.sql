-- How far is each department, and is it getting better?
SELECT member AS department, enabled, active_7d, round(100 * share_7d) AS percent, round(100 * change_28d) AS points_in_28_days
FROM esn_bi.adoption
WHERE dimension = 'department' AND day = (SELECT max(day) FROM esn_bi.adoption) AND NOT suppressed
ORDER BY share_7d DESC
