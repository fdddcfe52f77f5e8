"""Sorts a source's fetched files: those with rows, and those with pictures."""

import os
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote

from r1v3.data.picture_files import PictureFiles, is_archive
from r1v3.data.sources.rows import READABLE, unknown_form
from r1v3.recipe.tables.sources import Decides, Hub, suffixes

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")


class SourceFiles:
    """A source's files: the files of rows, and the pictures of each.

    Raises:
        ValueError: no file contains rows, a file that the entry names has an unknown format, or the pictures
            that it names do not exist.
    """

    def __init__(self, name: str, entry: Decides, files: list[Path], scratch: Path):
        self.name, self.entry, self._scratch = name, entry, scratch
        self._named = [file for file in files if self._holds_pictures(file)]
        self.files = [
            file for file in files if suffixes(file) in READABLE and file not in self._named
        ]
        asked = entry.where.files if isinstance(entry.where, Hub) else entry.where.places
        asked = {unquote(each).rpartition("/")[2] for each in asked}
        for file in files:
            known = file in self.files or file in self._named or is_archive(file)
            if file.name in asked and not known and file.suffix.lower() not in PICTURES:
                raise ValueError(f"{name}: {unknown_form(file)}")
        if not self.files:
            found = ", ".join(file.name for file in files[:20])
            raise ValueError(f"{name}: none of its files holds rows: {found}")
        self._archives = self._named or [file for file in files if is_archive(file)]
        self._hub = isinstance(entry.where, Hub)
        self._root = (
            Path(os.path.commonpath([file.parent for file in files]))
            if self._hub
            else files[0].parent
        )
        self._folder = None
        if entry.pictures is not None and not self._named:
            self._folder = self._root_of(self.files[0]) / entry.pictures
            if not self._folder.is_dir():
                raise ValueError(
                    f"{name}: pictures: no folder or archive {entry.pictures} among its files: "
                    + ", ".join(file.name for file in files[:20])
                )
        self._pictures: dict[Path, PictureFiles] = {}

    def pictures(self, file: Path) -> PictureFiles:
        """Return the pictures that the rows of a file name."""
        root = self._folder or self._root_of(file)
        if root not in self._pictures:
            alone = self._named and not self._folder
            self._pictures[root] = PictureFiles(
                None if alone else root, self._archives, scratch=self._scratch
            )
        return self._pictures[root]

    def close(self) -> None:
        for each in self._pictures.values():
            each.close()

    def _root_of(self, file: Path) -> Path:
        """Return the hub's folder of the data set, or the folder of a user's file."""
        return self._root if self._hub else file.parent

    def _holds_pictures(self, file: Path) -> bool:
        asked = self.entry.pictures
        return asked is not None and (file.match(asked) or fnmatch(file.name, asked))
