"""What a check of preflight found: its state, a line that says what was seen, and what mends it."""

from dataclasses import dataclass
from typing import Literal

CheckState = Literal["ok", "STOP", "unknown"]


@dataclass(frozen=True)
class CheckOutcome:
    """The result of a check. `remedy` is what to do; empty where nothing is to be done.

    `STOP`: a run would fail. `unknown`: it could not be told, for example without a network.
    """

    state: CheckState
    text: str
    remedy: str = ""


def ok_or_stop(fine: bool, text: str, remedy: str) -> CheckOutcome:
    """`ok` where it is fine, else `STOP` with its remedy."""
    return CheckOutcome("ok", text) if fine else CheckOutcome("STOP", text, remedy)
