from contextlib import AbstractContextManager

import torch

class HFConfig:
    tie_word_embeddings: bool

class ModelConfig:
    model: str
    dtype: torch.dtype
    max_model_len: int
    hf_config: HFConfig

class ParallelConfig:
    world_size: int

class VllmConfig:
    parallel_config: ParallelConfig

def set_current_vllm_config(vllm_config: VllmConfig) -> AbstractContextManager[None]: ...
