"""Asks a model on a server about finished responses: a judge replies in words, a reward model in numbers.

Requests go through the server engine, with its attempts and time-outs. Replies are stored, so nothing is
asked twice. R1V3_JUDGE_URL and R1V3_REWARD_URL are the addresses, ..._KEY the keys and ..._KIND the interface
(openai or anthropic). With ..._BATCH=1 requests go through the provider's batch interface. ..._BUDGET limits
the cost of a stage's replies, by the prices of config/prices.yaml.
"""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from r1v3.generate.server.endpoint import Endpoint
from r1v3.generate.server.engine import RemoteModel, ServerEngine, form_of
from r1v3.generate.server.serving import Serving
from r1v3.generate.server.start import engine_of
from r1v3.generate.server.usage import Usage
from r1v3.generate.store import Store, read_responses
from r1v3.generate.types import Request, Sampling
from r1v3.model.prompt_template import without_control
from r1v3.recipe.schema.recipe import Images
from r1v3.recipe.tables.prices import PRICES, load_prices

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
SAMPLING = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=16)
CONCURRENCY, ATTEMPTS, TIMEOUT_SECONDS = 16, 5, 300


class Critic:
    """A client of one judge or reward model.

    Args:
        kind: `judge` or `reward`; part of the names of the variables and of the stored replies' keys.
        model: the model's name on the server.
        images: settings of pictures; larger ones than `max_pixels` are refused.
        instead: how the recipe can be changed if there is no such server; part of an error message.
        paid: folder that records what replies have cost, if they cost something.
    """

    def __init__(self, kind: str, model: str, images: Images, instead: str, paid: Path):
        self.kind, self.model, self.images, self.instead = kind, model, images, instead
        self.paid = paid

    @cached_property
    def engine(self) -> ServerEngine:
        """Open the engine that asks the server, when the first request needs it.

        Raises:
            ValueError: no variable contains the model's address.
        """
        variable = f"R1V3_{self.kind.upper()}"
        url = os.environ.get(f"{variable}_URL")
        if not url:
            raise ValueError(
                f"the recipe asks {self.model}: set {variable}_URL to its endpoint, such as "
                f"http://node:8000/v1, or {self.instead}"
            )
        interface = os.environ.get(f"{variable}_KIND", "openai")
        endpoint = Endpoint(
            url,
            attempts=ATTEMPTS,
            timeout=TIMEOUT_SECONDS,
            per_minute=None,
            first_wait=1.0,
            key_variable=f"{variable}_KEY",
            wire=form_of(interface).wire,
        )
        budget = os.environ.get(f"{variable}_BUDGET")
        serving = Serving(
            self.paid,
            price=load_prices(Path()).get(self.model) if PRICES.exists() else None,
            budget=float(budget) if budget else None,
            batch=os.environ.get(f"{variable}_BATCH") == "1",
        )
        paid = serving.price is not None or serving.batch
        return engine_of(
            RemoteModel(endpoint, self.model, interface, self.images, concurrency=CONCURRENCY),
            Usage(serving.usage if paid else None, serving.price, serving.budget),
            serving if paid else None,
            seconds=float(os.environ.get(f"{variable}_POLL", "60")),
        )

    def replies(self, requests: Sequence[Request], folder: Path) -> dict[str, str]:
        """Return the reply to each request by its key. Failed requests have no reply.

        Args:
            folder: folder of stored replies. A stored reply is not requested again.

        Raises:
            ValueError: no variable contains the model's address.
            ServerError: the server cannot be reached, or rejects the key or the model.
        """
        named = [replace(each, key=f"{self.kind}/{each.key}") for each in requests]
        store = Store(folder, self.model)
        missing = list(store.missing(named, SAMPLING))
        if missing:
            store.drop_half_lines()
            for batch in self.engine.generate(missing, SAMPLING):
                store.append([each for each in batch if each.error is None])
        wanted = {name.key: each.key for name, each in zip(named, requests, strict=True)}
        stored = read_responses(folder, self.kind)
        return {wanted[row["key"]]: row["text"] for row in stored if row["key"] in wanted}


def prompt_of_turns(*said: tuple[str, str]) -> str:
    """Return a prompt of turns (role and text). The server engine splits it into these turns again."""
    text = "".join(f"<|im_start|>{role}\n{words}<|im_end|>\n" for role, words in said)
    return f"{text}<|im_start|>assistant\n"


def reward_prompt(question: str, response: str) -> str:
    """Return a reward model's prompt: the question, then the response as the assistant's turn.

    Args:
        question: the question, with an `<image>` marker for each picture.
    """
    return prompt_of_turns(
        ("user", without_control(question)), ("assistant", shown_response(response))
    )


def shown_response(response: str) -> str:
    """Return a response without control tokens and with its picture markers disabled."""
    return without_control(response).replace("<image>", "< image>")


def read_number(text: str) -> float | None:
    """Return a reply that is one finite number as a float; None for any other reply."""
    text = text.strip()
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else None
