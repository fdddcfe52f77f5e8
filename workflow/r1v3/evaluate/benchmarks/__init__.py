"""Benchmarks for which an entry of the table is not enough: one small module each.

A module may define `read(row, entry) -> list[Item]`, `judge(item, response) -> Judged | None`,
`share(item, verdict) -> float` and `score(judged, entry) -> Score`; what it leaves out is done as for
every other benchmark.
"""
