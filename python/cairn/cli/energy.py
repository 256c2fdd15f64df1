"""``cairn energy``: the energy and area of a saved result, by any table, without a new run."""

from __future__ import annotations

import json as json_text
import warnings
from typing import Annotated

import typer

from cairn import energy as pricing
from cairn import energy_view, files, tables
from cairn.cli import boundary, options
from cairn.errors import refusal

HELP = """Price a saved result: energy, power and area by component, and the costliest layers.

**RESULT.json** is what `cairn run --json` or `cairn compare --json` wrote. Its counters are priced
again, by another table, clock, data type or capacity of the buffer: nothing is simulated.

**--table** is `cmos-45nm` (45 nm CMOS, from published figures), `stonne` (the table of the public
reference, whose unit of energy is not stated) or a file of your own: see docs/energy.md.

Examples:

- `cairn energy result.json`
- `cairn energy result.json --datatype int8 --clock 1000 --buffer 256`
- `cairn energy result.json --table stonne --json priced.json`
- `cairn energy result.json --accelergy tables` writes tables/ERT.yaml and tables/ART.yaml
"""


def energy(
    result: Annotated[str, typer.Argument(metavar="RESULT.json", help="A saved result.")],
    table: Annotated[
        str | None,
        typer.Option("--table", metavar="NAME|FILE", help="cmos-45nm, stonne, or a .toml file."),
    ] = None,
    clock: options.Clock = None,
    datatype: Annotated[
        str | None,
        typer.Option("--datatype", metavar="NAME", help="fp32, fp16, int8: the table's."),
    ] = None,
    buffer: Annotated[
        float | None,
        typer.Option("--buffer", metavar="KIB", help="Capacity of the global buffer in KiB."),
    ] = None,
    json: options.Json = None,
    accelergy: Annotated[
        str | None,
        typer.Option("--accelergy", metavar="DIR", help="Write ERT.yaml and ART.yaml there."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Price a saved result; ``HELP`` is what users read."""
    prices = options.energy_table(table, clock, datatype, buffer)
    place = files.readable(result)
    try:
        document = json_text.loads(files.read_text(result))
    except (json_text.JSONDecodeError, RecursionError) as error:
        raise refusal("E104", place, "this is no JSON document", "a saved result") from error
    with files.Output(json) as output:
        document = pricing.price(document, prices)
        output.write(json_text.dumps(document, indent=2))
    if accelergy is not None:
        with boundary.telling():
            if prices.describe()["unit"] != "pJ":
                told = f"--accelergy: the energies of {prices.name} have no unit, Accelergy's is pJ"
                warnings.warn(told, stacklevel=2)
        pricing.export(document, prices, accelergy)
    if not quiet and not output.to_stdout:
        out = tables.console()
        for each in pricing.results(document):
            out.print(energy_view.view(each, out.width))
