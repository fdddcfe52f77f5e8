"""The faults, one a file."""
