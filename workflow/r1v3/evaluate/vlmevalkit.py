"""Imports VLMEvalKit's own prompts and scorers, without torch and without its servers.

It is optional: `pip install --no-deps ms-vlmeval==0.0.20`. Its package imports every model that it knows.
Here only the requested modules are loaded, below empty parent packages. Three small dependencies that
scoring does not need are replaced by empty modules. Tests use it (do both agree?), and so does
perf/evaluate.py.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path

EMPTY = ("sty", "validators", "timeout_decorator")


def is_installed() -> bool:
    """Return whether VLMEvalKit can be imported here."""
    return "vlmeval" in sys.modules or importlib.util.find_spec("vlmeval") is not None


def load_peer(name: str):
    """Import a module of VLMEvalKit by its name below `vlmeval`, such as `dataset.utils.wemath`.

    Raises:
        ImportError: VLMEvalKit is not installed.
    """
    _prepare()
    return importlib.import_module(f"vlmeval.{name}")


def _prepare() -> None:
    if "vlmeval" in sys.modules:
        return
    spec = importlib.util.find_spec("vlmeval")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("VLMEvalKit is not installed: pip install --no-deps ms-vlmeval==0.0.20")
    root = Path(spec.submodule_search_locations[0])
    for name in EMPTY:
        if importlib.util.find_spec(name) is None:
            sys.modules[name] = _Empty(name)
    if isinstance(sys.modules.get("validators"), _Empty):
        vars(sys.modules["validators"])["url"] = lambda text: "://" in str(text)
    for name in ("vlmeval", "vlmeval.dataset", "vlmeval.dataset.utils"):
        package = types.ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package
    vars(sys.modules["vlmeval.dataset.utils"]).update(DEBUG_MESSAGE="", build_judge=_no_judge)


def _no_judge(*_, **__):
    raise RuntimeError("no judge model is asked here")


class _Empty(types.ModuleType):
    """A module in which every name is a decorator factory that changes nothing."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: lambda function: function
