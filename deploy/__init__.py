"""What runs it: the embedded stack, containers, dashboards and alerts."""
