"""The documents of a page: read, checked, and put together."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cairn import compare, files
from cairn.errors import CairnError, Diagnostic, diagnostic, nearest
from cairn.suites import paper

Document = Mapping[str, Any]

RESULT = "cairn.result/1"
_HOLDS = {
    RESULT: ("context", "layers", "totals"),
    compare.SCHEMA: ("results",),
    paper.SCHEMA: ("models",),
}
_REMEDY = "give what `cairn run --json` or `cairn compare --json` wrote"


@dataclass(frozen=True)
class Source:
    """A document and the name of the file that it came from."""

    name: str
    document: Document


def read(paths: Sequence[str | os.PathLike[str]]) -> list[Source]:
    """Read documents; the faults of all files are told at once (E101, E603)."""
    found, faults = [], []
    for path in paths:
        try:
            text = files.read_text(path)
        except CairnError as error:
            faults += error.diagnostics
            continue
        place = files.readable(os.fspath(path))
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            faults.append(diagnostic("E603", place, f"not valid JSON: {error}", _REMEDY))
            continue
        faults += checked(document, place)
        found.append(Source(Path(path).stem, document))
    if faults:
        raise CairnError(faults)
    return found


def checked(document: Any, place: str) -> list[Diagnostic]:
    """Say why a document cannot be shown: its kind, its version, or what it lacks (E603)."""
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if not isinstance(schema, str):
        message = "this is no document of Cairn: it has no 'schema'"
        return [diagnostic("E603", place, message, _REMEDY)]
    if schema not in _HOLDS:
        kind, _, version = schema.partition("/")
        known = {each.partition("/")[0] for each in _HOLDS}
        message = f"a page cannot be made of '{schema}'"
        remedy = nearest(schema, _HOLDS, _REMEDY) if kind not in known else ""
        if kind in known:
            message = f"version '{version}' of {kind} is not known to this version of Cairn"
            remedy = f"use the Cairn that wrote it, or run it again: this one writes {kind}/1"
        return [diagnostic("E603", place, message, remedy)]
    if missing := [key for key in _HOLDS[schema] if not isinstance(document.get(key), dict | list)]:
        message = f"this {schema} document is cut: it has no {', '.join(missing)}"
        return [diagnostic("E603", place, message, "run it again")]
    inner = [*results(document)]
    if inner and inner != [document]:
        return [fault for each in inner for fault in checked(each, place)]
    if not inner:
        return [diagnostic("E603", place, f"this {schema} document holds no result", _REMEDY)]
    return []


def results(document: Document) -> list[Document]:
    """Return the result documents that a document is or holds."""
    if "models" in document:
        return [each for model in document["models"] for each in model["comparison"]["results"]]
    return list(document["results"]) if "results" in document else [document]


def together(sources: Sequence[Source]) -> Document:
    """Return the one document of a page; several become a comparison.

    A suite stands alone (E603).
    """
    if len(sources) == 1:
        return sources[0].document
    faults = [
        diagnostic("E603", each.name, "a suite makes a page by itself", "give it alone")
        for each in sources
        if "models" in each.document
    ]
    if faults:
        raise CairnError(faults)
    return compare.document([each for source in sources for each in results(source.document)])
