from collections.abc import Callable
from typing import TypeVar

_Model = TypeVar("_Model", bound=type)

class MultiModalRegistry:
    def register_processor(
        self, processor: type, *, info: type, dummy_inputs: type
    ) -> Callable[[_Model], _Model]: ...

MULTIMODAL_REGISTRY: MultiModalRegistry
