"""Answers in the layouts of other evaluation harnesses: written for their scorers, read for ours."""
