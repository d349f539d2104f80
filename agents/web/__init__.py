"""What a worker shows of itself: /metrics and /health."""
