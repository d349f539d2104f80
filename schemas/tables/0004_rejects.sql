-- Which messages were refused, and why; the messages themselves are in the topic esn.rejects.
CREATE TABLE IF NOT EXISTS {database}.rejects_rows
(
    received_at DateTime64(3, 'UTC') COMMENT 'Timestamp of the refused Kafka record' CODEC(Delta, ZSTD),
    topic LowCardinality(String) COMMENT 'Topic that the message came from',
    partition UInt32 COMMENT 'Its partition there',
    offset UInt64 COMMENT 'Its offset there' CODEC(Delta, ZSTD),
    reason LowCardinality(String) COMMENT 'Why it was refused, one of a closed list',
    written_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; rows age by it' CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
TTL written_at + toIntervalDay(35)
SETTINGS merge_with_ttl_timeout = 86400
COMMENT 'Refused messages, perhaps more than once each; query the view rejects'
;

CREATE VIEW IF NOT EXISTS {database}.rejects
(
    received_at DateTime64(3, 'UTC') COMMENT 'Timestamp of the refused Kafka record',
    topic LowCardinality(String) COMMENT 'Topic that the message came from',
    partition UInt32 COMMENT 'Its partition there',
    offset UInt64 COMMENT 'Its offset there',
    reason LowCardinality(String) COMMENT 'Why it was refused, one of a closed list'
)
AS SELECT received_at, topic, partition, offset, reason
FROM {database}.rejects_rows FINAL
COMMENT 'Refused messages, one row each'
;
