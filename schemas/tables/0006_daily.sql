-- Who takes part, per local day: counts of one source partition at the day's end, by what is counted. Written once when the
-- source partition closes the day, again after a restart; the greatest version stands. People add up over source partitions.
--
-- One narrow table serves all views of days: a new count is a new value of `what`, not a new column. A segment's counts lie
-- together in order of time, because that is how panels ask. Rows of zero are not written, but for company/all's `enabled`,
-- which tells who has written a day, and its `aware`, which tells who knows whom the others named.
CREATE TABLE IF NOT EXISTS {database}.daily_rows
(
    day Date COMMENT 'Local day, in the time zone of ESN_TIMEZONE; counts describe its end',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager, community, or manager_tree (everybody below)',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company',
    what LowCardinality(String) COMMENT 'What is counted; the list is in pipeline/days/what.py',
    n UInt32 COMMENT 'Of contributor and steady: their contributions in 28 days; of move: from * 8 + to; else 0' CODEC(ZSTD),
    source_partition UInt32 COMMENT 'Kafka partition of the input topics whose people are counted here',
    partitions UInt32 COMMENT 'How many source partitions there are',
    people UInt64 COMMENT 'People; of target: the share to reach, in millionths' CODEC(ZSTD),
    version UInt64 COMMENT 'Epoch * 2^32 + sequence; of rows with one key the greatest stands' CODEC(ZSTD),
    written_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; rows age by it' CODEC(ZSTD)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(day)
ORDER BY (dimension, member, what, day, n, source_partition)
TTL written_at + toIntervalDay(396)
SETTINGS merge_with_ttl_timeout = 86400
COMMENT 'Counts per local day, segment and source partition; query the views adoption, roles, journey and the like'
;

-- Who reports to whom, from which day on: a row whenever a person's manager is another at a day's end than before.
CREATE TABLE IF NOT EXISTS {database}.managers_rows
(
    person String COMMENT 'Id of the person: the key of the directory',
    day Date COMMENT 'Local day at whose end this holds first',
    manager String COMMENT 'Id of the manager; unknown if the directory names none',
    version UInt64 COMMENT 'Epoch * 2^32 + sequence; of rows with one key the greatest stands' CODEC(ZSTD),
    written_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written' CODEC(ZSTD)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (person, day)
COMMENT 'Managers by day; the counts of manager_tree are summed up along them'
;

CREATE VIEW IF NOT EXISTS {database}.daily_days
(
    day Date COMMENT 'Local day',
    complete Bool COMMENT 'Every source partition has written this day',
    named Bool COMMENT 'Every source partition also knows whom the others named until the end of this day'
)
AS SELECT
    day,
    uniqExactIf(source_partition, what = 'enabled') = max(partitions) AS complete,
    uniqExactIf(source_partition, what = 'aware') = max(partitions) AS named
FROM {database}.daily_rows FINAL
WHERE dimension = 'company' AND member = 'all' AND what IN ('enabled', 'aware')
GROUP BY day
COMMENT 'Which local days are whole'
;

CREATE VIEW IF NOT EXISTS {database}.daily_counts
(
    day Date COMMENT 'Local day that every source partition has written',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager, community or manager_tree',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    what LowCardinality(String) COMMENT 'What is counted',
    n UInt32 COMMENT 'Of contributor, steady and move: see daily_rows',
    people UInt64 COMMENT 'People over all source partitions; of target: millionths'
)
AS SELECT day, dimension, member, what, n, if(what = 'target', max(r.people), sum(r.people)) AS people
FROM {database}.daily_rows AS r FINAL
WHERE day IN (SELECT day FROM {database}.daily_days WHERE complete)
GROUP BY day, dimension, member, what, n
COMMENT 'Counts per local day and segment, over all source partitions'
;

CREATE VIEW IF NOT EXISTS {database}.daily_segments
(
    day Date COMMENT 'Local day',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager, community or manager_tree',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled UInt64 COMMENT 'Enabled people of kind person at the end of the day; in a community, its members',
    logged_in_7d UInt64 COMMENT 'Those with a successful login in 7 days',
    active_1d UInt64 COMMENT 'Those active on the day',
    active_7d UInt64 COMMENT 'Those active in 7 days',
    active_28d UInt64 COMMENT 'Those active in 28 days',
    contributed_7d UInt64 COMMENT 'Those who contributed in 7 days',
    target UInt64 COMMENT 'Share of active_7d to reach, in millionths; 0 if there is none',
    shared_28d UInt64 COMMENT 'Those who shared outside in 28 days',
    active_inside_7d UInt64 COMMENT 'Those who did anything else in 7 days',
    shared_active UInt64 COMMENT 'Those who did both',
    ever_used UInt64 COMMENT 'Those who ever reacted or contributed',
    leaders UInt64 COMMENT 'Leaders among the enabled',
    leaders_active UInt64 COMMENT 'Leaders active in 7 days',
    leaders_contributed UInt64 COMMENT 'Leaders who contributed in 7 days',
    ambassadors UInt64 COMMENT 'Ambassadors among the enabled',
    ambassadors_active UInt64 COMMENT 'Ambassadors active in 7 days',
    ambassadors_contributed UInt64 COMMENT 'Ambassadors who contributed in 7 days'
)
AS SELECT
    day, dimension, member,
    sumIf(people, what = 'enabled') AS enabled,
    sumIf(people, what = 'logged_in_7d') AS logged_in_7d,
    sumIf(people, what = 'active_1d') AS active_1d,
    sumIf(people, what = 'active_7d') AS active_7d,
    sumIf(people, what = 'active_28d') AS active_28d,
    sumIf(people, what = 'contributed_7d') AS contributed_7d,
    sumIf(people, what = 'target') AS target,
    sumIf(people, what = 'shared_28d') AS shared_28d,
    sumIf(people, what = 'active_inside_7d') AS active_inside_7d,
    sumIf(people, what = 'shared_active') AS shared_active,
    sumIf(people, what = 'ever_used') AS ever_used,
    sumIf(people, what = 'leaders') AS leaders,
    sumIf(people, what = 'leaders_active') AS leaders_active,
    sumIf(people, what = 'leaders_contributed') AS leaders_contributed,
    sumIf(people, what = 'ambassadors') AS ambassadors,
    sumIf(people, what = 'ambassadors_active') AS ambassadors_active,
    sumIf(people, what = 'ambassadors_contributed') AS ambassadors_contributed
FROM {database}.daily_counts
WHERE n = 0
GROUP BY day, dimension, member
HAVING enabled > 0 OR dimension = 'company'
COMMENT 'The counts of a local day and segment side by side'
;

CREATE VIEW IF NOT EXISTS {database}.adoption
(
    day Date COMMENT 'Local day; numbers describe its end, 7 and 28 days are it and the 6 or 27 days before',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports), manager_tree (everybody below) or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company; unknown, of people without a value',
    enabled UInt64 COMMENT 'Enabled people of kind person at the end of the day; in a community, its members',
    logged_in_7d UInt64 COMMENT 'Those with a successful login in 7 days',
    active_7d UInt64 COMMENT 'Those active in 7 days: any event but a failed login',
    contributed_7d UInt64 COMMENT 'Those who contributed in 7 days',
    share_7d Float64 COMMENT 'active_7d / enabled, 0 to 1; 0 where enabled is 0',
    change_7d Nullable(Float64) COMMENT 'share_7d less that of 7 days before; NULL if the segment had none',
    change_28d Nullable(Float64) COMMENT 'share_7d less that of 28 days before; NULL if the segment had none',
    stickiness Float64 COMMENT 'Enabled people active on the day / in 28 days; 0 if nobody was',
    target Nullable(Float64) COMMENT 'The share_7d to reach, from the file of ESN_TARGETS; NULL if there is none',
    below_target Bool COMMENT 'share_7d is below the target'
)
AS SELECT
    day, dimension, member, enabled, logged_in_7d, active_7d, contributed_7d,
    if(enabled = 0, 0, active_7d / enabled) AS share_7d,
    share_7d - week_ago.share AS change_7d,
    share_7d - month_ago.share AS change_28d,
    if(active_28d = 0, 0, active_1d / active_28d) AS stickiness,
    nullIf(s.target, 0) / 1000000 AS target,
    ifNull(share_7d < target, false) AS below_target
FROM {database}.daily_segments AS s
LEFT JOIN
(
    SELECT addDays(day, 7) AS day, dimension, member, toNullable(if(enabled = 0, 0, active_7d / enabled)) AS share
    FROM {database}.daily_segments
) AS week_ago USING (day, dimension, member)
LEFT JOIN
(
    SELECT addDays(day, 28) AS day, dimension, member, toNullable(if(enabled = 0, 0, active_7d / enabled)) AS share
    FROM {database}.daily_segments
) AS month_ago USING (day, dimension, member)
COMMENT 'Adoption per local day and segment against the directory'
;

-- Leading are those who contributed on at least 8 days, and the first hundredth of the company's contributors, ties in: the
-- contributions of the last of these are the threshold.
CREATE VIEW IF NOT EXISTS {database}.daily_roles
(
    day Date COMMENT 'Local day',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager, community or manager_tree',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled UInt64 COMMENT 'Enabled people of kind person at the end of the day; in a community, its members',
    leading UInt64 COMMENT 'Contributed on at least 8 of 28 days, or are of the top 1 % of the company by contributions',
    contributor UInt64 COMMENT 'Contributed in 28 days',
    active_reader UInt64 COMMENT 'Reacted, followed or shared, but contributed nothing',
    reader UInt64 COMMENT 'Were active in another way',
    absent UInt64 COMMENT 'Were not active'
)
AS SELECT
    day, dimension, member,
    sumIf(people, what = 'enabled') AS enabled,
    sumIf(people, what = 'steady' OR (what = 'contributor' AND n >= threshold)) AS leading,
    sumIf(people, what = 'contributor' AND n < threshold) AS contributor,
    sumIf(people, what = 'active_reader') AS active_reader,
    sumIf(people, what = 'reader') AS reader,
    enabled - leading - contributor - active_reader - reader AS absent
FROM {database}.daily_counts
LEFT JOIN
(
    SELECT day, max(n) AS threshold
    FROM
    (
        SELECT
            day, n,
            sum(many) OVER (PARTITION BY day ORDER BY n DESC) AS first_ones,
            sum(many) OVER (PARTITION BY day) AS contributors
        FROM
        (
            SELECT day, n, sum(people) AS many
            FROM {database}.daily_counts
            WHERE dimension = 'company' AND what IN ('steady', 'contributor')
            GROUP BY day, n
        )
    )
    WHERE first_ones >= intDiv(contributors + 99, 100)
    GROUP BY day
) AS top USING (day)
WHERE what IN ('enabled', 'steady', 'contributor', 'active_reader', 'reader')
GROUP BY day, dimension, member
HAVING enabled > 0 OR dimension = 'company'
COMMENT 'Roles of a local day and segment side by side'
;

CREATE VIEW IF NOT EXISTS {database}.roles
(
    day Date COMMENT 'Local day; numbers describe the 28 days up to its end',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports), manager_tree (everybody below) or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled UInt64 COMMENT 'Enabled people of kind person at the end of the day; in a community, its members',
    role LowCardinality(String) COMMENT 'leading, contributor, active_reader, reader or absent: the first that fits',
    people UInt64 COMMENT 'Those with this role',
    share Float64 COMMENT 'people / enabled; 0 where enabled is 0',
    change_28d Nullable(Float64) COMMENT 'share less that of 28 days before; NULL if the segment had none'
)
AS SELECT
    day, dimension, member, enabled, role, people,
    if(enabled = 0, 0, people / enabled) AS share,
    share - month_ago.share AS change_28d
FROM
(
    SELECT
        day, dimension, member, enabled,
        ['leading', 'contributor', 'active_reader', 'reader', 'absent'] AS roles_,
        [leading, contributor, active_reader, reader, absent] AS people_
    FROM {database}.daily_roles
) ARRAY JOIN roles_ AS role, people_ AS people
LEFT JOIN
(
    SELECT addDays(day, 28) AS day, dimension, member, role, toNullable(if(enabled = 0, 0, people / enabled)) AS share
    FROM
    (
        SELECT
            day, dimension, member, enabled,
            ['leading', 'contributor', 'active_reader', 'reader', 'absent'] AS roles_,
            [leading, contributor, active_reader, reader, absent] AS people_
        FROM {database}.daily_roles
    ) ARRAY JOIN roles_ AS role, people_ AS people
) AS month_ago USING (day, dimension, member, role)
COMMENT 'Roles per local day and segment: who leads, contributes, reads, is absent'
;

CREATE VIEW IF NOT EXISTS {database}.participation
(
    day Date COMMENT 'Local day; numbers describe the 28 days up to its end',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports), manager_tree (everybody below) or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    participants UInt64 COMMENT 'Enabled people who are not absent',
    readers UInt64 COMMENT 'Readers and active readers',
    contributors UInt64 COMMENT 'Contributors',
    leading UInt64 COMMENT 'Leading contributors',
    readers_share Float64 COMMENT 'readers / participants; 0 where there are none. The rule of thumb says 0.90',
    contributors_share Float64 COMMENT 'contributors / participants; 0 where there are none. The rule of thumb says 0.09',
    leading_share Float64 COMMENT 'leading / participants; 0 where there are none. The rule of thumb says 0.01'
)
AS SELECT
    day, dimension, member,
    enabled - absent AS participants,
    reader + active_reader AS readers,
    contributor AS contributors,
    r.leading AS leading,
    if(participants = 0, 0, readers / participants) AS readers_share,
    if(participants = 0, 0, contributors / participants) AS contributors_share,
    if(participants = 0, 0, leading / participants) AS leading_share
FROM {database}.daily_roles AS r
COMMENT 'The own a-b-c of a company or segment, beside the rule of thumb 90-9-1'
;

CREATE VIEW IF NOT EXISTS {database}.journey
(
    day Date COMMENT 'Local day; numbers describe its end',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports), manager_tree (everybody below) or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled UInt64 COMMENT 'Enabled people of kind person at the end of the day; in a community, its members',
    stage LowCardinality(String) COMMENT 'unaware, aware, visited, first_use, second_use, continuous or lapsed',
    people UInt64 COMMENT 'Those in this stage',
    share Float64 COMMENT 'people / enabled; 0 where enabled is 0',
    reached UInt64 COMMENT 'Those in this stage or a later one, of unaware to continuous; who lapsed has reached visited',
    conversion Float64 COMMENT 'reached / reached of the stage before; 1 of unaware, 0 where nobody was'
)
AS SELECT
    day, dimension, member, enabled, stage, people,
    if(enabled = 0, 0, people / enabled) AS share,
    reached,
    multiIf(stage = 'unaware', 1, before_ = 0, 0, reached / before_) AS conversion
FROM
(
    SELECT
        day, dimension, member,
        sumIf(c.people, what = 'enabled') AS enabled,
        sumIf(c.people, what = 'never') AS never,
        sumIf(c.people, what = 'aware') AS aware,
        sumIf(c.people, what = 'visited') AS visited,
        sumIf(c.people, what = 'first_use') AS first_use,
        sumIf(c.people, what = 'second_use') AS second_use,
        sumIf(c.people, what = 'continuous') AS continuous,
        sumIf(c.people, what = 'lapsed') AS lapsed,
        visited + first_use + second_use + continuous + lapsed AS came,
        ['unaware', 'aware', 'visited', 'first_use', 'second_use', 'continuous', 'lapsed'] AS stages_,
        [never - aware, aware, visited, first_use, second_use, continuous, lapsed] AS people_,
        [never + came, aware + came, came, first_use + second_use + continuous, second_use + continuous, continuous, lapsed]
            AS reached_,
        [0, never + came, aware + came, came, first_use + second_use + continuous, second_use + continuous, came]
            AS befores_
    FROM {database}.daily_counts AS c
    WHERE what IN ('enabled', 'never', 'aware', 'visited', 'first_use', 'second_use', 'continuous', 'lapsed')
        AND day IN (SELECT day FROM {database}.daily_days WHERE named)
    GROUP BY day, dimension, member
    HAVING enabled > 0 OR dimension = 'company'
) ARRAY JOIN stages_ AS stage, people_ AS people, reached_ AS reached, befores_ AS before_
COMMENT 'The adoption journey per local day and segment, as a funnel'
;

CREATE VIEW IF NOT EXISTS {database}.journey_moves
(
    day Date COMMENT 'Local day',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports), manager_tree (everybody below) or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    from_stage LowCardinality(String) COMMENT 'Stage at the end of the day that was closed before',
    to_stage LowCardinality(String) COMMENT 'Stage at the end of this day',
    people UInt64 COMMENT 'Enabled people who moved so; those who stayed are not here'
)
AS WITH ['unaware', 'aware', 'visited', 'first_use', 'second_use', 'continuous', 'lapsed'] AS stages
SELECT
    day, dimension, member, stages[intDiv(n, 8) + 1] AS from_stage, stages[n % 8 + 1] AS to_stage, people
FROM {database}.daily_counts
WHERE what = 'move' AND day IN (SELECT day FROM {database}.daily_days WHERE named)
COMMENT 'Who moved from one stage of the adoption journey to another, per local day and segment'
;

CREATE VIEW IF NOT EXISTS {database}.lifecycle
(
    day Date COMMENT 'Local day',
    dimension LowCardinality(String) COMMENT 'company, region, department or manager (direct reports)',
    member LowCardinality(String) COMMENT 'The segment within its dimension, by the directory when it happened',
    transition LowCardinality(String) COMMENT 'new, returning, resurrected, first_contribution, at_risk, dormant, joined or left',
    people UInt64 COMMENT 'People to whom it happened; there is no row where it happened to nobody'
)
AS SELECT day, dimension, member, what AS transition, people
FROM {database}.daily_counts
WHERE what IN ('new', 'returning', 'resurrected', 'first_contribution', 'at_risk', 'dormant', 'joined', 'left')
COMMENT 'What happened to people per local day and segment'
;

CREATE VIEW IF NOT EXISTS {database}.leaders
(
    day Date COMMENT 'Local day; numbers describe the 7 days up to its end',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports), manager_tree (everybody below) or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    who LowCardinality(String) COMMENT 'leader, ambassador or everybody',
    people UInt64 COMMENT 'Enabled people of kind person who are that',
    active_7d UInt64 COMMENT 'Those active in 7 days',
    contributed_7d UInt64 COMMENT 'Those who contributed in 7 days',
    active_share Float64 COMMENT 'active_7d / people; 0 where there are none',
    contributing_share Float64 COMMENT 'contributed_7d / people; 0 where there are none'
)
AS SELECT
    day, dimension, member, who, people, active_7d, contributed_7d,
    if(people = 0, 0, active_7d / people) AS active_share,
    if(people = 0, 0, contributed_7d / people) AS contributing_share
FROM
(
    SELECT
        day, dimension, member,
        ['leader', 'ambassador', 'everybody'] AS who_,
        [leaders, ambassadors, enabled] AS people_,
        [leaders_active, ambassadors_active, s.active_7d] AS active_,
        [leaders_contributed, ambassadors_contributed, s.contributed_7d] AS contributed_
    FROM {database}.daily_segments AS s
) ARRAY JOIN who_ AS who, people_ AS people, active_ AS active_7d, contributed_ AS contributed_7d
COMMENT 'Leaders and ambassadors beside everybody, per local day and segment'
;

CREATE VIEW IF NOT EXISTS {database}.advocacy
(
    day Date COMMENT 'Local day; numbers describe its end',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports), manager_tree (everybody below) or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled UInt64 COMMENT 'Enabled people of kind person',
    shared_28d UInt64 COMMENT 'Those who shared outside in 28 days',
    active_7d UInt64 COMMENT 'Those who were active inside in 7 days: anything but sharing outside',
    both UInt64 COMMENT 'Those who did both',
    active_of_sharers Float64 COMMENT 'both / shared_28d; 0 where there are none',
    active_of_all Float64 COMMENT 'active_7d / enabled; 0 where there are none',
    sharing_of_active Float64 COMMENT 'both / active_7d; 0 where there are none',
    sharing_of_all Float64 COMMENT 'shared_28d / enabled; 0 where there are none'
)
AS SELECT
    day, dimension, member, enabled, shared_28d,
    s.active_inside_7d AS active_7d, s.shared_active AS both,
    if(shared_28d = 0, 0, both / shared_28d) AS active_of_sharers,
    if(enabled = 0, 0, active_7d / enabled) AS active_of_all,
    if(active_7d = 0, 0, both / active_7d) AS sharing_of_active,
    if(enabled = 0, 0, shared_28d / enabled) AS sharing_of_all
FROM (SELECT day, dimension, member, enabled, shared_28d, active_inside_7d, shared_active FROM {database}.daily_segments) AS s
COMMENT 'Sharing outside and activity inside, per local day and segment'
;

CREATE VIEW IF NOT EXISTS {database}.spread
(
    day Date COMMENT 'Local day; numbers describe its end',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports), manager_tree (everybody below) or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled UInt64 COMMENT 'Enabled people of kind person',
    ever_used UInt64 COMMENT 'Those who ever reacted or contributed',
    share Float64 COMMENT 'ever_used / enabled; 0 where enabled is 0',
    reached_10 Nullable(Date) COMMENT 'First day up to this one on which share was at least 0.10',
    reached_25 Nullable(Date) COMMENT 'The same of 0.25',
    reached_50 Nullable(Date) COMMENT 'The same of 0.50',
    position Nullable(UInt64) COMMENT 'One more than the segments of the dimension that reached 0.10 on an earlier day; NULL before it did'
)
AS SELECT
    day, dimension, member, enabled, ever_used, share, reached_10, reached_25, reached_50,
    if(reached_10 IS NULL, NULL, rank() OVER (PARTITION BY dimension, day ORDER BY reached_10 NULLS LAST)) AS position
FROM
(
    SELECT
        day, dimension, member, enabled, ever_used,
        if(enabled = 0, 0, ever_used / enabled) AS share,
        minIf(toNullable(day), share >= 0.10) OVER up_to_now AS reached_10,
        minIf(toNullable(day), share >= 0.25) OVER up_to_now AS reached_25,
        minIf(toNullable(day), share >= 0.50) OVER up_to_now AS reached_50
    FROM {database}.daily_segments
    WINDOW up_to_now AS (PARTITION BY dimension, member ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
COMMENT 'How many ever used the network, per local day and segment, and which segment followed which'
;

ALTER TABLE {database}.people_rows
    ADD COLUMN IF NOT EXISTS first_contribution Nullable(DateTime64(3, 'UTC')) COMMENT 'First contribution; NULL if there was none' AFTER contributions,
    ADD COLUMN IF NOT EXISTS communities UInt32 COMMENT 'Communities that the person belongs to' AFTER first_contribution,
    ADD COLUMN IF NOT EXISTS owned UInt32 COMMENT 'Those of them that the person created' AFTER communities
;

CREATE VIEW IF NOT EXISTS {database}.memberships
(
    person String COMMENT 'Id of the person',
    communities UInt32 COMMENT 'Communities that the person belongs to: joined or created later than left',
    owned UInt32 COMMENT 'Those of them that the person created'
)
AS SELECT person, communities, owned
FROM {database}.people_rows FINAL
WHERE communities > 0
COMMENT 'To how many communities people belong, and how many of them they own'
;

CREATE VIEW IF NOT EXISTS {database}.early_adopters
(
    person String COMMENT 'Id of the person',
    first_contribution DateTime64(3, 'UTC') COMMENT 'First contribution',
    region LowCardinality(String) COMMENT 'Region by the directory; unknown if it says none',
    department LowCardinality(String) COMMENT 'Department by the directory; unknown if it says none',
    position UInt64 COMMENT 'One more than the people who contributed earlier'
)
AS SELECT person, first_contribution, region, department, position
FROM
(
    SELECT
        person, assumeNotNull(p.first_contribution) AS first_contribution, region, department,
        rank() OVER (ORDER BY p.first_contribution) AS position,
        count() OVER () AS contributors
    FROM {database}.people_rows AS p FINAL
    WHERE listed AND enabled AND kind = 'person' AND p.first_contribution IS NOT NULL
)
WHERE position <= intDiv(contributors + 9, 10)
COMMENT 'The first tenth of the enabled people to contribute, ties in'
;
