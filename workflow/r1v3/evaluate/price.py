"""Estimates what an evaluation's answers will cost, before any is asked: `r1v3 evaluate MODEL --price`."""

import os
from itertools import groupby
from pathlib import Path

from r1v3.evaluate.answer import model_key, plan_answers
from r1v3.evaluate.any_model import ReadyEvaluation, serving_of
from r1v3.evaluate.reuse import take_over
from r1v3.generate.server.engine import form_of
from r1v3.generate.server.forecast import Forecast, Measured, forecast, measure_tokens
from r1v3.generate.server.serving import Serving
from r1v3.generate.server.tokens import Tokens
from r1v3.generate.server.usage import read_usage
from r1v3.generate.store import Store
from r1v3.recipe.tables.prices import PRICES, Price, load_prices, price_of
from r1v3.render.text_table import TextTable


def price_table(root: Path, evaluation: ReadyEvaluation) -> TextTable:
    """Return a row for each benchmark with questions that have no stored answer, and the sum.

    Raises:
        ValueError: the model is not behind a server, or config/prices.yaml lacks it.
    """
    model = str(evaluation.target.model)
    if not evaluation.target.served:
        raise ValueError("--price: only a model behind a server is paid by the answer")
    price, serving = price_of(load_prices(root), model), serving_of(root, evaluation)
    measured = measure_tokens(serving.usage, model, price)
    form = form_of(os.environ.get("R1V3_SERVER_KIND", "vllm"), price.omits)
    take_over(evaluation.config, evaluation.folder)
    store = Store(evaluation.folder / "responses", model_key(evaluation.config), read_only=True)
    plans, _ = plan_answers(
        evaluation.config,
        model=model,
        benchmarks=evaluation.benchmarks,
        held_out={},
        store=store,
    )
    rows, found = [], []
    for sampling, requests in plans.items():
        for name, own in groupby(requests, lambda request: request.key.partition("/")[0]):
            found.append(forecast(own, sampling, price, measured, takes_n=form.takes_n))
            rows.append(_row(name, found[-1], price))
    rows.append(_row("all", _sum(found), price))
    return TextTable(_caption(serving, model, price, measured), _header(price), rows)


def _header(price: Price) -> list[str]:
    amount = price.currency
    return [
        "Benchmark",
        "questions to ask",
        "prompt tokens",
        "new tokens",
        f"expected, {amount}",
        f"by batch, {amount}",
        f"at most, {amount}",
    ]


def _row(name: str, found: Forecast, price: Price) -> list[str]:
    counts = [found.requests, found.tokens.prompt, found.tokens.new]
    money = [found.expected, found.expected * price.batch, found.at_most]
    return [name, *(f"{each:,}" for each in counts), *(f"{each:,.2f}" for each in money)]


def _sum(parts: list[Forecast]) -> Forecast:
    tokens = Tokens(
        sum(each.tokens.prompt for each in parts), sum(each.tokens.new for each in parts)
    )
    return Forecast(
        sum(each.requests for each in parts),
        tokens,
        sum(each.expected for each in parts),
        sum(each.at_most for each in parts),
    )


def _caption(serving: Serving, model: str, price: Price, measured: Measured) -> str:
    said = (
        f"Prices of {model} for a million tokens: {price.input:g} read, {price.cached_input:g} read from a"
        f" cache, {price.output:g} written, in {price.currency}; {price.source}, {price.date}; {PRICES}."
    )
    if measured.requests:
        said += (
            f" Measured on {measured.requests} answered requests: {measured.prompt_ratio:.2f} prompt tokens"
            f" for one counted, {measured.answer_tokens:,.0f} new tokens an answer."
        )
    else:
        said += (
            f" Prompt tokens are counted by rule, and an answer is assumed to take {price.answer_tokens:,};"
            " after the first answers both are measured."
        )
    known = read_usage(serving.usage).get(model)
    if known and known["price"]:
        said += f" So far {known['price']:.2f} {price.currency} were spent."
    return f"{said} At most: every answer as long as the limit, nothing read from a cache."
