"""What makes a repeated run equal to the last bit on an accelerator: `determinism: exact` of a recipe.

On a processor equal runs are equal without any of it. On CUDA kernels may add up in another order each time,
libraries choose algorithms by what memory is free, and a sample's numbers depend on what is computed beside
it. `exact` forbids all of that and is slower; an operation that has no deterministic kernel is an error then.
"""

import os

# Read when CUDA's libraries and vLLM start, so before the first of their calls. Workers inherit it.
ENVIRONMENT = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # a workspace of fixed size: no algorithm is chosen by memory
    "VLLM_BATCH_INVARIANT": "1",  # a sample's numbers do not depend on the others of its batch
    "NCCL_ALGO": "Ring",  # one order of additions among the ranks
    "NCCL_PROTO": "Simple",
    "NCCL_NVLS_ENABLE": "0",  # the switch adds up as packets come
}


def make_exact() -> None:
    """Fix every choice that could change the last bits of a result; call it before anything is computed."""
    import torch

    os.environ.update(ENVIRONMENT)
    torch.use_deterministic_algorithms(True)
    # Memory from `torch.empty` need not be filled: nothing here reads it before it is written.
    known = torch.utils.deterministic
    known.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    products = torch.backends.cuda.matmul
    products.allow_tf32 = False
    # Products that are split along the sum are added up in 32 bits, not in 16.
    products.allow_bf16_reduced_precision_reduction = False
    products.allow_fp16_reduced_precision_reduction = False
    # The backward passes of these two add up in any order.
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
