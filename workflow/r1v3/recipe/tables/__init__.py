"""Reads the tables beside the recipe: runs, benchmarks, sources and their licences, and prices."""
