-- The public views once more, in a database of their own, for those who may not see what few people do: of a segment with
-- fewer than {min_group} enabled people the row stays, its numbers are NULL and `suppressed` is true. company/all is always shown.
--
-- They run with the rights of who made them, so that a reader needs nothing but SELECT on {bi}. Left out are views that name
-- people, and the dimensions whose members are people. `esn-pulse migrate` makes them, anew whenever this file or the
-- setting ESN_MIN_GROUP has changed: the mark in their comments says of which state they are. {min_group} is 0 where nothing
-- is to be hidden.
CREATE OR REPLACE VIEW {bi}.active_people
(
    at DateTime('UTC') COMMENT 'End of every window; windows are half-open, (at - W, at]',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (people acting in it)',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company; unknown, of people without a value',
    measure LowCardinality(String) COMMENT 'active (any event but a failed login), login (successful) or contribute',
    enabled Nullable(UInt64) COMMENT 'Enabled people of kind person in the segment; in a community, its members',
    w5m Nullable(UInt64) COMMENT 'People in the 5 minutes up to at',
    w1h Nullable(UInt64) COMMENT 'People in the hour up to at',
    w24h Nullable(UInt64) COMMENT 'People in the 24 hours up to at',
    w7d Nullable(UInt64) COMMENT 'People in the 7 x 24 hours up to at',
    w28d Nullable(UInt64) COMMENT 'People in the 28 x 24 hours up to at',
    adoption_7d Nullable(Float64) COMMENT 'Share of enabled that is in w7d, 0 to 1; 0 where enabled is 0',
    complete Bool COMMENT 'Every source partition has published this step',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    at, dimension, member, measure, if(suppressed, NULL, a.enabled) AS enabled,
    if(suppressed, NULL, a.w5m) AS w5m, if(suppressed, NULL, a.w1h) AS w1h,
    if(suppressed, NULL, a.w24h) AS w24h, if(suppressed, NULL, a.w7d) AS w7d,
    if(suppressed, NULL, a.w28d) AS w28d, if(suppressed, NULL, a.adoption_7d) AS adoption_7d, complete,
    dimension != 'company' AND a.enabled < {min_group} AS suppressed
FROM {database}.active_people AS a
WHERE dimension != 'manager'
COMMENT 'People per step, segment and measure, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.activity
(
    minute DateTime('UTC') COMMENT 'Start of the minute, [minute, minute + 60 s)',
    dimension LowCardinality(String) COMMENT 'company, region, department or community',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company; unknown, of people without a value',
    verb LowCardinality(String) COMMENT 'login, login_failed or a content verb',
    object_kind LowCardinality(String) COMMENT 'What was acted on: message, blog, wiki and so on, or other; empty for logins',
    client LowCardinality(String) COMMENT 'web, desktop, mobile, api or other; empty where the event says none',
    events Nullable(UInt64) COMMENT 'How many events, late ones included',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    minute, dimension, member, verb, object_kind, client, if(suppressed, NULL, a.events) AS events,
    dimension != 'company' AND ifNull(s.size, 0) < {min_group} AS suppressed
FROM (SELECT *, toStartOfHour(minute) AS hour FROM {database}.activity WHERE dimension != 'manager') AS a
LEFT JOIN
(
    -- How many were enabled when the hour of the minute began.
    SELECT at AS hour, dimension, member, sum(r.enabled) AS size
    FROM {database}.active_people_rows AS r FINAL
    WHERE measure = 'active' AND toUnixTimestamp(at) % 3600 = 0
        AND at >= (SELECT toStartOfHour(min(minute)) FROM {database}.activity_rows) -- steps are kept for a year longer
    GROUP BY at, dimension, member
) AS s USING (hour, dimension, member)
COMMENT 'Events per minute, segment, verb, object kind and client, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.drops
(
    drop_id String COMMENT 'Id of the drop; follows from segment, measure, window and begin',
    parent_id Nullable(String) COMMENT 'The drop that explains this one; NULL if it is reported by itself',
    dimension LowCardinality(String) COMMENT 'company, region, department or community',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    measure LowCardinality(String) COMMENT 'active, login or contribute',
    window LowCardinality(String) COMMENT '5m or 1h: people per 5 minutes or hour; 7d: people per 7 days, once a day',
    severity LowCardinality(Nullable(String)) COMMENT 'major if at least half of those expected are missing, else minor',
    began_at DateTime('UTC') COMMENT 'Start of the first interval that was lower than expected',
    detected_at DateTime('UTC') COMMENT 'End of the interval that was judged when the drop was found',
    ended_at Nullable(DateTime('UTC')) COMMENT 'Start of the first interval as expected again; NULL while it is open',
    expected Nullable(Float64) COMMENT 'People expected, added up over the intervals since began_at',
    observed Nullable(Float64) COMMENT 'People who came, added up likewise',
    depth Nullable(Float64) COMMENT 'Share lost, 0 to 1',
    lost_person_hours Nullable(Float64) COMMENT 'People missing times the length of the interval, added up',
    causes Nullable(String) COMMENT 'JSON: members, children that miss people; measures, how many are missing of each',
    state LowCardinality(String) COMMENT 'open, recovered, or withdrawn: it was the feed or the directory',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    drop_id, parent_id, dimension, member, measure, window, if(suppressed, NULL, d.severity) AS severity,
    began_at, detected_at, ended_at,
    if(suppressed, NULL, d.expected) AS expected, if(suppressed, NULL, d.observed) AS observed,
    if(suppressed, NULL, d.depth) AS depth, if(suppressed, NULL, d.lost_person_hours) AS lost_person_hours,
    if(suppressed, NULL, concat(
        '{"members":[',
        arrayStringConcat(arrayFilter(
            cause -> {min_group} = 0 OR has(s.shown, (JSONExtractString(cause, 'dimension'), JSONExtractString(cause, 'member'))),
            JSONExtractArrayRaw(d.causes, 'members')), ','),
        '],"measures":', JSONExtractRaw(d.causes, 'measures'), '}')) AS causes,
    state,
    {min_group} > 0 AND dimension != 'company' AND NOT has(s.shown, (dimension, member)) AS suppressed
FROM (SELECT *, toStartOfHour(detected_at) AS hour FROM {database}.drops) AS d
LEFT JOIN
(
    -- Which segments were large enough in the hour in which a drop was found.
    SELECT hour, groupArray((dimension, member)) AS shown
    FROM
    (
        SELECT at AS hour, toString(dimension) AS dimension, toString(member) AS member, sum(r.enabled) AS size
        FROM {database}.active_people_rows AS r FINAL
        WHERE measure = 'active' AND at IN (SELECT toStartOfHour(detected_at) FROM {database}.drops_rows)
        GROUP BY at, dimension, member
        HAVING size >= {min_group}
    )
    GROUP BY hour
) AS s USING (hour)
COMMENT 'Engagement drops, small segments suppressed, also among the causes; {mark}'
;

CREATE OR REPLACE VIEW {bi}.adoption
(
    day Date COMMENT 'Local day; numbers describe its end, 7 and 28 days are it and the 6 or 27 days before',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company; unknown, of people without a value',
    enabled Nullable(UInt64) COMMENT 'Enabled people of kind person at the end of the day; in a community, its members',
    logged_in_7d Nullable(UInt64) COMMENT 'Those with a successful login in 7 days',
    active_7d Nullable(UInt64) COMMENT 'Those active in 7 days: any event but a failed login',
    contributed_7d Nullable(UInt64) COMMENT 'Those who contributed in 7 days',
    share_7d Nullable(Float64) COMMENT 'active_7d / enabled, 0 to 1; 0 where enabled is 0',
    change_7d Nullable(Float64) COMMENT 'share_7d less that of 7 days before; NULL if the segment had none',
    change_28d Nullable(Float64) COMMENT 'share_7d less that of 28 days before; NULL if the segment had none',
    stickiness Nullable(Float64) COMMENT 'Enabled people active on the day / in 28 days; 0 if nobody was',
    target Nullable(Float64) COMMENT 'The share_7d to reach, from the file of ESN_TARGETS; NULL if there is none',
    below_target Nullable(Bool) COMMENT 'share_7d is below the target',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH large AS (
    SELECT day, dimension, member FROM {database}.daily_segments WHERE enabled >= {min_group} OR dimension = 'company'
)
SELECT
    day, dimension, member, if(suppressed, NULL, a.enabled) AS enabled,
    if(suppressed, NULL, a.logged_in_7d) AS logged_in_7d, if(suppressed, NULL, a.active_7d) AS active_7d,
    if(suppressed, NULL, a.contributed_7d) AS contributed_7d, if(suppressed, NULL, a.share_7d) AS share_7d,
    if(suppressed OR (addDays(day, -7), dimension, member) NOT IN large, NULL, a.change_7d) AS change_7d,
    if(suppressed OR (addDays(day, -28), dimension, member) NOT IN large, NULL, a.change_28d) AS change_28d,
    if(suppressed, NULL, a.stickiness) AS stickiness, target,
    if(suppressed, NULL, a.below_target) AS below_target,
    dimension != 'company' AND a.enabled < {min_group} AS suppressed
FROM {database}.adoption AS a
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'Adoption per local day and segment against the directory, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.roles
(
    day Date COMMENT 'Local day; numbers describe the 28 days up to its end',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled Nullable(UInt64) COMMENT 'Enabled people of kind person at the end of the day; in a community, its members',
    role LowCardinality(String) COMMENT 'leading, contributor, active_reader, reader or absent: the first that fits',
    people Nullable(UInt64) COMMENT 'Those with this role',
    share Nullable(Float64) COMMENT 'people / enabled; 0 where enabled is 0',
    change_28d Nullable(Float64) COMMENT 'share less that of 28 days before; NULL if the segment had none',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH large AS (
    SELECT day, dimension, member FROM {database}.daily_segments WHERE enabled >= {min_group} OR dimension = 'company'
)
SELECT
    day, dimension, member, if(suppressed, NULL, r.enabled) AS enabled, role,
    if(suppressed, NULL, r.people) AS people, if(suppressed, NULL, r.share) AS share,
    if(suppressed OR (addDays(day, -28), dimension, member) NOT IN large, NULL, r.change_28d) AS change_28d,
    dimension != 'company' AND r.enabled < {min_group} AS suppressed
FROM {database}.roles AS r
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'Roles per local day and segment, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.participation
(
    day Date COMMENT 'Local day; numbers describe the 28 days up to its end',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    participants Nullable(UInt64) COMMENT 'Enabled people who are not absent',
    readers Nullable(UInt64) COMMENT 'Readers and active readers',
    contributors Nullable(UInt64) COMMENT 'Contributors',
    leading Nullable(UInt64) COMMENT 'Leading contributors',
    readers_share Nullable(Float64) COMMENT 'readers / participants; 0 where there are none. The rule of thumb says 0.90',
    contributors_share Nullable(Float64) COMMENT 'contributors / participants; 0 where there are none. The rule of thumb says 0.09',
    leading_share Nullable(Float64) COMMENT 'leading / participants; 0 where there are none. The rule of thumb says 0.01',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    day, dimension, member, if(suppressed, NULL, p.participants) AS participants,
    if(suppressed, NULL, p.readers) AS readers, if(suppressed, NULL, p.contributors) AS contributors,
    if(suppressed, NULL, p.leading) AS leading, if(suppressed, NULL, p.readers_share) AS readers_share,
    if(suppressed, NULL, p.contributors_share) AS contributors_share,
    if(suppressed, NULL, p.leading_share) AS leading_share,
    dimension != 'company' AND ifNull(s.size, 0) < {min_group} AS suppressed
FROM {database}.participation AS p
LEFT JOIN
(
    SELECT day, dimension, member, enabled AS size FROM {database}.daily_segments
) AS s USING (day, dimension, member)
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'The own a-b-c of a company or segment, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.journey
(
    day Date COMMENT 'Local day; numbers describe its end',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled Nullable(UInt64) COMMENT 'Enabled people of kind person at the end of the day; in a community, its members',
    stage LowCardinality(String) COMMENT 'unaware, aware, visited, first_use, second_use, continuous or lapsed',
    people Nullable(UInt64) COMMENT 'Those in this stage',
    share Nullable(Float64) COMMENT 'people / enabled; 0 where enabled is 0',
    reached Nullable(UInt64) COMMENT 'Those in this stage or a later one, of unaware to continuous; who lapsed has reached visited',
    conversion Nullable(Float64) COMMENT 'reached / reached of the stage before; 1 of unaware, 0 where nobody was',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    day, dimension, member, if(suppressed, NULL, j.enabled) AS enabled, stage,
    if(suppressed, NULL, j.people) AS people, if(suppressed, NULL, j.share) AS share,
    if(suppressed, NULL, j.reached) AS reached, if(suppressed, NULL, j.conversion) AS conversion,
    dimension != 'company' AND j.enabled < {min_group} AS suppressed
FROM {database}.journey AS j
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'The adoption journey per local day and segment, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.journey_moves
(
    day Date COMMENT 'Local day',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    from_stage LowCardinality(String) COMMENT 'Stage at the end of the day that was closed before',
    to_stage LowCardinality(String) COMMENT 'Stage at the end of this day',
    people Nullable(UInt64) COMMENT 'Enabled people who moved so; those who stayed are not here',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    day, dimension, member, from_stage, to_stage, if(suppressed, NULL, m.people) AS people,
    dimension != 'company' AND ifNull(s.size, 0) < {min_group} AS suppressed
FROM {database}.journey_moves AS m
LEFT JOIN
(
    SELECT day, dimension, member, enabled AS size FROM {database}.daily_segments
) AS s USING (day, dimension, member)
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'Who moved from one stage to another, per local day and segment, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.lifecycle
(
    day Date COMMENT 'Local day',
    dimension LowCardinality(String) COMMENT 'company, region or department',
    member LowCardinality(String) COMMENT 'The segment within its dimension, by the directory when it happened',
    transition LowCardinality(String) COMMENT 'new, returning, resurrected, first_contribution, at_risk, dormant, joined or left',
    people Nullable(UInt64) COMMENT 'People to whom it happened; there is no row where it happened to nobody',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    day, dimension, member, transition, if(suppressed, NULL, l.people) AS people,
    dimension != 'company' AND ifNull(s.size, 0) < {min_group} AS suppressed
FROM {database}.lifecycle AS l
LEFT JOIN
(
    SELECT day, dimension, member, enabled AS size FROM {database}.daily_segments
) AS s USING (day, dimension, member)
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'What happened to people per local day and segment, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.leaders
(
    day Date COMMENT 'Local day; numbers describe the 7 days up to its end',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    who LowCardinality(String) COMMENT 'leader, ambassador or everybody',
    people Nullable(UInt64) COMMENT 'Enabled people of kind person who are that',
    active_7d Nullable(UInt64) COMMENT 'Those active in 7 days',
    contributed_7d Nullable(UInt64) COMMENT 'Those who contributed in 7 days',
    active_share Nullable(Float64) COMMENT 'active_7d / people; 0 where there are none',
    contributing_share Nullable(Float64) COMMENT 'contributed_7d / people; 0 where there are none',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    day, dimension, member, who, if(suppressed, NULL, l.people) AS people,
    if(suppressed, NULL, l.active_7d) AS active_7d, if(suppressed, NULL, l.contributed_7d) AS contributed_7d,
    if(suppressed, NULL, l.active_share) AS active_share,
    if(suppressed, NULL, l.contributing_share) AS contributing_share,
    NOT (dimension = 'company' AND who = 'everybody') AND l.people < {min_group} AS suppressed
FROM {database}.leaders AS l
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'Leaders and ambassadors beside everybody, small groups suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.advocacy
(
    day Date COMMENT 'Local day; numbers describe its end',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled Nullable(UInt64) COMMENT 'Enabled people of kind person',
    shared_28d Nullable(UInt64) COMMENT 'Those who shared outside in 28 days',
    active_7d Nullable(UInt64) COMMENT 'Those who were active inside in 7 days: anything but sharing outside',
    both Nullable(UInt64) COMMENT 'Those who did both',
    active_of_sharers Nullable(Float64) COMMENT 'both / shared_28d; 0 where there are none',
    active_of_all Nullable(Float64) COMMENT 'active_7d / enabled; 0 where there are none',
    sharing_of_active Nullable(Float64) COMMENT 'both / active_7d; 0 where there are none',
    sharing_of_all Nullable(Float64) COMMENT 'shared_28d / enabled; 0 where there are none',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    day, dimension, member, if(suppressed, NULL, a.enabled) AS enabled,
    if(suppressed, NULL, a.shared_28d) AS shared_28d, if(suppressed, NULL, a.active_7d) AS active_7d,
    if(suppressed, NULL, a.both) AS both, if(suppressed, NULL, a.active_of_sharers) AS active_of_sharers,
    if(suppressed, NULL, a.active_of_all) AS active_of_all,
    if(suppressed, NULL, a.sharing_of_active) AS sharing_of_active,
    if(suppressed, NULL, a.sharing_of_all) AS sharing_of_all,
    dimension != 'company' AND a.enabled < {min_group} AS suppressed
FROM {database}.advocacy AS a
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'Sharing outside and activity inside, small segments suppressed; {mark}'
;

CREATE OR REPLACE VIEW {bi}.spread
(
    day Date COMMENT 'Local day; numbers describe its end',
    dimension LowCardinality(String) COMMENT 'company, region, department or community (its members)',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    enabled Nullable(UInt64) COMMENT 'Enabled people of kind person',
    ever_used Nullable(UInt64) COMMENT 'Those who ever reacted or contributed',
    share Nullable(Float64) COMMENT 'ever_used / enabled; 0 where enabled is 0',
    reached_10 Nullable(Date) COMMENT 'First day up to this one on which share was at least 0.10',
    reached_25 Nullable(Date) COMMENT 'The same of 0.25',
    reached_50 Nullable(Date) COMMENT 'The same of 0.50',
    position Nullable(UInt64) COMMENT 'One more than the segments of the dimension that reached 0.10 on an earlier day; NULL before it did',
    suppressed Bool COMMENT 'Too few people: the numbers are NULL'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    day, dimension, member, if(suppressed, NULL, s.enabled) AS enabled,
    if(suppressed, NULL, s.ever_used) AS ever_used, if(suppressed, NULL, s.share) AS share,
    if(suppressed, NULL, s.reached_10) AS reached_10, if(suppressed, NULL, s.reached_25) AS reached_25,
    if(suppressed, NULL, s.reached_50) AS reached_50, if(suppressed, NULL, s.position) AS position,
    dimension != 'company' AND s.enabled < {min_group} AS suppressed
FROM {database}.spread AS s
WHERE dimension NOT IN ('manager', 'manager_tree')
COMMENT 'How many ever used the network, small segments suppressed; {mark}'
;
