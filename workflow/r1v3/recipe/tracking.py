"""Finds the MLflow store of a checkout from the environment, and keeps its secrets out of what is written.

Every user of a machine can read command lines, and logs and results are shared. So programs read the address
from `MLFLOW_TRACKING_URI` themselves, and written addresses have no user, password or query.
"""

import hashlib
import os
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

VARIABLE = "MLFLOW_TRACKING_URI"
LOCAL_STORE = "sqlite:///mlflow.db"


def tracking_uri() -> str:
    """Return the address of a server if `MLFLOW_TRACKING_URI` is set, else that of a file of the checkout."""
    return os.environ.get(VARIABLE) or LOCAL_STORE


def mark_of_store(uri: str) -> str:
    """Return what distinguishes copies in one store: empty for the checkout's own, else a hash.

    The mark does not depend on the user or the password.
    """
    if uri == LOCAL_STORE:
        return ""
    return "-" + hashlib.sha256(without_secrets(uri).encode()).hexdigest()[:10]


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as error:  # its message does not show the address
        raise ValueError(f"{VARIABLE}: no address ({error}); correct it, or unset it") from None


def without_secrets(uri: str) -> str:
    """Return an address that may be shown: without user, password, query and fragment."""
    scheme, place, path, _, _ = _split(uri)
    return urlunsplit((scheme, place.rpartition("@")[2], path, "", "")) if place else uri


def without_login(uri: str) -> tuple[str, str | None, str | None]:
    """Return a server's address without user and password, then the user and the password.

    MLflow puts the address of a request into its error messages. It takes user and password from the
    environment.
    """
    parts = _split(uri)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return uri, None, None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    user, password = parts.username, parts.password
    return urlunsplit(bare), unquote(user) if user else None, unquote(password or "")
