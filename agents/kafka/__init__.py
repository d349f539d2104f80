"""Kafka as commands and checkpoints see it; the worker's own reading is `seam`."""
