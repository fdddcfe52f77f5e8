"""Seeds derived from names, so that each random stream belongs to what it is drawn for."""

import hashlib


def stable_seed(*parts) -> int:
    """A seed in [0, 2**63) from anything that names it."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
