"""Benchmarks for which an entry of the table is not enough: one small module each.

A module may define these hooks; what it leaves out is done as for every other benchmark.

    items_of_row(row, entry) -> list[Item]
    describe_row(row, entry) -> list[dict]           key, cluster, columns and extra of each item of a row,
                                                     which a row that cannot be read has too
    own_verdict(item, response) -> Judged | None     None for what is left to the grader
    earned_share(item, verdict) -> float             of the points, for an answer that is not all right
    score_items(judged, entry) -> RunScore
"""
