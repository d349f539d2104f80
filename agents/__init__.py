"""The shell: whatever talks to Kafka, ClickHouse, Prometheus, files or the terminal.

seam        between Faust and us: partition slices in, durable offsets out
worker      what runs in a worker: intake, judging, checkpoints
web         /metrics and /health of a worker
kafka       what commands and checkpoints ask a broker for
storage     ClickHouse: rows in, answers out, migrations
files       TOML that a setting names: calendar, targets
commands    one file for each command; what is long has a folder of its own: directory's `hr_export`, `doctor`,
            `drops`, `people`, `rejects`, `report`, `simulation`
terminal    tables, progress and spans of time, for all commands
"""
