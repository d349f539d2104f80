-- Where do people get stuck on the way to using the network every week?
SELECT stage, people, reached, round(100 * conversion) AS percent_of_the_stage_before
FROM esn_bi.journey
WHERE dimension = 'company' AND day = (SELECT max(day) FROM esn_bi.journey)
ORDER BY indexOf(['unaware', 'aware', 'visited', 'first_use', 'second_use', 'continuous', 'lapsed'], stage)
