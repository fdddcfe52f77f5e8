"""The page "Every file": each file of the repository, with one line that says what it is for."""

import ast
import subprocess
from pathlib import Path

HEAD = "# Every file, in one line\n"
SKIPPED = {".gitkeep", ".png", ".svg", ".md", ".jsonl", ".css", ".j2"}


def purpose(path: Path) -> str:
    """The first sentence of a module's docstring, or of a file's first comment."""
    text = path.read_text()
    if path.suffix == ".py":
        doc = ast.get_docstring(ast.parse(text)) or ""
    elif text.startswith('"""'):
        doc = text.split('"""')[1]
    else:
        lines = [line for line in text.splitlines() if not line.startswith("#!")]
        doc = " ".join(line.lstrip("# ") for line in lines[:2] if line.startswith("#"))
    return " ".join(doc.split("\n\n")[0].split()).split(". ")[0].rstrip(".")


def file_list(root: Path) -> str:
    """The page: a heading for each folder, a line for each file that has something to say."""
    listed = subprocess.run(
        ["git", "ls-files", "--deduplicate"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    lines, folder = [HEAD], None
    for name in sorted(listed.splitlines(), key=lambda n: (str(Path(n).parent), n)):
        path = root / name
        if path.suffix in SKIPPED or path.name in SKIPPED or not path.is_file():
            continue
        said = purpose(path)
        if not said:
            continue
        if str(Path(name).parent) != folder:
            folder = str(Path(name).parent)
            lines.append(f"\n## {'top level' if folder == '.' else folder}\n")
        lines.append(f"- `{path.name}`: {said}")
    return "\n".join(lines) + "\n"
