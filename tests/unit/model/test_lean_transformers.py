"""A stage starts without libraries that transformers imports for other uses."""

import json
import subprocess
import sys

import pytest

ASKED = """
import json, sys
import r1v3.train.sft.trainer, r1v3.generate.in_process.engine
early = [name for name in ("sklearn", "scipy") if name in sys.modules]
import scipy.optimize, sklearn.metrics
print(json.dumps([early, sklearn.metrics.roc_auc_score([0, 1], [0.2, 0.7])]))
"""


@pytest.mark.slow
def test_neither_is_imported_at_the_start_and_both_can_be_later():
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], 1.0]
