"""The page: a template, its style and script, a plotting library and the document, in one file."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib import resources
from string import Template
from typing import Any

import cairn
from cairn.report import documents
from cairn.report.again import again
from cairn.report.documents import Source

# In this order: what a part uses stands before it.
_SCRIPTS = (
    *("data", "text", "plot"),
    *("overview", "layers", "activity", "machine", "roofline", "energy", "comparison"),
    *("table", "context", "main"),
)


def page(sources: Sequence[Source], title: str = "") -> str:
    """Make the page of one document, or of several side by side.

    ``title`` is by default the work and the machines. Raises E603 for a suite beside others.
    """
    document = documents.together(sources)
    results = documents.results(document)
    about = {
        "version": cairn.__version__,
        "name": sources[0].name,
        "sources": [source.name for source in sources for _ in documents.results(source.document)],
        "again": [again(result) for result in results],
    }
    assets = resources.files(__package__) / "assets"
    script = "".join((assets / f"{name}.js").read_text("utf-8") for name in _SCRIPTS)
    return Template((assets / "page.html").read_text("utf-8")).substitute(
        title=html.escape(title or _title(document, results)),
        style=(assets / "style.css").read_text("utf-8"),
        document=embedded(document),
        page=embedded(about),
        plotly=(resources.files("plotly") / "package_data/plotly.min.js").read_text("utf-8"),
        script=script,
    )


def embedded(value: Any) -> str:
    """Write JSON that no markup can be read in: a name may hold ``</script>``."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _title(document: documents.Document, results: Sequence[documents.Document]) -> str:
    """Name the work and the machines, as far as they fit in a title."""
    if "suite" in document:
        return f"Suite {document['suite']}"
    contexts = [result["context"] for result in results]
    targets = dict.fromkeys(str(context.get("target", "a run")) for context in contexts)
    names = dict.fromkeys(str((context.get("machine") or {}).get("name")) for context in contexts)
    machines = ", ".join(names) if len(names) <= 3 else f"{len(names)} machines"
    return f"{', '.join(targets)} on {machines}"
