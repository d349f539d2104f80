-- People per step, segment, measure and source partition. A step's rows are written by the owner of the source partition,
-- again after a restart; the greatest version stands. Distinct people add up over source partitions.
--
-- The key begins with the segment, because a panel reads a segment over time: its rows lie together, in order of time.
-- Rows of a year and rows of a minute share a table: TTL drops each by its kind once a day, not every four hours.
CREATE TABLE IF NOT EXISTS {database}.active_people_rows
(
    at DateTime('UTC') COMMENT 'End of every window; windows are half-open, (at - W, at]' CODEC(Delta, ZSTD),
    dimension LowCardinality(String) COMMENT 'company, region, department, manager or community',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company',
    measure LowCardinality(String) COMMENT 'active, login or contribute',
    source_partition UInt32 COMMENT 'Kafka partition of the input topics whose people are counted here',
    partitions UInt32 COMMENT 'How many source partitions there are',
    enabled UInt32 COMMENT 'Enabled people of kind person in the segment; in a community, its members' CODEC(ZSTD),
    adopted_7d UInt32 COMMENT 'Those of w7d that are counted in enabled' CODEC(ZSTD),
    w5m UInt32 COMMENT 'People in the 5 minutes up to at' CODEC(ZSTD),
    w1h UInt32 COMMENT 'People in the hour up to at' CODEC(ZSTD),
    w24h UInt32 COMMENT 'People in the 24 hours up to at' CODEC(ZSTD),
    w7d UInt32 COMMENT 'People in the 7 x 24 hours up to at' CODEC(ZSTD),
    w28d UInt32 COMMENT 'People in the 28 x 24 hours up to at' CODEC(ZSTD),
    version UInt64 COMMENT 'Epoch * 2^32 + sequence; of rows with one key the greatest stands' CODEC(Delta, ZSTD),
    written_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; rows age by it' CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (dimension, measure, member, at, source_partition)
TTL written_at + toIntervalDay(if((toUnixTimestamp(at) % 3600) = 0, 396, 35))
SETTINGS merge_with_ttl_timeout = 86400
COMMENT 'People per step, segment, measure and source partition; query the view active_people'
;

-- Conditions on at, dimension, member and measure reach the key through GROUP BY, the join and FINAL.
CREATE VIEW IF NOT EXISTS {database}.active_people
(
    at DateTime('UTC') COMMENT 'End of every window; windows are half-open, (at - W, at]',
    dimension LowCardinality(String) COMMENT 'company, region, department, manager (direct reports) or community (people acting in it)',
    member LowCardinality(String) COMMENT 'The segment within its dimension; all, of the dimension company; unknown, of people without a value',
    measure LowCardinality(String) COMMENT 'active (any event but a failed login), login (successful) or contribute',
    enabled UInt64 COMMENT 'Enabled people of kind person in the segment; in a community, its members',
    w5m UInt64 COMMENT 'People in the 5 minutes up to at',
    w1h UInt64 COMMENT 'People in the hour up to at',
    w24h UInt64 COMMENT 'People in the 24 hours up to at',
    w7d UInt64 COMMENT 'People in the 7 x 24 hours up to at',
    w28d UInt64 COMMENT 'People in the 28 x 24 hours up to at',
    adoption_7d Float64 COMMENT 'Share of enabled that is in w7d, 0 to 1; 0 where enabled is 0',
    complete Bool COMMENT 'Every source partition has published this step'
)
AS SELECT
    at, dimension, member, measure, enabled, w5m, w1h, w24h, w7d, w28d,
    if(enabled = 0, 0, adopted_7d / enabled) AS adoption_7d,
    ifNull(published, false) AS complete -- a NULL only if the reader has set join_use_nulls
FROM
(
    SELECT
        at, dimension, member, measure,
        sum(r.enabled) AS enabled, sum(r.adopted_7d) AS adopted_7d,
        sum(r.w5m) AS w5m, sum(r.w1h) AS w1h, sum(r.w24h) AS w24h, sum(r.w7d) AS w7d, sum(r.w28d) AS w28d
    FROM {database}.active_people_rows AS r FINAL
    GROUP BY at, dimension, member, measure
) AS segments
LEFT JOIN
(
    -- company/all is always written: its rows tell which source partitions have published a step.
    SELECT at, uniqExact(source_partition) = max(partitions) AS published
    FROM {database}.active_people_rows FINAL
    WHERE dimension = 'company' AND member = 'all' AND measure = 'active'
    GROUP BY at
) AS steps USING (at)
COMMENT 'People per step, segment and measure, over all source partitions'
;
