"""Tests which of the report's own differences are larger than chance, for several correlations of answers.

Two models answer the same n items. The report does not publish the correlation r of their answers over
items. The variance of the difference is (pq + p'q' - 2 r sqrt(pq p'q')) / n. The largest possible r belongs
to a better model that is right wherever the other one is. The average of five runs reduces the noise of
sampling, but not that of the items, so one run is assumed.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CORRELATIONS = (0.0, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Chance:
    """A published difference compared with chance.

    `z` has a value for each correlation, or None if the shares do not allow that correlation. The difference
    is larger than chance for correlations from `from_correlation` on; None if it never is. `most` is the
    largest possible correlation.
    """

    difference: float
    z: dict[float, float | None]
    from_correlation: float | None
    most: float
    detectable: float


def chance(a: float, b: float, n: int, *, confidence: float = 0.95) -> Chance:
    """Test the difference of two published shares in percent, measured on the same n items.

    Returns:
        `detectable` is the smallest difference in points that n items show with 80 % power at r = 0.5.
    """
    p, q = a / 100, b / 100
    one, other = p * (1 - p), q * (1 - q)
    both = sqrt(one * other)
    most = (min(p, q) - p * q) / both if both else 0.0
    reach = NormalDist().inv_cdf(1 - (1 - confidence) / 2)

    def z_at(r: float) -> float:
        variance = max(one + other - 2 * r * both, 1e-12) / n
        return abs(p - q) / sqrt(variance)

    z = {r: z_at(r) if r <= most + 1e-9 else None for r in CORRELATIONS}
    grid = [k / 100 for k in range(int(100 * most) + 1)]
    enough = next((r for r in grid if z_at(r) > reach), None)
    power = reach + NormalDist().inv_cdf(0.8)
    detectable = power * sqrt((one + other - both) / n)
    return Chance(a - b, z, enough, most, 100 * detectable)


def chance_of_parts(a: float, n_a: int, b: float, n_b: int) -> float:
    """Compute z of two shares in percent that were measured on different items, as in table 5."""
    p, q = a / 100, b / 100
    return abs(p - q) / sqrt(p * (1 - p) / n_a + q * (1 - q) / n_b)
