"""Characters that a page of HTML wrote by their names, as `&lt;` for `<`."""

import html
import re

ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,24});")


def without_entities(text: str) -> str:
    """A text with characters in place of their names; a name that HTML does not know stays."""
    if "&" not in text:
        return text
    return ENTITY.sub(lambda match: html.unescape(match[0]).replace("\xa0", " "), text)
