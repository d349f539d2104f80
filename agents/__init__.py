"""The shell: whatever talks to Kafka, ClickHouse, Prometheus, files or the terminal."""
