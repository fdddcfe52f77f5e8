"""The report on the core path."""
