"""Miniatures of the benchmarks: TSV files of their own columns and structure, drawn from the tiny world."""
