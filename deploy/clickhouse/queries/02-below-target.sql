-- Which regions and departments are below their target, and by how many people?
SELECT dimension, member, enabled, share_7d, target, ceil(target * enabled) - active_7d AS people_missing
FROM esn_bi.adoption
WHERE day = (SELECT max(day) FROM esn_bi.adoption) AND below_target
ORDER BY people_missing DESC
