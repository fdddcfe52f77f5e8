"""Our verdicts on puzzles are those of VLMEvalKit, on generated solutions.

VLMEvalKit is optional: `pip install --no-deps ms-vlmeval==0.0.20`.
"""

import random

import pytest

from r1v3.evaluate.benchmarks.puzzle_rules import LINES, RULES
from r1v3.evaluate.vlmevalkit import is_installed, load_peer

if not is_installed():
    pytest.skip("VLMEvalKit (ms-vlmeval) is not installed", allow_module_level=True)
SAMPLES = 200


def filled(rng, keys, allowed):
    values = (
        list(allowed)[: len(keys)] if allowed is not None else [rng.randrange(1, 12) for _ in keys]
    )
    rng.shuffle(values)
    return dict(zip(keys, values))


def test_the_puzzle_functions_decide_as_theirs():
    peer, rng = (
        load_peer("dataset.utils.mme_reasoning").mme_reasoning_eval_functions,
        random.Random(9),
    )
    keys = {f"calculate_answer_function_{n}": (k, allowed) for n, (k, allowed, *_) in LINES.items()}
    keys |= {"calculate_answer_function_10": ("ABCDEF", range(1, 7))}
    keys |= {"calculate_answer_function_1": ("ABC", None)}
    keys |= {"calculate_answer_function_11": ("ABCDEFG", [1, 2, 3, 5, 7, 8, 8])}
    right = 0
    for name, (letters, allowed) in keys.items():
        for _ in range(SAMPLES):
            given = filled(rng, letters, allowed)
            ours = bool(RULES[name](given, None, {}))
            assert ours == peer[name](given)
            right += ours
    assert right > 0


def test_letters_pairs_places_and_formulas_decide_as_theirs():
    peer, rng = (
        load_peer("dataset.utils.mme_reasoning").mme_reasoning_eval_functions,
        random.Random(10),
    )
    for _ in range(SAMPLES):
        given, answer = ({key: rng.randrange(2) for key in "AB"} for _ in range(2))
        name = "match_answer_function"
        assert RULES[name](given, answer, {}) == peer[name](given, answer)
        one, many = {"x": rng.choice("abc")}, rng.sample("abc", 2)
        name = "multiple_match_function"
        assert RULES[name](one, many, {}) == peer[name](one, many)
        here, there = ([{"row": rng.choice("AB"), "column": rng.randrange(2)}] for _ in range(2))
        name = "match_coordinate_function"
        assert RULES[name](here, there, {}) == peer[name](here, there)
        cards = [rng.randrange(1, 9) for _ in range(4)]
        formula = (
            f"({cards[0]}{rng.choice('+*')}{cards[1]}){rng.choice('+*-')}{cards[2]}*{cards[3]}"
        )
        name = "judge_24points_function"
        info = {"init_cards": list(cards)}
        assert RULES[name](formula, None, info) == peer[name](
            formula, None, {"init_cards": list(cards)}
        )


def test_the_grid_functions_decide_as_theirs(capsys):
    peer, rng = (
        load_peer("dataset.utils.mme_reasoning").mme_reasoning_eval_functions,
        random.Random(11),
    )
    solved = [[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]]
    right = 0
    for _ in range(SAMPLES):
        names = rng.sample((1, 2, 3, 4), 4)
        grid = [[names[value - 1] for value in row] for row in solved]
        if rng.random() < 0.5:
            row = rng.randrange(4)
            grid[row] = rng.sample(grid[row], 4)
        info = {"base_matrix": [[None] * 4 for _ in range(4)]}
        info["base_matrix"][0][0] = rng.randrange(1, 5)
        info["visible_skyscrapers"] = [
            [rng.choice((None, 1, 2)) for _ in range(4)] for _ in range(4)
        ]
        colours = [[rng.randrange(2) for _ in range(6)] for _ in range(6)]
        free = {"base_matrix": [[None] * 6 for _ in range(6)]}
        for name, given, special in (
            ("sudoku_4", grid, info),
            ("skyscraper", grid, info),
            ("yinyang", colours, free),
        ):
            name = f"calculate_answer_function_{name}"
            ours = bool(RULES[name](given, None, special))
            assert ours == bool(peer[name](given, None, special))
            right += ours
        islands = [{"cord": c, "requirement": rng.randrange(1, 3)} for c in ("a1", "c1", "a3")]
        ends = [("a1", "c1"), ("a1", "a3"), ("c1", "a3")]
        bridges = [
            {"start": s, "end": e, "number": rng.randrange(1, 3)} for s, e in rng.sample(ends, 2)
        ]
        name = "calculate_answer_function_hashi"
        assert RULES[name](bridges, None, {"init_islands": islands}) == peer[name](
            bridges, None, {"init_islands": islands}
        )
    assert right > 0
