"""What every level of the recipe shares: closed keys, and the kinds of number."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0, strict=True)]  # strict: `true` is no number
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
Rate = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A level of the recipe; its keys are closed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        use_attribute_docstrings=True,
    )
