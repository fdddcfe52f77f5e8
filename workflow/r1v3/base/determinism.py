"""Makes repeated runs bit-identical on an accelerator: `determinism: exact` of a recipe.

On a CPU, repeated runs are bit-identical without it. On CUDA, kernels may sum in another order each time,
libraries choose algorithms by the free memory, and the numbers of a sample depend on the rest of its batch.
`exact` forbids all of that and is slower. An operation without a deterministic kernel is then an error.
"""

import os

# CUDA's libraries and vLLM read these when they start, so they are set before their first calls. Workers
# inherit them.
ENVIRONMENT = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # a workspace of fixed size, so memory chooses no algorithm
    "VLLM_BATCH_INVARIANT": "1",  # a sample's numbers do not depend on the others of its batch
    "NCCL_ALGO": "Ring",  # one order of additions among the ranks
    "NCCL_PROTO": "Simple",
    "NCCL_NVLS_ENABLE": "0",  # the switch would add packets in the order in which they come
}


def make_exact() -> None:
    """Fix every choice that could change the last bits of a result. Call it before any computation."""
    import torch

    os.environ.update(ENVIRONMENT)
    torch.use_deterministic_algorithms(True)
    # Memory from `torch.empty` need not be filled, because nothing here reads it before writing it.
    known = torch.utils.deterministic
    known.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    products = torch.backends.cuda.matmul
    products.allow_tf32 = False
    # Products that are split along the sum are added in 32 bits instead of 16.
    products.allow_bf16_reduced_precision_reduction = False
    products.allow_fp16_reduced_precision_reduction = False
    # The backward passes of these two sum in any order.
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
