"""What every level of the recipe shares: closed keys, and the kinds of number."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)


def _once(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each name may stand once; {', '.join(twice)} stands twice")
    return names


Share = Annotated[float, Field(ge=0, le=1)]
# Strict: `true` is no number. Larger ones than 64 bits hold are told before a library meets them.
Positive = Annotated[int, Field(gt=0, lt=2**63, strict=True)]
Names = Annotated[list[str], AfterValidator(_once)]
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


class GrowingSection(Section):
    """A level to which keys were added after runs had been made with it.

    A key with a default is left out of a config where it holds that default, so that runs from before it keep
    their hash.
    """

    @model_serializer(mode="wrap")
    def _leave_out_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        shown = handler(self)
        for name, field in type(self).model_fields.items():
            if not field.is_required() and getattr(self, name) == field.default:
                shown.pop(name, None)
        return shown
