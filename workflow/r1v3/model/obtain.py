"""Brings a checkpoint from other people into a folder that every stage can open.

`config.json` comes first and decides: weights are only downloaded if the model can be used. A checkpoint in
InternVL's own layout is converted. Of a checkpoint's code only `conversation.py` is downloaded, which is
parsed and never run.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import atomic_folder
from r1v3.base.json_file import read_model_json
from r1v3.model.foreign_weights import check_weights
from r1v3.model.layouts.internvl_chat_config import is_chat_config
from r1v3.model.layouts.internvl_chat_folder import convert_checkpoint
from r1v3.model.supported import check_supported

PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.jinja", "tokenizer.model", "conversation.py"]


def obtain_checkpoint(name: str, revision: str | None, target: Path) -> Path:
    """Put a model of a hub, or of a local folder, into `target`, in the HF-native layout.

    A download that was interrupted is continued by the next call.

    Args:
        name: a hub's id, or a folder.
        revision: commit, tag or branch of the hub; None for its default branch.

    Raises:
        ValueError: the model cannot be used, or the hub refuses access; then only config.json was downloaded.
            Or its weights are damaged, not finite, or not in its own folder.
    """
    source = Path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        check_supported(read_model_json(source / "config.json"), name)
        check_weights(source)
        if is_chat_config(read_model_json(source / "config.json")):
            return convert_checkpoint(source, target)
        return _copy(source, target)
    config = hub_config(name, revision)
    check_supported(config, name)
    if not is_chat_config(config):
        _fetch(name, revision, target)
        check_weights(target)
        return target
    fetched = target.with_name(f"{target.name}.fetched")
    _fetch(name, revision, fetched)
    check_weights(fetched)
    convert_checkpoint(fetched, target)
    shutil.rmtree(fetched)
    return target


def hub_config(name: str, revision: str | None) -> dict[str, Any]:
    """Return the `config.json` of a model of a hub, which is stored in the hub's cache.

    Raises:
        ValueError: the hub refuses access, or has no such model.
        OSError: the hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download

    def fetch() -> str:
        return hf_hub_download(name, "config.json", revision=revision, endpoint=_endpoint())

    return read_model_json(Path(ask_hub(name, fetch)))


def ask_hub(name: str, fetch: Callable[[], Any]) -> Any:
    """Return the answer of a hub, and turn its refusals into a sentence.

    Raises:
        ValueError: the model is gated, or the hub does not have it.
    """
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return fetch()
    except GatedRepoError:
        raise ValueError(
            f"{name}: the model is gated: accept its terms on its page, then set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ValueError(f"{name}: the hub does not have this revision") from None
    except RepositoryNotFoundError:
        raise ValueError(f"{name}: the hub has no such model, or wants HF_TOKEN for it") from None
    except HFValidationError as error:
        raise ValueError(f"{name}: neither a folder nor a hub's id ({error})") from None
    except EntryNotFoundError as error:
        if "LocalEntry" in type(error).__name__:
            raise
        raise ValueError(f"{name}: has no config.json") from None


def _fetch(name: str, revision: str | None, folder: Path) -> None:
    from huggingface_hub import snapshot_download

    ask_hub(
        name,
        lambda: snapshot_download(
            name,
            revision=revision,
            local_dir=folder,
            allow_patterns=PATTERNS,
            endpoint=_endpoint(),
        ),
    )


def _copy(source: Path, target: Path) -> Path:
    with atomic_folder(target) as partial:
        for pattern in PATTERNS:
            for path in sorted(source.glob(pattern)):
                shutil.copy(path, partial)
    return target


def _endpoint() -> str | None:
    """Return the hub's address, which the library reads only when it is imported."""
    return os.environ.get("HF_ENDPOINT")
