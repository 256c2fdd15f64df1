"""Diagnostics: what the simulator says when it refuses an input.

A diagnostic has a code (``E..`` invalid, ``U..`` unsupported, ``I..`` internal), a place, the rule
that was broken and a remedy. All faults of one input travel together in one :class:`CairnError`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

_KINDS = {"E": "invalid", "U": "unsupported", "I": "internal"}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One refusal.

    ``place`` is ``file:line:column``, a node, an option or empty; ``remedy`` may be empty.
    """

    code: str
    kind: str
    place: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """Render as the command line does: the fault on one line, the remedy below it."""
        label = "internal error" if self.kind == "internal" else "error"
        where = f" {self.place}:" if self.place else ""
        help_line = f"\n  help: {self.remedy}" if self.remedy else ""
        return f"{label}[{self.code}]{where} {self.message}{help_line}"

    def as_dict(self) -> dict[str, str]:
        """Return the fields as plain text, the form in which the core hands diagnostics over."""
        return asdict(self)


class CairnError(Exception):
    """Every refusal of Cairn. ``diagnostics`` holds all faults that were found, in order."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Collect the faults; there is at least one."""
        self.diagnostics = list(diagnostics)
        super().__init__(self.diagnostics)

    @classmethod
    def from_core(cls, faults: Iterable[Mapping[str, str]]) -> CairnError:
        """Build the error from the extension's dictionaries (keys: the fields of Diagnostic)."""
        fields = ("code", "kind", "place", "message", "remedy")
        return cls([Diagnostic(*(fault.get(field, "") for field in fields)) for fault in faults])

    def __str__(self) -> str:
        """Render every diagnostic, one after the other."""
        return "\n".join(map(str, self.diagnostics))


def diagnostic(code: str, place: str, message: str, remedy: str = "") -> Diagnostic:
    """Make a diagnostic; its kind follows from the first letter of the code."""
    return Diagnostic(code, _KINDS[code[0]], place, message, remedy)


def refusal(code: str, place: str, message: str, remedy: str = "") -> CairnError:
    """Make an error of a single diagnostic, to be raised."""
    return CairnError([diagnostic(code, place, message, remedy)])


class MissingPackage(CairnError, ImportError):
    """A part of Cairn needs a package that is not installed."""


def missing_package(place: str, package: str, extra: str) -> MissingPackage:
    """Make the error of a missing package, which the ``extra`` of Cairn installs (E108)."""
    remedy = f"pip install 'cairn[{extra}]'"
    return MissingPackage([diagnostic("E108", place, f"{package} is not installed", remedy)])


@contextmanager
def at(place: str) -> Iterator[None]:
    """Put ``place`` before the places of the diagnostics that are raised inside."""
    try:
        yield
    except CairnError as error:
        faults = [
            replace(fault, place=": ".join(filter(None, (place, fault.place))))
            for fault in error.diagnostics
        ]
        raise CairnError(faults) from error


def nearest(name: str, choices: Iterable[str], otherwise: str = "") -> str:
    """Return "did you mean 'x'?" for the closest of ``choices``, else ``otherwise``."""
    by_lower = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean '{by_lower[close[0]]}'?" if close else otherwise
