"""Rows into ClickHouse, and questions to it."""
