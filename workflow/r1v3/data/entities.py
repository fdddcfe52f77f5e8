"""Replaces HTML's named characters in texts, such as `&lt;` for `<`."""

import html
import re

ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,24});")


def without_entities(text: str) -> str:
    """Return a text with characters instead of their HTML names; names unknown to HTML stay."""
    if "&" not in text:
        return text
    return ENTITY.sub(lambda match: html.unescape(match[0]).replace("\xa0", " "), text)
