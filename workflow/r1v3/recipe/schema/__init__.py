"""Defines the recipe as pydantic models: every key that can change a result."""
