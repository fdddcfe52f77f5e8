"""Layouts of checkpoints, and their conversion into each other without running the checkpoint's code."""
