-- One step: people per segment, measure and window, as a refreshable view would count them once a minute.
-- One pass over the people, with a count for each measure and window; managers only on the hour, so {also}, {manager} and
-- {no_manager} differ then.
INSERT INTO {database}.active_people
SELECT
    toDateTime({at}),
    multiIf(NOT no_region, 'region', NOT no_department, 'department', NOT no_manager, 'manager', 'company') AS dimension,
    multiIf(NOT no_region, region, NOT no_department, department, NOT no_manager, {manager}, 'all') AS member,
    one.1 AS measure, one.2, one.3, one.4, one.5, one.6
FROM
(
    WITH toDateTime({at}) AS at
    SELECT
        grouping(region) AS no_region, grouping(department) AS no_department, {no_manager} AS no_manager,
        region, department, {manager} AS manager,
        [
            ('active', countIf(active > at - 300), countIf(active > at - 3600), countIf(active > at - 86400),
                countIf(active > at - 604800), countIf(active > at - 2419200)),
            ('login', countIf(login > at - 300), countIf(login > at - 3600), countIf(login > at - 86400),
                countIf(login > at - 604800), countIf(login > at - 2419200)),
            ('contribute', countIf(contribute > at - 300), countIf(contribute > at - 3600),
                countIf(contribute > at - 86400), countIf(contribute > at - 604800), countIf(contribute > at - 2419200))
        ] AS measures
    FROM
    (
        SELECT person, max(active) AS active, max(login) AS login, max(contribute) AS contribute
        FROM {database}.seen
        GROUP BY person
    ) AS seen
    LEFT ANY JOIN {database}.people USING person
    WHERE NOT excluded
    GROUP BY GROUPING SETS ((), (region), (department){also})
)
ARRAY JOIN measures AS one
