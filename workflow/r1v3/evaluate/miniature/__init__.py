"""Miniatures of benchmarks: TSV files with the original columns and structure, drawn from the tiny world."""
