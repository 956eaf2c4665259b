"""The files and folders that options name."""

from __future__ import annotations

from pathlib import Path

import click


class Folder(click.Path):
    """A folder. An empty name, as an unset variable gives it, is a mistake and not the current folder.

    :raises click.BadParameter: it is empty.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if value == "":
            self.fail("it is empty: name a folder", param, ctx)
        return Path(str(super().convert(str(value), param, ctx)))


FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = Folder()
#: Where reports are, or go, by default.
DEFAULT = Path("reports")
