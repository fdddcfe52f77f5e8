"""Makes a made-up price for sums that are worked out by hand."""

from r1v3.recipe.tables.prices import Area, Price


def priced(**changed):
    """Return prices a million tokens: 2 for input, 1 from a cache, 4 into it, 10 for output; batch half."""
    known = Price(
        source="made up",
        date="2026-01-01",
        currency="USD",
        input=2.0,
        cached_input=1.0,
        cache_write=4.0,
        output=10.0,
        batch=0.5,
        pictures=Area(kind="area", pixels=750, longest=1568, most=1600),
        answer_tokens=100,
    )
    return known.model_copy(update=changed)
