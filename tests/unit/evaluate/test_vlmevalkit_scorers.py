"""Our verdicts and scores are those of VLMEvalKit, on generated answers.

VLMEvalKit is optional: `pip install --no-deps ms-vlmeval==0.0.20`.
"""

import random
from string import ascii_uppercase

import pandas as pd
import pytest

from r1v3.evaluate.benchmarks import hallusionbench, mathvista, mmbench, olympiadbench, wemath
from r1v3.evaluate.items.item import make_item
from r1v3.evaluate.judge import judge_response
from r1v3.evaluate.scorers import score_run
from r1v3.evaluate.vlmevalkit import is_installed, load_peer

if not is_installed():
    pytest.skip("VLMEvalKit (ms-vlmeval) is not installed", allow_module_level=True)
SAMPLES = 200
SAYINGS = (
    "{x}",
    "({x})",
    "Answer: {x}",
    "The answer is {x}",
    "The answer is ({x}).",
    "{x}. {text}",
)
CHOICE = {"index": "1", "pictures": "1", "question": "Which is red?", "answer": "B"}
CHOICE |= {"A": "a cat", "B": "a dog", "C": "None", "hint": ""}


def said(rng, letter, options):
    return rng.choice(SAYINGS).format(x=letter, text=options[ascii_uppercase.index(letter)])


def test_circular_groups_are_right_where_theirs_are(table):
    peer, rng, entry = (
        load_peer("dataset.utils.multiple_choice"),
        random.Random(1),
        table["mmbench_en_v11"],
    )
    options, checked = ["red", "green", "blue", "black"], 0
    for group in range(SAMPLES // 4):
        lines, judged = [], []
        for turn in range(4):
            gold = ascii_uppercase[turn]
            answer = gold if rng.random() < 0.85 else rng.choice("ABCD")
            row = {**CHOICE, **dict(zip("ABCD", options)), "index": str(group + turn * 1_000_000)}
            row |= {"answer": gold}
            text = said(rng, answer, options)
            [item] = mmbench.items_of_row(row, entry)
            share = judge_response(item, text, entry).share
            judged.append({"key": item.key, "cluster": item.cluster, "correct": share == 1})
            lines.append(row | {"GT": gold, "prediction": text})
        found = peer.prefetch_circular_group(pd.DataFrame(lines))
        frame = pd.DataFrame(judged).assign(share=1.0, points=1.0, extra=None)
        assert score_run(frame, entry).value == found["hit"]
        checked += found["hit"]
    assert 0 < checked < SAMPLES // 4


def test_wemath_counts_the_four_classes_as_theirs(table, tmp_path):
    peer, rng = load_peer("dataset.utils.wemath"), random.Random(2)
    rows, judged = [], []
    for number in range(SAMPLES // 3):
        steps = 2 + number % 2
        for place in [*range(1, steps + 1), "multi"]:
            row = CHOICE | {
                "index": str(len(rows)),
                "ID": str(number),
                "key": f"{steps}steps_{place}",
            }
            [item] = wemath.items_of_row(row, table["wemath"])
            right = rng.random() < 0.6
            rows.append({**row, "hit": int(right), "knowledge concept": "x"})
            judged.append(
                {"key": item.key, "cluster": item.cluster, "correct": right, "extra": item.extra}
            )
    frame = pd.DataFrame(judged).assign(share=1.0, points=1.0)
    details, count = score_run(frame, table["wemath"]).details, SAMPLES // 3
    path = tmp_path / "wemath.tsv"
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    data = peer.load_and_process_data(str(path))
    merged = [
        peer.evaluate_process_steps_data(data[data["key"].str.contains(f"{steps}steps")], steps)
        for steps in (2, 3)
    ]
    counts, rates = peer.evaluate_compute_final_scores(
        peer.evaluate_calculate_metrics(*merged), total_count=count
    )
    for ours, name in (
        ("IK", "InsufficientKnowledge"),
        ("IG", "InadequateGeneralization"),
        ("CM_strict", "CompleteMastery_strict"),
        ("RM_strict", "RoteMemorization_strict"),
        ("CM_loose", "CompleteMastery_loose"),
        ("RM_loose", "RoteMemorization_loose"),
    ):
        assert round(details[ours] * count) == counts[name]
    rate = float(rates["RoteMemorization_strict_rate"].rstrip("%")) / 100
    assert details["RM_rate_strict"] == pytest.approx(rate, abs=1e-4)


def test_hallusionbench_rates_as_theirs(table, tmp_path):
    peer, rng = load_peer("dataset.utils.yorn"), random.Random(3)
    rows, judged = [], []
    for number in range(SAMPLES):
        group, figure, question = number // 8, number // 4 % 2, number % 4
        index = f"VD_figure_{figure + 1}_{group}_{figure}_{question}"
        [item] = hallusionbench.items_of_row(
            CHOICE | {"index": index, "answer": "Yes"}, table["hallusionbench"]
        )
        right = rng.random() < 0.8
        rows.append({"index": index, "category": "VD", "l2-category": "VD_figure", "score": right})
        judged.append(
            {"key": index, "cluster": item.cluster, "correct": right, "extra": item.extra}
        )
    path = tmp_path / "h.tsv"
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    overall = peer.Hallusion_rating(str(path)).set_index("split").loc["Overall"]
    frame = pd.DataFrame(judged).assign(share=1.0, points=1.0)
    details = score_run(frame, table["hallusionbench"]).details
    for name in ("aAcc", "fAcc", "qAcc"):
        assert 100 * details[name] == pytest.approx(overall[name])


def test_yes_and_no_are_read_as_theirs(table):
    peer, rng, entry = load_peer("dataset.utils.yorn"), random.Random(4), table["hallusionbench"]
    sayings = (
        "Yes",
        "No.",
        "Yes, it is larger.",
        "No, they are the same size.",
        "The answer is no",
    )
    item = make_item(CHOICE | {"answer": "Yes"}, entry, cluster="c", columns={})
    for _ in range(SAMPLES):
        text = rng.choice(sayings)
        assert (judge_response(item, text, entry).share == 1) == (
            peer.YOrN_Extraction(text) == "Yes"
        )


def test_visulogics_letters_are_read_as_theirs(table):
    peer, rng, entry = load_peer("dataset.utils.visulogic"), random.Random(5), table["visulogic"]
    sayings = ("So Answer: \\boxed{{{x}}}", "The answer is {x}", "I think {x}? No, \\boxed{{{x}}}.")
    for _ in range(SAMPLES):
        gold, given = rng.choice("ABCD"), rng.choice("ABCD")
        text = rng.choice(sayings).format(x=given)
        item = make_item(CHOICE | {"answer": gold}, entry)
        ours = judge_response(item, text, entry).share == 1
        assert ours == (peer.extract_answer(text)[0] == gold)


def test_phyxs_letters_are_read_as_theirs(table):
    peer, rng, entry = load_peer("dataset.utils.phyx"), random.Random(6), table["phyx_mini_mc"]
    for _ in range(SAMPLES):
        gold, given = rng.choice("ABC"), rng.choice("ABC")
        text = rng.choice(("The correct answer is {x}", "Answer: {x}", "so Option {x}.")).format(
            x=given
        )
        ours = judge_response(make_item(CHOICE | {"answer": gold}, entry), text, entry).share
        assert (
            ours
            == peer.PhyX_process_line_MC({"index": 1, "answer": gold, "prediction": text})["match"]
        )


def test_mathvista_checks_extracted_answers_as_theirs(table):
    peer, rng, entry = (
        load_peer("dataset.utils.mathvista"),
        random.Random(7),
        table["mathvista_mini"],
    )
    for _ in range(SAMPLES):
        kind = rng.choice(("integer", "float", "text"))
        value = rng.randrange(5)
        row = {
            "question_type": "free_form",
            "answer_type": kind,
            "precision": "1.0",
            "choices": "[]",
        }
        row |= {"answer": f"{value}.5" if kind == "float" else str(value)}
        given = f"{rng.randrange(5)}.5" if kind == "float" else str(rng.randrange(5))
        if kind == "text":
            row |= {"question_type": "multi_choice", "choices": str([str(n) for n in range(5)])}
            row |= {"answer_option": "ABCDE"[value]}
            given = rng.choice("ABCDE")
        [item] = mathvista.items_of_row(CHOICE | row, entry)
        ours = judge_response(item, f"\\boxed{{{given}}}", entry).share == 1
        assert ours == peer.post_check({**row, "res": given, "prediction": given})


def test_olympiadbench_takes_the_tolerances_of_theirs(table):
    judge, rng = load_peer("dataset.utils.olympiadbench").MathJudger.judge, random.Random(8)
    peer = load_peer("dataset.utils.olympiadbench").MathJudger.__new__(
        load_peer("dataset.utils.olympiadbench").MathJudger
    )
    peer.special_signal_map, peer.precision = {"$": ""}, 1e-8
    row = {"source": "OE_MM_physics_en_COMP", "answer_type": "Numerical", "unit": "", "context": ""}
    for _ in range(SAMPLES):
        several, error = rng.random() < 0.5, rng.choice((1e-1, 5e-1))
        golds = [str(rng.randrange(2, 9)) for _ in range(2 if several else 1)]
        given = [str(float(gold) + rng.choice((0, 0.05, -0.3, 0.8))) for gold in golds]
        rng.shuffle(given)
        more = {"final_answer": f"['{','.join(golds)}']", "error": str(error)}
        [item] = olympiadbench.items_of_row(
            CHOICE | row | more | {"is_multiple_answer": str(several)}, table["olympiadbench"]
        )
        ours = (
            judge_response(item, f"\\boxed{{{','.join(given)}}}", table["olympiadbench"]).share == 1
        )
        assert ours == judge(peer, f"\\boxed{{{','.join(given)}}}", ",".join(golds), error)
