-- How many people come at all, week by week? (The numbers of the last day of each week, Sunday.)
SELECT day AS week_up_to, enabled, logged_in_7d, active_7d, contributed_7d, stickiness
FROM esn_bi.adoption
WHERE dimension = 'company' AND toDayOfWeek(day) = 7
ORDER BY day
