"""``cairn report``: one page of a result, to be opened in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cairn import files, tables


def report(
    results: Annotated[
        list[str],
        typer.Argument(metavar="RESULT.json...", help="What `run` or `compare` wrote with --json."),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The page; beside the first result by default."
        ),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="The title of the page.")] = "",
) -> None:
    """Make one page of a result or of several side by side, which opens offline in any browser.

    It shows what the work took, layer by layer, the traffic on the machine, where the cycles went,
    roofline, energy and a table to search. Several results are compared.

    Examples: `cairn report result.json -o report.html`, `cairn report tpu.json maeri.json`
    """
    from cairn import report as pages  # late: it reads a plotting library of five megabytes

    sources = pages.read(results)
    place = output or str(Path(results[0]).with_suffix(".html"))
    with files.Output(place) as page:
        text = pages.page(sources, title)
        page.write(text)
    if not page.to_stdout:
        size = len(text.encode()) / 1e6
        tables.console().print(f"{place}: {size:.1f} MB, open it in a browser", soft_wrap=True)
