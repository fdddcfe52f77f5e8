"""The in-process engine: batched decoding with a KV cache, on a CPU or one GPU.

A prompt is prefilled once, and its keys and values are copied to its samples. Finished rows leave the batch,
and waiting requests take their places. Every request has its own random stream, so its samples do not depend
on its neighbours.
"""

from collections import deque
from collections.abc import Iterator, Sequence

import torch
from transformers import PreTrainedModel

from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.generate.decode_reply import decode_reply
from r1v3.generate.in_process.decode_attention import DECODE
from r1v3.generate.in_process.decode_loop import Asked, DecodeLoop, FinishedSample
from r1v3.generate.pictures import check_places
from r1v3.generate.thinking import Thinking
from r1v3.generate.types import Request, Response, Sampling, failed
from r1v3.generate.weights import Weights, named_weights
from r1v3.model.encode import Encoded, EncodedPrompt, Encoder
from r1v3.model.groups import group_hashes
from r1v3.model.packed import language_attention


class TransformersEngine:
    """Answers requests with a model in this process.

    Args:
        model: a model of a supported family; it is switched to evaluation mode.
        encoder: encoder of the same model.
        rows: most samples that decode at once; it affects speed and memory, and only the last bits.
        thinking: applied to every sampling of `generate`.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        encoder: Encoder,
        *,
        rows: int = 512,
        thinking: Thinking | None = None,
    ):
        self.model, self.training = model, model.training
        model.eval()
        self.encoder = encoder
        self.rows = rows
        self.thinking = thinking or Thinking(None, None)
        self.stop_id = encoder.tokenizer.eos_token_id

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[list[Response]]:
        """Answer all requests. Yield each request when all its samples are finished.

        A request that cannot be encoded gets its error as the answer, and the others continue.
        """
        sampling = self.thinking(sampling)
        waiting, failures = deque(enumerate(requests)), []

        def feed(most: int) -> list[Asked]:
            asked: list[Asked] = []
            while waiting and len(asked) < most:
                number, request = waiting.popleft()
                try:
                    asked.append(Asked(number, request, self._encode(request)))
                except IMAGE_ERRORS as error:
                    failures.extend(failed(request, sampling, f"{type(error).__name__}: {error}"))
            return asked

        rows = max(self.rows, sampling.samples)
        loop = DecodeLoop(self.model, self.encoder, sampling, rows, feed).run()
        for whole in self._whole(loop, sampling):
            responses = failures + whole
            failures.clear()
            if responses:
                yield responses
        if failures:
            yield list(failures)

    @property
    def depends_on_batch(self) -> bool:
        """Return true: rows that decode together are padded to each other, which changes the last bits."""
        return True

    def generate_batch(
        self, requests: list[Request], encoded: Sequence[EncodedPrompt], sampling: Sampling
    ) -> Iterator[list[Response]]:
        """Answer one batch of encoded prompts, all at once; responses come as in `generate`."""
        waiting = [Asked(n, *parts) for n, parts in enumerate(zip(requests, encoded))]

        def feed(_: int) -> list[Asked]:
            everything = waiting[:]
            waiting.clear()
            return everything

        loop = DecodeLoop(self.model, self.encoder, sampling, len(requests), feed).run()
        yield from self._whole(loop, sampling)

    def offload(self) -> None:
        """Leave the model to the trainer, in the mode that it had before."""
        self.model.train(self.training)

    @torch.no_grad()
    def sync_weights(self, weights: Weights) -> str:
        """Copy weights into the model, one tensor at a time.

        Returns:
            sha256 of the connector (`r1v3.model.groups.group_hashes`).
        """
        own = self.model.state_dict()
        for name, tensor in named_weights(weights):
            own[name].copy_(tensor)
        self.model.eval()
        return group_hashes(self.model, groups=("connector",))["connector"]

    def _whole(
        self, loop: Iterator[list[FinishedSample]], sampling: Sampling
    ) -> Iterator[list[Response]]:
        """Yield responses of requests whose samples are all finished; there may be none for some steps."""
        unfinished: dict[int, list[FinishedSample]] = {}
        while (finished := self._next(loop)) is not None:
            whole = []
            for row in finished:
                own = unfinished.setdefault(row.asked.number, [])
                own.append(row)
                if len(own) == sampling.samples:
                    whole += unfinished.pop(row.asked.number)
            whole.sort(key=lambda row: (row.asked.number, row.sample))
            yield [self._response(row, sampling) for row in whole]

    def _encode(self, request: Request) -> Encoded:
        check_places(request)
        encoded = self.encoder.prompt(request.prompt, list(request.images))
        context = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if context and len(encoded.prompt_ids) >= context:
            raise ValueError(
                f"a prompt of {len(encoded.prompt_ids)} tokens; the model's context is {context}"
            )
        shown = encoded.prompt_ids.count(self.model.config.image_token_id)
        wanted = self.encoder.processor.tokens(len(encoded.tiles))
        if shown != wanted:
            raise ValueError(f"{shown} image tokens for {wanted} of the pictures")
        return encoded

    def _next(self, loop: Iterator[list[FinishedSample]]) -> list[FinishedSample] | None:
        """Continue until rows are finished, with the attention that decoding needs."""
        with language_attention(self.model, DECODE), torch.inference_mode():
            return next(loop, None)

    def _response(self, row: FinishedSample, sampling: Sampling) -> Response:
        text, reason = decode_reply(self.encoder.tokenizer, row.ids, self.stop_id, sampling.stop)
        return Response(
            key=row.asked.request.key,
            sample=row.sample,
            text=text,
            token_ids=tuple(row.ids),
            logprobs=tuple(row.logprobs),
            finish_reason=reason,
            prompt_tokens=len(row.asked.encoded.prompt_ids),
        )
