"""The part of vLLM 0.32 that r1v3 uses, for the type checker alone.

vLLM is installed beside accelerators and in `.venv-vllm`, not where `make lint` runs.
`tests/vllm/test_stubs.py` compares these files with the library.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from PIL import Image
from vllm.config import ModelConfig, VllmConfig

class TokensPrompt(TypedDict):
    prompt_token_ids: list[int]
    multi_modal_data: NotRequired[Mapping[str, list[Image.Image]]]

class SamplingParams:
    def __init__(
        self,
        n: int = 1,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int | None = None,
        stop: str | list[str] | None = None,
        stop_token_ids: list[int] | None = None,
        ignore_eos: bool = False,
        max_tokens: int | None = 16,
        logprobs: int | None = None,
        detokenize: bool = True,
        skip_special_tokens: bool = True,
        logit_bias: dict[int, float] | None = None,
    ) -> None: ...

class Logprob:
    logprob: float

class CompletionOutput:
    index: int
    token_ids: Sequence[int]
    logprobs: Sequence[Mapping[int, Logprob]] | None  # None where none were asked for

class RequestOutput:
    request_id: str
    prompt_token_ids: list[int] | None
    outputs: list[CompletionOutput]
    finished: bool

class LLMEngine:
    vllm_config: VllmConfig
    def step(
        self,
    ) -> list[RequestOutput]: ...  # of a model that generates; a pooling one gives others
    def abort_request(self, request_ids: list[str], internal: bool = False) -> None: ...
    def has_unfinished_requests(self) -> bool: ...
    def is_sleeping(self) -> bool: ...
    def reset_encoder_cache(self) -> None: ...

class LLM:
    llm_engine: LLMEngine
    model_config: ModelConfig
    def __init__(self, model: str, **kwargs: Any) -> None: ...
    def generate(
        self,
        prompts: Sequence[TokensPrompt],
        sampling_params: SamplingParams | None = None,
        *,
        use_tqdm: bool = True,
    ) -> list[RequestOutput]: ...
    def enqueue(
        self,
        prompts: Sequence[TokensPrompt],
        sampling_params: SamplingParams | None = None,
        *,
        use_tqdm: bool = True,
    ) -> list[str]: ...
    def collective_rpc(
        self,
        method: str,
        *,
        args: tuple[object, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> list[Any]: ...
    def reset_mm_cache(self) -> None: ...
    def reset_prefix_cache(self) -> bool: ...
    def sleep(self, level: int = 1) -> None: ...
    def wake_up(self, tags: list[str] | None = None) -> bool: ...
