"""Thinking modes: banned words, budgets, and what they do not change."""

import pytest
from model_fixtures import small_encoder, small_model

from r1v3.generate import Request, Sampling
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.thinking import Thinking, word_ids
from r1v3.recipe.graph.configs import ThinkingChanges

REQUESTS = [
    Request(f"q{n}", text, (), seed=n) for n, text in enumerate(["3+4=", "What is the sum?"])
]
SAMPLING = Sampling(1.0, 1.0, 12, samples=4)


def answers(changes=None, sampling=SAMPLING):
    encoder = small_encoder()
    thinking = Thinking(changes, encoder.tokenizer)
    engine = TransformersEngine(small_model(), encoder, thinking=thinking)
    found = [response for batch in engine.generate(REQUESTS, sampling) for response in batch]
    return sorted(found, key=lambda r: (r.key, r.sample))


def test_a_word_is_banned_however_it_is_spaced_and_cased():
    tokenizer = small_encoder().tokenizer
    banned = set(word_ids(tokenizer, ["wait", "Alternatively"]))
    for spelling in ("Wait", "Wait ", "Wait,", " Wait", "Alternatively", "Alternatively "):
        assert banned & set(tokenizer(spelling, add_special_tokens=False)["input_ids"]), spelling
    for spelling in ("What is the sum?", "3+4=7.", "boxed", "Was", "a"):
        assert not banned & set(tokenizer(spelling, add_special_tokens=False)["input_ids"])


def test_a_spelling_in_short_pieces_is_named_since_it_cannot_be_banned(capsys):
    tokenizer = small_encoder().tokenizer
    assert len(tokenizer("HMM")["input_ids"]) > 1
    word_ids(tokenizer, ["hmm"])
    assert "spelt in short pieces, so not banned: HMM, Hmm, hmm" in capsys.readouterr().out


def test_nowait_never_says_the_words():
    tokenizer = small_encoder().tokenizer
    words = ["What", "sum", "boxed", "Wait"]
    banned = set(word_ids(tokenizer, words))
    plain = {token for response in answers() for token in response.token_ids}
    assert banned & plain  # the model would say some of them
    held = {token for r in answers(ThinkingChanges(banned_words=words)) for token in r.token_ids}
    assert not banned & held


def test_words_cannot_be_banned_without_a_tokenizer():
    with pytest.raises(ValueError, match="banned_words"):
        Thinking(ThinkingChanges(banned_words=["Wait"]), None)


def test_a_cap_cuts_what_would_have_been_said():
    plain, capped = answers(), answers(ThinkingChanges(max_new_tokens=5))
    assert max(len(r.token_ids) for r in capped) == 5
    assert {r.finish_reason for r in capped if len(r.token_ids) == 5} <= {"length", "stop"}
    greedy = Sampling(0.0, 1.0, 12)
    for whole, cut in zip(
        answers(None, greedy), answers(ThinkingChanges(max_new_tokens=5), greedy)
    ):
        assert cut.token_ids == whole.token_ids[:5]
    assert len(plain) == len(capped)


def test_a_thought_over_its_budget_is_closed_and_then_answered():
    encoder = small_encoder()
    close = encoder.text_ids("</think>\\boxed{")
    forced_close = ThinkingChanges(thought_tokens=4, max_new_tokens=3, close="</think>\\boxed{")
    plain = answers(None, Sampling(0.0, 1.0, 12))
    for whole, forced in zip(plain, answers(forced_close, Sampling(0.0, 1.0, 12))):
        assert whole.token_ids[-1] != encoder.tokenizer.eos_token_id
        assert forced.token_ids[:4] == whole.token_ids[:4]
        assert forced.token_ids[4 : 4 + len(close)] == close
        assert len(forced.token_ids) <= 4 + len(close) + 3
        assert forced.logprobs[:4] == pytest.approx(whole.logprobs[:4], abs=1e-5)
        assert forced.logprobs[4 : 4 + len(close)] == (0.0,) * len(close)  # nobody drew these
        assert len(forced.logprobs) == len(forced.token_ids)


def test_a_thought_that_closed_in_time_is_left_alone():
    encoder = small_encoder()
    (end,) = encoder.text_ids("</think>")
    sampling = Sampling(0.0, 1.0, 12, bias=((end, 1000.0),))
    changes = ThinkingChanges(thought_tokens=4, max_new_tokens=3, close="</think>X")
    for response in answers(changes, sampling):
        assert response.token_ids == (end,) * 7
