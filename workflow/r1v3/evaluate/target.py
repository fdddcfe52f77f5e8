"""Finds the model to evaluate: a checkpoint's folder, a Hugging Face id, an endpoint, a recipe's model.

The address of an endpoint depends on the machine. It is given itself, or it is in R1V3_SERVER_URL, or in
R1V3_SERVER_URL_<NAME> for one model of the recipe (`R1V3_SERVER_URL_QVQ_72B_PREVIEW`). Without either, a
closed model is asked at its provider's address. `r1v3.generate.server.start` explains the other R1V3_SERVER_
variables.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from r1v3.base.file_hash import files_sha256
from r1v3.base.json_file import read_json, read_model_json
from r1v3.model.foreign_weights import check_weights
from r1v3.model.layouts.internvl_chat_config import is_chat_config
from r1v3.model.layouts.internvl_chat_folder import convert_checkpoint
from r1v3.model.obtain import PATTERNS, hub_config
from r1v3.model.supported import check_supported
from r1v3.recipe.graph.identity import RESOLVED
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.schema.data import Baseline, Model, ServedModel

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(?:@[\w.-]+)?")
RUN_FOLDER = re.compile(r"[a-z][a-z0-9_]*-[0-9a-f]{10}")
COMMIT = re.compile("[0-9a-f]{40}")
ADDRESS = ("http://", "https://")
CLOSED = ("openai", "anthropic")  # kinds of server that use their own template
EXPECTED = (
    "a run's name, json or folder, a folder with config.json, a Hugging Face id, an http address followed"
    " by # and the model's name"
)


@dataclass(frozen=True)
class Target:
    """A model to ask.

    `name` is the name of the results folder. `identity` distinguishes its answers from those of others: the
    content of a folder, the commit of a hub's model, the address and name of a served one. `model` is a
    folder to load, or the name by which a server knows it. `mode` is its thinking mode; None if the recipe
    decides. `ours` says whether it was trained with the recipe's chat template.
    """

    name: str
    identity: str
    model: Path | str
    mode: str | None
    served: bool
    ours: bool = False


def find_target(
    text: str,
    models: Mapping[str, Model | Baseline],
    cache: Path | None = None,
    root: Path = Path(),
) -> Target:
    """Find the model that a text names, and download it if necessary. Of a run, take the last checkpoint.

    Args:
        root: root of the checkout that contains the runs.
        models: the recipe's models, including baselines.
        cache: cache of the sha256 of files (`r1v3.base.file_hash`).

    Raises:
        ValueError: the text names no model, or no variable has the address of its server.
    """
    if text in models and models[text].source in ("hub", "server"):
        return _of_recipe(text, models[text], cache)
    if text.startswith(ADDRESS):
        return _served(text)
    if found := _last_checkpoint(text, root):
        run, checkpoint = found
        identity = folder_identity(checkpoint, cache)
        mode = models[run].mode if run in models else None
        return Target(run, identity, checkpoint, mode, served=False, ours=_ours(str(checkpoint)))
    if text in models:
        return _of_recipe(text, models[text], cache)
    if (Path(text) / "config.json").is_file():
        identity = folder_identity(Path(text), cache)
        folder = _opened(Path(text), identity)
        return Target(plain_name(text), identity, folder, None, served=False, ours=_ours(text))
    if HUB_ID.fullmatch(text) and not Path(text).exists():
        identity, folder = _download(text)
        return Target(plain_name(text), identity, folder, None, served=False)
    known = [name for name, entry in models.items() if entry.source in ("hub", "server")]
    raise ValueError(
        f"--model {text}: {EXPECTED}, or one of {', '.join(known)} is expected"
        if known
        else f"--model {text}: {EXPECTED} is expected"
    )


def _last_checkpoint(text: str, root: Path) -> tuple[str, Path] | None:
    """Return name and last checkpoint of the run that a name, its JSON file or its folder means.

    Raises:
        ValueError: the run has no checkpoint yet.
    """
    place = Path(text) if Path(text).exists() else root / "results/runs" / f"{text}.json"
    if place.suffix == ".json" and place.is_file():
        named = read_json(place)
        if not {"run", "hash"} <= set(named):
            return None
        place = place.parent / f"{named['run']}-{named['hash']}"
        if "folder" in named and not place.is_dir():
            place = root / named["folder"]
        run = str(named["run"])
    elif place.is_dir() and RUN_FOLDER.fullmatch(place.resolve().name):
        run = place.resolve().name
    else:
        return None
    manifest = place / "manifest.json"
    if not manifest.is_file():
        raise ValueError(f"--model {text}: the run in {place} is not finished: no manifest.json")
    return run, checkpoint_folder(manifest, "last")


def _ours(checkpoint: str) -> bool:
    """Return whether a folder is a checkpoint that was trained here."""
    config = Path(checkpoint).resolve().parents[1] / "config.json"
    if not config.is_file():
        return False
    resolved = read_json(config).get(RESOLVED, {})
    return bool(resolved.get("start") or resolved.get("spec", {}).get("source", "hub") != "hub")


def _of_recipe(name: str, entry: Model | Baseline, cache: Path | None) -> Target:
    if entry.source == "hub":
        if Path(entry.id).is_dir():
            identity = folder_identity(Path(entry.id), cache)
            place = _opened(Path(entry.id), identity)
        else:
            identity, place = _download(f"{entry.id}@{entry.revision}")
        return Target(name, identity, place, entry.mode, served=False)
    if entry.source == "server":
        _point_to_server(name, entry)
        return Target(name, entry.id, entry.id, entry.mode, served=True)
    raise ValueError(
        f"--model {name}: is trained here, and is not there yet: `snakemake --cores all"
        f" results/runs/{name}.json` makes it; or name the folder of one of its checkpoints"
    )


def _point_to_server(name: str, entry: ServedModel) -> None:
    """Set the environment variables from which the engine reads the server of a recipe's model.

    A provider's key goes only to the provider's own address. Another server gets R1V3_SERVER_KEY, or
    R1V3_SERVER_KEY_<NAME>.
    """
    own = re.sub(r"\W", "_", name).upper()
    url = os.environ.get(f"R1V3_SERVER_URL_{own}") or os.environ.get("R1V3_SERVER_URL")
    if url is None and entry.address is None:
        raise ValueError(
            f"--model {name}: {entry.id} is asked through a server that applies the model's own chat"
            f" template: set R1V3_SERVER_URL, or R1V3_SERVER_URL_{own} for it alone, to its address, such"
            " as http://node:8000/v1"
        )
    if f"R1V3_SERVER_KEY_{own}" in os.environ:
        os.environ["R1V3_SERVER_KEY_VARIABLE"] = f"R1V3_SERVER_KEY_{own}"
    elif url is None and entry.key:
        os.environ["R1V3_SERVER_KEY_VARIABLE"] = entry.key
    os.environ["R1V3_SERVER_URL"] = url or entry.address or ""
    os.environ.setdefault("R1V3_SERVER_KIND", entry.form)


def _served(text: str) -> Target:
    address, _, model = text.partition("#")
    model = model or os.environ.get("R1V3_SERVER_MODEL", "")
    if not model:
        raise ValueError(
            f"--model {text}: add # and the name that the server knows its model by, or set"
            " R1V3_SERVER_MODEL"
        )
    os.environ["R1V3_SERVER_URL"] = address
    # A server with its own template does not open the thought for us.
    mode = "nothink" if os.environ.get("R1V3_SERVER_KIND") in CLOSED else None
    return Target(plain_name(model), f"{address}#{model}", model, mode, served=True)


def folder_identity(folder: Path, cache: Path | None) -> str:
    """Identify the model in a folder by the sha256 of all its files that are not hidden.

    So the same model elsewhere has the same identity, and other weights in the same folder have another.
    """
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    digests = files_sha256(files, cache)
    lines = [f"{digests[file]}  {file.relative_to(folder).as_posix()}\n" for file in files]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _download(text: str) -> tuple[str, Path]:
    """Download a hub's model. Return its id with the present commit of the revision, and a folder to open.

    A branch changes over time, a commit does not. A model in its authors' layout is converted.
    """
    from huggingface_hub import constants, snapshot_download

    name, _, revision = text.partition("@")
    config = hub_config(name, revision or None)
    check_supported(config, name)
    endpoint = os.environ.get("HF_ENDPOINT")
    fetched = Path(
        snapshot_download(
            name,
            revision=revision or None,
            endpoint=endpoint,
            allow_patterns=list(PATTERNS),
        )
    )
    check_weights(fetched)
    commit = fetched.name if COMMIT.fullmatch(fetched.name) else revision or "main"
    identity = f"{name}@{commit}"
    if not is_chat_config(config):
        return identity, fetched
    return identity, _converted(fetched, Path(constants.HF_HOME), f"{name}-{fetched.name}")


def _opened(folder: Path, identity: str) -> Path:
    """Return the user's folder, or its converted form in the hub's cache if it is in its authors' layout."""
    config = read_model_json(folder / "config.json")
    if config.get("model_type") or config.get("architectures"):
        check_supported(config, str(folder))
    check_weights(folder)
    if not is_chat_config(config):
        return folder
    from huggingface_hub import constants

    digest = identity.removeprefix("sha256:")[:12]
    return _converted(folder, Path(constants.HF_HOME), f"{folder.name}-{digest}")


def _converted(source: Path, cache: Path, name: str) -> Path:
    target = cache / "r1v3-converted" / plain_name(name)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        convert_checkpoint(source, target)
    return target


def plain_name(text: str) -> str:
    """Return a name for a folder."""
    return re.sub(r"[^\w.-]+", "_", text).strip("_")
