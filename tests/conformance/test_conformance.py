"""A part of `make conformance`: a few real questions of each kind, and faults that it must notice."""

import base64

import pytest
from published_sets import MODELS, Expected, ReplayedSet, gaokao_questions, math_v, real_folder
from replay import Answer, Replay, pieces_of
from run import conform, run, workshop

needs_real = pytest.mark.skipif(
    not real_folder().is_dir(), reason=f"no real questions in {real_folder()}: set R1V3_REAL"
)


@pytest.mark.slow
@needs_real
def test_a_few_real_questions_of_each_file_score_as_published(tmp_path):
    outcomes = run(tmp_path, limit=6)
    assert [one.items for one in outcomes] == [6, 6, 6, 6]
    assert all(one.conforms for one in outcomes), outcomes


@pytest.mark.slow
@needs_real
def test_a_lost_picture_a_wrong_label_and_another_prompt_are_noticed(tmp_path):
    files = tmp_path / "files"
    whole = math_v("gemini_pro_cot", files, limit=4)
    answers, expected = dict(whole.answers), dict(whole.expected)
    first = next(iter(answers))
    answers[(("image", "0" * 64), first[1])] = answers.pop(first)
    key = list(expected)[-1]
    expected[key] = Expected(not expected[key].settled, expected[key].gold)
    damaged = ReplayedSet("damaged", whole.benchmark, answers, expected)
    found = conform(damaged, files, workshop(tmp_path / "workshop"), 0.5)
    assert (found.unknown, found.unasked) == (1, 1)
    assert [row[1] for row in found.differences if row[1] == key] == [key]
    assert found.unexplained
    assert not found.conforms


def test_the_server_answers_only_what_was_published():
    url = "data:image/png;base64," + base64.b64encode(b"one").decode()
    picture = {"type": "image_url", "image_url": {"url": url}}
    text = {"type": "text", "text": "\nHow many?"}
    system = {"role": "system", "content": "Be brief."}

    def asked(*parts):
        return {"messages": [system, {"role": "user", "content": list(parts)}]}

    replay = Replay({pieces_of(asked(picture, text)["messages"]): Answer("3", "length")})
    status, reply = replay.reply(asked(picture, text))
    assert (status, reply["choices"][0]["finish_reason"]) == (200, "length")
    assert replay.reply(asked(text, picture))[0] == 400
    assert replay.reply(asked(picture, {**text, "text": "How much?"}))[0] == 400
    assert (len(replay.given), len(replay.unknown)) == (1, 2)


@needs_real
def test_both_models_were_asked_all_of_math_v_and_the_exam_has_pictures():
    assert set(MODELS) == {"gemini_pro_cot", "qwen_vl_max"}
    questions = list(gaokao_questions())
    assert len(questions) > 150
    assert max(len(pictures) for _, _, pictures in questions) >= 5
