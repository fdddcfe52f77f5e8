"""Labels are text, whatever characters a data set's names have."""

import pytest

from r1v3.render.figures import bars


@pytest.mark.parametrize("label", ["$\\frac{x$", "$x$", "$", "$$", "\\", "<b>"])
def test_a_label_with_dollars_stops_no_figure(label):
    assert "<svg" in bars("a-b", "t", {label: 5, "ok": 2}, x=label)
