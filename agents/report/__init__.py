"""`esn-pulse report`, and what the demo says at its end."""
