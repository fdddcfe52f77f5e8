"""Entropy of critical tokens."""
