"""Progress on the standard error, only where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType

from rich import progress as rich_progress
from rich.console import Console

Rounds = Callable[[int, int], None]
Layer = Callable[[int, int | None, str], Rounds | None]


class Progress:
    """A bar over layers, or silence when quiet or when the standard error is no terminal."""

    def __init__(self, quiet: bool) -> None:
        """Decide whether anything is shown at all."""
        self._bar: rich_progress.Progress | None = None
        self._task = rich_progress.TaskID(0)
        self._shown = not quiet and sys.stderr.isatty()

    def __enter__(self) -> Progress:
        """Start the display."""
        if self._shown:
            self._bar = rich_progress.Progress(
                rich_progress.TextColumn("{task.description}"),
                rich_progress.BarColumn(),
                rich_progress.MofNCompleteColumn(),
                rich_progress.TextColumn("{task.fields[detail]}"),
                rich_progress.TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("simulating", total=None, detail="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the display away."""
        if self._bar is not None:
            self._bar.stop()

    def turn(self, at: int, count: int, machine: str) -> Layer:
        """Return ``layer`` for machine ``at`` of ``count``; each has an equal share of the bar."""

        def layer(index: int, layers: int | None, name: str) -> Rounds | None:
            what = f"{name} on {machine}"
            if layers is None:
                return self.layer(index, None, what)
            return self.layer(at * layers + index, count * layers, what)

        return layer

    def layer(self, index: int, count: int | None, name: str) -> Rounds | None:
        """Show that layer ``index`` of ``count`` (or None) starts; return a callback of rounds."""
        bar = self._bar
        if bar is None:
            return None
        bar.update(self._task, completed=index, total=count, detail=name[-40:])

        def rounds(done: int, total: int) -> None:
            bar.update(self._task, detail=f"{name[-40:]} {done:,}/{total:,} rounds")

        return rounds
