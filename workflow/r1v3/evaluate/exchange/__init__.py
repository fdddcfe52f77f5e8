"""Answers in the formats of other evaluation harnesses: written for their scorers, read for ours."""
