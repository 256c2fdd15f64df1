"""The page in a real browser: it loads offline, says nothing on the console, and shows the JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import report_documents as made
from browser import Browser
from report_views import choose, column, page_of, rows, shown, trace, traces

import cairn
from cairn import compare

NASTY = "<script>alert('x')</script>&lt;b> \"%{x}\" </script><!--"
LAYERS = [
    ("stem", cairn.Gemm(40, 24, 18)),
    (NASTY, cairn.Gemm(9, 33, 20)),
    ("blocks.0.mlp", cairn.Gemm(16, 64, 32)),
    ("blocks.1.mlp", cairn.Gemm(16, 64, 32)),
    ("head", cairn.Gemm(1, 10, 64)),
]
MACHINES = ("tpu-16x16", "maeri-256", "sigma-256")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def full() -> dict[str, Any]:
    return made.run(LAYERS)


@pytest.fixture(scope="module")
def opened(browser: Browser, folder: Path, full: dict[str, Any]) -> Browser:
    """The page of one complete result, at the width of a desktop."""
    browser.open(page_of(folder, full))
    return browser


def test_it_is_drawn_without_a_word_on_the_console(opened: Browser) -> None:
    assert opened.errors == []
    assert opened.evaluate("document.documentElement.dataset.ready") == "yes"
    hidden = "[...document.querySelectorAll('main > section')].filter(s => s.hidden).map(s => s.id)"
    assert shown(opened, hidden) == ["suite", "comparison"]
    assert not opened.evaluate("document.querySelectorAll('.missing').length")


def test_it_needs_nothing_but_itself(opened: Browser) -> None:
    assert shown(opened, "performance.getEntriesByType('resource').map(each => each.name)") == []
    assert not opened.evaluate("document.querySelectorAll('[src], link:not([href^=data])').length")


def test_the_document_in_it_is_the_input(opened: Browser, full: dict[str, Any]) -> None:
    assert shown(opened, "DOCUMENT") == full


def test_the_headline_tells_the_totals(opened: Browser, full: dict[str, Any]) -> None:
    figures = shown(
        opened,
        "Object.fromEntries([...document.querySelectorAll('.tile')]"
        ".map(each => [each.dataset.figure, each.dataset.value]))",
    )
    totals = full["totals"]
    words = totals["buffer_reads"] + totals["buffer_writes"]
    assert float(figures["cycles"]) == totals["cycles"]
    assert float(figures["utilisation"]) == totals["utilisation"]
    assert float(figures["energy"]) == totals["energy"]["total"]
    assert float(figures["buffer traffic (words)"]) == words
    assert float(figures["multiplications"]) == totals["multiplications"]
    seconds = totals["cycles"] / (full["context"]["energy"]["clock"] * 1e6)
    assert float(figures["time"]) == pytest.approx(seconds)
    text = opened.evaluate("document.getElementById('overview').innerText")
    assert f"{totals['cycles']:,}" in text and "not checked" in text


def test_the_layers_to_look_at_lose_the_most(opened: Browser, full: dict[str, Any]) -> None:
    """Layers alike count together: two blocks with the same product are one of the three."""
    lost: dict[str, float] = {}
    for layer in full["layers"]:
        kind = "blocks.*.mlp" if "blocks" in layer["name"] else layer["name"]
        lost[kind] = lost.get(kind, 0) + layer["cycles"] * (1 - min(1, layer["utilisation"]))
    wanted = sorted(lost, key=lost.__getitem__, reverse=True)[:3]
    items = shown(opened, "[...document.querySelectorAll('ol.looks b')].map(e => e.textContent)")
    assert len(items) == 3
    for name, item in zip(wanted, items, strict=True):
        assert name in item
    assert shown(opened, "kindsOf(theResult()).find(k => k.name === 'blocks.*.mlp').members") == [
        2,
        3,
    ]


@pytest.mark.parametrize("metric", ["cycles", "energy", "traffic", "multiplications"])
def test_bars_of_layers(opened: Browser, full: dict[str, Any], metric: str) -> None:
    values = {
        "cycles": [each["cycles"] for each in full["layers"]],
        "energy": [each["energy"]["total"] for each in full["layers"]],
        "traffic": [each["buffer_reads"] + each["buffer_writes"] for each in full["layers"]],
        "multiplications": [each["multiplications"] for each in full["layers"]],
    }[metric]
    opened.evaluate(f"layerChoice.metric = '{metric}'; showLayers()")
    factor = 1.0
    if metric == "energy":  # shown in the unit that keeps numbers short
        factor = shown(opened, f"energyScale({max(values)}, 'pJ')")[0]
    order = trace(opened, "layers-order")
    assert order["x"] == [1, 2, 3, 4, 5]
    assert [each * factor for each in order["y"]] == pytest.approx(values)
    largest = [each * factor for each in trace(opened, "layers-largest")["x"]]
    assert largest == pytest.approx(sorted(values, reverse=True))
    opened.evaluate("layerChoice.metric = 'cycles'; showLayers()")


@pytest.mark.parametrize("layer", [None, 1])
def test_the_diagram_carries_the_counters(
    opened: Browser, full: dict[str, Any], layer: int | None
) -> None:
    opened.evaluate(f"state.layer = {json.dumps(layer)}; showMachine()")
    links = shown(
        opened,
        "Object.fromEntries([...document.querySelectorAll('svg.diagram [data-link]')]"
        ".map(each => [each.dataset.link, [each.dataset.count, each.dataset.capacity]]))",
    )
    some = full["layers"] if layer is None else [full["layers"][layer]]

    def counted(slot: str, name: str) -> int:
        return sum(each["counters"][slot][name] for each in some)

    assert {name: float(count) for name, (count, _) in links.items()} == {
        "read": counted("distribution", "words"),
        "operands": counted("distribution", "words"),
        "products": counted("multiplier", "multiplications"),
        "sums": counted("collection", "results_in"),
        "results": counted("collection", "results_out"),
        "stored": counted("writeback", "output_writes"),
    }
    assert links["read"][1] == "32"  # a 16 x 16 array has 32 endpoints
    assert links["products"][1] == "256"
    opened.evaluate("state.layer = null; showMachine()")


def test_states_add_up_to_all_cycles_of_all_units(opened: Browser, full: dict[str, Any]) -> None:
    parts, activity = traces(opened, "activity-parts"), full["totals"]["activity"]
    assert list(parts) == list(made.STATES)
    for state, each in parts.items():
        assert each["x"] == [activity[slot][state] for slot in made.SLOTS]
    for at, slot in enumerate(made.SLOTS):
        whole = activity[slot]["units"] * full["totals"]["cycles"]
        assert sum(each["x"][at] for each in parts.values()) == whole
    for state, each in traces(opened, "activity-layers").items():
        wanted = [layer["activity"]["multiplier"][state] for layer in full["layers"]]
        assert each["x"] == wanted


def test_every_state_has_a_look_of_its_own_without_colour(opened: Browser) -> None:
    looks = shown(
        opened,
        "document.getElementById('activity-parts').data.map(each => each.marker.pattern.shape)",
    )
    solid = [shape for shape in looks if not shape]
    hatched = [shape for shape in looks if shape]
    assert len(solid) == 2 and len(set(hatched)) == len(hatched) == 5


def test_the_roofline(opened: Browser, full: dict[str, Any]) -> None:
    found = traces(opened, "roofline-plot")
    assert set(found["peak"]["y"]) == {256}
    bandwidth = full["layers"][0]["roofline"]["bandwidth"]
    sloped = found["bandwidth"]
    assert [y / x for x, y in zip(sloped["x"], sloped["y"], strict=True)] == pytest.approx(
        [bandwidth, bandwidth]
    )
    for at, layer in enumerate(full["layers"]):
        points = found[layer["bound"]["by"]]
        place = points["customdata"].index(at)
        assert points["x"][place] == layer["roofline"]["intensity"]
        assert points["y"][place] == layer["roofline"]["performance"]


def test_energy_and_area_by_part(opened: Browser, full: dict[str, Any]) -> None:
    parts, area = full["totals"]["energy"]["parts"], full["area"]["parts"]
    most = max(part["dynamic"] + part["static"] for part in parts.values())
    factor = shown(opened, f"energyScale({most}, 'pJ')")[0]
    for at, kind in enumerate(("dynamic", "static")):
        drawn = [each * factor for each in trace(opened, "energy-parts", at)["x"]]
        assert drawn == pytest.approx([parts[slot][kind] for slot in made.SLOTS])
    shown_mm2 = trace(opened, "area-parts")["x"]
    assert shown_mm2 == pytest.approx([area[slot] / 1e6 for slot in made.SLOTS])


def test_the_table_holds_every_layer(opened: Browser, full: dict[str, Any]) -> None:
    layers = full["layers"]
    assert column(opened, "layer") == [each["name"] for each in layers]
    for title, key in (
        ("cycles", "cycles"),
        ("multiplications", "multiplications"),
        ("buffer reads", "buffer_reads"),
        ("buffer writes", "buffer_writes"),
    ):
        assert column(opened, title) == [f"{each[key]:,}" for each in layers]
    assert column(opened, "bound by") == [each["bound"]["by"] for each in layers]
    foot = opened.evaluate("document.querySelector('#table tfoot').textContent")
    assert f"{full['totals']['cycles']:,}" in foot


def test_the_table_sorts_and_searches_by_keyboard(opened: Browser, full: dict[str, Any]) -> None:
    button = "[...document.querySelectorAll('#table thead button')].find(b => b.dataset.title"
    opened.evaluate(f"({button} === 'cycles')).focus()")
    cycles = sorted((each["cycles"] for each in full["layers"]), reverse=True)
    for order, wanted in (("descending", cycles), ("ascending", cycles[::-1])):
        opened.press("Enter", 13, "\r")
        assert column(opened, "cycles") == [f"{each:,}" for each in wanted]
        state = "document.querySelector('#table [aria-sort]').getAttribute('aria-sort')"
        assert opened.evaluate(state) == order
        assert opened.evaluate("document.activeElement.dataset.title") == "cycles"
    opened.evaluate("document.getElementById('search').focus()")
    for letter in "mlp":
        opened.press(letter, ord(letter.upper()), letter)
    assert column(opened, "layer") == ["blocks.0.mlp", "blocks.1.mlp"]
    assert opened.evaluate("document.getElementById('found').textContent") == "2 of 5 layers"
    opened.evaluate("Object.assign(table, {search: '', sort: null, down: true}); showTable()")


def test_the_file_of_values_reads_back(opened: Browser, full: dict[str, Any]) -> None:
    opened.evaluate("table.counters = true; showRows()")
    found = list(csv.DictReader(io.StringIO(opened.evaluate("csvText()"))))
    opened.evaluate("table.counters = false; showRows()")
    assert [each["layer"] for each in found] == [each["name"] for each in full["layers"]]
    for row, layer in zip(found, full["layers"], strict=True):
        assert float(row["cycles"]) == layer["cycles"]
        assert float(row["energy (pJ)"]) == layer["energy"]["total"]
        for slot, counts in layer["counters"].items():
            for name, count in counts.items():
                assert float(row[f"{slot}.{name} (counted)"]) == count


def test_names_are_shown_and_never_run(opened: Browser) -> None:
    assert opened.evaluate("document.querySelectorAll('main script').length") == 0
    ticks = "[...document.querySelectorAll('#layers-largest .ytick text')].map(e => e.textContent)"
    assert any(each.startswith("<script>alert('x')<") for each in shown(opened, ticks))
    assert NASTY in opened.evaluate("document.getElementById('machine').textContent")


def test_it_is_drawn_again_narrow_dark_and_on_paper(
    browser: Browser, folder: Path, full: dict[str, Any]
) -> None:
    browser.prefer("dark")
    browser.open(page_of(folder, full), width=390)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert browser.evaluate(fits)
    assert browser.evaluate("document.querySelector('svg.diagram').viewBox.baseVal.width") == 400
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
    browser.pdf(folder / "page.pdf")
    assert (folder / "page.pdf").read_bytes().startswith(b"%PDF")
    browser.prefer("light")
    browser.resize(1280, 900)
    browser.settle()
    assert browser.evaluate("document.querySelector('svg.diagram').viewBox.baseVal.width") == 1190
    assert browser.errors == []


def test_machines_side_by_side(browser: Browser, folder: Path) -> None:
    results = [made.run(LAYERS, arch) for arch in MACHINES]
    browser.open(page_of(folder, *results))
    assert browser.errors == []
    assert shown(browser, "DOCUMENT") == json.loads(json.dumps(compare.document(results)))
    totals = [each["totals"] for each in results]
    assert trace(browser, "compare-cycles")["x"] == [each["cycles"] for each in totals]
    energies = [each["energy"]["total"] for each in totals]
    factor = shown(browser, f"energyScale({max(energies)}, 'pJ')")[0]
    drawn = trace(browser, "compare-energy")["x"]
    assert [each * factor for each in drawn] == pytest.approx(energies)
    useful = [100 * compare.totals(compare.document(results)).effective(at) for at in range(3)]
    assert trace(browser, "compare-utilisation")["x"] == pytest.approx(useful)
    for at in (1, 2):
        gains = [
            base["cycles"] / own["cycles"]
            for base, own in zip(results[0]["layers"], results[at]["layers"], strict=True)
        ]
        assert trace(browser, "compare-layers", at - 1)["y"] == pytest.approx(gains)
    # The machine looked at can be changed; its cycles and those of the others are in the table.
    choose(browser, "machine", 2)
    assert column(browser, "cycles") == [f"{each['cycles']:,}" for each in results[2]["layers"]]
    others = column(browser, "on tpu-16x16")
    assert others == [f"{each['cycles']:,}" for each in results[0]["layers"]]
    assert browser.errors == []


def test_what_an_older_document_lacks_is_said(browser: Browser, folder: Path) -> None:
    old = made.older(made.run(LAYERS))
    browser.open(page_of(folder, old))
    assert browser.errors == []
    for section in ("layers", "activity", "roofline", "energy"):
        said = browser.evaluate(f"document.querySelector('#{section} .missing').textContent")
        assert "does not hold" in said and "Run the command" in said
    assert trace(browser, "layers-order")["y"] == [each["cycles"] for each in old["layers"]]
    points = trace(browser, "roofline-plot", 1)
    first = old["layers"][0]
    words = first["buffer_reads"] + first["buffer_writes"]
    assert points["x"][0] == first["multiplications"] / words
    assert points["y"][0] == first["multiplications"] / first["cycles"]


def test_a_thousand_layers(browser: Browser, folder: Path) -> None:
    small = browser.open(page_of(folder, made.run(LAYERS)))
    document = made.run(made.chain(1000))
    place = page_of(folder, document)
    assert place.stat().st_size < 8e6
    # Most of the time goes into reading the plotting library, so that many layers cost little more.
    assert browser.open(place) < 3 * small
    assert browser.errors == []
    assert trace(browser, "layers-order")["y"] == [each["cycles"] for each in document["layers"]]
    assert len(rows(browser)) == 1000
    # Layers alike are one bar, so a few bars tell most.
    kinds = {(name.split(".")[-1], each.m) for name, each in made.chain(1000)}
    assert browser.evaluate("kindsOf(theResult()).length") == len(kinds)
    bars = trace(browser, "layers-largest")["x"]
    assert len(bars) == len(kinds)
    assert sum(bars) == document["totals"]["cycles"]
    for state, each in traces(browser, "activity-layers").items():
        assert sum(each["x"]) == document["totals"]["activity"]["multiplier"][state]


def test_different_work_is_kept_apart(browser: Browser, folder: Path) -> None:
    one, other = made.run(LAYERS, target="one.csv"), made.run(made.chain(8), target="other.csv")
    changed = json.loads(json.dumps(other))
    changed["context"]["evaluator"] = "step"
    browser.open(page_of(folder, one, other, changed))
    assert shown(browser, "GROUPS.map(each => each.name)") == ["one.csv", "other.csv"]
    assert browser.evaluate("document.getElementById('comparison').hidden")
    assert column(browser, "layer") == [each["name"] for each in one["layers"]]
    choose(browser, "work", 1)
    assert column(browser, "layer") == [each["name"] for each in other["layers"]]
    # The same machine twice is told apart by the files, and by what else differs.
    assert shown(browser, "theGroup().labels") == ["tpu-16x16 (file1)", "tpu-16x16 (file2)"]
    said = browser.evaluate("document.getElementById('comparison').innerText")
    assert "differ in more than the machine: evaluator" in said
    assert browser.errors == []


def test_a_suite_has_a_menu_of_its_models(browser: Browser, folder: Path) -> None:
    models = []
    for count in (4, 8):
        results = [made.run(made.chain(count), arch) for arch in MACHINES[:2]]
        figures = [
            {
                "machine": each["context"]["machine"]["name"],
                "cycles": each["totals"]["cycles"],
                "paper_cycles": 2 * each["totals"]["cycles"],
                "at_least": False,
                "utilisation": each["totals"]["utilisation"],
            }
            for each in results
        ]
        inner = compare.document(results)
        models.append({"name": f"net{count}", "machines": figures, "comparison": inner})
    suite = {"schema": "cairn.suite/1", "suite": "paper", "context": {}, "models": models}
    browser.open(page_of(folder, suite))
    lines = shown(
        browser,
        "[...document.querySelectorAll('#suite tbody tr')]"
        ".map(row => [...row.cells].map(cell => cell.textContent))",
    )
    assert [line[:3] for line in lines] == [
        [model["name"], each["machine"], f"{each['cycles']:,}"]
        for model in models
        for each in model["machines"]
    ]
    assert {line[4] for line in lines} == {"0.500"}
    choose(browser, "work", 1)
    assert len(rows(browser)) == 8
    assert browser.errors == []
