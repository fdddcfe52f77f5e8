"""The grid puzzles of MME-Reasoning: sudoku, skyscrapers, yin-yang and bridges (hashi).

The functions check what the benchmark's functions check (VLMEvalKit, Apache-2.0), in our own code.
"""

from collections import Counter


def _keeps(given, info) -> bool:
    """Return whether a filled grid keeps the printed numbers."""
    printed = info["base_matrix"]
    return len(given) == len(printed) and all(
        len(row) == len(base) and all(b is None or b == g for g, b in zip(row, base, strict=True))
        for row, base in zip(given, printed, strict=True)
    )


def _latin(given) -> bool:
    size = len(given)
    return all(len(set(line)) == size for line in [*given, *zip(*given, strict=True)])


def _sudoku(rows: int, columns: int):
    def check(given, answer, info) -> bool:
        size = rows * columns
        if not _keeps(given, info) or len(given) != size or not _latin(given):
            return False
        return all(
            len({given[top + r][left + c] for r in range(rows) for c in range(columns)}) == size
            for top in range(0, size, rows)
            for left in range(0, size, columns)
        )

    return check


def _skyscraper(given, answer, info) -> bool:
    if not _keeps(given, info) or not _latin(given):
        return False

    def seen(line) -> int:
        return sum(height > max(line[:n], default=0) for n, height in enumerate(line))

    columns = [list(column) for column in zip(*given, strict=True)]
    looks = (columns, given, [row[::-1] for row in given], [column[::-1] for column in columns])
    return all(
        wanted is None or seen(line) == wanted
        for clues, lines in zip(info["visible_skyscrapers"], looks, strict=True)
        for wanted, line in zip(clues, lines, strict=True)
    )


def _yinyang(given, answer, info) -> bool:
    if not _keeps(given, info) or len(given) != 6:
        return False
    cells = {(r, c): given[r][c] for r in range(6) for c in range(6)}
    for value in (0, 1):
        mine = {cell for cell, v in cells.items() if v == value}
        if mine and _reached(mine, min(mine)) != mine:
            return False
        if any({(r, c), (r + 1, c), (r, c + 1), (r + 1, c + 1)} <= mine for r, c in cells):
            return False
    return True


def _reached(cells: set, start) -> set:
    found, edge = {start}, [start]
    while edge:
        r, c = edge.pop()
        new = {(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)} & cells - found
        found |= new
        edge += new
    return found


def _hashi(given, answer, info) -> bool:
    """Check that bridges are straight, do not cross, are at most two a pair, and fill every island."""
    wanted = {island["cord"]: island["requirement"] for island in info["init_islands"]}
    pairs, ends, crossed = Counter(), Counter(), set()
    for bridge in given:
        start, end, number = bridge["start"], bridge["end"], bridge["number"]
        if start == end or start not in wanted or end not in wanted:
            return False
        pairs[tuple(sorted((start, end)))] += number
        ends[start] += number
        ends[end] += number
        path = _between(start, end)
        if path is None or path & crossed:
            return False
        crossed |= path
    return max(pairs.values(), default=0) <= 2 and all(ends[i] == n for i, n in wanted.items())


def _between(start: str, end: str) -> set | None:
    """Return the cells between two islands in a line, or None if they are not in a line."""
    (x, y), (u, v) = ((ord(cell[0]), int(cell[1:])) for cell in (start, end))
    if x == u:
        return {(x, n) for n in range(min(y, v) + 1, max(y, v))}
    if y == v:
        return {(n, y) for n in range(min(x, u) + 1, max(x, u))}
    return None


GRIDS = {
    "calculate_answer_function_hashi": _hashi,
    "calculate_answer_function_skyscraper": _skyscraper,
    "calculate_answer_function_sudoku_4": _sudoku(2, 2),
    "calculate_answer_function_sudoku_6": _sudoku(2, 3),
    "calculate_answer_function_yinyang": _yinyang,
}
