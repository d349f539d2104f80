"""What the numbers mean: pure functions and columns; no I/O, no clock, no framework."""
