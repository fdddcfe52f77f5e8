"""Samples a model's answers to questions, filters them, and keeps correct ones."""
