"""How commands speak with a person: tables, progress, spans of time."""
