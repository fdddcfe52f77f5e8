"""The engine behind an OpenAI-compatible server: a vLLM server, or a closed model of Table 1.

A rendered prompt is taken apart into its turns again. A vLLM server continues the reply that the
template opened (`<think>`) and tells token ids; any other model keeps its own template, so the opened
reply is left out there, and a budget that closes the thought cannot be forced.
"""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from r1v3.generate.endpoint import Endpoint, Refused, Reply, ServerError
from r1v3.generate.pictures import UNREADABLE, check_places, data_url
from r1v3.generate.template import END_OF_THINK, read_prompt
from r1v3.generate.thinking import Thinking
from r1v3.generate.types import Request, Response, Sampling, failed
from r1v3.generate.usage import Usage

MARKER = "<image>"
KINDS = ("vllm", "openai")
NEVER = -100.0  # the bias that bans


class ServerEngine:
    """Answers requests by posting them, many at a time.

    Args:
        endpoint: where they are posted.
        model: name the server knows the model by.
        kind: `vllm`, or `openai` for a server that knows nothing beyond that interface.
        images: the recipe's `images` section.
        concurrency: requests in flight.
        usage: counts tokens and money.
        thinking: applied to every sampling.
        never: ids of image tokens, where they are known; drawn, they would make the model look for a picture.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        *,
        kind: str,
        images: dict,
        concurrency: int,
        usage: Usage,
        thinking: Thinking | None = None,
        never: tuple[int, ...] = (),
    ):
        self.never = never
        if kind not in KINDS:
            raise ValueError(f"server: kind must be one of {', '.join(KINDS)}, not {kind!r}")
        if concurrency < 1:
            raise ValueError("server: concurrency must be 1 or more")
        self.endpoint, self.model, self.kind = endpoint, model, kind
        self.images, self.concurrency, self.usage = images, concurrency, usage
        self.thinking = thinking or Thinking(None, None)

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer as the server does, each request as soon as all its samples are there.

        Raises:
            ServerError: address, model or key are wrong, or request after request fails.
        """
        sampling = self.thinking(sampling)
        if sampling.thought_tokens is not None and self.kind != "vllm":
            raise ValueError("thinking: a closed thought can be forced on a vllm server alone")
        waiting, any_answered = iter(requests), False
        held: list[
            Response
        ] = []  # failed perhaps because the server is away: kept for a later start
        stop = threading.Event()
        with ThreadPoolExecutor(self.concurrency) as threads:
            running = set()
            try:
                while True:
                    while len(running) < 2 * self.concurrency and (ask := next(waiting, None)):
                        running.add(threads.submit(self._answer, ask, sampling, stop))
                    if not running:
                        break
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        responses, unreachable = future.result()
                        if unreachable:
                            held += responses
                        else:
                            any_answered = any_answered or responses[0].error is None
                            yield held + responses
                            held = []
                    if len(held) > 2 * self.concurrency * sampling.samples:
                        break
            finally:
                stop.set()
                for future in running:
                    future.cancel()
        if held and (not any_answered or running):
            raise ServerError(f"{self.endpoint.url}: {held[0].error}")
        if held:
            yield held

    def _answer(self, request: Request, sampling: Sampling, stop) -> tuple[list[Response], bool]:
        """All samples, or the error; and whether that error is the server's, not the request's."""
        if stop.is_set():
            return failed(request, sampling, "not asked"), True
        try:
            check_places(request)
            messages = self._messages(request)
        except UNREADABLE as error:
            return failed(request, sampling, f"{type(error).__name__}: {error}"), False
        try:
            found: list[Response] = []
            while len(found) < sampling.samples:  # some servers know no `n`
                found += self._sample(request, messages, sampling, len(found))
            return found[: sampling.samples], False
        except Refused as error:
            return failed(request, sampling, str(error)), error.may_pass

    def _messages(self, request: Request) -> list[dict]:
        turns = read_prompt(request.prompt)
        pictures = [data_url(each, self.images["max_pixels"]) for each in request.images]
        pieces = sum(text.count(MARKER) for _, text in turns[:-1])
        if pieces != len(pictures):
            raise ValueError(f"{pieces} image markers for {len(pictures)} pictures")
        rest, messages = iter(pictures), []
        for role, text in turns[:-1]:
            own = role if role in ("system", "assistant") else "user"
            content: str | list[dict] = text
            if MARKER in text:
                content = []
                for piece in re.split(f"({MARKER})", text):
                    if piece == MARKER:
                        content.append({"type": "image_url", "image_url": {"url": next(rest)}})
                    elif piece:
                        content.append({"type": "text", "text": piece})
            messages.append({"role": own, "content": content})
        opened = turns[-1][1]
        if opened and self.kind == "vllm":
            messages.append({"role": "assistant", "content": opened})
        return messages

    def _sample(self, request: Request, messages, sampling: Sampling, have: int) -> list[Response]:
        budget = sampling.thought_tokens
        first = self._ask(
            request,
            messages,
            sampling,
            seed=request.seed + have,
            n=sampling.samples - have,
            most=sampling.max_new_tokens if budget is None else budget,
        )
        found = []
        for number, choice in enumerate(first.body["choices"], have):
            response = _response(request, number, choice, first.body)
            if budget is not None and response.finish_reason == "length":
                response = self._close(request, messages, sampling, response)
            found.append(response)
        return found

    def _close(self, request: Request, messages, sampling: Sampling, thought: Response) -> Response:
        """Continue a reply that used up its budget; a thought still open is closed first."""
        closed = END_OF_THINK in thought.text
        so_far = thought.text + ("" if closed else sampling.close)
        opened = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
        turns = [m for m in messages if m["role"] != "assistant"]
        reply = self._ask(
            request,
            [*turns, {"role": "assistant", "content": opened + so_far}],
            sampling,
            seed=request.seed + thought.sample,
            n=1,
            most=sampling.max_new_tokens,
        )
        answer = _response(request, thought.sample, reply.body["choices"][0], reply.body)
        return Response(
            request.key,
            thought.sample,
            so_far + answer.text,
            thought.token_ids + answer.token_ids,
            thought.logprobs + answer.logprobs,
            answer.finish_reason,
            thought.prompt_tokens,
            counted=thought.tokens + answer.tokens,
        )

    def _ask(self, request, messages, sampling: Sampling, *, seed, n, most) -> Reply:
        body = {
            "model": self.model,
            "messages": messages,
            "n": n,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed % 2**31,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        bias = {str(i): value for i, value in sampling.bias}
        bias |= {str(i): NEVER for i in (*self.never, *sampling.banned)}
        if bias:
            body["logit_bias"] = bias
        if self.kind == "vllm":
            body |= {"max_tokens": most, "logprobs": True, "return_token_ids": True}
            if messages[-1]["role"] == "assistant":
                body |= {"add_generation_prompt": False, "continue_final_message": True}
        else:
            body["max_completion_tokens"] = most
        reply = self.endpoint.ask(body)
        self.usage.add(request.key, self.model, reply.body, reply.attempts)
        return reply


def _response(request: Request, sample: int, choice: dict, body: dict) -> Response:
    told = (choice.get("logprobs") or {}).get("content") or []
    ids = tuple(choice.get("token_ids") or ())
    usage = body.get("usage") or {}
    counted = len(ids) or len(told)
    if not counted:  # all that is known is the sum over the samples
        counted = round((usage.get("completion_tokens") or 0) / len(body["choices"]))
    return Response(
        key=request.key,
        sample=sample,
        text=(choice.get("message") or {}).get("content") or "",
        token_ids=ids,
        logprobs=tuple(token["logprob"] for token in told),
        finish_reason="length" if choice.get("finish_reason") == "length" else "stop",
        prompt_tokens=usage.get("prompt_tokens") or 0,
        counted=counted,
    )


def open_server(images: dict, model_folder: Path, thinking: dict | None, usage: Path | None):
    """The engine of the server that the environment names.

    R1V3_SERVER_URL (required), _MODEL (the checkpoint's folder), _KIND (vllm or openai), _KEY, _PRICE
    (money for a million prompt tokens and a million new ones, `2.5/10`), _RATE (attempts a minute),
    _CONCURRENCY, _TIMEOUT (seconds), _USAGE (a file).

    Raises:
        ValueError: the address is missing or a value is malformed.
    """
    import os

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
    if any((Path(model_folder) / name).exists() for name in settings):
        from r1v3.model.processor import load_processor

        processor = load_processor(model_folder)
        tokenizer, never = (
            processor.tokenizer,
            tuple(i for i in processor.image_token_ids if i is not None),
        )
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
        setting("MODEL", str(model_folder)),
        kind=setting("KIND", "vllm"),
        images=images,
        concurrency=int(setting("CONCURRENCY", "32")),
        usage=Usage(
            Path(path) if path else None, (float(price[1]), float(price[2])) if price else None
        ),
        thinking=Thinking(thinking, tokenizer),
        never=never,
    )
