"""SCALE-Sim v3 beside Cairn: what it reported once on layers of its tables, and says today."""

import csv
import subprocess
from pathlib import Path

from cairn import _core

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/scale-sim.csv"
PYTHON = ROOT / ".venv/scale-sim/bin/python"
CONVOLUTION = (
    "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
)


def rows() -> list[dict[str, str]]:
    with GOLDEN.open() as file:
        return list(csv.DictReader(file))


def layer(row: dict[str, str], evaluator: str = "flow") -> dict:
    """Run the layer as a line of a table, on the preset of the dataflow."""
    header = "Layer, M, N, K," if row["sizes"].count("x") == 2 else CONVOLUTION
    text = f"{header}\n{row['layer']}, {row['sizes'].replace('x', ',')},"
    ((_, operation),) = _core.parse_topology(text, row["table"])
    sides = [("multiplier.rows", row["rows"]), ("multiplier.columns", row["columns"])]
    session = _core.Session(
        _core.load_machine(f"scale-sim-{row['dataflow']}", sides), evaluator=evaluator
    )
    session.run(row["layer"], operation)
    return session.layers[0]


def reported(result: dict, row: dict[str, str]) -> dict[str, int]:
    """What SCALE-Sim calls these: its number of cycles is that of the last one, from 0 on."""
    counters = result["counters"]
    # Of outputs that stay it counts a row and a column of the array in each fold besides.
    besides = int(row["rows"]) + int(row["columns"]) if row["dataflow"] == "os" else 0
    return {
        "cycles": result["cycles"] - 1,
        "input_reads": counters["memory"]["input_reads"],
        "weight_reads": counters["memory"]["weight_reads"],
        "output_writes": counters["writeback"]["output_writes"]
        + besides * result["mapping"]["rounds"],
    }


def test_every_layer_takes_the_cycles_and_words_that_it_reported():
    for row in rows():
        found = reported(layer(row), row)
        assert found == {name: int(row[name]) for name in found}, row


def test_small_layers_take_them_clocked_too():
    small = [row for row in rows() if int(row["cycles"]) < 6_000]
    assert {row["dataflow"] for row in small} == {"os", "ws", "is"}
    assert len(small) > 20
    for row in small:
        stepped, flowed = layer(row, "step"), layer(row)
        assert stepped["counters"] == flowed["counters"], row
        assert stepped["activity"] == flowed["activity"], row
        assert reported(stepped, row) == reported(flowed, row), row


def test_it_never_waited_for_its_memories():
    assert {row["stalls"] for row in rows()} == {"0"}


def test_it_reports_the_same_today(tmp_path):
    """The quickest layers of each dataflow, of both kinds of tables, on the packaged simulator."""
    assert PYTHON.exists(), "make .venv/scale-sim/ready"
    chosen = []
    for dataflow in ("os", "ws", "is"):
        for product in (True, False):
            fitting = [
                row
                for row in rows()
                if row["dataflow"] == dataflow and (row["sizes"].count("x") == 2) == product
            ]
            chosen += sorted(fitting, key=lambda row: int(row["cycles"]))[:6]
    table = tmp_path / "layers.csv"
    with table.open("w") as file:
        writer = csv.DictWriter(file, chosen[0])
        writer.writeheader()
        writer.writerows(chosen)
    command = [str(PYTHON), str(ROOT / "tools/scale_sim.py"), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert list(csv.DictReader(done.stdout.splitlines())) == chosen
