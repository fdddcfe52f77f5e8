"""Prices in advance, and a budget that is never exceeded."""

import json
import socket
import threading
import time

import pytest
from model_fixtures import IMAGES, TEMPLATE, picture
from prices import priced
from providers import anthropic
from scripted_server import serve

from r1v3.generate import Request, Sampling
from r1v3.generate.server.endpoint import Endpoint, ServerError
from r1v3.generate.server.engine import RemoteModel, ServerEngine, form_of
from r1v3.generate.server.forecast import forecast, measure_tokens
from r1v3.generate.server.replies import Replies
from r1v3.generate.server.tokens import Tokens, count_text, prompt_tokens
from r1v3.generate.server.usage import BudgetReached, Usage, read_usage
from r1v3.model.prompt_template import render_prompt
from r1v3.recipe.tables.prices import Area, Tiles, load_prices, price_of

TWICE = Sampling(1.0, 1.0, 1000, samples=2)
MOST = 10_000 / 1e6  # of 1,000 new tokens at 10 a million, with nothing for a prompt


def engine(url, folder, *, budget=None, concurrency=1, attempts=1):
    endpoint = Endpoint(
        url,
        attempts=attempts,
        timeout=5.0,
        per_minute=None,
        first_wait=0.01,
        key_variable="NO_KEY",
        wire=form_of("anthropic").wire,
    )
    return ServerEngine(
        RemoteModel(endpoint, "model", "anthropic", IMAGES, concurrency),
        Usage(folder / "usage.jsonl", priced(), budget),
        replies=Replies(folder, "0-of-1"),
    )


def asking(key):
    return Request(key, render_prompt(TEMPLATE, "2+2=", "nothink"), (), seed=7)


def collect(built, requests, sampling=TWICE):
    """Return answers by key, and whether the budget ended them."""
    found = {}
    try:
        for batch in built.generate(requests, sampling):
            found[batch[0].key] = [response.text for response in batch]
    except BudgetReached as reached:
        return found, str(reached)
    return found, None


def test_a_budget_stops_before_it_is_exceeded_and_a_higher_one_pays_for_the_rest_alone(tmp_path):
    requests = [asking(f"q{n}") for n in range(4)]
    # A sample costs 49 millionths, and may cost some 10,700. The fourth has no room beside three.
    most = Tokens(prompt_tokens(requests[0], priced())[1], 1000).cost(priced())
    budget = most + 2.5 * 49 / 1e6
    with serve(anthropic()) as (url, asked):
        found, reached = collect(engine(url, tmp_path, budget=budget), requests)
        assert len(asked) == 3
        assert list(found) == ["q0"]
        assert "the budget of 0.01 USD stops here" in reached
        assert read_usage(tmp_path / "usage.jsonl")["model"]["price"] <= budget
        rest = [request for request in requests if request.key not in found]
        again, reached = collect(engine(url, tmp_path, budget=1.0), rest)
    assert reached is None
    assert set(found) | set(again) == {"q0", "q1", "q2", "q3"}
    assert len(asked) == 8  # no sample was paid twice
    assert not list(tmp_path.glob("replies.*"))


def test_requests_in_flight_count_at_the_most_that_they_may_cost(tmp_path):
    most = Tokens(prompt_tokens(asking("q"), priced())[1], 1000).cost(priced())
    lock, flying, seen = threading.Lock(), 0, []

    def slow(body, number):
        nonlocal flying
        with lock:
            flying += 1
            seen.append(flying)
        time.sleep(0.03)
        with lock:
            flying -= 1
        return anthropic()(body, number)

    requests = [asking(f"q{n}") for n in range(6)]
    with serve(slow) as (
        url,
        _,
    ):  # two have room at once; a third waits until it is known what one did cost
        built = engine(url, tmp_path, budget=2.2 * most, concurrency=3)
        found, reached = collect(built, requests, Sampling(1.0, 1.0, 1000))
    assert (len(found), reached) == (6, None)
    assert max(seen) == 2


def test_a_request_whose_end_nobody_knows_stays_held_for_later_processes(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def cut():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.recv(100)
                connection.close()

        threading.Thread(target=cut, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        with pytest.raises(ServerError):
            collect(engine(url, tmp_path, budget=1.0), [asking("a")])
    rows = [json.loads(line) for line in (tmp_path / "usage.jsonl").read_text().splitlines()]
    held = sum(row["at_most"] for row in rows if "held" in row)
    assert held > MOST
    with serve(anthropic()) as (url, asked):
        found, reached = collect(engine(url, tmp_path, budget=held + 0.5 * MOST), [asking("a")])
    assert (found, len(asked)) == ({}, 0)
    assert "are held for requests whose end is not known" in reached


def test_what_a_server_turned_away_or_never_saw_costs_nothing(tmp_path):
    with serve(lambda *_: (429, {}, {})) as (url, _), pytest.raises(ServerError):
        collect(engine(url, tmp_path), [asking("a")])
    with pytest.raises(ServerError):
        collect(engine("http://127.0.0.1:9/v1", tmp_path), [asking("a")])
    usage = Usage(tmp_path / "usage.jsonl", priced(), 0.011)
    usage.hold("b", "model", Tokens(0, 1000))


def test_processes_share_a_budget_through_its_file_past_half_a_line(tmp_path):
    path = tmp_path / "usage.jsonl"
    one, other = (Usage(path, priced(), 0.025) for _ in range(2))
    first = one.hold("a", "model", Tokens(0, 1000))
    with path.open("a") as file:
        file.write('{"held": "cut')
    second = other.hold("b", "model", Tokens(0, 1000))
    with pytest.raises(BudgetReached):
        one.hold("c", "model", Tokens(0, 1000), waits=False)
    other.settle(second, "b", "model", Tokens(0, 501))
    with pytest.raises(BudgetReached):
        one.hold("c", "model", Tokens(0, 1000), waits=False)
    other.end(first, free=True)
    one.hold("c", "model", Tokens(0, 1000))


def test_a_budget_needs_a_price():
    with pytest.raises(ValueError, match=r"config/prices\.yaml"):
        Usage(None, None, 1.0)


def test_a_reply_lies_on_disk_until_its_answer_is_stored(tmp_path):
    replies = Replies(tmp_path, "0-of-2")
    replies.put("a", {"content": "é"})
    with replies.path.open("a") as file:
        file.write('{"key": "b", "bo')
    again = Replies(tmp_path, "0-of-2")
    again.put("c", {"content": "c"})
    other = Replies(tmp_path, "1-of-2")
    assert [other.get(key) for key in "abc"] == [{"content": "é"}, None, {"content": "c"}]
    other.clear()
    assert again.get("a") == {"content": "é"}


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((1024, 1024), 765), ((2048, 4096), 1105), ((512, 512), 255), ((768, 300), 425)],
)
def test_tiles_of_a_picture_are_counted_as_openai_counts_them(size, tokens):
    # 1,024: to 768, 4 tiles. 2,048 by 4,096: to 768 by 1,536, 6 tiles. 512: 1 tile. 768 by 300: 2 tiles.
    assert Tiles(kind="tiles", base=85, tile=170).tokens(*size) == tokens


@pytest.mark.parametrize(
    ("size", "tokens"), [((750, 100), 100), ((200, 200), 54), ((4000, 4000), 1600)]
)
def test_the_area_of_a_picture_is_counted_as_anthropic_counts_it(size, tokens):
    assert Area(kind="area", pixels=750, longest=1568, most=1600).tokens(*size) == tokens


def test_text_is_counted_by_rule_and_never_above_its_bytes():
    assert count_text("The square root of 1024 is 32.") == 11
    for text in (
        "The square root",
        "直角三角形的面积",
        "x^{2}+\\frac{1}{2}",
        "  \n\n ",
        "ÄÖÜ naïve",
    ):
        counted, most = prompt_tokens(Request("a", text, (), 0), priced())
        assert 0 < counted <= most


def test_a_forecast_pays_a_prompt_for_each_sample_where_no_request_brings_several(tmp_path):
    requests = [Request("a", "a b c d", (picture(1, 100, 75),), 0)] * 10
    unmeasured = measure_tokens(tmp_path / "none", "model", priced())
    once, often = (
        forecast(requests, TWICE, priced(), unmeasured, takes_n=takes_n)
        for takes_n in (True, False)
    )
    # 4 words and 10 tokens of picture; 2 answers of 100
    assert (once.requests, once.tokens) == (10, Tokens(140, 2000))
    assert often.tokens == Tokens(280, 2000)
    assert once.expected == pytest.approx((140 * 2 + 2000 * 10) / 1e6)
    assert once.at_most > 20_000 * 10 / 1e6
    half = forecast(requests, TWICE, priced(), unmeasured, takes_n=True, batch=True)
    assert half.expected == pytest.approx(once.expected / 2)


def test_answered_requests_correct_the_forecast(tmp_path):
    usage = Usage(tmp_path / "usage.jsonl", priced())
    for _ in range(2):
        usage.settle("", "k", "model", Tokens(30, 80), counted=20, samples=2)
    measured = measure_tokens(tmp_path / "usage.jsonl", "model", priced())
    assert (measured.requests, measured.prompt_ratio, measured.answer_tokens) == (2, 1.5, 40.0)
    found = forecast([Request("a", "a b c d", (), 0)], TWICE, priced(), measured, takes_n=True)
    assert found.tokens == Tokens(6, 80)


def test_every_closed_model_of_table_1_has_a_price_with_a_source_and_a_date():
    from pathlib import Path

    from r1v3.recipe.load import load_project

    root = Path(__file__).parents[3]
    prices = load_prices(root)
    baselines = load_project(root, "paper").recipe.baselines
    closed = [each.id for each in baselines.values() if getattr(each, "address", None)]
    assert len(closed) == 2
    for model in closed:
        assert price_of(prices, model).source
        assert price_of(prices, model).date
    with pytest.raises(ValueError, match="gpt-4o-2024-11-20"):
        price_of(prices, "gpt-4o-2024-11-2")
