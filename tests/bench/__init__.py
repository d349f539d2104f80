"""What the pipeline costs, and what could be used instead: `python -m tests.bench`, `make bench`."""
