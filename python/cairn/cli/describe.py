"""``cairn describe``: everything that has a name, from the declarations of the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import cairn
from cairn import glossary, machines, tables
from cairn.cli import boundary
from cairn.errors import nearest, refusal

_MOST_IN_FULL = 3  # parameters or counters of one short name; more are one line each


@dataclass(frozen=True)
class _Entry:
    """Something that has a name: what it is, in a line, and all there is to say."""

    name: str
    about: str
    line: str
    full: Callable[[], Iterable[RenderableType]]
    others: tuple[str, ...] = ()  # names that mean it, too

    def is_called(self, wanted: str) -> bool:
        """Whether ``wanted``, in small letters, is one of its names."""
        return wanted in (each.lower() for each in (self.name, *self.others))

    def speaks_of(self, wanted: str) -> bool:
        """Whether all words of ``wanted`` occur in its name or its line."""
        text = f"{self.name} {self.about} {self.line}".lower()
        return all(word in text for word in wanted.split())


def describe(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A preset, machine file, family, slot, component, parameter, counter, code, or a"
            " word of the results; of any other word, where it is spoken of."
        ),
    ] = None,
) -> None:
    """Explain whatever has a name: machine, component, parameter, counter, code, field, unit.

    Without NAME all names are listed.

    Examples: `cairn describe`, `cairn describe tpu-16x16`, `cairn describe mine.cfg`,
    `cairn describe flexible`, `cairn describe multiplier.rows`, `cairn describe E103`,
    `cairn describe utilisation`, `cairn describe bandwidth`
    """
    out = tables.console()
    for each in _overview() if name is None else _answer(name):
        out.print(each)


def _answer(name: str) -> Iterable[RenderableType]:
    """Explain what is called ``name``, else list what speaks of it, else refuse (E107)."""
    wanted = name.lower().strip()
    if wanted.endswith((".toml", ".cfg")):
        with boundary.telling():
            return [*_machine(cairn.load_machine(name))]
    entries = [*_entries()]
    found = [each for each in entries if each.is_called(wanted)]
    hits = [each for each in entries if wanted and each.speaks_of(wanted)]
    short = [each for each in found if each.name.endswith(f".{wanted}")]
    if len(short) > _MOST_IN_FULL:
        rest = [each for each in hits if each not in found]
        return _hits(f"{len(found)} are called {name}, {len(rest)} speak of it", found + rest)
    if found:
        return [block for each in found for block in each.full()]
    if hits:
        return _hits(f"nothing is called {name}, {len(hits)} speak of it", hits)
    names = {each for entry in entries for each in (entry.name, *entry.others)}
    hint = nearest(name, sorted(names), "`cairn describe` lists every name")
    raise refusal("E107", "", f"nothing here is called '{name}'", hint)


def _hits(title: str, found: Iterable[_Entry]) -> list[RenderableType]:
    rows = [[each.name, each.about, each.line] for each in found]
    return [_heading(title, ""), _grid(rows), _body("`cairn describe NAME` explains one of them.")]


def _overview() -> Iterator[RenderableType]:
    yield _heading("Presets", "for --arch, or copy one to a file of your own")
    yield _grid([[each["name"], each["summary"]] for each in cairn.presets()])
    yield _heading("Components", "a machine names one type of its family for each slot")
    yield _parts(cairn.catalog())
    yield _heading("Words of the results", "fields of the document, states of units, bounds")
    yield _body(", ".join(sorted(glossary.terms())))
    yield Text()
    yield _heading("Diagnostic codes", "E invalid, U unsupported, I internal")
    yield _grid([[code["code"], code["title"]] for code in cairn.codes()])


def _entries() -> Iterator[_Entry]:
    """Yield everything that has a name, from the declarations."""
    for preset in cairn.presets():
        load = partial(cairn.load_machine, preset["name"])
        yield _Entry(preset["name"], "machine", preset["summary"], partial(_preset, load))
    for name in sorted(_families()):
        parts = [part["type"] for part in cairn.catalog() if part["family"] == name]
        yield _Entry(name, "family", ", ".join(parts), partial(_family, name))
    for part in cairn.catalog():
        slot, kind = part["slot"], part["type"]
        names = (slot, f"{slot}.{kind}", f"{slot}: {kind}")
        yield _Entry(kind, f"component, {slot}", part["doc"], partial(_component, part), names)
        for what, rows, full in (
            ("parameter", part["parameters"], _parameter),
            ("counter", part["counters"], _counter),
        ):
            for row in rows:
                name, doc = f"{slot}.{row['name']}", _sentence(row["doc"])
                about = f"{what} of {kind}"
                yield _Entry(name, about, doc, partial(full, part, row), (row["name"],))
    for name, (about, text) in glossary.terms().items():
        yield _Entry(name, about, text, partial(_term, name, about, text))
    for code in cairn.codes():
        line = f"{code['title']}: {code['explanation']}"
        yield _Entry(code["code"], f"{code['kind']} code", line, partial(_code, code))


def _families() -> set[str]:
    return {part["family"] for part in cairn.catalog()} - {""}


def _family(name: str) -> Iterator[RenderableType]:
    yield _heading(name, "family: a machine takes its parts from here, one for each slot")
    yield _parts([part for part in cairn.catalog() if part["family"] in ("", name)])
    yield _body("Presets:")
    every = (cairn.load_machine(preset["name"]) for preset in cairn.presets())
    yield _grid([[each.name, each.summary] for each in every if machines.family(each) == name])


def _preset(load: Callable[[], cairn.Machine]) -> Iterator[RenderableType]:
    yield from _machine(load())


def _machine(machine: cairn.Machine) -> Iterator[RenderableType]:
    """Yield whom it follows, its size in numbers, and every part with values and units."""
    yield _heading(machine.name, machine.summary)
    yield _body(f"Family: {machines.family(machine)}")
    yield _body(f"Follows: {machine.follows}")
    yield _body(f"Size: {_size(machine)}")
    rows = []
    for slot, settings in machine.describe()["parts"].items():
        part = _declared(slot, settings["type"])
        rows.append([slot, settings["type"], part["doc"]])
        for each in part["parameters"]:
            value = _value(settings[each["name"]], each["unit"])
            rows.append([f"  {each['name']}", value, _sentence(each["doc"])])
    yield _grid(rows)
    yield _body("Change a value with --set SLOT.PARAMETER=VALUE.")


def _size(machine: cairn.Machine) -> str:
    """Write how many multipliers, and how many words go in and results out in a cycle."""
    parts = machine.describe()["parts"]
    mesh = parts["multiplier"].get("rows")
    shape = f" ({mesh} x {parts['multiplier']['columns']})" if mesh else ""
    words = [f"{machines.multipliers(machine):,} multipliers{shape}"]
    for slot, name, what in (
        ("distribution", "bandwidth", "words a cycle from the global buffer"),
        ("collection", "lines", "results a cycle to the write-back"),
    ):
        count = parts[slot].get(name)
        if count is not None:
            words.append(f"{count:,} {what}" if count else f"{what}: one a wire")
    return ", ".join(words)


def _declared(slot: str, kind: str) -> Mapping[str, Any]:
    return next(each for each in cairn.catalog() if (each["slot"], each["type"]) == (slot, kind))


def _users(part: Mapping[str, Any]) -> list[str]:
    """Name the presets that have a part."""
    every = (cairn.load_machine(preset["name"]) for preset in cairn.presets())
    types = ((each.name, each.describe()["parts"]) for each in every)
    return [name for name, parts in types if parts[part["slot"]]["type"] == part["type"]]


def _parts(parts: Iterable[Mapping[str, Any]]) -> RenderableType:
    words = ("slot", "type", "family", "doc")
    return _grid([[part[word] or "any" for word in words] for part in parts])


def _component(part: Mapping[str, Any]) -> Iterator[RenderableType]:
    kind = f"component of {part['family'] or 'all'} machines"
    if "plugin" in part:
        kind += f", of the plug-in {part['plugin']}"
    yield _heading(f"{part['slot']}: {part['type']}", kind)
    yield _body(part["doc"])
    yield _body(f"Units: {part['unit']}")
    yield _body(f"Presets with it: {', '.join(_users(part)) or 'none'}.")
    yield _body(f'In a machine file: [{part["slot"]}] with type = "{part["type"]}".')
    if part["parameters"]:
        yield _body("Parameters:")
        rows = [[each["name"], _range(each), _sentence(each["doc"])] for each in part["parameters"]]
        yield _grid(rows)
    if part["counters"]:
        yield _body("Counters:")
        rows = [[each["name"], each["unit"], _sentence(each["doc"])] for each in part["counters"]]
        yield _grid(rows)


def _parameter(part: Mapping[str, Any], parameter: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield _heading(f"{part['slot']}.{parameter['name']}", f"parameter of {part['type']}")
    yield _body(_sentence(parameter["doc"]))
    yield _body(f"{_range(parameter)}.".capitalize())
    given: dict[str, list[str]] = {}
    for name in _users(part):
        settings = cairn.load_machine(name).describe()["parts"][part["slot"]]
        given.setdefault(_value(settings[parameter["name"]], ""), []).append(name)
    yield _body("Presets:")
    yield _grid([[value, ", ".join(names)] for value, names in given.items()] or [["none", ""]])
    example = next(iter(given), _value(parameter["default"], ""))
    yield _body(f"On the command line: --set {part['slot']}.{parameter['name']}={example}")


def _counter(part: Mapping[str, Any], counter: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield _heading(f"{part['slot']}.{counter['name']}", f"counter of {part['type']}")
    yield _body(f"{_sentence(counter['doc'])} Unit: {counter['unit']}.")
    yield _body(f"In the result: layers[i].counters.{part['slot']}.{counter['name']}")


def _code(code: Mapping[str, str]) -> Iterator[RenderableType]:
    yield _heading(code["code"], f"{code['kind']}: {code['title']}")
    yield _body(code["explanation"])
    yield _grid([["example", code["example"]], ["remedy", code["remedy"]]])


def _term(name: str, about: str, text: str) -> Iterator[RenderableType]:
    yield _heading(name, about)
    yield _body(text)


def _range(parameter: Mapping[str, Any]) -> str:
    """Write type, range, unit and default of a parameter in one phrase; unset ones are left out."""
    words = [str(parameter["type"])]
    if parameter["choices"]:
        words.append("one of " + ", ".join(parameter["choices"]))
    if parameter["minimum"] is not None:
        words.append(_value(f"{parameter['minimum']} to {parameter['maximum']}", parameter["unit"]))
    words.append(f"default {_value(parameter['default'], '')}")
    return ", ".join(words)


def _value(value: Any, unit: str) -> str:
    """Write a value as --set takes it, with its unit."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{text} {unit}".strip()


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


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
