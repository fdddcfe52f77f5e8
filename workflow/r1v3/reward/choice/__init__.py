"""Reads the answers to multiple-choice questions."""
