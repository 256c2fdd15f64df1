"""The page docs/validation/scale-sim.md: Cairn beside SCALE-Sim v3, computed."""

from cairn import _core
from pages import Row, percent, rows, table

CONVOLUTION = (
    "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
)
NAMES = {"os": "outputs stay", "ws": "weights stay", "is": "inputs stay"}
# Rows and columns of the array, and those of it that a fold has words for.
PER_FOLD = [
    ["`scale-sim-os`", "outputs", "K + R + C - 2"],
    ["`os-mesh-rtl`", "outputs", "K + r + c - 2, and 1 to the next"],
    ["`tpu-16x16`", "outputs", "K + r + c + 3, or 2 where r or c is 1"],
    ["`axis-sa-rtl`", "outputs", "K or R + 2 C - 2, the larger; the last K + R + 2 C"],
    ["`scale-sim-ws`", "weights", "R + M + R + C - 2"],
    ["`scale-sim-is`", "inputs", "R + N + R + C - 2"],
    ["`tpu-ws-16x16`", "weights", "r + M + r + c - 2, 4 and what the queue still holds then"],
]


def operation(row: Row) -> _core.Gemm | _core.Conv:
    header = "Layer, M, N, K," if row["sizes"].count("x") == 2 else CONVOLUTION
    text = f"{header}\n{row['layer']}, {row['sizes'].replace('x', ',')},"
    return _core.parse_topology(text, row["table"])[0][1]


def run(preset: str, row: Row) -> dict:
    sides = [("multiplier.rows", row["rows"]), ("multiplier.columns", row["columns"])]
    session = _core.Session(_core.load_machine(preset, sides))
    session.run("layer", operation(row))
    return session.layers[0]


def words(row: Row, layer: dict) -> dict[str, int]:
    """What SCALE-Sim reports of a layer, from Cairn's."""
    memory, writeback = layer["counters"]["memory"], layer["counters"]["writeback"]
    besides = int(row["rows"]) + int(row["columns"]) if row["dataflow"] == "os" else 0
    return {
        "cycles": layer["cycles"] - 1,
        "input_reads": memory["input_reads"],
        "weight_reads": memory["weight_reads"],
        "output_writes": writeback["output_writes"] + besides * layer["mapping"]["rounds"],
    }


def summary(found: list[tuple[Row, dict]]) -> str:
    body = []
    for dataflow, name in NAMES.items():
        chosen = [(row, words(row, layer)) for row, layer in found if row["dataflow"] == dataflow]
        equal = [
            sum(ours[each] == int(row[each]) for row, ours in chosen)
            for each in ("cycles", "input_reads", "weight_reads", "output_writes")
        ]
        body.append([f"`scale-sim-{dataflow}`", name, len(chosen), *equal])
    return table(
        ["preset", "dataflow", "runs", "cycles", "input reads", "weight reads", "writes"], body
    )


def examples(found: list[tuple[Row, dict]]) -> str:
    """Of each table and dataflow the longest layer."""
    longest: dict[tuple[str, str], tuple[Row, dict]] = {}
    for row, layer in found:
        key = (row["table"], row["dataflow"])
        if key not in longest or int(row["cycles"]) > int(longest[key][0]["cycles"]):
            longest[key] = (row, layer)
    others = {"os": ["tpu-16x16", "axis-sa-rtl"], "ws": ["tpu-ws-16x16"], "is": []}
    body = []
    for (name, dataflow), (row, layer) in sorted(longest.items()):
        beside = []
        for preset in others[dataflow]:
            cycles = run(preset, row)["cycles"]
            beside.append(f"`{preset}` {cycles:,} ({percent(cycles, layer['cycles'])})")
        size = f"{row['rows']}x{row['columns']}"
        cells = [name, row["layer"], row["sizes"], size, dataflow, f"{int(row['cycles']):,}"]
        body.append([*cells, f"{layer['cycles']:,}", ", ".join(beside)])
    header = ["table", "layer", "sizes", "array", "dataflow", "SCALE-Sim", "Cairn"]
    return table([*header, "other machines"], body)


def page(note: str) -> str:
    """Return the page."""
    found = [(row, run(f"scale-sim-{row['dataflow']}", row)) for row in rows("scale-sim.csv")]
    layers = len({(row["table"], row["layer"]) for row, _ in found})
    tables = len({row["table"] for row, _ in found})
    return (
        f"# Validation beside SCALE-Sim v3\n\n{note}\n"
        f"{layers} layers of {tables} of SCALE-Sim's own tables (topologies/ of its repository), "
        "on arrays of four shapes and with each dataflow, run on the packaged simulator "
        "(`scalesim` 3.0.0) with memories that it never waits for. tests/golden/scale-sim.csv "
        "holds what it reported; `tools/scale_sim.py` measures it again, and a test does so for "
        "the quickest layers. How many runs are equal:\n\n"
        + summary(found)
        + "\n* **Cycles.** SCALE-Sim prints the number of its last cycle, counted from 0; Cairn "
        "prints how many cycles there are, one more a layer.\n"
        "* **Writes.** Where an operand stays every fold writes a partial sum of each of its "
        "outputs, in both. Cairn's buffer also reads the sum that it adds to; SCALE-Sim counts no "
        "such read. Where outputs stay it adds a row and a column of the array to the writes of "
        "each fold, besides the outputs; Cairn does not, and the column above adds them.\n"
        "* **Windows.** Where a stride does not divide an input, a last window hangs over its far "
        "edge there: 110 windows of 7 by a stride of 2 in 224. Cairn reads such tables so "
        "too.\n\n"
        "## Cycles of a fold\n\n"
        "The array is R x C, the part of it that a fold has words for r x c, the product "
        "M x N x K. A fold is a tile of outputs, or a block of the operand that stays: K x N of "
        "weights, K x M of inputs.\n\n"
        + table(["preset", "what stays", "cycles of a fold"], PER_FOLD)
        + "\n* **The whole array.** SCALE-Sim pads every fold to the whole array "
        "(`memory.whole_array`); the reference and the RTL of a mesh use the rows and columns "
        "that have outputs. This is most of the difference on small layers.\n"
        "* **Reading out.** SCALE-Sim lists the sums of an output-stationary tile as leaving at "
        "the bottom edge, the last row first, a row a cycle from cycle K on. The products of the "
        "last row end R - 1 cycles after that, so an array that moves sums down would take R more. "
        "Its cycles are those of sums that are read where they are (`collection.type` "
        '"direct"), as the test bench of a bare mesh does; a real array pays for the way out '
        "or hides it behind the next tile (`axis-sa-rtl`).\n"
        "* **Loading.** An operand that stays is loaded before the other one streams past it, and "
        "the next fold begins when the last sum is out: 2 R + C - 2 cycles a fold without "
        "a new word. A second register in each element could hide the loading; "
        "neither SCALE-Sim nor these presets have it.\n"
        "* **Registers.** SCALE-Sim multiplies and adds in one cycle and sets nothing up; the "
        "TPU-like presets have the registers of the reference, its cycle of set-up, and its "
        "queue of which half is stored in a cycle.\n\n"
        "## Layers\n\n"
        "Of each table and dataflow the run of most cycles, beside other machines of that "
        "size.\n\n" + examples(found)
    )
