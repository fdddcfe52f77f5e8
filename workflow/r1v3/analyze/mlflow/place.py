"""Corrects the artifact paths in a local MLflow database after the checkout was moved or copied.

MLflow stores absolute paths. In a copied checkout they point into the original one, which would then receive
the copy's artifacts.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

# The columns in which MLflow stores the path of an experiment, a run, a model or a model version.
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
# The folders that this project and MLflow make beside a database.
LOCAL = re.compile(r"(?P<scheme>(file://)?)(?P<folder>/.*?)(?P<rest>/(mlartifacts|mlruns)(/.*)?)")


def correct_artifact_paths(database: Path) -> int:
    """Make every local artifact path point beside the database; return the number of changed entries.

    The caller must hold the lock of the database.
    """
    if not database.exists():
        return 0
    home, count = str(database.resolve().parent), 0
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for table, column in COLUMNS:
            if table not in tables:
                continue
            rows = connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall()
            for (place,) in rows:
                match = LOCAL.fullmatch(place or "")
                if match and match["folder"] != home:
                    moved = f"{match['scheme']}{home}{match['rest']}"
                    update = f"UPDATE {table} SET {column} = ? WHERE {column} = ?"
                    count += connection.execute(update, (moved, place)).rowcount
    return count
