"""What runs in a worker: one task for each source partition, one that judges, and their checkpoints."""
