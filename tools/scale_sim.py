"""Run SCALE-Sim v3 on layers and print what it reports.

Reads a table like tests/golden/scale-sim.csv and prints it with the columns of SCALE-Sim filled in
anew. Needs only SCALE-Sim, in an environment of its own, since it does not run with the newest
NumPy:

    make .venv/scale-sim/ready
    .venv/scale-sim/bin/python tools/scale_sim.py tests/golden/scale-sim.csv
"""

import contextlib
import csv
import io
import itertools
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from scalesim.scale_sim import scalesim

Row = dict[str, str]
CONVOLUTION = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, "
    "Strides,"
)
PRODUCT = "Layer, M, N, K,"
# Memories that are never waited for (CALC): what remains are the folds of the array.
SETTINGS = """
[general]
run_name = run
[architecture_presets]
ArrayHeight = {rows}
ArrayWidth = {columns}
Dataflow = {dataflow}
IfmapSramSzkB = 512
FilterSramSzkB = 512
OfmapSramSzkB = 256
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
ReadRequestBuffer = 32
WriteRequestBuffer = 32
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = False
SparseRep = ellpack_block
OptimizedMapping = False
BlockSize = 4
RandomNumberGeneratorSeed = 40
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""
# Column of ours: report and column of SCALE-Sim.
REPORTED = {
    "cycles": ("COMPUTE_REPORT", "Total Cycles"),
    "stalls": ("COMPUTE_REPORT", "Stall Cycles"),
    "input_reads": ("DETAILED_ACCESS_REPORT", "SRAM IFMAP Reads"),
    "weight_reads": ("DETAILED_ACCESS_REPORT", "SRAM Filter Reads"),
    "output_writes": ("DETAILED_ACCESS_REPORT", "SRAM OFMAP Writes"),
}


def machine(row: Row) -> tuple[str, ...]:
    """Layers of the same are one run."""
    return row["rows"], row["columns"], row["dataflow"], str(is_product(row))


def is_product(row: Row) -> bool:
    return row["sizes"].count("x") == 2


def report(folder: Path, name: str) -> list[Row]:
    with (folder / f"{name}.csv").open() as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def run(rows: list[Row]) -> Iterable[Row]:
    """Run layers of one machine, the matrix products or the convolutions."""
    product = is_product(rows[0])
    layers = [f"l{i},{row['sizes'].replace('x', ',')}," for i, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            "config": SETTINGS.format(**rows[0]),
            "topology": "\n".join([PRODUCT if product else CONVOLUTION, *layers]),
            # It wants a layout for each layer, and looks into none.
            "layout": "\n".join(["name,", *(f"l{i}," + "1," * 30 for i in range(len(rows)))]),
        }
        for each, text in files.items():
            (folder / each).write_text(text + "\n")
        with contextlib.redirect_stdout(io.StringIO()):
            paths = {each: str(folder / each) for each in files}
            there = scalesim(True, False, input_type_gemm=product, **paths)
            there.run_scale(str(folder))
        reports = {name: report(folder / "run", name) for name, _ in REPORTED.values()}
    for i, row in enumerate(rows):
        found = {ours: reports[name][i][theirs] for ours, (name, theirs) in REPORTED.items()}
        yield row | {ours: str(int(float(number))) for ours, number in found.items()}


def main() -> None:
    """Print the table of the file that is named, measured."""
    with Path(sys.argv[1]).open() as file:
        rows = list(csv.DictReader(file))
    given = [key for key in rows[0] if key not in REPORTED]
    out = csv.DictWriter(sys.stdout, [*given, *REPORTED], lineterminator="\n")
    out.writeheader()
    for _, group in itertools.groupby(rows, machine):
        for row in run(list(group)):
            out.writerow(row)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
