"""ThinkingModes modes that are compared (sections 6.2 and 6.3), by name.

`slow`, `nothink` and `nowait`; `nocontrol`, which bans words that turn no thought, so that what NoWait
loses can be told from what any ban loses; `nocannotsee`, against section 6.4's hallucination. For every
budget of B tokens `cap_B`, a plain cap on new tokens as in figure 9, and `force_B`, which closes a thought at
B tokens and asks for the answer. An evaluation's config holds the one mode that it uses; a training
run's config holds none.
"""

from typing import Any

from r1v3.recipe.schema.section import Positive, Section


class ThinkingModes(Section):
    """What the thinking modes need to know."""

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
        """The template mode of each, and what it changes of a sampling (`r1v3.generate.thinking`)."""
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
