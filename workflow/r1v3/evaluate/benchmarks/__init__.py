"""Benchmarks for which an entry of the table is not enough: one small module each.

A module may define these hooks. For those that it leaves out, the default of all other benchmarks is used.

    items_of_row(row, entry) -> list[Item]
    describe_row(row, entry) -> list[dict]           key, cluster, columns and extra of each item of a row,
                                                     known even if the row is unreadable
    own_verdict(item, response) -> Judged | None     None leaves the answer to the grader
    earned_share(item, verdict) -> float             share of the points, for an answer that is partly right
    score_items(judged, entry) -> RunScore
"""
