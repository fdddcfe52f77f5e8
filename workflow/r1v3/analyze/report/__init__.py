"""The report about the core path."""
