"""Estimates what a recipe needs before it runs: memory, hours, disk and money of each stage."""
