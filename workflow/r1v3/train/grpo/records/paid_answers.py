"""Track which answers earn reward, because a policy finds every rule that pays wrong answers.

Each row of `metrics.jsonl` gets the shares of answers by the rule that paid them, and by traits of the answer
that no verdict shows. `alarms.py` finds shares that jump. `to_judge.jsonl` beside it keeps a few paid answers
of each step for people to read. A paid answer that a person calls wrong shows a fault in a rule.
"""

from collections import Counter
from pathlib import Path

from r1v3.base.seeding import stable_seed
from r1v3.model.prompt_template import prompt_tail
from r1v3.recipe.schema.data import Mode
from r1v3.reward.traits import traits_of
from r1v3.train.core.metrics import MetricsLog, copy_of, read_metrics
from r1v3.train.grpo.sampling.rollouts import Episode

BY_RULE = "rewarded_by/"
TRAITS = ("hedged", "unboxed", "from_question")
JUDGED = 4  # paid answers a step that are kept for people; one of each rule comes first
TAIL = 600  # characters that are kept of an answer's end


class PaidAnswers:
    """Measures the paid answers of a run, step by step.

    Args:
        folder: folder of the run. Rows after step `keep_through` are dropped, as they are from the metrics.
        seed: seed of the run; it chooses which answers are kept.
    """

    def __init__(self, folder: Path, *, keep_through: int, seed: int):
        self.seed = seed
        rows = read_metrics(folder / "metrics.jsonl")
        # A rule of an earlier step that pays nothing in this one gets a share of 0.
        self.rules = {key for row in rows for key in row if key.startswith(BY_RULE)}
        kept = folder / "to_judge.jsonl"
        self.sample = MetricsLog(kept, keep_through=keep_through, copy=copy_of(kept))

    def measure(self, step: int, episode: Episode, mode: Mode) -> dict[str, float]:
        """Return the shares of a step, and write the answers that are kept for people.

        `rewarded_by/rule_letter` is the share of all answers that the rule `rule:letter` paid. Each other
        rule and the verifier have a key of the same form. `answers/hedged`, `answers/unboxed` and
        `answers/from_question` are shares of the paid answers. `answers/count` is the number of answers.
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
        """Choose paid answers by a hash of seed, step and index; each rule gives one before any gives two."""
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
