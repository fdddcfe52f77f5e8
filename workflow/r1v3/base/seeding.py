"""Seeds derived from names, so that each random stream belongs to its purpose."""

import hashlib


def stable_seed(*parts) -> int:
    """Return a seed in [0, 2**63) from the parts of a name."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
