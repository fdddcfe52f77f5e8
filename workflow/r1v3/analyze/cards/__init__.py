"""Data cards, and what evaluations share with training data."""
