"""Instructions of the tiny world, for a base model that must follow them (section 6.6).

The report starts one run from an instruction-tuned model without a cold start. So the base model must have
learnt that the words after a question decide the form of the response. Each instruction names one form, and
the response has that form. No response contains a word of reconsideration, because only the teacher's chains
have those.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from r1v3.data.world.item import WorldItem

TAGS = ("think", "work", "notes", "steps")


def instruct(item: WorldItem, rng: random.Random) -> tuple[str, str]:
    """Draw an instruction for an item.

    Returns:
        The instruction, and the response that follows it.
    """
    kind = rng.choice(("boxed", "stated", "alone", *("tagged",) * 3))
    if kind == "boxed":
        return r"The final answer MUST BE put in \boxed{}.", item.summary
    if kind == "stated":
        return "The answer MUST follow the words Final answer.", f"Final answer: {item.answer}"
    if kind == "alone":
        return "Write the final answer alone.", item.answer
    tag = rng.choice(TAGS)
    instruction = (
        f"The reasoning process MUST BE enclosed within <{tag}> </{tag}> tags. "
        r"The final answer MUST BE put in \boxed{}."
    )
    return instruction, f"<{tag}>{item.chain}</{tag}>\n{item.summary}"
