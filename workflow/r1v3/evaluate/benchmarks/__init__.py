"""Benchmarks for which an entry of the table is not enough: one small module each.

A module may define `read(row, entry) -> list[Item]`, `place(row, entry) -> list[dict]` (key, cluster, columns
and extra of each item of a row, which a row that cannot be read has too), `judge(item, response) -> Judged |
None`, `share(item, verdict) -> float` and `score(judged, entry) -> Score`; what it leaves out is done as for
every other benchmark.
"""
