"""The engine with vLLM in this process. Samples share their prompt's prefill, and weights can be replaced.

It departs from the library in two things. Our own processor divides pictures into tiles (`vllm.processor`).
After new weights, it checks that they arrived, and clears every cache that the old ones filled
(`vllm.weights`). A seed gives other answers than in the transformers engine, but the same in every batch.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.generate.decode_reply import decode_reply
from r1v3.generate.pictures import check_places
from r1v3.generate.thinking import Thinking
from r1v3.generate.types import Request, Response, Sampling, failed
from r1v3.generate.weights import Weights
from r1v3.model.prompt_template import END_OF_THINK
from r1v3.recipe.graph.configs import ThinkingChanges
from r1v3.recipe.schema.recipe import Images

if TYPE_CHECKING:  # torch and vLLM are imported only when an engine is opened
    from vllm import LLM, CompletionOutput, RequestOutput, TokensPrompt

    from r1v3.model.encode import EncodedPrompt, Encoder

NEVER = float("-inf")


class VllmEngine:
    """Answers requests with a model in vLLM.

    Args:
        llm: opened by `r1v3.generate.vllm.start`.
        encoder: encoder of the same model.
        rows: number of samples that decode at once.
        thinking: applied to every sampling.
    """

    def __init__(self, llm: LLM, encoder: Encoder, *, rows: int, thinking: Thinking | None = None):
        self.llm, self.encoder, self.rows = llm, encoder, rows
        self.thinking = thinking or Thinking(None, None)
        self.stop_id = encoder.tokenizer.eos_token_id
        self.context = llm.model_config.max_model_len
        self.refusal = _refusal()

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer all requests. Yield each request when all its samples are finished.

        A request that vLLM cannot take gets its error as the answer, and the others continue.

        Raises:
            RuntimeError: the engine is offloaded, so it would wait for itself.
        """
        if self.llm.llm_engine.is_sleeping():
            raise RuntimeError("the engine is offloaded: give it weights before it is asked")
        sampling = self.thinking(sampling)
        greedy_copies = sampling.temperature == 0 and sampling.samples > 1
        asked = _alone(sampling) if greedy_copies else sampling
        for responses in self._answer(requests, asked):
            if greedy_copies:
                responses = [_copy(r, n) for r in responses for n in range(sampling.samples)]
            yield responses

    def prompt_ids(self, request: Request) -> tuple[int, ...]:
        """Return the ids that vLLM makes of a prompt, with its pictures expanded."""
        from vllm import SamplingParams

        prompt = _prompt(self.encoder, request)
        once = SamplingParams(max_tokens=1, temperature=0.0)
        (output,) = self.llm.generate([prompt], once, use_tqdm=False)
        return tuple(output.prompt_token_ids or ())

    @property
    def depends_on_batch(self) -> bool:
        """Return false: a seed gives the same answer in every batch."""
        return False

    def generate_batch(
        self, requests: list[Request], encoded: Sequence[EncodedPrompt], sampling: Sampling
    ) -> Iterator[list[Response]]:
        """Answer like `generate`. vLLM encodes prompts itself, from the requests' pictures."""
        return self.generate(requests, sampling)

    def offload(self) -> None:
        """Free the accelerator's memory for the trainer. The weights stay in the host's memory."""
        self.llm.sleep(level=1)

    def wake(self) -> None:
        """Use the accelerator's memory again, with the same weights as before."""
        self.llm.wake_up()

    def sync_weights(self, weights: Weights) -> str:
        """Replace the weights (`replace_weights`), and wake the engine if it was offloaded.

        The weights get memory first, and keys and values afterwards, because both copies of the weights and a
        full cache may not fit.
        """
        from r1v3.generate.vllm.weights import replace_weights

        offloaded = self.llm.llm_engine.is_sleeping()
        if offloaded:
            self.llm.wake_up(tags=["weights"])
        connector = replace_weights(self.llm, weights)
        if offloaded:
            self.wake()
        return connector

    def connector_hash(self) -> str:
        """Return the sha256 of the engine's connector, as `r1v3.model.groups.group_hashes` computes it."""
        return self.llm.collective_rpc("connector_hash")[0]

    def _answer(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        waiting = deque(requests)
        running: dict[str, Task] = {}
        try:
            while waiting or running:
                failures: list[Response] = []
                while waiting and len(running) * sampling.samples < 2 * self.rows:
                    request = waiting.popleft()
                    try:
                        task = Task(self, request, sampling)
                    except (*IMAGE_ERRORS, self.refusal) as error:
                        why = f"{type(error).__name__}: {error}"
                        failures += failed(request, sampling, why)
                    else:
                        running[task.id] = task
                if failures:
                    yield failures
                if not running:
                    continue
                for output in self.llm.llm_engine.step():
                    if not output.finished:
                        continue
                    task = running.pop(output.request_id)
                    whole = task.take(output)
                    running |= dict.fromkeys(task.open, task)
                    if whole:
                        yield whole
        finally:
            if running:  # the caller stopped reading
                self.llm.llm_engine.abort_request(list(running))


class Task:
    """One request in the engine: first its samples together, then each thought that was cut off."""

    def __init__(self, engine: VllmEngine, request: Request, sampling: Sampling):
        self.engine, self.request, self.sampling = engine, request, sampling
        self.prompt = _prompt(engine.encoder, request)
        self.close = engine.encoder.text_ids(sampling.close)
        self.rows: dict[int, tuple[list[int], list[float]]] = {}
        self.open: dict[str, int] = {}
        budget = sampling.thought_tokens
        most = sampling.max_new_tokens if budget is None else budget
        self.prompt_tokens = 0
        self.id = self._ask(self.prompt, request.seed, sampling.samples, most)

    def take(self, output: RequestOutput) -> list[Response]:
        """Store what is finished. Return the responses when all samples are finished."""
        if output.request_id == self.id:
            self.prompt_tokens = len(output.prompt_token_ids or ())
            for completion in output.outputs:
                self.rows[completion.index] = _tokens(completion)
                if self.sampling.thought_tokens is not None:
                    self._go_on(completion.index, self.sampling.thought_tokens)
        else:
            sample = self.open.pop(output.request_id)
            ids, logprobs = _tokens(output.outputs[0])
            self.rows[sample][0].extend(ids)
            self.rows[sample][1].extend(logprobs)
        if self.open:
            return []
        return [self._response(sample) for sample in sorted(self.rows)]

    def _go_on(self, sample: int, budget: int) -> None:
        """Ask for the rest of a reply that used up its budget; an open thought is closed first."""
        ids, logprobs = self.rows[sample]
        encoder, stop = self.engine.encoder, self.sampling.stop
        text, reason = decode_reply(encoder.tokenizer, ids, self.engine.stop_id, stop)
        if reason == "stop" or len(ids) < budget:
            return
        if END_OF_THINK not in text:
            ids.extend(self.close)
            logprobs.extend([0.0] * len(self.close))
        if self.prompt_tokens + len(ids) >= self.engine.context:
            return
        prompt = self.prompt.copy()
        prompt["prompt_token_ids"] = [*self.prompt["prompt_token_ids"], *ids]
        seed = f"{self.request.seed}/{sample}"
        self.open[self._ask(prompt, seed, 1, self.sampling.max_new_tokens)] = sample

    def _ask(self, prompt: TokensPrompt, seed: int | str, samples: int, most: int) -> str:
        from vllm import SamplingParams

        sampling, engine = self.sampling, self.engine
        bias = dict(sampling.bias)
        bias |= dict.fromkeys((*engine.encoder.never, *sampling.banned), NEVER)
        params = SamplingParams(
            n=samples,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=most,
            seed=None if sampling.temperature == 0 else library_seed(seed),
            stop=list(sampling.stop),
            stop_token_ids=[engine.stop_id],
            ignore_eos=True,
            detokenize=bool(sampling.stop),
            skip_special_tokens=False,
            logprobs=0,
            logit_bias=bias,
        )
        internal = engine.llm.enqueue([prompt], params, use_tqdm=False)[0]
        return internal.partition("-")[0]  # the id in outputs

    def _response(self, sample: int) -> Response:
        ids, logprobs = self.rows[sample]
        engine = self.engine
        text, reason = decode_reply(
            engine.encoder.tokenizer, ids, engine.stop_id, self.sampling.stop
        )
        return Response(
            key=self.request.key,
            sample=sample,
            text=text,
            token_ids=tuple(ids),
            logprobs=tuple(logprobs),
            finish_reason=reason,
            prompt_tokens=self.prompt_tokens,
        )


def library_seed(seed: int | str) -> int:
    """Return a seed of 56 bits. The library adds the sample's number, so seeds must be far apart."""
    return int.from_bytes(hashlib.sha256(f"{seed}".encode()).digest()[:7], "big")


def open_vllm(
    images: Images, model_folder: Path, thinking: ThinkingChanges | None, *, first_gpu: int = 0
) -> VllmEngine:
    """Open the engine of a checkpoint folder. The environment has the settings of the machine.

    These are R1V3_VLLM_TENSOR_PARALLEL (default: all visible accelerators), R1V3_VLLM_MEMORY (share of an
    accelerator's memory, default 0.9) and R1V3_VLLM_ROWS (samples that decode at once, default 256).

    Args:
        first_gpu: index of the first GPU that it uses, in this process's numbering.

    Raises:
        ValueError: vLLM is not installed, or a value is malformed.
    """
    from r1v3.generate.vllm.start import start
    from r1v3.model.encode import Encoder

    rows = int(os.environ.get("R1V3_VLLM_ROWS", "256"))
    llm, processor = start(model_folder, images, rows=rows, first_gpu=first_gpu)
    encoder = Encoder(processor, images)
    return VllmEngine(llm, encoder, rows=rows, thinking=Thinking(thinking, encoder.tokenizer))


def _prompt(encoder: Encoder, request: Request) -> TokensPrompt:
    """Return vLLM's input: ids with one image token for each picture, which it expands, and the pictures."""
    check_places(request)
    pictures = encoder.pictures(request.prompt, list(request.images))
    ids = encoder.text_ids(request.prompt.replace("<image>", encoder.processor.sent))
    shown = ids.count(encoder.processor.image_token_id)
    if shown != len(pictures):
        raise ValueError(f"{shown} image tokens for {len(pictures)} pictures")
    prompt: TokensPrompt = {"prompt_token_ids": list(ids)}
    if pictures:
        prompt["multi_modal_data"] = {"image": pictures}
    return prompt


def _refusal() -> type[Exception]:
    """Return the error that vLLM raises for a request that it refuses, such as a prompt that is too long."""
    from vllm.exceptions import VLLMClientError

    return VLLMClientError


def _tokens(completion: CompletionOutput) -> tuple[list[int], list[float]]:
    ids = list(completion.token_ids)
    assert completion.logprobs is not None  # they were requested
    return ids, [entries[i].logprob for entries, i in zip(completion.logprobs, ids)]


def _alone(sampling: Sampling) -> Sampling:
    return replace(sampling, samples=1)


def _copy(response: Response, sample: int) -> Response:
    return replace(response, sample=sample)
