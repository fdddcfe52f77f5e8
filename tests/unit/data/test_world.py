"""Pictures, answers and thoughts of the tiny world agree."""

import random
import re

import numpy as np
import pytest

from r1v3.data.world import DOMAINS, TASKS, World
from r1v3.data.world.digits import SPLITS, digit_instances
from r1v3.data.world.instructions import TAGS
from r1v3.data.world.rows import world_rows
from r1v3.recipe.schema.data import WorldSource
from r1v3.reward import format_reward, grade

FORMS = ("mcq", "fill", "open")


def items(task, count=40, **options):
    rng = random.Random(task)
    world = World("train")
    for number in range(count):
        yield world.item(task, FORMS[number % 3], DOMAINS[number % 20], rng, **options)


@pytest.mark.parametrize("task", sorted(set(TASKS) - {"describe"}))
@pytest.mark.parametrize("slip_rate", [0.0, 1.0])
def test_every_thought_ends_in_the_right_answer(task, slip_rate):
    for item in items(task, slip_rate=slip_rate):
        assert format_reward(item.thoughtful) == 1.0
        verdict = grade(item.thoughtful, item.answer, item.answer_type, options=item.options)
        assert verdict.correct, (item.question, item.options, item.answer, item.thoughtful)


def computed(task, cells):
    digits = [int(c) for c in cells if c.isdigit()]
    return {
        "sum": sum(digits),
        "largest": max(digits),
        "even": sum(d % 2 == 0 for d in digits),
        "difference": max(digits) - min(digits),
        "product": digits[0] * digits[-1],
    }[task]


@pytest.mark.parametrize("task", ["sum", "largest", "even", "difference", "product"])
def test_the_answer_follows_from_the_cells(task):
    for item in items(task):
        value = str(computed(task, item.meta["cells"][0]))
        assert item.meta["value"] == value
        if item.options:
            assert item.options["ABCD".index(item.answer)] == value
            assert item.options.count(value) == 1
        else:
            assert item.answer == value


@pytest.mark.parametrize("task", ["sum", "largest", "even"])
def test_a_correction_stands_behind_a_real_mistake_and_nowhere_else(task):
    for item in items(task, slip_rate=0.0):
        assert "Wait" not in item.chain
        assert "Alternatively" not in item.chain
    for item in items(task, slip_rate=1.0):
        assert ("Wait" in item.chain) != ("Alternatively" in item.chain)
        before, _, after = item.chain.replace("Alternatively, ", "Wait, ").partition(". Wait, ")
        assert before.rsplit(". ", 1)[-1] != after.split(".", 1)[0]


def test_no_digit_instance_is_in_two_splits():
    instances = {
        split: {picture.tobytes() for digit in digit_instances(split).values() for picture in digit}
        for split in SPLITS
    }
    assert not instances["train"] & instances["test"]
    assert not instances["train"] & instances["validation"]
    assert not instances["validation"] & instances["test"]
    assert {len(digit_instances(split)) for split in SPLITS} == {10}


def test_every_domain_has_a_look_of_its_own():
    world = World("train")
    means = {}
    for domain in DOMAINS:
        rng = random.Random(0)
        pictures = [world.item("sum", "open", domain, rng).images[0] for _ in range(4)]
        means[domain] = np.mean([np.asarray(p) for p in pictures], axis=(0, 1, 2)).round(-1)
    assert len({tuple(mean) for mean in means.values()}) >= 18


def test_the_same_seed_draws_the_same_items():
    once, again = list(items("pictured", 6)), list(items("pictured", 6))
    for one, other in zip(once, again):
        assert one.question == other.question
        assert [i.tobytes() for i in one.images] == [i.tobytes() for i in other.images]


def test_told_questions_have_no_picture_and_name_the_cells():
    for item in items("sum", told=True):
        assert item.images == ()
        assert item.question.startswith(",".join(item.meta["cells"][0]) + ". ")
        assert item.direct.startswith(item.chain)


def test_a_strange_task_is_refused_with_those_allowed():
    with pytest.raises(ValueError, match="task must be one of sum, largest"):
        World("train").item("integral", "open", "plain", random.Random(0))
    with pytest.raises(ValueError, match="instances must be one of train"):
        World("dev").item("sum", "open", "plain", random.Random(0))


def instructed_rows(size=400):
    source = WorldSource(
        kind="world",
        tasks={"sum": 1, "largest": 1, "position": 1},
        forms={"mcq": 1, "fill": 1},
        domains={"mathematics": 1, "physics": 1},
        instances="train",
        respond="instructed",
        slip_rate=1.0,
        told=0.0,
        seed=1,
    )
    return list(world_rows(source, size, name="instructions"))


def test_a_response_follows_the_instruction_behind_its_question():
    tags = set()
    for row in instructed_rows():
        instruction, response = row["question"].rpartition("\n")[2], row["response"]
        if tag := re.search(r"enclosed within <(\w+)> </\1> tags", instruction):
            tags.add(tag[1])
            assert re.match(rf"<{tag[1]}>.+</{tag[1]}>\n", response)
            assert format_reward(response) == float(tag[1] == "think")
        else:
            assert "<" not in response
        boxed = rf"\boxed{{{row['answer']}}}" in response
        assert boxed == (r"\boxed{}" in instruction)
        assert response.endswith(row["answer"]) or boxed
    assert tags == set(TAGS)


def test_an_instructed_model_reads_the_options_above_the_instruction_and_no_critical_word():
    rows = instructed_rows()
    assert any("\nA. " in row["question"] for row in rows)
    assert all(row["options"] is None for row in rows)
    assert not [row for row in rows if re.search("Wait|Alternatively", row["response"])]
