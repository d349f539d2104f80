-- Which drops were there, how deep, and how many hours of people did they cost?
SELECT began_at, ended_at, dimension, member, measure, severity, round(100 * depth) AS percent_missing, round(lost_person_hours) AS lost_person_hours, state
FROM esn_bi.drops
WHERE parent_id IS NULL AND state != 'withdrawn' AND NOT suppressed
ORDER BY began_at DESC
