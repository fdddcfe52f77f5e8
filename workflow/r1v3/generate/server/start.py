"""The server that the environment names, as an engine."""

import os
import re
from pathlib import Path

from r1v3.generate.server.endpoint import Endpoint
from r1v3.generate.server.engine import ServerEngine
from r1v3.generate.server.usage import Usage
from r1v3.generate.thinking import Thinking
from r1v3.recipe.graph.configs import ThinkingChanges
from r1v3.recipe.schema.recipe import Images


def open_server(
    images: Images, model: Path | str, thinking: ThinkingChanges | None, usage: Path | None
) -> ServerEngine:
    """The engine of the server that the environment names.

    R1V3_SERVER_URL (required), _MODEL (the checkpoint's folder), _KIND (vllm or openai), _KEY, _PRICE
    (money for a million prompt tokens and a million new ones, `2.5/10`), _RATE (attempts a minute),
    _CONCURRENCY, _TIMEOUT (seconds), _USAGE (a file).

    Raises:
        ValueError: the address is missing or a value is malformed.
    """

    def setting(name: str, default: str = "") -> str:
        return os.environ.get(f"R1V3_SERVER_{name}", default)

    if not setting("URL"):
        raise ValueError(
            "engine server: R1V3_SERVER_URL must hold the address, as http://host:8000/v1"
        )
    price = re.fullmatch(r"([\d.]+)/([\d.]+)", setting("PRICE"))
    if setting("PRICE") and not price:
        raise ValueError(
            "R1V3_SERVER_PRICE must be <a million prompt tokens>/<a million new tokens>"
        )
    tokenizer, never = None, ()
    settings = ("processor_config.json", "preprocessor_config.json")
    if any((Path(model) / name).exists() for name in settings):
        from r1v3.model.processor import load_processor

        processor = load_processor(Path(model))
        tokenizer, never = processor.tokenizer, processor.image_ids
    path = setting("USAGE") or usage
    return ServerEngine(
        Endpoint(
            setting("URL"),
            attempts=int(setting("ATTEMPTS", "6")),
            timeout=float(setting("TIMEOUT", "3600")),
            per_minute=float(setting("RATE")) if setting("RATE") else None,
            first_wait=1.0,
            key_variable="R1V3_SERVER_KEY",
        ),
        setting("MODEL", str(model)),
        kind=setting("KIND", "vllm"),
        images=images,
        concurrency=int(setting("CONCURRENCY", "32")),
        usage=Usage(
            Path(path) if path else None, (float(price[1]), float(price[2])) if price else None
        ),
        thinking=Thinking(thinking, tokenizer),
        never=never,
    )
