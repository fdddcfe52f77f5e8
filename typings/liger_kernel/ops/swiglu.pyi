import torch

class LigerSiLUMulFunction:
    @staticmethod
    def apply(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor: ...
