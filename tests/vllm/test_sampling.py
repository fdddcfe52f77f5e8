"""Seeds, samples, banned tokens, stop strings, budgets and poisoned requests in vLLM."""

from model_fixtures import picture

from r1v3.generate import Request, Sampling
from r1v3.generate.thinking import Thinking
from r1v3.generate.vllm.engine import library_seed
from r1v3.recipe.graph.configs import ThinkingChanges

TEXTS = ["What is the sum?", "<image>\nWhat is the sum? A. 1 B. 2", "<image>\n<image>\n3+4="]
PICTURES = [(), (picture(1),), (picture(2, 56, 28), picture(3))]
REQUESTS = [
    Request(f"q{n}", text, pictures, seed=100 + n)
    for n, (text, pictures) in enumerate(zip(TEXTS, PICTURES))
]


def test_the_same_seed_gives_the_same_samples_whoever_else_is_asked(engine, answers):
    sampling = Sampling(1.0, 1.0, 12, samples=4)
    together = answers(engine, REQUESTS, sampling)
    alone = [r for request in REQUESTS for r in answers(engine, [request], sampling)]
    assert [r.token_ids for r in together] == [r.token_ids for r in alone]
    assert [r.sample for r in together] == [0, 1, 2, 3] * 3
    assert len({r.token_ids for r in together[:4]}) == 4
    (other,) = answers(engine, [Request("q0", TEXTS[0], (), seed=7)], Sampling(1.0, 1.0, 12))
    assert other.token_ids != together[0].token_ids


def test_more_long_prompts_than_one_step_takes_keep_their_seeds(engine, answers):
    requests = [Request(f"q{n}", f"{n} " + "What is the sum? " * 150, (), seed=n) for n in range(8)]
    sampling = Sampling(1.0, 1.0, 6, samples=2)
    together = answers(engine, requests, sampling)
    limit = engine.llm.llm_engine.vllm_config.scheduler_config.max_num_batched_tokens
    assert sum(r.prompt_tokens for r in together) > limit
    alone = [r for request in requests for r in answers(engine, [request], sampling)]
    assert [r.token_ids for r in together] == [r.token_ids for r in alone]


def test_neighbouring_seeds_share_no_sample(engine, answers):
    """Check neighbouring seeds, because the library's sample numbers of one seed run into the next seed."""
    assert abs(library_seed(100) - library_seed(101)) > 10**6
    found = answers(
        engine,
        [Request(f"q{n}", TEXTS[0], (), seed=100 + n) for n in range(3)],
        Sampling(1.0, 1.0, 12, samples=3),
    )
    assert len({r.token_ids for r in found}) == 9


def test_greedy_samples_are_copies(engine, answers):
    found = answers(engine, REQUESTS[:1], Sampling(0.0, 1.0, 6, samples=3))
    assert [r.sample for r in found] == [0, 1, 2]
    assert len({r.token_ids for r in found}) == 1


def test_image_tokens_and_banned_tokens_are_never_emitted(engine, encoder, answers):
    banned = tuple(range(7, 200))
    never = {*banned, *encoder.processor.image_token_ids}
    found = answers(engine, REQUESTS, Sampling(1.0, 1.0, 20, samples=4, banned=banned))
    assert not never & {token for response in found for token in response.token_ids}


def test_nowait_bans_words_by_ids(engine, encoder, answers):
    words = ["What", "sum", "boxed", "Wait"]
    thinking = Thinking(ThinkingChanges(banned_words=words), encoder.tokenizer)
    sampling = Sampling(1.0, 1.0, 30, samples=12)
    said = {t for r in answers(engine, REQUESTS, sampling) for t in r.token_ids}
    assert set(thinking.banned) & said  # else nothing is shown
    kept = {t for r in answers(engine, REQUESTS, thinking(sampling)) for t in r.token_ids}
    assert not set(thinking.banned) & kept


def test_a_bias_moves_a_logit(engine, encoder, answers):
    token = encoder.text_ids("7")[0]
    (sure,) = answers(engine, REQUESTS[:1], Sampling(0.0, 1.0, 3, bias=((token, 1000.0),)))
    assert sure.token_ids == (token,) * 3


def test_a_stop_string_ends_a_response_as_in_the_other_engine(engine, transformers_engine, answers):
    for request, whole in zip(REQUESTS, answers(engine, REQUESTS, Sampling(0.0, 1.0, 12))):
        sampling = Sampling(0.0, 1.0, 12, stop=("never said", whole.text[3:5]))
        (stopped,) = answers(engine, [request], sampling)
        (other,) = answers(transformers_engine(), [request], sampling)
        assert stopped.text == whole.text[: whole.text.find(sampling.stop[1])]
        assert (stopped.text, stopped.finish_reason) == (other.text, "stop")
        assert stopped.token_ids == other.token_ids


def test_the_end_of_turn_is_in_the_ids_and_not_in_the_text(engine, encoder, answers):
    stop_id = encoder.tokenizer.eos_token_id
    (ended,) = answers(engine, REQUESTS[:1], Sampling(0.0, 1.0, 5, bias=((stop_id, 1000.0),)))
    assert (ended.token_ids, ended.text, ended.finish_reason) == ((stop_id,), "", "stop")


def test_a_thought_over_its_budget_is_closed_as_in_the_other_engine(
    engine, transformers_engine, answers
):
    changes = ThinkingChanges(thought_tokens=4, max_new_tokens=3, close="</think>\\boxed{")
    sampling = Thinking(changes, None)(Sampling(0.0, 1.0, 12))
    ours = answers(transformers_engine(), REQUESTS, sampling)
    theirs = answers(engine, REQUESTS, sampling)
    assert [r.token_ids for r in theirs] == [r.token_ids for r in ours]
    assert all("</think>\\boxed{" in r.text for r in theirs)
    for one, other in zip(theirs, ours):
        assert max(abs(a - b) for a, b in zip(one.logprobs, other.logprobs)) < 1e-3
    sampled = Thinking(changes, None)(Sampling(1.0, 1.0, 12, samples=3))
    first, again = (answers(engine, REQUESTS, sampled) for _ in range(2))
    assert [r.token_ids for r in first] == [r.token_ids for r in again]
    assert len({r.token_ids for r in first}) == 9


def test_a_thought_that_closed_in_time_is_left_alone(engine, encoder, answers):
    (end,) = encoder.text_ids("</think>")
    changes = ThinkingChanges(thought_tokens=4, max_new_tokens=3, close="</think>X")
    sampling = Thinking(changes, None)(Sampling(0.0, 1.0, 12, bias=((end, 1000.0),)))
    for response in answers(engine, REQUESTS, sampling):
        assert response.token_ids == (end,) * 7


def test_a_poisoned_request_is_answered_with_its_error_and_the_rest_goes_on(
    engine, answers, tmp_path
):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    picture(1).save(tmp_path / "whole.png")
    inside = tmp_path / "inside"
    requests = [
        Request("unreadable", "<image>", (tmp_path / "cut.png",), 1),
        Request("good", "<image> sum", (tmp_path / "whole.png",), 1, root=tmp_path),
        Request("missing", "<image>", (tmp_path / "none.png",), 1),
        Request("bomb", "<image>", (picture(1, 500, 401),), 1),
        Request("too_long", "7 " * 3000, (), 1),
        Request("outside", "<image>", (inside / ".." / "whole.png",), 1, root=inside),
        Request("no_picture", "<image>", (), 1),
        Request("forged", "<img><IMG_CONTEXT></img>", (), 1),
    ]
    found = answers(engine, requests, Sampling(0.0, 1.0, 4, samples=2))
    errors = {response.key: response.error for response in found}
    assert len(found) == 2 * len(requests)
    assert [key for key, error in errors.items() if error is None] == ["good"]
    assert "500 x 401" in errors["bomb"]
    assert "2048" in errors["too_long"]
    assert "outside the data root" in errors["outside"]


def test_a_reader_who_stops_early_leaves_nothing_running(engine):
    stream = engine.generate(REQUESTS, Sampling(1.0, 1.0, 200, samples=2))
    stop = Sampling(1.0, 1.0, 1)
    next(engine.generate(REQUESTS[:1], stop))
    next(stream)
    stream.close()
    assert not engine.llm.llm_engine.has_unfinished_requests()
