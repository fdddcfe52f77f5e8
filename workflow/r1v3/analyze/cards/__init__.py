"""Data cards, and the search for evaluation items in training data."""
