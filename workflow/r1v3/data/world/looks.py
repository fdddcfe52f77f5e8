"""The looks of pictures: ink, paper, contrast and layout, one look for each of the report's 20 domains.

The looks differ on purpose from the plain one of the base model and the mathematics sets, so that re-aligning
the connector has an effect. So every gain of connector tuning on them is a gain by construction, and pages
that show it say so.
"""

import random
from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Look:
    """The look of a domain's pictures.

    It has colours of ink and paper (0 to 255), the size of a digit in pixels, the standard deviation of the
    noise, and the domain's noun for the numbers in its pictures.
    """

    noun: str
    ink: Colour | None
    paper: Colour | None
    size: int = 24
    noise: float = 0.0

    def colours(self, rng: random.Random) -> tuple[Colour, Colour]:
        """Return ink and paper of one picture; the plain look draws dark ink and light paper at random."""
        if self.ink is None or self.paper is None:
            return _between(rng, 0, 90), _between(rng, 190, 256)
        return _near(rng, self.ink), _near(rng, self.paper)


def _between(rng: random.Random, low: int, high: int) -> Colour:
    return rng.randrange(low, high), rng.randrange(low, high), rng.randrange(low, high)


def _near(rng: random.Random, colour: Colour) -> Colour:
    red, green, blue = (min(255, max(0, c + rng.randrange(-12, 13))) for c in colour)
    return red, green, blue


LOOKS: dict[str, Look] = {
    "plain": Look("numbers", None, None),
    "mathematics": Look("numbers", (10, 10, 10), (245, 245, 245)),
    "physics": Look("readings", (20, 40, 120), (225, 235, 250)),
    "chemistry": Look("masses", (20, 90, 40), (230, 250, 230)),
    "biology": Look("counts", (90, 20, 60), (250, 230, 240)),
    "engineering": Look("loads", (235, 240, 255), (30, 60, 140), 22),
    "agriculture": Look("yields", (230, 220, 90), (40, 90, 30), 24),
    "environmental_science": Look("levels", (20, 110, 130), (120, 220, 200), 22),
    "computer_science": Look("bytes", (60, 250, 90), (5, 15, 5), 20),
    "medicine": Look("doses", (200, 30, 40), (150, 190, 220), 22),
    "pharmacy": Look("tablets", (245, 245, 245), (120, 40, 120), 24),
    "music": Look("beats", (250, 210, 60), (60, 20, 20), 20),
    "literature": Look("verses", (90, 70, 40), (200, 180, 130), 20),
    "philosophy": Look("premises", (150, 150, 150), (40, 40, 40), 24),
    "history": Look("years", (110, 60, 20), (220, 190, 140), 18),
    "economics": Look("prices", (30, 160, 60), (20, 20, 60), 24),
    "psychology": Look("scores", (250, 120, 180), (70, 50, 120), 22),
    "political_science": Look("votes", (240, 240, 250), (180, 30, 40), 24),
    "sociology": Look("households", (200, 200, 60), (90, 90, 160), 20),
    "education": Look("marks", (245, 245, 240), (40, 70, 60), 26),
    "law": Look("articles", (60, 60, 60), (150, 140, 120), 20, 6.0),
}
DOMAINS = tuple(name for name in LOOKS if name != "plain")
