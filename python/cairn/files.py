"""Files of the command line: read with a diagnostic, written whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType

from cairn.errors import nearest, refusal


def existing(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` if it is a readable file; raise E101, naming the nearest file, otherwise."""
    place = Path(path)
    if place.is_dir():
        raise refusal("E101", str(place), "this is a directory, not a file", "name a file in it")
    if not place.exists():
        beside = place.parent.glob(f"*{place.suffix}") if place.parent.is_dir() else ()
        hint = nearest(place.name, (each.name for each in beside), "check the path")
        raise refusal("E101", str(place), "there is no such file", hint)
    if not os.access(place, os.R_OK):
        raise refusal("E101", str(place), "the file cannot be read", "check its permissions")
    return place


def readable(text: str) -> str:
    """Replace what is no text: bytes of a file name or an argument in another encoding."""
    return "".join(each if each.isprintable() else "?" for each in text)


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file; bytes that are not UTF-8 become U+FFFD, for the parser to see."""
    place = existing(path)
    try:
        return place.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise refusal("E101", str(place), f"the file cannot be read: {error.strerror}") from error


class Output:
    """A result file that appears complete or not at all.

    Entering proves that the place can be written (E602 otherwise), before any simulation starts.
    Leaving without an exception moves the text into place. ``-`` is the standard output, ``None``
    nowhere.
    """

    def __init__(self, path: str | None) -> None:
        """Remember the place; nothing is touched yet."""
        self._path = path
        self._text = ""
        self._fill: Callable[[Path], object] | None = None
        self._temporary: Path | None = None

    @property
    def to_stdout(self) -> bool:
        """Whether the document takes the standard output for itself."""
        return self._path == "-"

    def write(self, text: str) -> None:
        """Set the text that the file will hold."""
        self._text = text if text.endswith("\n") else text + "\n"
        self._fill = partial(Path.write_text, data=self._text, encoding="utf-8")

    def fill(self, write: Callable[[Path], object]) -> None:
        """Set what will write the file, at the path it is given, if it is no text (E602: a device).

        The standard output takes none.
        """
        if self._path is not None and self._temporary is None:
            raise refusal("E602", self._path, "this is not a regular file", "name one")
        self._fill = write

    def stream(self) -> Path:
        """Return where the file lies until it is complete, for somebody else to write it there."""
        self._fill = Path.exists  # it is filled by then
        return self._temporary or Path(os.path.realpath(str(self._path)))

    def __enter__(self) -> Output:
        """Reserve a temporary file beside the target, which proves that it can be written."""
        if self._path is None or self.to_stdout:
            return self
        target = Path(os.path.realpath(self._path))
        if target.is_dir():
            raise refusal("E602", self._path, "this is a directory", "name a file in it")
        if target.exists() and not target.is_file():
            return self  # a device or a pipe: there is nothing to replace
        try:
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        except OSError as error:
            reason = f"the result cannot be written there: {error.strerror}"
            raise refusal("E602", self._path, reason, "name a writable directory") from error
        os.close(handle)
        self._temporary = Path(name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Move the text into place, or leave nothing behind if the work failed."""
        try:
            if kind is None and self._fill is not None:
                self._commit(self._fill)
        finally:
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)

    def _commit(self, fill: Callable[[Path], object]) -> None:
        if self._path is None:
            return
        if self.to_stdout:
            sys.stdout.write(self._text)
            return
        target = Path(os.path.realpath(self._path))
        try:
            if self._temporary is None:
                fill(target)
                return
            fill(self._temporary)
            self._temporary.chmod(_mode_for(target))
            self._temporary.replace(target)
        except OSError as error:
            reason = f"the result could not be written: {error.strerror}"
            raise refusal("E602", self._path, reason) from error


def _mode_for(target: Path) -> int:
    """Return the permissions that a plain ``open`` would have given ``target``."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
