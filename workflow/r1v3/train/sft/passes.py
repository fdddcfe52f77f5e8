"""Plans which samples a rank computes in which forward pass."""

from r1v3.train.core.ranks import Ranks


def plan_passes(lengths: list[int], world: int, budget: int | None) -> list[list[list[int]]]:
    """Plan which samples each rank computes in which pass. Every sample occurs once.

    Without a budget each rank takes its part in order, in one pass, which may be empty. With a budget all
    ranks make the same number of passes of about the same length. A pass exceeds the budget only if a single
    sample does. A pass is empty only if there are fewer samples than ranks.

    Args:
        lengths: tokens of each sample of the step's batch.
        world: number of ranks.
        budget: most tokens of a pass.

    Returns:
        Indices of samples, by rank and pass.
    """
    if budget is None:
        indices = list(range(len(lengths)))
        return [[Ranks(rank, world).share(indices)] for rank in range(world)]
    longest_first = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    rounds = 1
    while (bins := _fill(longest_first, lengths, rounds * world, budget)) is None:
        rounds += 1
    bins.sort(key=lambda own: (-sum(lengths[i] for i in own), own))
    plan: list[list[list[int]]] = [[] for _ in range(world)]
    for number in range(rounds):
        row = bins[number * world : (number + 1) * world]
        for rank, own in enumerate(row if number % 2 == 0 else row[::-1]):
            plan[rank].append(sorted(own))
    return plan


def _fill(order: list[int], lengths: list[int], count: int, budget: int) -> list[list[int]] | None:
    """Put each sample, the longest first, into the emptiest of `count` bins; None if a bin overflows."""
    bins: list[list[int]] = [[] for _ in range(count)]
    filled = [0] * count
    for index in order:
        emptiest = min(range(count), key=lambda b: (filled[b], b))
        if bins[emptiest] and filled[emptiest] + lengths[index] > budget:
            return None
        filled[emptiest] += lengths[index]
        bins[emptiest].append(index)
    return bins
