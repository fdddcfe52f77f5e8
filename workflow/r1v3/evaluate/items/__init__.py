"""From a benchmark's files to its items."""
