"""Energy and area of results: priced again by any table, told, and exported to Accelergy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cairn
from cairn import files
from cairn.errors import refusal

if TYPE_CHECKING:
    from cairn import EnergyTable, Machine

Document = Mapping[str, Any]

_SCALES = ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (1.0, "pJ"))


def results(document: Any) -> list[dict[str, Any]]:
    """Return the result documents in a document: of a run, a comparison or a suite.

    Raises E104 if there are none.
    """
    if isinstance(document, dict):
        schema = document.get("schema")
        if schema == "cairn.result/1":
            return [document]
        if schema == "cairn.comparison/1" and isinstance(document.get("results"), list):
            return [result for each in document["results"] for result in results(each)]
        if schema == "cairn.suite/1" and isinstance(document.get("models"), list):
            return [
                result
                for model in document["models"]
                for result in results(model.get("comparison") if isinstance(model, dict) else None)
            ]
    remedy = "a file that `cairn run --json` or `cairn compare --json` wrote"
    raise refusal("E104", "document", "this is no result of Cairn", remedy)


def price(document: dict[str, Any], table: EnergyTable) -> dict[str, Any]:
    """Price every result in ``document`` by ``table``, in place; return the document.

    Counters and machine are those of the document: nothing is simulated. Raises CairnError for
    what is no result.
    """
    for result in results(document):
        result.update(table.price(result))
    return document


def amount(value: float, unit: str) -> str:
    """Write an energy with its unit; picojoules become what suits them."""
    if unit != "pJ":
        return f"{value:,.4g} ({unit})"
    scale, name = next((each for each in _SCALES if abs(value) >= each[0]), _SCALES[-1])
    return f"{value / scale:.4g} {name}"


def totals_text(document: Document) -> str:
    """Tell energy, power and area of a result in one line, and by which table."""
    about, total = document["context"]["energy"], document["totals"]["energy"]
    power = "" if total["power"] is None else f", {total['power']:.4g} W at {about['clock']:g} MHz"
    share = total["static"] / total["total"] if total["total"] else 0.0
    area = document["area"]["total"] / 1e6
    return (
        f"energy: {amount(total['total'], about['unit'])}, {100 * share:.0f} % of it static{power},"
        f" area {area:.3g} mm2 (table {about['table']}, {about['datatype']})"
    )


def accelergy(machine: Machine, table: EnergyTable) -> dict[str, str]:
    """Return the texts of ERT.yaml and ART.yaml: energies and areas in Accelergy's form (0.4).

    A component of the machine is an entry ``MACHINE.PART.COMPONENT[1..UNITS]``; its actions cost
    picojoules each, ``leak`` is that of a cycle; areas are square micrometres of one unit.
    """
    rows = table.of(machine)
    top = re.sub(r"\W", "_", machine.name) or "machine"
    ert = ["ERT:", "  version: '0.4'", "  tables:"]
    art = ["ART:", "  version: '0.4'", "  tables:"]
    for row in rows:
        alike = [each for each in rows if each["component"] == row["component"]]
        widths = {each["word"] for each in alike if each["part"] == row["part"]}
        word = f"_of_{row['word']}s" if len(widths) > 1 else ""
        name = f"{top}.{row['part']}.{row['component']}{word}[1..{row['units']}]"
        ert += [f"  - name: {name}", "    actions:"]
        for action, energy in {**row["actions"], "leak": row["static"]}.items():
            ert += [f"    - name: {action}", "      arguments: {}", f"      energy: {energy!r}"]
        art += [f"  - name: {name}", f"    area: {row['area']!r}"]
    return {"ERT.yaml": "\n".join(ert) + "\n", "ART.yaml": "\n".join(art) + "\n"}


def export(document: dict[str, Any], table: EnergyTable, folder: str | Path) -> list[Path]:
    """Write ERT.yaml and ART.yaml of the machine of a result to ``folder``; with several, of each.

    Raises E602 if it cannot be written.
    """
    machines = {each.name: each for each in map(cairn.machine_of, results(document))}
    written = []
    for name, machine in machines.items():
        place = Path(folder) / (re.sub(r"\W", "_", name) if len(machines) > 1 else "")
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"the folder cannot be made: {error.strerror}"
            raise refusal("E602", files.readable(str(place)), what, "check the path") from error
        for file, text in accelergy(machine, table).items():
            with files.Output(str(place / file)) as output:
                output.write(text)
            written.append(place / file)
    return written
