"""Defines the thinking modes that are compared (sections 6.2 and 6.3), by name.

- `slow`, `nothink` and `nowait` are those of the report.
- `nocontrol` bans words at which no thought turns. It separates the effect of NoWait from that of any ban.
- `nocannotsee` bans words of section 6.4's hallucination.
- `cap_B` limits new tokens to a budget of B, as in figure 9.
- `force_B` closes a thought at B tokens and asks for the answer.

The last two exist for every budget. An evaluation's config has the one mode that it uses. A training run's
config has none.
"""

from typing import Any

from r1v3.recipe.schema.section import Positive, Section


class ThinkingModes(Section):
    """The settings of the thinking modes."""

    banned_words: list[str]
    """Words that nowait bans."""
    control_words: list[str]
    """Words that nocontrol bans."""
    cannot_see_words: list[str]
    """Words that nocannotsee bans."""
    budgets: list[Positive]
    """Tokens of the budgets that are compared."""
    answer_tokens: Positive
    """Most tokens of an answer after a forced end of the thought."""
    close: str
    """Text that closes a thought at its budget."""

    def modes(self) -> dict[str, dict[str, Any]]:
        """Return the template mode of each thinking mode, and the sampling settings that it changes."""
        modes: dict[str, dict[str, Any]] = {
            "slow": {"mode": "slow"},
            "nothink": {"mode": "nothink"},
            "nowait": {"mode": "nowait", "banned_words": self.banned_words},
            "nocontrol": {"mode": "slow", "banned_words": self.control_words},
            "nocannotsee": {"mode": "slow", "banned_words": self.cannot_see_words},
        }
        for budget in self.budgets:
            modes[f"cap_{budget}"] = {"mode": "slow", "max_new_tokens": budget}
        for budget in self.budgets:
            modes[f"force_{budget}"] = {
                "mode": "slow",
                "thought_tokens": budget,
                "max_new_tokens": self.answer_tokens,
                "close": self.close,
            }
        return modes
