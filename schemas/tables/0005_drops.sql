-- Engagement drops, each written again whenever it changes; the greatest version stands.
--
-- There are few, and they are asked for by time as often as by id: a key of the id alone is enough.
CREATE TABLE IF NOT EXISTS {database}.drops_rows
(
    drop_id String COMMENT 'Id of the drop; follows from segment, measure, window and begin',
    parent_id Nullable(String) COMMENT 'The drop that explains this one; NULL if it is reported by itself',
    dimension LowCardinality(String) COMMENT 'company, region, department or community',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    measure LowCardinality(String) COMMENT 'active, login or contribute',
    window LowCardinality(String) COMMENT '5m or 1h: people per 5 minutes or hour; 7d: people per 7 days, once a day',
    severity LowCardinality(String) COMMENT 'major if at least half of those expected are missing, else minor',
    began_at DateTime('UTC') COMMENT 'Start of the first interval that was lower than expected',
    detected_at DateTime('UTC') COMMENT 'End of the interval that was judged when the drop was found',
    ended_at Nullable(DateTime('UTC')) COMMENT 'Start of the first interval as expected again; NULL while it is open',
    expected Float64 COMMENT 'People expected, added up over the intervals since began_at',
    observed Float64 COMMENT 'People who came, added up likewise',
    depth Float64 COMMENT 'Share lost, 0 to 1',
    lost_person_hours Float64 COMMENT 'People missing times the length of the interval, added up',
    causes String COMMENT 'JSON: members, children that miss people; measures, how many are missing of each',
    state LowCardinality(String) COMMENT 'open, recovered, or withdrawn: it was the feed or the directory',
    version UInt64 COMMENT 'Epoch * 2^32 + sequence; of rows with one key the greatest stands',
    written_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; rows age by it'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY drop_id
TTL written_at + toIntervalDay(396)
SETTINGS merge_with_ttl_timeout = 86400
COMMENT 'Engagement drops, with versions that were not merged away yet; query the view drops'
;

CREATE VIEW IF NOT EXISTS {database}.drops
(
    drop_id String COMMENT 'Id of the drop; follows from segment, measure, window and begin',
    parent_id Nullable(String) COMMENT 'The drop that explains this one; NULL if it is reported by itself',
    dimension LowCardinality(String) COMMENT 'company, region, department or community',
    member LowCardinality(String) COMMENT 'The segment within its dimension',
    measure LowCardinality(String) COMMENT 'active, login or contribute',
    window LowCardinality(String) COMMENT '5m or 1h: people per 5 minutes or hour; 7d: people per 7 days, once a day',
    severity LowCardinality(String) COMMENT 'major if at least half of those expected are missing, else minor',
    began_at DateTime('UTC') COMMENT 'Start of the first interval that was lower than expected',
    detected_at DateTime('UTC') COMMENT 'End of the interval that was judged when the drop was found',
    ended_at Nullable(DateTime('UTC')) COMMENT 'Start of the first interval as expected again; NULL while it is open',
    expected Float64 COMMENT 'People expected, added up over the intervals since began_at',
    observed Float64 COMMENT 'People who came, added up likewise',
    depth Float64 COMMENT 'Share lost, 0 to 1',
    lost_person_hours Float64 COMMENT 'People missing times the length of the interval, added up',
    causes String COMMENT 'JSON: members, children that miss people; measures, how many are missing of each',
    state LowCardinality(String) COMMENT 'open, recovered, or withdrawn: it was the feed or the directory'
)
AS SELECT
    drop_id, parent_id, dimension, member, measure, window, severity, began_at, detected_at, ended_at,
    expected, observed, depth, lost_person_hours, causes, state
FROM {database}.drops_rows FINAL
COMMENT 'Engagement drops, one row each, as they are now'
;
