"""The tables beside the recipe: runs, benchmarks, sources of questions, and their licences."""
