"""Sets the number of cases: a few in `make test`, or as many as `R1V3_FUZZ` says."""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("R1V3_FUZZ", "20"))
# Without the variable the same cases each time, so that no test fails by chance.
fuzz = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="R1V3_FUZZ" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TEXT = st.text(max_size=30) | st.sampled_from(
    ["", " ", "\0", "\ud800", "=1+1", "<script>", "../x", "\\boxed{", "NaN", "²", "A" * 5000]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from([10**26, -1, float("nan"), float("inf"), 1e400])
)
# What JSON and YAML can hold, a few levels deep.
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def changed(whole: dict, names=None):
    """Draw a mapping in which one or two values, at any depth, are replaced or removed."""
    places = list(_places(whole))

    @st.composite
    def draw(draw):
        import copy

        found = copy.deepcopy(whole)
        for _ in range(draw(st.integers(1, 2))):
            *above, last = draw(st.sampled_from(places))
            here = found
            try:
                for step in above:
                    here = here[step]
                if draw(st.integers(0, 4)):
                    here[last] = draw(JSON)
                else:
                    del here[last]
            except (LookupError, TypeError):
                continue  # an earlier change took the place away
        return found

    return draw()


def _places(part, path=()):
    pairs = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from _places(value, (*path, key))
