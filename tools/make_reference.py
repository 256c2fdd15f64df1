"""Write the computed pages: reference, validation, the list of guides, code and output quoted.

`make reference` writes them; with --check nothing is written and stale pages are named (exit 1).
"""

import re
import sys
import textwrap
from pathlib import Path

import commands_page
import flexible_page
import machine_cost
import scale_sim_page
import sigma_page
import systolic_page
from cairn import _core, glossary
from outputs import with_outputs
from pages import table

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by tools/make_reference.py; edit that, not this. -->\n"


def allowed(parameter: dict) -> str:
    if parameter["choices"]:
        return ", ".join(f"`{choice}`" for choice in parameter["choices"])
    if parameter["minimum"] is not None:
        return f"{parameter['minimum']} to {parameter['maximum']}"
    return "`true`, `false`"


def components() -> str:
    page = f"# Components\n\n{NOTE}\n"
    page += (
        'One part sits in each slot of a machine; `[slot]` with `type = "..."` in a machine file.\n'
    )
    for part in _core.catalog():
        page += f"\n## {part['slot']}: `{part['type']}`\n\n{part['doc']}\n\n"
        page += f"Units: {part['unit']}.\n\n"
        parameters = [
            [f"`{p['name']}`", f"`{str(p['default']).lower()}`", allowed(p), p["unit"], p["doc"]]
            for p in part["parameters"]
        ]
        page += table(["parameter", "default", "range", "unit", "meaning"], parameters) + "\n"
        counters = [[f"`{c['name']}`", c["unit"], c["doc"]] for c in part["counters"]]
        page += table(["counter", "unit", "counts"], counters)
    return page


def diagnostics() -> str:
    page = f"# Diagnostics\n\n{NOTE}\n"
    page += (
        "Every failure is a list of diagnostics, each with a code, a place, what is wrong and what "
        "to type instead. The command line prints them to stderr and exits with 2. `E`: the input "
        "breaks a rule. `U`: Cairn cannot do it. `I`: Cairn's own fault, never use the numbers.\n\n"
    )
    page += "`cairn describe E401` shows one of them.\n"
    for each in _core.codes():
        page += (
            f"\n## {each['code']}: {each['title']}\n\n*{each['kind']}.* {each['explanation']}\n\n"
        )
        page += f"* Example: {each['example']}\n* Remedy: {each['remedy']}\n"
    return page


def results() -> str:
    page = f"# Words of the results\n\n{NOTE}\n"
    page += (
        "What the fields of a result document mean, what units do in `activity`, and what may "
        "bound a layer. `cairn describe WORD` shows one of them; the counters are with the "
        "[components](components.md).\n"
    )
    kinds = dict.fromkeys(kind for kind, _ in glossary.terms().values())
    for kind in kinds:
        rows = [[f"`{name}`", text] for name, (what, text) in words() if what == kind]
        page += f"\n## {kind.replace('`', '').capitalize()}\n\n{table(['word', 'meaning'], rows)}"
    return page


def words() -> list[tuple[str, tuple[str, str]]]:
    """The words of a result, the fields by the alphabet and the rest as they are declared."""
    return sorted(glossary.terms().items(), key=lambda e: e[0] if e[1][0].startswith("f") else "")


def presets() -> str:
    page = f"# Presets\n\n{NOTE}\n"
    rows = [[f"`{p['name']}`", p["summary"], p["follows"]] for p in _core.presets()]
    return page + table(["preset", "machine", "whose timing it follows, and how well"], rows)


def howto(guides: dict[Path, str]) -> str:
    """List the guides, the pages of docs/ itself, each with its first sentence."""
    page = f"# How-to pages\n\n{NOTE}\nEach does one task. If all of this is new, begin with the "
    page += "[tutorial](tutorial.md).\n\n"
    for path, text in sorted(guides.items()):
        title, _, rest = text.removeprefix("# ").partition("\n")
        prose = re.sub(r"<!--.*?-->|^#.*$", "", rest, flags=re.MULTILINE | re.DOTALL)
        opening = " ".join(prose.strip().split("\n\n")[0].split())
        sentence = re.split(r"(?<=[.:]) ", opening)[0].rstrip(":.")
        page += f"* [{title}]({path.name}): {sentence}.\n"
    return page


def energy() -> str:
    page = f"# Tables of energy and area\n\n{NOTE}\n"
    page += (
        "What each table says of each component, for its own data type, clock and buffer, of a "
        "word of an operand. [How to use them](../energy.md), and to write one.\n"
    )
    for each in _core.energy_tables():
        table_of = each.describe()
        page += f"\n## `{each.name}`\n\n{table_of['summary']}. Source: {table_of['source']}.\n\n"
        known = [
            ("node", table_of["node"]),
            ("clock", f"{table_of['clock']:g} MHz"),
            ("data type", table_of["datatype"]),
            ("buffer", table_of["buffer"] and f"{table_of['buffer']:g} KiB"),
            ("beware", table_of["note"]),
        ]
        page += "".join(f"* {name}: {value}\n" for name, value in known if value) + "\n"
        body = [
            [
                f"`{row['component']}` {row['of']}",
                f"{row['value']:.4g}",
                row["unit"],
                row["law"],
                row["source"],
                row["estimated"],
            ]
            for row in table_of["figures"]
        ]
        page += table(["what", "value", "unit", "law", "source", "estimated"], body)
    return page + charged()


def charged() -> str:
    rows, parts = _core.charges(), {}
    for each in rows["charges"]:
        where = each["part"] if each["part"] != each["slot"] else ""
        action = f"`{each['component']}` {each['action']}" + (f" (of {where})" if where else "")
        parts.setdefault((each["slot"], each["counter"], _types(each)), []).append(action)
    body = [[slot, f"`{name}`", of, ", ".join(done)] for (slot, name, of), done in parts.items()]
    body += [
        [each["slot"], f"`{each['counter']}`", _types(each), f"nothing: {each['reason']}"]
        for each in rows["exemptions"]
    ]
    return (
        "\n## What each counter is charged with\n\nEvery counter of every component is here: a "
        "test refuses one that is not.\n\n" + table(["slot", "counter", "of", "charged with"], body)
    )


def _types(row: dict) -> str:
    return ", ".join(f"`{each}`" for each in row["types"]) or "all"


def with_quotes(page: str) -> str:
    """Replace every block under a `quote:` mark by the file that the mark names.

    `quote: FILE [NAME]` is what stands between the two lines with a comment `[NAME]`.
    """
    languages = "cpp|text|toml|cmake"
    mark = rf"(<!-- quote: (\S+)(?: \[(\w+)\])? -->\n```(?:{languages})\n).*?```"
    return re.sub(mark, lambda m: f"{m[1]}{_quoted(m[2], m[3])}```", page, flags=re.DOTALL)


def _quoted(name: str, part: str | None) -> str:
    text = (ROOT / name).read_text()
    if part is None:
        return text
    _, chosen, _ = re.split(rf"^ *(?://|#) \[{part}\]\n", text, flags=re.MULTILINE)
    return textwrap.dedent(chosen).strip("\n") + "\n"


def pages() -> dict[Path, str]:
    reference, validation = ROOT / "docs" / "reference", ROOT / "docs" / "validation"
    made = {
        reference / "commands.md": commands_page.page(NOTE),
        reference / "components.md": components(),
        reference / "diagnostics.md": diagnostics(),
        reference / "energy.md": energy(),
        reference / "presets.md": presets(),
        reference / "results.md": results(),
        validation / "scale-sim.md": scale_sim_page.page(NOTE),
        validation / "systolic.md": systolic_page.page(NOTE),
    }
    for each in (flexible_page, sigma_page):
        made |= {validation / name: text for name, text in each.page(NOTE).items()}
    for path in (ROOT / "docs").rglob("*.md"):
        if path not in made:
            made[path] = machine_cost.written(with_outputs(with_quotes(path.read_text())))
    docs = ROOT / "docs"
    starts = {docs / name for name in ("index.md", "tutorial.md", "howto.md")}
    guides = {path: made[path] for path in made if path.parent == docs and path not in starts}
    return made | {docs / "howto.md": howto(guides)}


def main() -> int:
    stale = {
        path: text
        for path, text in pages().items()
        if not path.exists() or path.read_text() != text
    }
    if "--check" in sys.argv:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)}; run `make reference`")
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
