"""The MLflow store of a checkout: its address comes from the environment, and its secrets stay there.

Command lines are read by everybody on a machine, and logs and results are shared. So programs take the
address from `MLFLOW_TRACKING_URI` themselves, and what is written leaves out user, password and query.
"""

import hashlib
import os
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

VARIABLE = "MLFLOW_TRACKING_URI"
LOCAL_STORE = "sqlite:///mlflow.db"


def tracking_uri() -> str:
    """A server by one variable; a file of the checkout without."""
    return os.environ.get(VARIABLE) or LOCAL_STORE


def mark_of_store(uri: str) -> str:
    """What tells the copies of one MLflow from another's: nothing for the checkout's own, else a hash.

    A new password, or another user, leaves the store the same.
    """
    if uri == LOCAL_STORE:
        return ""
    return "-" + hashlib.sha256(without_secrets(uri).encode()).hexdigest()[:10]


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as error:  # which shows nothing of the address
        raise ValueError(f"{VARIABLE}: no address ({error}); correct it, or unset it") from None


def without_secrets(uri: str) -> str:
    """An address as it may be shown: without user, password, query and fragment."""
    scheme, place, path, _, _ = _split(uri)
    return urlunsplit((scheme, place.rpartition("@")[2], path, "", "")) if place else uri


def without_login(uri: str) -> tuple[str, str | None, str | None]:
    """A server's address without user and password, and these two.

    MLflow puts the address of a request into its errors, and takes user and password from the environment.
    """
    parts = _split(uri)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return uri, None, None
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    user, password = parts.username, parts.password
    return urlunsplit(bare), unquote(user) if user else None, unquote(password or "")
