"""Scores of sampled responses from a reward model, as a part of the reward in addition to equation 3."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from r1v3.generate.types import Request
from r1v3.recipe.schema.recipe import Images
from r1v3.recipe.schema.training import RewardTerm
from r1v3.reward.critic import Critic, read_number, reward_prompt


@dataclass(frozen=True)
class Shown:
    """A question with an `<image>` marker for each picture, and a whole response."""

    question: str
    pictures: tuple[Path, ...]
    response: str


class ScoreTerm:
    """Asks the reward model of a recipe for scores, and stores them.

    Args:
        settings: the recipe's `reward_model`.
        images: settings of pictures; larger ones than `max_pixels` are refused.
        folder: folder of stored scores, with one folder for each round.

    Raises:
        ValueError: R1V3_REWARD_URL is not set.
    """

    def __init__(self, settings: RewardTerm, images: Images, folder: Path):
        self.settings, self.folder = settings, folder
        instead = "set grpo.reward_model to null"
        self.critic = Critic("reward", settings.model, images, instead, folder / "paid")
        self.critic.engine  # noqa: B018  # so that a run without the address ends before it samples

    def scores(self, shown: Sequence[Shown], name: str) -> list[float]:
        """Return the score of each response; NaN if the model gave no score.

        Args:
            name: name of the round. Requests of a round are sent once, also if responses are equal.

        Raises:
            ServerError: the server cannot be reached, or rejects the key or the model.
        """
        requests = [self._request(each) for each in shown]
        unique = list({request.key: request for request in requests}.values())
        replies = self.critic.replies(unique, self.folder / name)
        numbers = {key: read_number(text) for key, text in replies.items()}
        found = [numbers.get(request.key) for request in requests]
        return [math.nan if number is None else number for number in found]

    def _request(self, shown: Shown) -> Request:
        prompt = reward_prompt(shown.question, shown.response)
        content = json.dumps([prompt, [picture.name for picture in shown.pictures]])
        key = hashlib.sha256(content.encode()).hexdigest()[:32]
        return Request(key, prompt, shown.pictures, 0)


def term_of_score(settings: RewardTerm, score: float) -> float:
    """Return a score's part of the reward, in [0, 1]. A missing score (NaN) counts 0."""
    if math.isnan(score):
        return 0.0
    # The hyperbolic tangent is a sigmoid that does not overflow at any score.
    return (1 + math.tanh((score - settings.middle) / settings.scale / 2)) / 2
