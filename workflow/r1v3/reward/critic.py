"""A model behind a server that reads finished responses: a judge in words, or a reward model in numbers.

It is asked through the server engine, with that engine's attempts and time-outs, and what it said is stored
and asked for once. R1V3_JUDGE_URL and R1V3_REWARD_URL hold the addresses, ..._KEY the keys, ..._KIND the
interface (openai or anthropic). ..._BATCH=1 asks through the provider's batch interface, and ..._BUDGET is
the most that a stage's replies may cost, by config/prices.yaml.
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
    """Asks one model.

    Args:
        kind: `judge` or `reward`: names the variables of address and key, and the stored replies.
        model: name the server knows the model by.
        images: `max_pixels` refuses larger pictures.
        instead: what the recipe can be changed to where there is no such server.
        paid: folder of what replies have cost, where they cost something.
    """

    def __init__(self, kind: str, model: str, images: Images, instead: str, paid: Path):
        self.kind, self.model, self.images, self.instead = kind, model, images, instead
        self.paid = paid

    @cached_property
    def engine(self) -> ServerEngine:
        """What asks the server; opened when something is to be asked.

        Raises:
            ValueError: no variable says where the model is.
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
        """The reply to each request by its key; a request that failed has none.

        Args:
            folder: where replies are kept; what lies there is not asked for again.

        Raises:
            ValueError: no variable says where the model is.
            ServerError: the server is away, or refuses key or model.
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
    """A prompt of these turns (role and text), from which the server engine takes them again."""
    text = "".join(f"<|im_start|>{role}\n{words}<|im_end|>\n" for role, words in said)
    return f"{text}<|im_start|>assistant\n"


def reward_prompt(question: str, response: str) -> str:
    """What a reward model is shown: the question, and the response as the assistant's turn.

    Args:
        question: with an `<image>` marker for each picture.
    """
    return prompt_of_turns(
        ("user", without_control(question)), ("assistant", shown_response(response))
    )


def shown_response(response: str) -> str:
    """A response in which neither a control token nor a picture's marker can be read."""
    return without_control(response).replace("<image>", "< image>")


def read_number(text: str) -> float | None:
    """The number that a reply is; None for anything else."""
    text = text.strip()
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else None
