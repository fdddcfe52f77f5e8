"""Checks what only the user can supply: data, benchmark files, servers, models, tokens.

Each is checked before the first job. Nothing is downloaded except the `config.json` of a model.
"""

import os
import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from r1v3.base.json_file import read_model_json
from r1v3.cluster.check_outcome import CheckOutcome
from r1v3.recipe.graph.supplied import (
    BENCHMARKS_BY_HAND,
    HUB,
    benchmark_by_hand,
    benchmark_files,
    is_url,
)
from r1v3.recipe.load import Project
from r1v3.recipe.schema.data import HubModel, ListedSource, SampledSet, SourceSet
from r1v3.recipe.schema.recipe import Recipe
from r1v3.recipe.schema.training import Sft
from r1v3.recipe.tables.benchmarks import HubSource, ListedBenchmark, OwnFile
from r1v3.recipe.tables.licences import gated
from r1v3.recipe.tables.sources import Files, Hub

CORE = ("cold_start", "rl", "final")
SECONDS = 5.0
CONNECT = "connect this machine to the network, or set HF_ENDPOINT to a mirror; then call again"
Check = Callable[[], CheckOutcome]


def supply_checks(root: Path, project: Project) -> dict[str, Check]:
    """Return a check for each thing that the user must supply, by the name that begins its line.

    Args:
        root: root of the checkout.
    """
    recipe = project.recipe
    checks: dict[str, Check] = {"data files": lambda: data_files(root, project)}
    for name in sorted({*core_sets(project), *recipe.data}):
        for entry in _listed(project, name):
            where = project.sources[entry].where
            if isinstance(where, Hub):
                checks[f"data {entry}"] = lambda where=where: hub_data(where.id, where.revision)
            elif urls := [place for place in where.places if "://" in place]:
                checks[f"data {entry}"] = lambda urls=urls: hosts(urls)
    names = asked_benchmarks(recipe)
    for name in names:
        entry = project.benchmarks[name]
        if isinstance(entry.source, OwnFile):
            checks[f"benchmark {name}"] = lambda name=name, source=entry.source: own_file(
                name, source, root
            )
    if recipe.evaluation.source == "files":
        for name in names:
            entry = project.benchmarks[name]
            if entry.source.kind == "user":
                checks[f"benchmark {name}"] = lambda name=name, entry=entry: benchmark_file(
                    name, entry, len(names) - 1
                )
        checks["benchmark downloads"] = lambda: benchmark_addresses(project)
        repositories = {
            source.id: source.revision
            for name in names
            if isinstance(source := project.benchmarks[name].source, HubSource)
            and not all(benchmark_by_hand(file) for file, _ in benchmark_files(name, source))
        }
        for repository, revision in sorted(repositories.items()):
            checks[f"benchmark {repository}"] = lambda r=repository, v=revision: hub_data(r, v)
    seen: list[HubModel] = []
    for name, spec in recipe.models.items():
        if isinstance(spec, HubModel) and spec not in seen:  # two names may mean the same model
            seen.append(spec)
            checks[f"model {name}"] = lambda spec=spec: model(spec)
    filters = [
        entry.filters
        for name in sorted(core_sets(project))
        if isinstance(entry := recipe.data[name], SampledSet)
    ]
    judge = next((each.judge.model for each in filters if each.judge), None)
    terms = [*filters, *recipe.grpo.values()]
    reward = next((each.reward_model.model for each in terms if each.reward_model), None)
    rewards = [recipe.grading, *(settings.reward for settings in recipe.grpo.values())]
    verifier = next((each.verifier.model for each in rewards if each.verifier), None)
    without = "or switch that filter off in the recipe (`filters`)"
    checks["judge"] = lambda: server("R1V3_JUDGE", judge, without)
    checks["reward server"] = lambda: server(
        "R1V3_REWARD",
        reward,
        f"such as `r1v3 serve-reward` starts, {without}, or grpo's reward_model to null",
    )
    checks["verifier"] = lambda: server(
        "R1V3_VERIFIER", verifier, "or grade by rules alone (`verifier: null` in the recipe)"
    )
    if recipe.generation.engine == "server":
        checks["answering server"] = lambda: server("R1V3_SERVER", "the policy", "")
    checks["tokens"] = lambda: tokens(project)
    return checks


def core_sets(project: Project) -> set[str]:
    """Return the data sets of the core path: for training, early stopping, probing and testing."""
    recipe = project.recipe
    found = {
        recipe.selection.probe,
        *recipe.evaluation.held_out.values(),
        *recipe.cleaning.held_out,
    }
    for name in CORE:
        run = project.runs[name]
        if not hasattr(run.entry, "data"):
            continue
        found.add(run.data)
        if isinstance(run.settings, Sft) and run.settings.early_stopping:
            found.add(run.settings.early_stopping.validation)
    for spec in recipe.models.values():
        if spec.source != "hub":
            found.add(spec.data)
    while more := {
        entry.questions
        for name in found
        if isinstance(entry := recipe.data[name], SampledSet) and entry.questions not in found
    }:
        found |= more
    return found


def data_files(root: Path, project: Project) -> CheckOutcome:
    """Check that the user's own data files exist, by `config/sources.yaml`."""
    core = core_sets(project)
    needed, later = set[str](), set[str]()
    for name in project.recipe.data:
        for entry in _listed(project, name):
            where = project.sources[entry].where
            if isinstance(where, Files):
                absent = {
                    place
                    for place in where.places
                    if "://" not in place and not (root / place).exists()
                }
                (needed if name in core else later).update(absent)
    later -= needed
    studies = f"missing for studies alone: {', '.join(sorted(later))}" if later else ""
    remedy = (
        "put them there as JSON lines of a record's fields (docs/data.md; `r1v3 data check FILE` reads one),"
        " or name other sources in the recipe"
    )
    if needed:
        missing = f"missing: {', '.join(sorted(needed))}"
        return CheckOutcome("STOP", "; ".join(filter(None, [missing, studies])), remedy)
    return CheckOutcome("ok", studies or "nothing is missing", remedy if studies else "")


def asked_benchmarks(recipe: Recipe) -> list[str]:
    """Return every benchmark that the core path reads: for evaluation, checkpoints, decontamination."""
    section = recipe.evaluation
    return sorted({*section.benchmarks, section.checkpoint_benchmark, *recipe.cleaning.benchmarks})


def benchmark_addresses(project: Project) -> CheckOutcome:
    """Check that the hosts of benchmark files answer, except for files that are on this machine."""
    by_hand, urls = 0, set[str]()
    for name in asked_benchmarks(project.recipe):
        for filename, url in benchmark_files(name, project.benchmarks[name].source):
            if benchmark_by_hand(filename):
                by_hand += 1
            elif url is not None:
                urls.add(url)
    seen = hosts(urls)
    text = f"{len(urls)} files are downloaded, {by_hand} lie in ${BENCHMARKS_BY_HAND}: {seen.text}"
    return CheckOutcome(seen.state, text, seen.remedy)


def benchmark_file(name: str, entry: ListedBenchmark, others: int) -> CheckOutcome:
    """Check that a file that nobody publishes is here. Without it only this benchmark is left out."""
    for filename, _ in benchmark_files(name, entry.source):
        if benchmark_by_hand(filename) is None:
            return CheckOutcome(
                "ok",
                f"{filename} is missing: {entry.title} is left out, the other {others} go on",
                f"put it into a folder and set {BENCHMARKS_BY_HAND} to that folder (docs/benchmarks.md)",
            )
    return CheckOutcome("ok", "it is there")


def own_file(name: str, source: OwnFile, root: Path) -> CheckOutcome:
    """Check that a benchmark of the user's own is where its entry says."""
    if is_url(source.place):
        return hosts([source.place])
    if not (root / source.place).is_file():
        text = f"{source.place} is not there: {name} is left out, the others go on"
        return CheckOutcome("STOP", text, f"put it there, or correct `file` of {name}")
    return CheckOutcome("ok", "it is there")


def hosts(urls: Iterable[str]) -> CheckOutcome:
    """Check that the hosts of these addresses can be reached; `unknown` if one cannot."""
    away = sorted({_host(url) for url in urls if not accepts_connection(_host(url))})
    if away:
        return CheckOutcome("unknown", f"{', '.join(away)} cannot be reached from here", CONNECT)
    return CheckOutcome("ok", "every host can be reached")


def model(spec: HubModel) -> CheckOutcome:
    """Check that a model can be read at its revision, and can be used here."""
    from r1v3.model.obtain import hub_config
    from r1v3.model.supported import check_supported

    local = Path(spec.id)
    if local.is_dir():
        config = read_model_json(local / "config.json")
    elif accepts_connection(_host(_hub())):
        try:
            config = hub_config(spec.id, spec.revision)
        except ValueError as error:
            return CheckOutcome(
                "STOP", str(error), f"accept its terms and set HF_TOKEN, or mend {spec.id}"
            )
    elif (cached := _cached_config(spec)) is not None:
        config = read_model_json(cached)
    else:
        return CheckOutcome(
            "unknown",
            f"{spec.id}: {_host(_hub())} cannot be reached from here, and the cache does not have it",
            f"{CONNECT}; or fetch the model elsewhere, and put its folder into the recipe as `id`",
        )
    try:
        found = check_supported(config, spec.id)
    except ValueError as error:
        return CheckOutcome(
            "STOP", str(error), "name a supported checkpoint (docs/which-models.md)"
        )
    change = "" if found.conversion == "none" else f", converted {found.conversion}"
    return CheckOutcome("ok", f"{spec.id} can be read: {found.family}{change}")


def hub_data(repository: str, revision: str) -> CheckOutcome:
    """Check that a hub's data set exists, and that the token that is set may read its files."""
    if not accepts_connection(_host(_hub())):
        return CheckOutcome("unknown", f"{_host(_hub())} cannot be reached from here", CONNECT)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    accept = f"accept its terms at {_hub()}/datasets/{repository}, then set HF_TOKEN"
    try:
        info = api.dataset_info(repository, revision=revision, timeout=SECONDS)
        if info.gated:
            api.auth_check(repository, repo_type="dataset")
    except GatedRepoError:
        return CheckOutcome("STOP", f"{repository} is gated, and we have no access", accept)
    except RepositoryNotFoundError:
        return CheckOutcome("STOP", f"{repository} is not there, or wants HF_TOKEN", accept)
    except HfHubHTTPError as error:
        return CheckOutcome("unknown", f"{repository}: {error}".splitlines()[0], "call again later")
    return CheckOutcome("ok", f"{repository} can be read{', gated' if info.gated else ''}")


def tokens(project: Project) -> CheckOutcome:
    """Check that a token for gated models and data sets is set; their own lines say which need one."""
    names = {spec.id for spec in project.recipe.models.values() if isinstance(spec, HubModel)}
    for name in core_sets(project):
        for entry in _listed(project, name):
            where = project.sources[entry].where
            names |= {where.id} if isinstance(where, Hub) else set()
    names = {name for name in names if not Path(name).is_dir()}
    if not names:
        return CheckOutcome("ok", "none needed")
    from huggingface_hub import get_token

    if get_token():
        return CheckOutcome(
            "ok", f"HF_TOKEN is set; fetched from {_host(_hub())}: {', '.join(sorted(names))}"
        )
    return CheckOutcome(
        "ok",
        f"HF_TOKEN is not set; fetched from {_host(_hub())}: {', '.join(sorted(names))}",
        "set HF_TOKEN where one of these is gated (its own line says so)",
    )


def server(variable: str, model: str | None, otherwise: str) -> CheckOutcome:
    """Check that the server of `<variable>_URL` answers, accepts `<variable>_KEY` and has the model."""
    if model is None:
        return CheckOutcome("ok", "none needed")
    start = f"set {variable}_URL to an OpenAI-compatible address that has {model}, as http://node:8000/v1"
    remedy = ", ".join(filter(None, [f"{start}, and {variable}_KEY to its key", otherwise]))
    address = os.environ.get(f"{variable}_URL")
    if not address:
        return CheckOutcome("STOP", f"{variable}_URL is not set, and {model} is asked", remedy)
    if not accepts_connection(_host(address)):
        return CheckOutcome("STOP", f"{address} cannot be reached from here", remedy)
    import httpx

    key = os.environ.get(f"{variable}_KEY", "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        reply = httpx.get(f"{address.rstrip('/')}/models", headers=headers, timeout=SECONDS)
        if reply.status_code in (401, 403):
            return CheckOutcome(
                "STOP", f"{address} refuses the key", f"set {variable}_KEY to its key"
            )
        if reply.status_code >= 500:
            return CheckOutcome("STOP", f"{address} fails with status {reply.status_code}", remedy)
        served = [each["id"] for each in reply.raise_for_status().json()["data"]]
    except httpx.InvalidURL as error:
        return CheckOutcome("STOP", f"{address}: {error}", remedy)
    except httpx.TransportError as error:
        return CheckOutcome("unknown", f"{address} gives no reply ({type(error).__name__})", remedy)
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError):
        return CheckOutcome("ok", f"{address} answers, and does not say which models it has")
    if model in served or model == "the policy":
        return CheckOutcome("ok", f"{address} answers, and has {model}")
    shown = ", ".join(served[:5]) or "none"
    return CheckOutcome("STOP", f"{address} has no {model}; it has {shown}", remedy)


@lru_cache(maxsize=256)
def accepts_connection(host: str) -> bool:
    """Return whether `host:port` accepts a connection, or the proxy does if one is set."""
    name, _, port = host.rpartition(":")
    proxy = getproxies().get("https")
    if proxy and name not in ("localhost", "127.0.0.1") and not proxy_bypass(name):
        name, _, port = _host(proxy).rpartition(":")
    try:
        socket.create_connection((name.strip("[]"), int(port)), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def _host(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return f"{parts.hostname or ''}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _hub() -> str:
    return os.environ.get("HF_ENDPOINT") or HUB


def _cached_config(spec: HubModel) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(spec.id, "config.json", revision=spec.revision)
    return Path(found) if isinstance(found, str) else None


def _listed(project: Project, name: str) -> list[str]:
    """Return the entries of config/sources.yaml that a data set reads; none if it is drawn or sampled."""
    entry = project.recipe.data[name]
    if isinstance(entry, SourceSet) and isinstance(entry.source, ListedSource):
        return gated(project.recipe.licences, entry.source, project.sources)[0]
    return []
