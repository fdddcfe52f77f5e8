"""The outcome of a check of preflight: its state, a line of text, and a remedy."""

from dataclasses import dataclass
from typing import Literal

CheckState = Literal["ok", "STOP", "unknown"]


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of a check. `remedy` says what to do; it is empty if there is nothing to do.

    `STOP` means that a run would fail. `unknown` means that the check could not decide, for example without a
    network.
    """

    state: CheckState
    text: str
    remedy: str = ""


def ok_or_stop(fine: bool, text: str, remedy: str) -> CheckOutcome:
    """Return `ok` if `fine`, else `STOP` with the remedy."""
    return CheckOutcome("ok", text) if fine else CheckOutcome("STOP", text, remedy)
