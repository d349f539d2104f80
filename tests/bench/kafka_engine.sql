-- ClickHouse doing the job by itself. {database}, {brokers}, {topics}, {group} are put in; statements end with a line of ;
-- One parse of each message, into a tuple; the Null table hands the columns on to both views.
CREATE DATABASE {database}
;
CREATE TABLE {database}.people
(
    person String, region LowCardinality(String), department LowCardinality(String), manager String, excluded UInt8
)
ENGINE = MergeTree ORDER BY person
;
CREATE DICTIONARY {database}.listed
(
    person String, region String DEFAULT 'unknown', department String DEFAULT 'unknown',
    manager String DEFAULT 'unknown', excluded UInt8 DEFAULT 0
)
PRIMARY KEY person
SOURCE(CLICKHOUSE(DATABASE '{database}' TABLE 'people'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 300 MAX 600)
;
CREATE TABLE {database}.events
(
    person String, time DateTime64(3), verb LowCardinality(String), object_kind LowCardinality(String),
    client LowCardinality(String), community String, region String, department String, manager String, excluded UInt8
)
ENGINE = Null
;
CREATE TABLE {database}.seen
(
    person String,
    active SimpleAggregateFunction(max, DateTime64(3)),
    login SimpleAggregateFunction(max, DateTime64(3)),
    contribute SimpleAggregateFunction(max, DateTime64(3)),
    events SimpleAggregateFunction(sum, UInt64)
)
ENGINE = AggregatingMergeTree ORDER BY person
;
CREATE MATERIALIZED VIEW {database}.to_seen TO {database}.seen AS
SELECT
    person,
    maxIf(time, verb != 'login_failed') AS active,
    maxIf(time, verb = 'login') AS login,
    maxIf(time, verb IN ('post', 'comment', 'upload', 'edit', 'recognise', 'accept_answer', 'create_community')) AS contribute,
    count() AS events
FROM {database}.events
GROUP BY person
;
CREATE TABLE {database}.activity
(
    dimension LowCardinality(String), member String, minute DateTime, verb LowCardinality(String),
    object_kind LowCardinality(String), client LowCardinality(String), events UInt64
)
ENGINE = SummingMergeTree(events) ORDER BY (dimension, member, minute, verb, object_kind, client)
;
CREATE MATERIALIZED VIEW {database}.to_activity TO {database}.activity AS
SELECT
    segment.1 AS dimension, segment.2 AS member, toStartOfMinute(time) AS minute, verb, object_kind, client,
    count() AS events
FROM {database}.events
ARRAY JOIN arrayFilter(s -> s.2 != '', [
    ('company', 'all'), ('region', region), ('department', department), ('manager', manager), ('community', community)
]) AS segment
WHERE NOT excluded
GROUP BY dimension, member, minute, verb, object_kind, client
;
CREATE TABLE {database}.active_people
(
    at DateTime, dimension LowCardinality(String), member String, measure LowCardinality(String),
    w5m UInt64, w1h UInt64, w24h UInt64, w7d UInt64, w28d UInt64
)
ENGINE = MergeTree ORDER BY (dimension, measure, member, at)
;
CREATE TABLE {database}.queue (raw String)
ENGINE = Kafka
SETTINGS kafka_broker_list = '{brokers}', kafka_topic_list = '{topics}', kafka_group_name = '{group}',
    kafka_format = 'JSONAsString', kafka_num_consumers = {consumers}, kafka_thread_per_consumer = 1,
    kafka_flush_interval_ms = 1000
;
CREATE MATERIALIZED VIEW {database}.to_events TO {database}.events AS
WITH JSONExtract(raw, 'Tuple(type String, time String, data Tuple(actor String, verb String, outcome String, object_kind String, client String, community String))') AS event,
    dictGet('{database}.listed', ('region', 'department', 'manager', 'excluded'), tuple(event.data.actor)) AS of_person
SELECT
    event.data.actor AS person,
    parseDateTime64BestEffort(event.time, 3) AS time,
    multiIf(event.type = 'esn.content', event.data.verb, event.data.outcome = 'failure', 'login_failed', 'login') AS verb,
    if(event.data.object_kind = '', 'other', event.data.object_kind) AS object_kind,
    if(event.data.client = '', 'other', event.data.client) AS client,
    event.data.community AS community,
    of_person.1 AS region, of_person.2 AS department, of_person.3 AS manager, of_person.4 AS excluded
FROM {database}.queue
WHERE event.type != 'esn.heartbeat'
