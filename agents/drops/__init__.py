"""`esn-pulse drops`: what would have been alarmed over a recorded period."""
