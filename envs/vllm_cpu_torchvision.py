"""Lets `torchvision`, whose wheel is linked to CUDA, be imported beside a CPU build of torch.

Its compiled half cannot be loaded there, and without that it stumbles over two operators that it only
describes. They are declared just before it is imported. `workflow/setup_vllm.sh` puts this file and a
`.pth` file that imports it into the environment, so that every process of vLLM has it.
"""

import sys
from importlib.abc import MetaPathFinder

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
LIBRARY = []  # the declarations live as long as this


class BeforeTorchvision(MetaPathFinder):
    """Finds nothing; declares the operators when torchvision is looked for."""

    def find_spec(self, name, path=None, target=None):
        if name != "torchvision":
            return None
        sys.meta_path.remove(self)
        import torch

        if not torch.cuda.is_available():
            LIBRARY.append(torch.library.Library("torchvision", "DEF"))
            for operator in OPERATORS:
                LIBRARY[0].define(operator)
        return None


sys.meta_path.insert(0, BeforeTorchvision())
