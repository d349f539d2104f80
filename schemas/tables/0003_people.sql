-- Everyone who is listed or was seen: one row per person, the greatest version stands, a deleted one forgets the person.
--
-- Old versions are merged away within about a day: else one of them could come back when a later one has aged out.
-- A deleted row itself goes after a week, for it still names the person.
CREATE TABLE IF NOT EXISTS {database}.people_rows
(
    person String COMMENT 'Id of the person: the actor of events, the key of the directory',
    kind LowCardinality(String) COMMENT 'person, guest or service',
    listed Bool COMMENT 'Is in the directory',
    enabled Bool COMMENT 'May use the network',
    region LowCardinality(String) COMMENT 'Region by the directory; unknown if it says none',
    department LowCardinality(String) COMMENT 'Department by the directory; unknown if it says none',
    manager String COMMENT 'Id of the manager by the directory; unknown if it says none',
    leader Bool COMMENT 'Is a leader by the directory',
    ambassador Bool COMMENT 'Is an ambassador by the directory',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First event but a failed login; NULL if there was none',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Last event but a failed login; NULL if there was none',
    last_login Nullable(DateTime64(3, 'UTC')) COMMENT 'Last successful login; NULL if there was none',
    last_contribution Nullable(DateTime64(3, 'UTC')) COMMENT 'Last contribution; NULL if there was none',
    logins UInt64 COMMENT 'Successful logins' CODEC(ZSTD),
    presences UInt64 COMMENT 'Events of the presence tier: views, searches and the like' CODEC(ZSTD),
    reactions UInt64 COMMENT 'Events of the reaction tier: likes, votes, shares' CODEC(ZSTD),
    contributions UInt64 COMMENT 'Events of the contribution tier: posts, comments, uploads and the like' CODEC(ZSTD),
    version UInt64 COMMENT 'Epoch * 2^32 + sequence; of rows with one key the greatest stands' CODEC(ZSTD),
    is_deleted UInt8 COMMENT '1: the person is forgotten',
    written_at DateTime('UTC') DEFAULT now() COMMENT 'When the row was written; rows age by it' CODEC(ZSTD)
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY person
TTL written_at + toIntervalDay(396) DELETE WHERE (NOT listed) AND (NOT is_deleted),
    written_at + toIntervalDay(7) DELETE WHERE is_deleted
SETTINGS merge_with_ttl_timeout = 86400, min_age_to_force_merge_seconds = 86400
COMMENT 'People, with every version that was not merged away yet; query the view people'
;

CREATE VIEW IF NOT EXISTS {database}.people
(
    person String COMMENT 'Id of the person: the actor of events, the key of the directory',
    kind LowCardinality(String) COMMENT 'person, guest or service',
    listed Bool COMMENT 'Is in the directory',
    enabled Bool COMMENT 'May use the network',
    region LowCardinality(String) COMMENT 'Region by the directory; unknown if it says none',
    department LowCardinality(String) COMMENT 'Department by the directory; unknown if it says none',
    manager String COMMENT 'Id of the manager by the directory; unknown if it says none',
    leader Bool COMMENT 'Is a leader by the directory',
    ambassador Bool COMMENT 'Is an ambassador by the directory',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First event but a failed login; NULL if there was none',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Last event but a failed login; NULL if there was none',
    last_login Nullable(DateTime64(3, 'UTC')) COMMENT 'Last successful login; NULL if there was none',
    last_contribution Nullable(DateTime64(3, 'UTC')) COMMENT 'Last contribution; NULL if there was none',
    logins UInt64 COMMENT 'Successful logins',
    presences UInt64 COMMENT 'Events of the presence tier: views, searches and the like',
    reactions UInt64 COMMENT 'Events of the reaction tier: likes, votes, shares',
    contributions UInt64 COMMENT 'Events of the contribution tier: posts, comments, uploads and the like'
)
AS SELECT
    person, kind, listed, enabled, region, department, manager, leader, ambassador,
    first_seen, last_seen, last_login, last_contribution, logins, presences, reactions, contributions
FROM {database}.people_rows FINAL
COMMENT 'Everyone who is listed or was seen, one row each; at most 5 minutes old'
;
