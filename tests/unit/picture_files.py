"""Makes picture files as bytes, and archives of them."""

import io
import tarfile
import zipfile
from pathlib import Path

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


def packed(path: Path, members: dict[str, bytes]) -> Path:
    """Write an archive of members; a tar file also has a link that leads out of it."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path
