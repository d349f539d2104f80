"""A real Kafka and a real ClickHouse without containers: fetched once, started on loopback, ended exactly."""
