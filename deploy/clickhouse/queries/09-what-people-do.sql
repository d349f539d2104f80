-- What do people do, with which client?
SELECT verb, client, sum(events) AS events
FROM esn_bi.activity
WHERE dimension = 'company'
GROUP BY verb, client
ORDER BY events DESC
