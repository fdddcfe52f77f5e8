"""Records finished results: large files in DVC, small files in git's index. One process works at a time.

Each result folder gets one `data.dvc` beside its manifest, so that a single run can be pulled. A folder is
recorded only if its files have the hashes of its manifest. Large files become links into DVC's cache.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import yaml
from filelock import FileLock

from r1v3.base.atomic_write import write_text
from r1v3.provenance.result_folders import DVC_FILE, ResultFolder, is_configured, result_folders
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.outputs.manifest import read_manifest

# results/mlflow.json is left out, because the database of another machine has none of its runs.
TOP = ("summary.json", "report.html", "claims.*", "plots/*.csv", "cards/*.html", "runs/*.json")
TOP += ("tables/*", "studies/*.html", "studies/*.json", "studies/*/*", "branches/*.html")
# Pages go to git as whole files, because a browser cannot show a link into DVC's cache.
TOP += ("pages/**/*",)
MANY = 500  # most paths in one call


def snapshot(root: Path, graph: ResultGraph) -> list[str]:
    """Record new finished results of the present configuration, and return their folders.

    Raises:
        ValueError: a file has changed since its manifest was written. Then nothing is recorded.
    """
    place = root / ".dvc" / "tmp" / "snapshot.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place):
        kept = [f for f in result_folders(root) if f.finished and is_configured(graph, f.folder)]
        new = [found for found in kept if not recorded(found)]
        wrong = [line for found in new for line in changed_files(found)]
        if wrong:
            raise ValueError("not recorded, because these changed afterwards:\n" + "\n".join(wrong))
        files = [write_dvc_file(found.path, found.kept_in_dvc(), seal(found)) for found in new]
        for part in _parts([str(file.relative_to(root)) for file in files if file]):
            dvc(root, "commit", "--force", *part)
            dvc(root, "checkout", "--relink", *part)
        if (root / "results" / "summary.json").exists():
            dvc(root, "commit", "--force", "dvc.yaml")
        _own_pages(root)
        for part in _parts(_for_git(root, kept)):
            subprocess.run(["git", "add", "--force", "--", *part], cwd=root, check=True)
    return [found.folder for found in new]


def recorded(found: ResultFolder) -> bool:
    """Return whether DVC has recorded this folder in its present state."""
    if not found.dvc_file.exists():
        return not found.kept_in_dvc()
    try:
        content = yaml.safe_load(found.dvc_file.read_text(encoding="utf-8"))
        whole = all("md5" in out for out in content["outs"])
        return whole and content.get("meta", {}).get("seal") == seal(found)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{found.dvc_file}: cut or damaged ({type(error).__name__}); delete it, and `make snapshot`"
            " records the folder again"
        ) from None


def seal(found: ResultFolder) -> str:
    """Return the sha256 of the files that complete the folder."""
    digest = hashlib.sha256()
    for path in found.seals:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def changed_files(found: ResultFolder) -> list[str]:
    """List the files of the manifest that are missing or changed, one line each."""
    wrong = []
    for name, expected in read_manifest(found.seals[0])["files"].items():
        path = found.path / name
        if not path.exists():
            wrong.append(f"{path.relative_to(found.root)}: gone")
        elif _sha256(path) != expected:
            wrong.append(f"{path.relative_to(found.root)}: changed")
    return wrong


def write_dvc_file(folder: Path, paths: list[Path], seal: str) -> Path | None:
    """Write a `data.dvc` with these paths. `dvc commit` adds their hashes."""
    if not paths:
        return None
    file = folder / DVC_FILE
    outs = [{"path": path.name, "hash": "md5"} for path in paths]
    text = yaml.safe_dump({"outs": outs, "meta": {"seal": seal}}, sort_keys=False)
    write_text(file, text)
    return file


def dvc(root: Path, *arguments: str) -> None:
    """Call DVC.

    Raises:
        RuntimeError: DVC failed; the message is DVC's own.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"dvc {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")


def _own_pages(root: Path) -> None:
    """Replace links of pages, which an earlier version made, by files, and remove them from data.dvc."""
    pages = root / "results" / "pages"
    for path in (path for path in pages.rglob("*") if path.is_symlink()):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
    (pages / DVC_FILE).unlink(missing_ok=True)


def _for_git(root: Path, kept: list[ResultFolder]) -> list[str]:
    files = [path for found in kept for path in (*found.kept_in_git(), found.dvc_file)]
    files += [path for pattern in TOP for path in sorted((root / "results").glob(pattern))]
    files += [root / "dvc.lock"]
    return [str(path.relative_to(root)) for path in files if path.is_file()]


def _parts(paths: list[str]) -> list[list[str]]:
    return [paths[at : at + MANY] for at in range(0, len(paths), MANY)]


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
