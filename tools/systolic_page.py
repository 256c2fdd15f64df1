"""The page docs/validation/systolic.md: Cairn beside the paper, the reference and RTL, computed."""

from cairn import _core
from pages import Row, cases, passed, percent, rows, table


def cycles(preset: str, row_count: str, column_count: str, row: Row) -> int:
    sizes = [("multiplier.rows", row_count), ("multiplier.columns", column_count)]
    session = _core.Session(_core.load_machine(preset, sizes))
    session.run("layer", _core.Gemm(int(row["M"]), int(row["N"]), int(row["K"])))
    return session.layers[0]["cycles"]


def reference() -> str:
    chosen = cases("systolic.jsonl", "OSMESH") + cases("real-layers.jsonl", "OSMESH")
    return (
        "## The public reference\n\n"
        f"{passed(chosen, 'flow')} of {len(chosen)} golden cases: equal cycles and equal "
        "counters. `cairn verify` runs them under both evaluators.\n\n"
    )


def analytical(row: Row) -> int:
    """Return the analytical model's cycles as the paper quotes it: every tile K + 2P + 2."""
    p, m, n, k = (int(row[key]) for key in ("array", "M", "N", "K"))
    return -(-m // p) * -(-n // p) * (k + 2 * p + 2)


def paper() -> str:
    body = []
    for row in rows("paper-systolic.csv"):
        found = cycles("tpu-16x16", row["array"], row["array"], row)
        published = int(row["published"])
        body.append(
            [
                row["source"],
                row["layer"],
                f"{row['array']}x{row['array']}",
                f"{row['M']}x{row['N']}x{row['K']}",
                f"{found:,}",
                f"{published:,}",
                percent(found, published),
                f"{int(row['rerun']):,}" if row["rerun"] else "",
                f"{analytical(row):,}",
            ]
        )
    header = ["source", "layer", "array", "M x N x K", "Cairn", "paper", "difference"]
    return (
        "## The paper\n\n"
        "Table III is exact. The bars of Figure 1a were digitised (20 cycles or 0.5 % lost) and "
        "their sizes inferred from three array sizes each; where the public reference was run "
        "again on them, Cairn equals it. The last column is the figure's analytical model.\n\n"
        + table([*header, "reference, run again", "analytical"], body)
        + "\n"
    )


def rtl(title: str, name: str, preset: str, note: str) -> str:
    valid = [r for r in rows(name) if r["rtl_bad"] == "0" and int(r["rtl_cycles"]) > 0]
    body, equal = [], 0
    for row in valid:
        found = cycles(preset, row["rows"], row["cols"], row)
        equal += found == int(row["rtl_cycles"])
        stonne = row.get("stonne_cycles") or row["stonne_rnbw_full"]
        size = f"{row['M']}x{row['N']}x{row['K']}"
        body.append([f"{row['rows']}x{row['cols']}", size, found, row["rtl_cycles"], stonne])
    header = ["array", "M x N x K", "Cairn", "RTL", "reference"]
    return f"## {title}\n\n{equal} of {len(valid)} exact. {note}\n\n{table(header, body)}\n"


def page(note: str) -> str:
    return (
        f"# Validation of the systolic machine\n\n{note}\n"
        + reference()
        + paper()
        + rtl(
            "RTL: a bare mesh (`os-mesh-rtl`)",
            "rtl/systolic_os_mesh.csv",
            "os-mesh-rtl",
            "The reference pays K + rows + columns + 3 cycles a tile (2 with a single row or "
            "column); the RTL K + rows + columns - 2 and one clear cycle between tiles. Measured "
            "under Verilator; reading the results out is not in the RTL's number.",
        )
        + rtl(
            "RTL: shift-out with overlap (`axis-sa-rtl`)",
            "rtl/systolic_axis_sa.csv",
            "axis-sa-rtl",
            "The RTL pays K + R + 2C for the first tile and K for each further one. With several "
            "tiles and K < R + 2C - 2 it gives wrong values or never ends; those rows are left "
            "out. There Cairn lets the next tile wait until the second registers are free, which "
            "keeps values right; no RTL confirms those cycles.",
        )
    ).rstrip() + "\n"
