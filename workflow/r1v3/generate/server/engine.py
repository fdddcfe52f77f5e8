"""The engine for servers: a vLLM server, or a closed model of Table 1 at its provider's own endpoint.

A rendered prompt is split into its turns again. A vLLM server continues the reply that the template opened
(`<think>`), and returns token ids. Any other server uses its own template, so the opened reply is left out,
and a budget cannot close the thought.
"""

import re
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeAlias

from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.generate.pictures import check_places, data_url
from r1v3.generate.server.anthropic_form import AnthropicForm
from r1v3.generate.server.batches import Batches, Job
from r1v3.generate.server.endpoint import Endpoint, RefusedRequest, ServerError
from r1v3.generate.server.forms import (
    Ask,
    Chat,
    Form,
    Message,
    OpenAIForm,
    PicturePart,
    Text,
    VllmForm,
)
from r1v3.generate.server.read_reply import Choice
from r1v3.generate.server.replies import Replies, reply_key
from r1v3.generate.server.tokens import Tokens, prompt_tokens
from r1v3.generate.server.usage import BudgetReached, Usage
from r1v3.generate.thinking import Thinking
from r1v3.generate.types import Request, Response, Sampling, failed
from r1v3.model.prompt_template import END_OF_THINK, IMAGE_MARKER, read_prompt
from r1v3.recipe.schema.recipe import Images

KINDS = ("vllm", "openai", "anthropic")

# Samples or errors, and whether an error may be the server's.
Answer: TypeAlias = tuple[list[Response], bool]


def form_of(kind: str, omits: Iterable[str] = ()) -> Form:
    """Return the interface of a kind of server.

    Args:
        omits: parameters that the model refuses.

    Raises:
        ValueError: there is no such kind.
    """
    if kind == "vllm":
        return VllmForm()
    if kind == "openai":
        return OpenAIForm(frozenset(omits))
    if kind == "anthropic":
        return AnthropicForm(frozenset(omits))
    raise ValueError(f"server: kind must be one of {', '.join(KINDS)}, not {kind!r}")


@dataclass(frozen=True)
class _Charge:
    """The possible cost of an attempt at a request, in the usage file."""

    usage: Usage
    key: str
    model: str
    at_most: Tokens

    def hold(self) -> str:
        return self.usage.hold(self.key, self.model, self.at_most)

    def end(self, held: str, *, free: bool) -> None:
        self.usage.end(held, free=free)


@dataclass(frozen=True)
class RemoteModel:
    """A model behind a server, and how it is asked.

    Attributes:
        endpoint: the endpoint that requests are posted to.
        name: name by which the server knows the model.
        kind: `vllm`, or `openai` or `anthropic` for a server with only that interface.
        images: `max_pixels` refuses larger pictures.
        concurrency: most requests in flight.
        thinking: applied to every sampling.
        never: ids of image tokens, if they are known. If the model emitted one, it would expect a picture.

    Raises:
        ValueError: concurrency is below 1.
    """

    endpoint: Endpoint
    name: str
    kind: str
    images: Images
    concurrency: int
    thinking: Thinking | None = None
    never: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError("server: concurrency must be 1 or more")


class ServerEngine:
    """Answers requests by posting them, many at a time.

    Args:
        remote: the model and its server.
        usage: counts tokens and money.
        replies: stores paid replies until they are stored as answers; None if nothing is paid.
        batches: answers all requests through a batch interface; None asks each one at once.
    """

    def __init__(
        self,
        remote: RemoteModel,
        usage: Usage,
        *,
        replies: Replies | None = None,
        batches: Batches | None = None,
    ):
        self.endpoint, self.model, self.kind = remote.endpoint, remote.name, remote.kind
        self.images, self.concurrency, self.never = remote.images, remote.concurrency, remote.never
        self.thinking = remote.thinking or Thinking(None, None)
        self.usage, self.replies, self.batches = usage, replies, batches
        self.form = form_of(remote.kind, usage.price.omits if usage.price else ())
        self._reached: BudgetReached | None = None

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer in the order of the server: yield each request when it has all its samples.

        Requests that may have failed because the server was away are asked again at the end. They become
        errors only if the server can be reached then.

        Raises:
            ServerError: address, model or key are wrong, or the server cannot be reached.
            BudgetReached: the next request might cost more than is left. All answers before it were yielded.
        """
        sampling = self.thinking(sampling)
        if sampling.thought_tokens is not None and self.kind != "vllm":
            raise ValueError("thinking: a closed thought can be forced on a vllm server alone")
        if self.batches:
            self._fill(self.batches, requests, sampling)
        again, errors, answered = [], [], False
        for request, responses, away in self._answers(requests, sampling):
            answered = answered or responses[0].error is None
            if away:
                again.append(request)
            else:
                yield responses
        for _, responses, away in self._answers(again, sampling):
            answered = answered or responses[0].error is None
            if away:
                errors += responses
            else:
                yield responses
        if errors and not (answered and self.endpoint.is_there()):
            raise ServerError(f"{self.endpoint.url}: {errors[0].error}")
        if errors:
            yield errors
        elif self.replies:
            self.replies.clear()

    def _answers(
        self, requests: Iterable[Request], sampling: Sampling
    ) -> Iterator[tuple[Request, list[Response], bool]]:
        """Yield each request with its samples or errors, and whether the error may be the server's.

        Raises:
            ServerError: one request after another fails.
            BudgetReached: after yielding the answers of all requests in flight.
        """
        waiting, failures, stop = iter(requests), 0, threading.Event()
        why: str | None = None
        reached: BudgetReached | None = None
        with ThreadPoolExecutor(self.concurrency) as threads:
            running: dict[Future[Answer], Request] = {}
            try:
                while True:
                    while (
                        reached is None
                        and len(running) < 2 * self.concurrency
                        and (ask := next(waiting, None))
                    ):
                        running[threads.submit(self._answer, ask, sampling, stop)] = ask
                    if not running and reached:
                        raise reached
                    if not running:
                        return
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        request = running.pop(future)
                        try:
                            responses, away = future.result()
                        except (
                            BudgetReached
                        ) as error:  # requests in flight are paid, so they continue
                            reached = error
                            continue
                        failures, why = failures + 1 if away else 0, responses[0].error
                        yield request, responses, away
                    if failures > 2 * self.concurrency:
                        raise ServerError(f"{self.endpoint.url}: {why}")
            finally:
                stop.set()
                for future in running:
                    future.cancel()

    def _answer(self, request: Request, sampling: Sampling, stop: threading.Event) -> Answer:
        """Return all samples, or the error and whether it is the server's and not the request's."""
        if stop.is_set():
            return failed(request, sampling, "not asked"), True
        try:
            check_places(request)
            chat = self._chat(request)
        except IMAGE_ERRORS as error:
            return failed(request, sampling, f"{type(error).__name__}: {error}"), False
        try:
            found: list[Response] = []
            while len(found) < sampling.samples:  # some servers do not support `n`
                found += self._sample(request, chat, sampling, len(found))
            return found[: sampling.samples], False
        except RefusedRequest as error:
            return failed(request, sampling, str(error)), error.may_pass

    def _chat(self, request: Request) -> Chat:
        turns = read_prompt(request.prompt)
        pictures = [
            data_url(each, self.images.max_pixels, self.form.pictures) for each in request.images
        ]
        pieces = sum(text.count(IMAGE_MARKER) for _, text in turns[:-1])
        if pieces != len(pictures):
            raise ValueError(f"{pieces} image markers for {len(pictures)} pictures")
        rest = iter(pictures)
        messages: list[Message] = []
        for role, text in turns[:-1]:
            own = role if role in ("system", "assistant") else "user"
            content: str | list[Text | PicturePart] = text
            if IMAGE_MARKER in text:
                content = []
                for piece in re.split(f"({IMAGE_MARKER})", text):
                    if piece == IMAGE_MARKER:
                        content.append({"type": "image_url", "image_url": {"url": next(rest)}})
                    elif piece:
                        content.append({"type": "text", "text": piece})
            messages.append({"role": own, "content": content})
        return Chat(tuple(messages), turns[-1][1] if self.kind == "vllm" else "")

    def _sample(
        self, request: Request, chat: Chat, sampling: Sampling, have: int
    ) -> list[Response]:
        budget = sampling.thought_tokens
        first = self._ask(
            request,
            chat,
            sampling,
            seed=request.seed + have,
            n=self._samples(sampling, have),
            sample=have,
            most=sampling.max_new_tokens if budget is None else budget,
        )
        found = []
        for number, choice in enumerate(first, have):
            response = _response(request, number, choice)
            if budget is not None and response.finish_reason == "length":
                response = self._close(request, chat, sampling, response)
            found.append(response)
        return found

    def _samples(self, sampling: Sampling, have: int) -> int:
        """Return how many samples to ask for in one request to the server."""
        return sampling.samples - have if self.form.takes_n else 1

    def _close(
        self, request: Request, chat: Chat, sampling: Sampling, thought: Response
    ) -> Response:
        """Continue a reply that used up its budget; a thought that is still open is closed first."""
        closed = END_OF_THINK in thought.text
        so_far = thought.text + ("" if closed else sampling.close)
        reply = self._ask(
            request,
            replace(chat, opened=chat.opened + so_far),
            sampling,
            seed=request.seed + thought.sample,
            n=1,
            sample=thought.sample,
            most=sampling.max_new_tokens,
        )
        answer = _response(request, thought.sample, reply[0])
        closing = () if closed else self.thinking.ids_of(sampling.close)
        return Response(
            request.key,
            thought.sample,
            so_far + answer.text,
            thought.token_ids + closing + answer.token_ids,
            thought.logprobs + (0.0,) * len(closing) + answer.logprobs,
            answer.finish_reason,
            thought.prompt_tokens,
            counted=thought.tokens + len(closing) + answer.tokens,
        )

    def _ask(
        self,
        request: Request,
        chat: Chat,
        sampling: Sampling,
        *,
        seed: int,
        n: int,
        sample: int,
        most: int,
    ) -> list[Choice]:
        """Return the samples of one request to the server, or of its stored reply."""
        body = self.form.body(Ask(self.model, chat, sampling, seed, n, most, self.never))
        key = reply_key(request.key, body, sample)
        known = self.replies.get(key) if self.replies else None
        if known is not None:
            return self.form.choices(known)
        if self.batches:
            if self._reached and key not in self.batches.errors:
                raise self._reached
            raise RefusedRequest(self.batches.errors.get(key, "no batch answered it"))
        counted, at_most = self._at_most(request, n * most)
        charge = _Charge(self.usage, request.key, self.model, at_most)
        reply = self.endpoint.ask(body, accept=self.form.choices, charge=charge)
        if self.replies:
            self.replies.put(key, reply.body)
        choices = self.form.choices(reply.body)
        self.usage.settle(
            reply.held,
            request.key,
            self.model,
            self.form.tokens(reply.body),
            attempts=reply.attempts,
            counted=counted,
            samples=len(choices),
        )
        return choices

    def _at_most(self, request: Request, new: int) -> tuple[int, Tokens]:
        """Return a prompt's counted tokens, and the most tokens of a request with `new` new ones."""
        if self.usage.price is None:
            return 0, Tokens(0, 0)
        counted, bound = prompt_tokens(request, self.usage.price)
        return counted, Tokens(bound, new)

    def _fill(self, batches: Batches, requests: list[Request], sampling: Sampling) -> None:
        """Let batches answer all requests that fit into the budget."""
        batches.resume()
        self._reached = None
        while self._reached is None:
            jobs = self._jobs(batches, requests, sampling)
            first = next(jobs, None)
            if first is None:
                return
            self._reached = batches.answer(chain([first], jobs))

    def _jobs(self, batches: Batches, requests: list[Request], sampling: Sampling) -> Iterator[Job]:
        """Yield jobs that have neither a reply nor an error; none for a request that cannot be answered."""
        for request in requests:
            try:
                check_places(request)
                chat = self._chat(request)
            except IMAGE_ERRORS:
                continue
            have = 0
            while have < sampling.samples:
                n, most = self._samples(sampling, have), sampling.max_new_tokens
                seed = request.seed + have
                body = self.form.body(Ask(self.model, chat, sampling, seed, n, most, self.never))
                name = reply_key(request.key, body, have)
                known = batches.replies.get(name)
                if known is None and name not in batches.errors:
                    counted, at_most = self._at_most(request, n * most)
                    yield Job(name, request.key, body, at_most, counted)
                # Without the answer, it is unknown how many samples it has.
                have += n if known is None else len(self.form.choices(known))


def _response(request: Request, sample: int, choice: Choice) -> Response:
    return Response(
        key=request.key,
        sample=sample,
        text=choice.text,
        token_ids=choice.token_ids,
        logprobs=choice.logprobs,
        finish_reason=choice.finish_reason,
        prompt_tokens=choice.prompt_tokens,
        counted=choice.tokens,
    )
