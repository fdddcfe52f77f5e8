"""Critical tokens are found for any spacing, case or tokenization of the words."""

import json

import pytest
from grpo_fixtures import selection
from model_fixtures import small_processor

from r1v3.train.entropy.critical import CriticalTokens
from r1v3.train.entropy.interval import clustered_mean
from r1v3.train.probe.select_checkpoint import choose_checkpoint, hindsight, select_checkpoint


def found(text, words=("Wait", "Alternatively")):
    tokenizer = small_processor().tokenizer
    ids = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
    finder = CriticalTokens(tokenizer, list(words))
    return finder, ids, [tokenizer.decode(ids[: n + 1]) for n in finder.words(ids)]


@pytest.mark.parametrize(
    "word", ["Wait", "wait", " Wait", "WAIT", "\nWait", "wAit", "Alternatively"]
)
def test_the_first_token_of_a_critical_word_is_found(word):
    _, _, prefixes = found(f"3+4=8.{word}, 3+4=7.")
    assert len(prefixes) == 1
    assert len(prefixes[0]) < len("3+4=8.") + len(word) + 1
    assert prefixes[0].startswith("3+4=8.")


def test_words_within_words_do_not_count():
    assert found("Waiting awaits. Waitress")[2] == []


def test_several_words_are_found_in_order_and_special_tokens_are_skipped():
    finder, ids, prefixes = found("Wait, 7. 答案 wait. Alternatively, 8.")
    assert len(prefixes) == 3
    stop = small_processor().tokenizer.eos_token_id
    assert finder.words((stop, *ids)) == [n + 1 for n in finder.words(ids)]


def test_sentence_starts_are_the_first_and_those_after_a_full_stop():
    finder, ids, _ = found("3+4=7. Wait, 7.\nNo")
    starts = finder.sentences(ids)
    tokenizer = small_processor().tokenizer
    assert [tokenizer.decode(ids[n:])[:2] for n in starts] == ["3+", "Wa", "No"]


@pytest.mark.parametrize(
    ("text", "firsts"),
    [
        ("x is 3.14 and 2.5. So x = .5!Then\n\n  7", ["x is", "So x", "7"]),
        ("3.14", ["3.14"]),
        (" No? e.g. 7", ["No? ", "e.g.", "7"]),  # an abbreviation ends a sentence here
        ("答案是七。所以七！ 对？Wait, π.", ["答案是七", "所以七！", "对？Wa", "Wait"]),
    ],
)
def test_a_sentence_starts_after_a_space_or_a_chinese_full_stop_and_in_no_number(text, firsts):
    finder, ids, _ = found(text)
    rests = [finder.tokenizer.decode(ids[n:]).strip() for n in finder.sentences(ids)]
    assert [rest[:4] for rest in rests] == [first[:4] for first in firsts]


def test_a_response_that_ends_within_a_letter_has_its_sentences():
    finder, ids, _ = found("7. 答")
    assert len(finder.sentences(ids[:-1])) == 1  # the letter's last byte is missing
    assert len(finder.sentences(ids)) == 2


def test_an_interval_resamples_prompts_not_values():
    alike = clustered_mean([[1.0, 1.0], [3.0, 3.0]], resamples=2000, seed=0)
    assert (alike["mean"], alike["count"]) == (2.0, 4)
    assert (alike["low"], alike["high"]) == (1.0, 3.0)  # whole clusters: one side or the other
    assert clustered_mean([[], []], resamples=10, seed=0)["mean"] is None


def checkpoint(step, entropy, reward, by_prompt=(0.0, 0.0)):
    row = {"step": step, "critical_token_entropy": entropy, "reward": reward}
    return row | {"accuracy_by_prompt": list(by_prompt), "reward_by_prompt": list(by_prompt)}


def test_hindsight_chooses_on_one_half_and_scores_on_the_other():
    lucky = checkpoint(30, 0.9, 0.5, (1.0, 0.0, 1.0, 0.0))
    steady = checkpoint(60, 0.4, 0.5, (0.5, 0.5, 0.5, 0.5))
    both = [lucky, steady]
    # Even items choose `lucky`, right on none of the odd; odd ones `steady`, right on half of the even.
    assert hindsight(both, "last", None) == pytest.approx((0.0 - 0.5 + 0.5 - 0.5) / 2)
    assert hindsight(both, "critical_entropy", None) == pytest.approx((0.0 - 0.0 + 0.5 - 1.0) / 2)


def test_a_policy_that_looks_at_rewards_chooses_again_on_each_half():
    lucky = checkpoint(30, 0.9, 0.5, (1.0, 0.0, 1.0, 0.0))
    steady = checkpoint(60, 0.4, 0.6, (0.5, 0.7, 0.5, 0.7))
    both = [lucky, steady]
    # Rewards are the accuracies, so each half chooses what is best there: nothing is lost.
    assert hindsight(both, "reward", None) == 0
    # Within 0.1 of the best: `lucky` alone by the even items, `steady` alone by the odd.
    assert hindsight(both, "critical_entropy", 0.1) == 0
    # Rewards without accuracy's errors: the policy takes `steady` by either half.
    lucky["reward_by_prompt"] = [0.1] * 4
    assert hindsight(both, "reward", None) == pytest.approx((0.0 - 0.7 + 0.5 - 0.5) / 2)


def test_each_policy_chooses_by_its_own_measure():
    rows = [checkpoint(30, 0.4, 0.5), checkpoint(60, 0.9, 0.6), checkpoint(90, 0.2, 0.8)]
    assert [
        choose_checkpoint(rows, p, None)[0]["step"] for p in ("critical_entropy", "reward", "last")
    ] == [
        60,
        90,
        90,
    ]


def test_critical_entropy_may_be_held_to_checkpoints_that_have_learned():
    rows = [checkpoint(30, 0.9, 0.5), checkpoint(60, 0.4, 0.78), checkpoint(90, 0.2, 0.8)]
    chosen, why = choose_checkpoint(rows, "critical_entropy", 0.03)
    assert chosen["step"] == 60
    assert "within 0.03 of the best reward" in why


def test_without_critical_tokens_the_last_is_taken_and_the_manifest_says_so(tmp_path):
    paths = []
    for step in (60, 30):
        path = tmp_path / f"{step}.json"
        path.write_text(json.dumps(checkpoint(step, None, 0.1)))
        paths.append(path)
    facts = select_checkpoint(selection(policy="critical_entropy"), probes=paths)
    assert facts["chosen"] == 60
    assert "too few critical tokens" in facts["why"]


def test_an_id_beyond_the_tokenizer_has_no_bytes():
    finder, ids, _ = found("3+4=7. Wait")
    assert finder.words((*ids, 10**6)) == finder.words(ids)
