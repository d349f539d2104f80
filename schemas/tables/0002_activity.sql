-- Events per minute and segment. A minute is counted when it closes (late = 0); what comes after that is counted in a row
-- of its own (late = 1), which is written again with its new total each time. The view adds both up.
CREATE TABLE IF NOT EXISTS {database}.activity_rows
(
    minute DateTime('UTC') COMMENT 'Start of the minute, [minute, minute + 60 s)' CODEC(Delta, ZSTD),
    dimension LowCardinality(String) COMMENT 'company, region, department, manager or community',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company',
    verb LowCardinality(String) COMMENT 'login, login_failed or a content verb',
    object_kind LowCardinality(String) COMMENT 'What was acted on; empty for logins',
    client LowCardinality(String) COMMENT 'web, desktop, mobile, api or other; empty where the event says none',
    late UInt8 COMMENT '0: counted when the minute closed; 1: came after that',
    source_partition UInt32 COMMENT 'Kafka partition of the input topics whose events are counted here',
    events UInt64 COMMENT 'How many events' CODEC(ZSTD),
    version UInt64 COMMENT 'Epoch * 2^32 + sequence; of rows with one key the greatest stands' CODEC(Delta, ZSTD),
    written_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; rows age by it' CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (dimension, member, minute, verb, object_kind, client, late, source_partition)
TTL written_at + toIntervalDay(35)
SETTINGS merge_with_ttl_timeout = 86400
COMMENT 'Events per minute, segment, verb, object kind, client and source partition; query the view activity'
;

CREATE VIEW IF NOT EXISTS {database}.activity
(
    minute DateTime('UTC') COMMENT 'Start of the minute, [minute, minute + 60 s)',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager or community',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company; unknown, of people without a value',
    verb LowCardinality(String) COMMENT 'login, login_failed or a content verb',
    object_kind LowCardinality(String) COMMENT 'What was acted on: message, blog, wiki and so on, or other; empty for logins',
    client LowCardinality(String) COMMENT 'web, desktop, mobile, api or other; empty where the event says none',
    events UInt64 COMMENT 'How many events, late ones included'
)
AS SELECT minute, dimension, member, verb, object_kind, client, sum(r.events) AS events
FROM {database}.activity_rows AS r FINAL
GROUP BY minute, dimension, member, verb, object_kind, client
COMMENT 'Events per minute, segment, verb, object kind and client, over all source partitions'
;
