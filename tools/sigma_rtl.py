"""The sparse machine against SIGMA's RTL, for the page docs/validation/sigma.md and its tests."""

import numpy as np

import cairn
from cairn.operands import Floats
from pages import Row, rows, table

FEWEST = 3  # non-zeros of a row that RTL and reference were given at least


def folds_of(sizes: list[int], multipliers: int) -> int:
    """Count the folds of rows in their order: a row joins a fold if it fits, or is cut."""
    folds, used = 0, multipliers
    for size in sizes:
        if size > multipliers:
            folds, used = folds + -(-size // multipliers), multipliers
        elif used + size > multipliers:
            folds, used = folds + 1, size
        else:
            used += size
    return folds


def pattern(row: Row) -> Floats:
    """Return a first operand (1, M, K) that takes as many folds as were measured.

    All rows begin with three non-zeros; one row after the other is then filled, a non-zero at a
    time, each of which adds at most one fold.
    """
    multipliers, m, k, folds = (int(row[key]) for key in ("num_pes", "M", "K", "rtl_folds"))
    sizes = [min(FEWEST, k)] * m
    for index in range(m):
        while sizes[index] < k and folds_of(sizes, multipliers) < folds:
            sizes[index] += 1
    return (np.arange(k) < np.array(sizes)[:, None]).astype(np.float32)[None]


def dense(row: Row) -> bool:
    """Whether nothing was left out of the first operand."""
    return row["MK_sparsity"] == "0"


def run(row: Row, preset: str, evaluator: str = "flow") -> dict:
    """Simulate a row, its first operand stationary; return the layer's result."""
    words = row["num_pes"]
    overrides = [("multiplier.multipliers", words), ("distribution.bandwidth", words)]
    overrides += [("memory.stationary", "inputs")]
    if preset != "sigma-rtl":
        overrides.append(("collection.lines", words))
    m, n, k = (int(row[key]) for key in "MNK")
    operands = () if dense(row) else (pattern(row), np.ones((1, k, n), np.float32))
    session = cairn.Session(cairn.load_machine(preset, overrides), evaluator)
    session.run("layer", cairn.Gemm(m, n, k), *operands)
    return session.layers[0]


def section() -> str:
    body, exact, like, apart = [], 0, 0, []
    measured = rows("rtl/sigma.csv")
    for row in measured:
        found = run(row, "sigma-rtl")["cycles"]
        exact += found == int(row["rtl_cycles"])
        tree = run(row, "sigma-tree-256")["cycles"] if dense(row) else ""
        apart.append(100 * (int(row["stonne_cycles"]) / int(row["rtl_cycles"]) - 1))
        like += tree == int(row["stonne_cycles"])
        sizes = f"{row['M']}x{row['N']}x{row['K']}"
        zeros = f"{row['MK_sparsity']}, {row['KN_sparsity']}"
        numbers = [found, row["rtl_cycles"], tree, row["stonne_cycles"]]
        body.append([row["num_pes"], sizes, zeros, row["rtl_folds"], *numbers])
    full = sum(map(dense, measured))
    header = ["multipliers = words", "M x N x K", "zeros, %", "folds", "`sigma-rtl`", "RTL"]
    header += ["`sigma-tree-256`", "reference"]
    return (
        "## The RTL\n\n"
        f"{exact} of {len(measured)} rows exact, with `sigma-rtl`: a Flex-DPE of the open SIGMA "
        "RTL under Verilator, fed by an ideal controller; its first operand stays in the "
        'multipliers (`memory.stationary = "inputs"`). What it takes, and what the parameters '
        "say: folds x (1 + N) + log2(multipliers) + 4 cycles. A fold is loaded in a cycle, N "
        "columns stream past it, the next load follows at once, and the pipeline (two registers "
        "for alignment, one each for crossbar, multiplier and output, one a level of adders) is "
        "paid once.\n\n"
        f"The {full} rows without zeros are run from their sizes. Of the {len(measured) - full} "
        "sparse ones the patterns were not kept, only sizes, non-zeros and folds. Zeros act "
        "through the number of folds alone: rows share a fold while they fit, a row larger than "
        "the array is cut. So such a row is run on a pattern made to take exactly its folds: "
        "every row of the matrix gets three non-zeros, which is what RTL and reference were given "
        "at least; one row after the other is then filled, one non-zero at a time, until the "
        "packing takes that many.\n\n"
        f"The reference is {min(apart):+.0f} to {max(apart):+.0f} % off. The reference-like "
        f"machine equals it on {like} "
        f"of {full} rows without zeros (for the others its cycles depend on the very pattern): "
        "its folds wait for their last result, and results of two neighbouring adders share a "
        "line, so that three or more rows in a fold often halve its rate; a single row leaves its "
        "tree after fewer levels.\n\n"
        "What the RTL does not confirm: it has no controller, no memory and adds up no folds, so "
        "these are the cycles of the data path at its best; and values, on sparse rows: several "
        "virtual neurons whose sizes are no powers of two lose or mix results there.\n\n"
        + table(header, body)
        + "\n"
    )
