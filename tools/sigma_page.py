"""The page docs/validation/sigma.md: the sparse machines beside reference, paper and RTL."""

import cairn
import sigma_figure
import sigma_rtl
import sigma_schedules
from cairn.stonne.rand import sparse_operands
from pages import Row, cases, passed, percent, rows, table

# From the reference to the paper's machine and the RTL, a parameter at a time.
STEPS = (
    ("each adder has an input of the bus", "collection.pairs", "false"),
    ("all results that wait are stored in a cycle", "writeback.drain", "all"),
    ("no cycle to configure a fold", "memory.configure_cycles", "0"),
    ("lines end at the write-back", "collection.latency", "0"),
    ("SIGMA's adders: all sums after all levels", "reduction.type", "synchronous-fan"),
    ("SIGMA's distribution network, a cycle long", "distribution.type", "benes"),
    ("partial sums are added in the buffer", "memory.psums", "buffer"),
    ("a fold follows the last inputs", "memory.fold_barrier", "false"),
    ("but not before the levels of adders: `sigma-128`", "memory.drain_cycles", "7"),
    ("at once", "memory.drain_cycles", "0"),
    ("the RTL's registers before the multipliers: `sigma-rtl`", "distribution.latency", "3"),
)


def reference() -> str:
    body = []
    for name in ("sparse", "sparse-dense", "mapper", "real-layers", "reference-fails"):
        chosen = cases(f"{name}.jsonl", "SPARSE", "SPARSEDENSE")
        counts = [f"{passed(chosen, each)} of {len(chosen)}" for each in ("flow", "step")]
        body.append([f"{name}.jsonl", *counts])
    return (
        "## The public reference\n\n"
        "Golden cases with equal cycles, equal counters and right values, sparse x sparse and "
        "sparse x dense. On those of mapper.jsonl Cairn's own tile is not slower than the "
        "reference's; on those of reference-fails.jsonl the reference aborts or computes a wrong "
        "output, and Cairn computes the right one or names the rule that the case "
        "breaks.\n\n" + table(["golden file", "passed under flow", "under step"], body) + "\n"
    )


def cycles(preset: str, overrides: list[tuple[str, str]], row: Row, zeros: int | None) -> int:
    """Simulate a row of Table III; ``zeros``: per cent, as the reference draws them, or none."""
    m, n, k = (int(row[key]) for key in "MNK")
    operands = () if zeros is None else sparse_operands(m, n, k, zeros, zeros)
    session = cairn.Session(cairn.load_machine(preset, overrides))
    session.run(row["layer"], cairn.Gemm(m, n, k), *operands)
    return session.layers[0]["cycles"]


def published() -> str:
    body = []
    for row in rows("paper-sigma.csv"):
        rtl, stonne = int(row["rtl"]), int(row["stonne"])
        default, none = (
            cycles("sigma-tree-256", sigma_figure.LIKE, row, zeros) for zeros in (20, 0)
        )
        found = cycles("sigma-128", [], row, None)
        body.append(
            [
                row["layer"],
                f"{row['M']}x{row['N']}x{row['K']}",
                f"{rtl:,}",
                f"{stonne:,}",
                f"{int(row['reference']):,}",
                f"{none:,}",
                f"{default:,}",
                f"{found:,}",
                percent(found, rtl),
                percent(found, stonne),
                f"{cycles('sigma-rtl', [], row, None):,}",
            ]
        )
    header = ["layer", "M x N x K", "RTL", "STONNE", "reference, run again", "Cairn: the same"]
    header += ["at the default zeros", "`sigma-128`", "from RTL", "from STONNE", "`sigma-rtl`"]
    return table(header, body)


def ladder() -> list[tuple[str, str, list[int]]]:
    """Return what changed, the setting and the cycles of Table III's rows, step after step."""
    changed: dict[str, str] = dict(sigma_figure.LIKE)
    found = []
    for words, name, value in (("the reference, without zeros", "", ""), *STEPS):
        if name:
            changed[name] = value
        # Another part in a slot starts from its own defaults: its type comes first.
        overrides = sorted(changed.items(), key=lambda each: not each[0].endswith(".type"))
        each = [cycles("sigma-tree-256", overrides, row, None) for row in rows("paper-sigma.csv")]
        found.append((words, f"`{name} = {value}`" if name else "", each))
    return found


def other_way() -> str:
    """Say what the first operand costs when it stays."""
    stays = [*sigma_figure.LIKE, ("memory.stationary", "inputs")]
    published, found = [], []
    for row in rows("paper-sigma.csv"):
        published.append(int(row["inputs"]))
        found.append(cycles("sigma-tree-256", stays, row, 0))
    numbers = ", ".join(f"{each:,}" for each in published)
    same = "and so does Cairn" if found == published else f"Cairn {found}"
    return f"With the first operand stationary the reference takes {numbers}, {same}."


def table_three() -> str:
    steps = [
        [words, setting, *(f"{each:,}" for each in found)] for words, setting, found in ladder()
    ]
    layers = [row["layer"] for row in rows("paper-sigma.csv")]
    return (
        "## The paper: Table III\n\n"
        "128 multipliers, words and lines; the second operand stays in the multipliers "
        '(`memory.stationary = "weights"`, the reference\'s KN_STA). '
        f"{other_way()}\n\n" + published() + "\n```console\n"
        "$ cairn stonne -SparseGEMM -M=64 -N=128 -K=32 -num_ms=128 -dn_bw=128 -rn_bw=128 "
        "-dataflow=MK_STR_KN_STA\n"
        "$ cairn run gemm --M 64 --N 128 --K 32 --arch sigma-128\n"
        "```\n\n"
        "* **The column headed RTL** is what the public reference takes at its default of 20 % "
        "zeros in both operands: Cairn's reference-like machine gives all four numbers. Hardware "
        "would have to draw the zeros of `rand()` to do that, so the two columns are likely "
        "exchanged.\n"
        "* **The column headed STONNE** is N x K / 128 folds of M + 8 cycles: a cycle to load, M "
        "to stream, seven levels of adders. That is the SIGMA paper's cost model (load, stream, "
        "add; one after the other), and what `sigma-128` does, with the two cycles of the last "
        "results more. So it is within 2 % of both columns.\n"
        "* **The public reference without zeros** (`-MK_sparsity=0`, which still zeroes 1 %) is "
        "another machine on SIGMA-1: four virtual neurons of 32 share result lines in pairs, two "
        "cycles a row of inputs.\n"
        "* **`sigma-rtl`** is below both: the open RTL has no controller, and an ideal one loads "
        "the next fold while the last one is still added up.\n\n"
        "One description reaches all of them. Each row keeps the changes above it; the first is "
        "the reference's machine on full operands:\n\n"
        + table(["change", "setting", *layers], steps)
        + "\n"
    )


def schedules() -> str:
    found = {
        row["network"]: list(
            sigma_schedules.scheduled(
                row["network"], int(row["sparsity"]) / 100, sigma_schedules.SPREAD
            )
        )
        for row in rows("paper-schedules.csv")
    }
    return sigma_schedules.section(found)


def page(note: str) -> dict[str, str]:
    """Return the page and its picture, by file name."""
    found = list(sigma_figure.bars())
    text = f"# Validation of the sparse machines\n\n{note}\n{reference()}{table_three()}"
    text += sigma_figure.section(found) + schedules() + sigma_rtl.section()
    return {"sigma.md": text.rstrip() + "\n", sigma_figure.FIGURE: sigma_figure.drawing(found)}
