"""Where a local database says that artifacts lie: beside itself, also after the checkout was moved or copied.

MLflow stores absolute paths. In a copied checkout they name the first one, which would then receive the
artifacts of the second.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

# What MLflow makes of a place when an experiment, a run, a model or a version of one is made.
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
# The folders that this project and MLflow make beside a database, and what lies in them.
LOCAL = re.compile(r"(?P<scheme>(file://)?)(?P<folder>/.*?)(?P<rest>/(mlartifacts|mlruns)(/.*)?)")


def settle_place(database: Path) -> int:
    """Let every local artifact of a database lie beside it; return how many entries named another folder.

    The caller holds the lock of the database.
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
