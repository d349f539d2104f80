"""The dashboards of deploy/grafana, their queries expanded as Grafana and its data sources do, executed, and drawn."""
