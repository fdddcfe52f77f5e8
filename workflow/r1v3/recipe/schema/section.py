"""Defines what every level of the recipe shares: closed keys, and the kinds of number."""

import typing
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from r1v3.recipe.names import check_name


def _once(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each name may stand once; {', '.join(twice)} stands twice")
    return names


Share = Annotated[float, Field(ge=0, le=1)]
# Strict, so that `true` is not a number. Numbers above 64 bits are refused before a library fails on them.
Positive = Annotated[int, Field(gt=0, lt=2**63, strict=True)]
Names = Annotated[list[str], AfterValidator(_once)]
# The key of an entry, which also names a folder or a file.
Name = Annotated[str, AfterValidator(check_name)]
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

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, given: Any) -> Any:
        """Refuse true, and words that YAML reads as true (yes, on); pydantic would read them as 1."""
        for key, value in given.items() if isinstance(given, dict) else ():
            field = cls.model_fields.get(key) if isinstance(key, str) else None
            if field and isinstance(value, bool | dict | list):
                kinds = _kinds(field.annotation)
                if float in kinds and bool not in kinds and _has_truth(value):
                    raise ValueError(f"{key}: a number is expected, not true or false")
        return given


def _has_truth(value: Any, deep: int = 3) -> bool:
    """Return whether a value or a part of it is true or false; YAML allows cycles, so depth is limited."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, bool) or (deep > 0 and any(_has_truth(v, deep - 1) for v in inner))


def _kinds(annotation: Any) -> set[Any]:
    """Return the plain types that an annotation is made of."""
    parts = typing.get_args(annotation)
    return {kind for part in parts for kind in _kinds(part)} if parts else {annotation}


class GrowingSection(Section):
    """A level to which keys were added after runs had been made with it.

    A config leaves out a key that has its default value. So runs that are older than the key keep their hash.
    """

    @model_serializer(mode="wrap")
    def _leave_out_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        shown = handler(self)
        for name, field in type(self).model_fields.items():
            if not field.is_required() and getattr(self, name) == field.default:
                shown.pop(name, None)
        return shown
