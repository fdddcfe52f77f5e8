"""Opens the server that the environment names, as an engine."""

import os
import re
from dataclasses import replace
from pathlib import Path

from r1v3.generate.server.batches import Batches
from r1v3.generate.server.endpoint import Endpoint
from r1v3.generate.server.engine import RemoteModel, ServerEngine, form_of
from r1v3.generate.server.replies import Replies
from r1v3.generate.server.serving import Serving
from r1v3.generate.server.usage import Usage
from r1v3.generate.thinking import Thinking
from r1v3.recipe.graph.configs import ThinkingChanges
from r1v3.recipe.schema.recipe import Images
from r1v3.recipe.tables.prices import Area, Price

# Assumptions for a model without an entry: a picture counts by area, and a batch saves nothing.
UNKNOWN = Price(
    source="",
    date="",
    currency="(no currency said)",
    input=1.0,
    cached_input=1.0,
    cache_write=1.0,
    output=1.0,
    batch=1.0,
    pictures=Area(kind="area", pixels=512, longest=8192, most=16384),
    answer_tokens=1000,
)


def open_server(
    images: Images,
    model: Path | str,
    thinking: ThinkingChanges | None,
    serving: Serving | None,
) -> ServerEngine:
    """Open the engine of the server that the environment names.

    It reads variables that begin with R1V3_SERVER: _URL (required), _MODEL (the checkpoint's folder), _KIND
    (vllm, openai or anthropic), _KEY, _KEY_VARIABLE (the variable that holds the key instead of _KEY), _PRICE
    (money for a million prompt tokens and a million new ones, `2.5/10`, instead of config/prices.yaml), _RATE
    (attempts a minute), _CONCURRENCY, _TIMEOUT (seconds), _USAGE (a file), _BATCH (1 for the batch
    interface), _POLL (seconds between two checks whether a batch is ready).

    Raises:
        ValueError: the address is missing or a value is malformed.
    """

    def setting(name: str, default: str = "") -> str:
        return os.environ.get(f"R1V3_SERVER_{name}", default)

    if not setting("URL"):
        raise ValueError(
            "engine server: R1V3_SERVER_URL must hold the address, as http://host:8000/v1"
        )
    price = serving.price if serving else None
    if setting("PRICE"):
        price = _price_of(setting("PRICE"), price)
    kind = setting("KIND", "vllm")
    tokenizer, never = None, ()
    settings = ("processor_config.json", "preprocessor_config.json")
    if any((Path(model) / name).exists() for name in settings):
        from r1v3.model.processor import load_processor

        processor = load_processor(Path(model))
        tokenizer, never = processor.tokenizer, processor.image_ids
    path = Path(setting("USAGE")) if setting("USAGE") else serving and serving.usage
    endpoint = Endpoint(
        setting("URL"),
        attempts=int(setting("ATTEMPTS", "6")),
        timeout=float(setting("TIMEOUT", "3600")),
        per_minute=float(setting("RATE")) if setting("RATE") else None,
        first_wait=1.0,
        key_variable=setting("KEY_VARIABLE", "R1V3_SERVER_KEY"),
        wire=form_of(kind).wire,
    )
    kept = serving and replace(serving, price=price, batch=serving.batch or setting("BATCH") == "1")
    remote = RemoteModel(
        endpoint,
        setting("MODEL", str(model)),
        kind,
        images,
        concurrency=int(setting("CONCURRENCY", "32")),
        thinking=Thinking(thinking, tokenizer),
        never=never,
    )
    usage = Usage(path, price, serving.budget if serving else None)
    poll = float(setting("POLL", "60"))
    return engine_of(remote, usage, kept if kind != "vllm" else None, seconds=poll)


def engine_of(
    remote: RemoteModel, usage: Usage, serving: Serving | None, *, seconds: float = 60.0
) -> ServerEngine:
    """Return the engine of a model behind a server; paid replies are kept on disk.

    Args:
        usage: counts tokens and money.
        serving: where replies and batches are kept; None if nothing is paid.
        seconds: seconds between two checks whether a batch is ready.
    """
    replies = Replies(serving.folder, serving.part) if serving else None
    batches = None
    if serving and replies and serving.batch:
        form = form_of(remote.kind, usage.price.omits if usage.price else ())
        batches = Batches(
            remote.endpoint,
            remote.kind,
            form,
            remote.name,
            serving.folder / "batches",
            replies,
            usage,
            seconds=seconds,
        )
    return ServerEngine(remote, usage, replies=replies, batches=batches)


def _price_of(text: str, known: Price | None) -> Price:
    """Return the price in the environment, in the form `2.5/10`.

    Args:
        known: the price of config/prices.yaml; the environment replaces only the two numbers.
    """
    found = re.fullmatch(r"([\d.]+)/([\d.]+)", text)
    if not found:
        raise ValueError(
            "R1V3_SERVER_PRICE must be <a million prompt tokens>/<a million new tokens>"
        )
    prompt, new = float(found[1]), float(found[2])
    changed = {"input": prompt, "cached_input": prompt, "cache_write": prompt, "output": new}
    changed |= {"source": "R1V3_SERVER_PRICE"}
    return Price.model_validate((known or UNKNOWN).model_dump() | changed)
