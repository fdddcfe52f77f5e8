"""Turns the files of a benchmark into its items."""
