"""``cairn describe``: the machine parts, presets and codes, from the core's own declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import cairn
from cairn import tables
from cairn.cli import boundary
from cairn.errors import nearest, refusal
from cairn.machines import family


def describe(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A preset, machine file, family, slot, component, parameter, counter or code."
        ),
    ] = None,
) -> None:
    """Explain a machine, a component, a parameter, a counter or a code; without NAME, list them.

    Examples: `cairn describe`, `cairn describe tpu-16x16`, `cairn describe mine.cfg`,
    `cairn describe flexible`, `cairn describe multiplier.rows`, `cairn describe E103`
    """
    out = tables.console()
    found = list(_overview() if name is None else _lookup(name))
    if not found:
        hint = nearest(name or "", _names(), "`cairn describe` lists every name")
        raise refusal("E107", "", f"nothing here is called '{name}'", hint)
    for each in found:
        out.print(each)


def _overview() -> Iterator[RenderableType]:
    yield _heading("Presets", "for --arch, or copy one to a file of your own")
    yield _grid([[each["name"], each["summary"]] for each in cairn.presets()])
    yield _heading("Components", "a machine names one type of its family for each slot")
    yield _parts(cairn.catalog())
    yield _heading("Diagnostic codes", "E invalid, U unsupported, I internal")
    yield _grid([[code["code"], code["title"]] for code in cairn.codes()])


def _lookup(name: str) -> Iterator[RenderableType]:
    """Yield an explanation for everything that is called ``name``."""
    wanted = name.lower()
    presets = {preset["name"] for preset in cairn.presets()}
    if wanted in presets or wanted.endswith((".toml", ".cfg")):
        with boundary.telling():
            machine = cairn.load_machine(wanted if wanted in presets else name)
        yield from _machine(machine)
    if wanted in _families():
        yield from _family(wanted)
    for part in cairn.catalog():
        if wanted in (part["slot"], part["type"], f"{part['slot']}.{part['type']}"):
            yield from _component(part)
        for parameter in part["parameters"]:
            if wanted in (parameter["name"], f"{part['slot']}.{parameter['name']}"):
                yield from _parameter(part, parameter)
        for counter in part["counters"]:
            if wanted in (counter["name"], f"{part['slot']}.{counter['name']}"):
                yield _heading(f"{part['slot']}.{counter['name']}", f"counter of {part['type']}")
                yield _body(f"{counter['doc']} Unit: {counter['unit']}.")
    for code in cairn.codes():
        if wanted == code["code"].lower():
            yield _heading(code["code"], f"{code['kind']}: {code['title']}")
            yield _body(code["explanation"])


def _families() -> set[str]:
    return {part["family"] for part in cairn.catalog()} - {""}


def _family(name: str) -> Iterator[RenderableType]:
    yield _heading(name, "family: a machine takes its parts from here, one for each slot")
    yield _parts([part for part in cairn.catalog() if part["family"] in ("", name)])
    yield _body("Presets:")
    machines = (cairn.load_machine(preset["name"]) for preset in cairn.presets())
    yield _grid([[each.name, each.summary] for each in machines if family(each) == name])


def _names() -> Iterator[str]:
    yield from (preset["name"] for preset in cairn.presets())
    yield from _families()
    yield from (code["code"] for code in cairn.codes())
    for part in cairn.catalog():
        yield from (part["slot"], part["type"])
        for each in (*part["parameters"], *part["counters"]):
            yield from (each["name"], f"{part['slot']}.{each['name']}")


def _machine(machine: cairn.Machine) -> Iterator[RenderableType]:
    yield _heading(machine.name, machine.summary)
    yield _body(f"Family: {family(machine)}")
    yield _body(f"Follows: {machine.follows}")
    rows = []
    for slot, settings in machine.describe()["parts"].items():
        values = (f"{key} = {value}" for key, value in settings.items() if key != "type")
        rows.append([slot, str(settings["type"]), ", ".join(values)])
    yield _grid(rows)


def _parts(parts: Iterable[Mapping[str, Any]]) -> RenderableType:
    words = ("slot", "type", "family", "doc")
    return _grid([[part[word] or "any" for word in words] for part in parts])


def _component(part: Mapping[str, Any]) -> Iterator[RenderableType]:
    kind = part["family"]
    yield _heading(f"{part['slot']}: {part['type']}", f"component of {kind or 'all'} machines")
    yield _body(part["doc"])
    yield _body(f"Units: {part['unit']}")
    if part["parameters"]:
        yield _body("Parameters:")
        yield _grid([[each["name"], _range(each), each["doc"]] for each in part["parameters"]])
    if part["counters"]:
        yield _body("Counters:")
        yield _grid([[each["name"], each["unit"], each["doc"]] for each in part["counters"]])


def _parameter(part: Mapping[str, Any], parameter: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield _heading(f"{part['slot']}.{parameter['name']}", f"parameter of {part['type']}")
    yield _body(parameter["doc"])
    yield _body(_range(parameter))
    example = _given(parameter["default"]) or _given(parameter["minimum"]) or "VALUE"
    yield _body(f"On the command line: --set {part['slot']}.{parameter['name']}={example}")


def _range(parameter: Mapping[str, Any]) -> str:
    """Write type, range, unit and default of a parameter in one phrase; unset ones are left out."""
    words = [str(parameter["type"])]
    if parameter.get("choices"):
        words.append("one of " + ", ".join(map(str, parameter["choices"])))
    low, high = _given(parameter.get("minimum")), _given(parameter.get("maximum"))
    if low or high:
        words.append(f"{low or 'any'} to {high or 'any'}")
    if _given(parameter.get("unit")):
        words.append(str(parameter["unit"]))
    default = _given(parameter.get("default"))
    words.append(f"default {default}" if default else "required")
    return ", ".join(words)


def _given(value: Any) -> str:
    return "" if value is None else str(value)


def _heading(name: str, about: str) -> RenderableType:
    return Text.assemble((name, "bold"), f"  {about}")


def _body(text: str) -> RenderableType:
    return Padding(Text(text), (0, 0, 0, 2), expand=False)


def _grid(rows: list[list[str]]) -> RenderableType:
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for index in range(max(map(len, rows), default=0)):
        grid.add_column(no_wrap=index == 0, style="cyan" if index == 0 else "")
    for row in rows:
        grid.add_row(*map(Text, row))
    return Padding(grid, (0, 0, 1, 2), expand=False)
