"""Picture files as bytes."""

import io

from PIL import Image


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(side: int = 40) -> Image.Image:
    image = Image.new("RGB", (side, side), "white")
    image.paste((200, 30, 30), (5, 5, 20, 30))
    return image


PNG = saved(plain(), "PNG")
