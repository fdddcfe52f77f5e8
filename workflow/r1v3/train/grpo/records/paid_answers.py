"""Which answers earn reward: a policy finds every rule that pays by mistake.

Each step's `metrics.jsonl` gets the shares of answers by the rule that paid them, and by traits that no
verdict shows; `alarms.py` tells where a share jumps. `to_judge.jsonl` beside it keeps a few paid answers of
each step for people to read: a rule that pays what they would not is a hole.
"""

from collections import Counter
from pathlib import Path

from r1v3.base.seeding import stable_seed
from r1v3.model.prompt_template import prompt_tail
from r1v3.recipe.schema.data import Mode
from r1v3.reward.traits import traits_of
from r1v3.train.core.metrics import MetricsLog, read_metrics
from r1v3.train.grpo.sampling.rollouts import Episode

BY_RULE = "rewarded_by/"
TRAITS = ("hedged", "unboxed", "from_question")
JUDGED = 4  # paid answers a step that are kept for people, each rule's first
TAIL = 600  # characters of an answer that are kept


class PaidAnswers:
    """Measures the paid answers of a run, step by step.

    Args:
        folder: of the run. Steps past `keep_through` are dropped from its sample, as from its metrics.
        seed: of the run; it chooses the sample.
    """

    def __init__(self, folder: Path, *, keep_through: int, seed: int):
        self.seed = seed
        rows = read_metrics(folder / "metrics.jsonl")
        # A rule that was seen before and pays nothing in a step has a share of 0 there.
        self.rules = {key for row in rows for key in row if key.startswith(BY_RULE)}
        self.sample = MetricsLog(folder / "to_judge.jsonl", keep_through=keep_through)

    def measure(self, step: int, episode: Episode, mode: Mode) -> dict[str, float]:
        """Return a step's shares and write its sample.

        `rewarded_by/rule_letter` is the share of all answers that the rule `rule:letter` paid, and so on for
        each rule and the verifier. `answers/hedged`, `answers/unboxed` and `answers/from_question` are shares
        of the paid answers. `answers/count` is how many answers there are.
        """
        samples = episode.reward_GM.shape[1]
        paid = [n for n, right in enumerate(episode.accuracy_GM.flatten().tolist()) if right > 0]
        by = Counter(_key(episode.reasons[n][0]) for n in paid)
        self.rules |= set(by)
        count = len(episode.responses)
        shares = {key: by[key] / count for key in sorted(self.rules)}
        tail = prompt_tail(mode)
        found = [
            traits_of(
                tail + episode.responses[n].text, episode.prompts[n // samples].record.question
            )
            for n in paid
        ]
        for name in TRAITS:
            having = sum(getattr(one, name) for one in found)
            shares[f"answers/{name}"] = having / max(1, len(found))
        self.sample.write(step, answers=self._to_judge(step, episode, paid))
        return shares | {"answers/count": count}

    def _to_judge(self, step: int, episode: Episode, paid: list[int]) -> list[dict[str, str]]:
        """A few paid answers, one of each rule before a second of any, by a hash of seed, step and place."""
        samples = episode.reward_GM.shape[1]
        of_rule: Counter[str] = Counter()
        ranked = []
        for n in sorted(paid, key=lambda n: stable_seed(self.seed, step, str(n))):
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


def _key(by: str) -> str:
    return BY_RULE + by.replace(":", "_")
