"""Imports transformers without scikit-learn and scipy, which no stage of this project needs from it.

transformers imports both if they are installed, for assisted decoding and for losses of object detectors.
That takes a quarter of a stage's start time, and a recipe starts dozens of stages. transformers asks once a
process whether a package is installed, and remembers the answer. This module gives that answer first. So the
trainers, the probe and `generate.in_process` import it before anything that needs torch.
"""

import sys
from typing import Any

UNUSED = ("sklearn", "scipy")

if not any(name in sys.modules for name in UNUSED):
    hidden: Any = None  # Python's own mark for a module that cannot be found
    sys.modules.update({name: hidden for name in UNUSED})
    try:
        from transformers.utils import import_utils

        import_utils.is_sklearn_available()
        import_utils.is_scipy_available()
    finally:
        for name in UNUSED:
            del sys.modules[name]
