"""Extracts the text of the answer from a response."""
