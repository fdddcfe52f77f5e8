"""A watch on what earns reward, since a policy finds whatever a rule pays by mistake.

Each step's `metrics.jsonl` gets the shares of answers by the rule that paid them, by traits that no verdict
shows, and alarms where a share jumps. `to_judge.jsonl` beside it keeps a few paid answers of each step for
people to read: a rule that pays what they would not is a hole.
"""

import math
from collections import Counter
from pathlib import Path
from typing import Any

from r1v3.base.seeding import stable_seed
from r1v3.model.prompt_template import prompt_tail
from r1v3.recipe.schema.data import Mode
from r1v3.reward.traits import traits_of
from r1v3.train.core.metrics import MetricsLog, read_metrics
from r1v3.train.grpo.sampling.rollouts import Episode

RECENT = 10  # steps that a share is compared with
FEWEST = 5  # steps before any alarm
JUMP = 0.15  # a share rises by this much at least, and by three standard errors
LENGTHS = 2.0  # mean length of a response against the recent one, up or down
FALL = 0.3  # in the share of well-formed responses
JUDGED = 4  # paid answers a step that are kept for people, each rule's first
TAIL = 600  # characters of an answer that are kept
SHARES = ("rewarded_by/", "answers/")


class RewardWatch:
    """Watches the rewards of a run, step by step.

    Args:
        folder: of the run. Steps past `keep_through` are dropped from its sample, as from its metrics.
        seed: of the run; it chooses the sample.
    """

    def __init__(self, folder: Path, *, keep_through: int, seed: int):
        self.seed = seed
        rows = read_metrics(folder / "metrics.jsonl")
        self.recent = [_watched(row) for row in rows if row["step"] <= keep_through][-RECENT:]
        self.sample = MetricsLog(folder / "to_judge.jsonl", keep_through=keep_through)

    def measure(self, step: int, episode: Episode, mode: Mode) -> dict[str, Any]:
        """Return a step's shares and alarms, and write its sample.

        `rewarded_by/rule_letter` is the share of all answers that the rule `rule:letter` paid, and so on for
        each rule and the verifier. `answers/hedged`, `answers/unboxed` and `answers/from_question` are shares
        of the paid answers. `alarms` is how many there are, `alarm_texts` says what.
        """
        samples = episode.reward_GM.shape[1]
        paid = episode.accuracy_GM.flatten() > 0
        by = Counter(_key(episode.reasons[n][0]) for n in range(len(paid)) if paid[n])
        # A rule that was seen before and pays nothing now has a share of 0.
        rules = set(by) | {key for row in self.recent for key in row if key.startswith(SHARES[0])}
        shares = {key: by[key] / len(paid) for key in sorted(rules)}
        tail = prompt_tail(mode)
        found = [
            traits_of(tail + response.text, episode.prompts[n // samples].record.question)
            for n, response in enumerate(episode.responses)
            if paid[n]
        ]
        for name in ("hedged", "unboxed", "from_question"):
            shares[f"answers/{name}"] = sum(getattr(one, name) for one in found) / max(
                1, len(found)
            )
        values = shares | {
            "response_length": sum(episode.lengths) / len(paid),
            "format": float(episode.format_GM.mean()),
        }
        texts = alarms(values, self.recent, len(paid), len(found))
        self.recent = [*self.recent, values][-RECENT:]
        self.sample.write(step, answers=self._to_judge(step, episode, samples))
        return shares | {"alarms": len(texts), "alarm_texts": texts}

    def _to_judge(self, step: int, episode: Episode, samples: int) -> list[dict[str, str]]:
        """A few paid answers, one of each rule before a second of any, by a hash of seed, step and place."""
        paid = [n for n, right in enumerate(episode.accuracy_GM.flatten().tolist()) if right > 0]
        paid.sort(key=lambda n: stable_seed(self.seed, step, str(n)))
        of_rule: Counter[str] = Counter()
        ranked = []
        for n in paid:
            rule = episode.reasons[n][0]
            ranked.append((of_rule[rule], len(ranked), n))
            of_rule[rule] += 1
        rows = []
        for _, _, n in sorted(ranked)[:JUDGED]:
            record = episode.prompts[n // samples].record
            rows.append(
                {
                    "prompt": record.id,
                    "question": record.question[:TAIL],
                    "gold": str(record.answer),
                    "answer": episode.responses[n].text[-TAIL:],
                    "by": episode.reasons[n][0],
                    "reason": episode.reasons[n][1],
                }
            )
        return rows


def alarms(
    values: dict[str, float],
    recent: list[dict[str, float]],
    answers: int,
    paid: int | None = None,
) -> list[str]:
    """Say which values left what the recent steps had.

    Args:
        values: shares, `response_length` in tokens and `format`.
        recent: the same of earlier steps; a share that is missing was 0.
        answers: of the step, which sets how far a share moves by chance.
        paid: those of them that `answers/` are shares of; None: all.
    """
    if len(recent) < FEWEST:
        return []

    def before(key: str) -> float:
        return sum(row.get(key, 0.0) for row in recent) / len(recent)

    texts = []
    for key in (key for key in values if key.startswith(SHARES)):
        share, usual = values[key], before(key)
        count = answers if paid is None or key.startswith(SHARES[0]) else max(1, paid)
        chance = 3 * math.sqrt(max(usual * (1 - usual), 1 / count) / count)
        if share > usual + max(JUMP, chance):
            texts.append(
                f"{key} jumped to {share:.2f}; the {len(recent)} steps before had {usual:.2f}"
            )
    length, usual = values["response_length"], before("response_length")
    if usual and not 1 / LENGTHS < length / usual < LENGTHS:
        texts.append(f"response_length is {length:.0f} tokens; it was {usual:.0f}")
    if values["format"] < before("format") - FALL:
        texts.append(f"format fell to {values['format']:.2f} from {before('format'):.2f}")
    return texts


def _key(by: str) -> str:
    return SHARES[0] + by.replace(":", "_")


def _watched(row: dict[str, Any]) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in row.items()
        if key.startswith(SHARES) or key in ("response_length", "format")
    }
