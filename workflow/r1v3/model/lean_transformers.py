"""transformers without what no stage of this project uses: scikit-learn and scipy.

transformers imports both where they are installed, for assisted decoding and for losses of object
detectors. That is a quarter of the time that a stage needs to start, and a recipe starts dozens of them.
The answer to "is it installed?" is asked once a process and then remembered, so it is given here first:
the trainers, the probe and `generate.in_process` import this module before anything that needs torch.
"""

import sys
from typing import Any

UNUSED = ("sklearn", "scipy")

if not any(name in sys.modules for name in UNUSED):
    hidden: Any = None  # Python's own mark of "not to be found"
    sys.modules.update({name: hidden for name in UNUSED})
    try:
        from transformers.utils import import_utils

        import_utils.is_sklearn_available()
        import_utils.is_scipy_available()
    finally:
        for name in UNUSED:
            del sys.modules[name]
