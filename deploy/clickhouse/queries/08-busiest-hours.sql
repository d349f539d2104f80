-- When are people there? People per weekday and hour, on average; the hours are those of the zone you name.
SELECT toDayOfWeek(at - 1, 0, 'Europe/Madrid') AS weekday, toHour(at - 1, 'Europe/Madrid') AS hour, round(avg(w1h), 1) AS people
FROM esn_bi.active_people
WHERE dimension = 'company' AND measure = 'active' AND complete AND toUnixTimestamp(at) % 3600 = 0
GROUP BY weekday, hour
ORDER BY weekday, hour
