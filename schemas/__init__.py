"""What is written down: events, directory records, topics, rows and tables."""
