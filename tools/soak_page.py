"""The page docs/validation/random.md: a long run of random configurations (`make soak`)."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from pages import table

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "random.md"
PROGRAM = ROOT / "build" / "release" / "tests" / "cpp" / "cairn_soak"
SLOTS = ["memory", "distribution", "multiplier", "reduction", "collection", "writeback"]


def soak(count: int, seed: int) -> dict:
    """Run `count` valid and `count` invalid configurations; return the log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "soak.json"
        numbers = ["--valid", str(count), "--invalid", str(count), "--seed", str(seed)]
        subprocess.run([PROGRAM, *numbers, "--log", log], check=True)
        return json.loads(log.read_text())


def listed(counts: dict[str, int]) -> str:
    """Return counts in a line, the largest first."""
    most_first = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:,}" for name, count in most_first)


def page(log: dict) -> str:
    valid, invalid = log["valid"], log["invalid"]
    seen = valid["counts"]
    drawn = [*SLOTS, "operation", "tile", "evaluator"]
    totals = seen["totals"]
    return (
        "# Random configurations\n\n"
        "<!-- Made by tools/soak_page.py (`make soak`); edit that, not this. -->\n\n"
        "A configuration is a random machine, a random operation with operands, and a tile or "
        "none. `make soak` runs as many as are asked for through the public API; `make test` runs "
        "500 of each kind. Everything follows from the seed, and a failure tells it.\n\n"
        f"Version {log['version']}, seeds from {log['seed']} on: "
        f"{valid['passed']:,} of {valid['configurations']:,} valid configurations and "
        f"{invalid['passed']:,} of {invalid['configurations']:,} invalid ones passed, in "
        f"{valid['seconds'] + invalid['seconds']:.0f} s.\n\n"
        "## Valid ones\n\n"
        "Each runs under both evaluators. The result documents must be equal, cycles, counters, "
        "unit states, energy and all, but for the evaluator's name and how many rounds it "
        "evaluated; the values must be those of the reference executor, on lanes that may stop "
        "early those behind the rectifier. Together they took "
        f"{totals['clocked cycles']:,} clocked cycles and {totals['multiplications']:,} "
        f"multiplications; the longest one {valid['slowest']['seconds']:.2f} s.\n\n"
        + table(["drawn", "how often"], [[name, listed(seen[name])] for name in drawn])
        + "\n## Invalid ones\n\n"
        "Each is a valid one of which one thing is broken. It must be refused with the code of "
        "what was broken; a crash, an internal error or a refusal without words fails.\n\n"
        + table(
            ["broken", "configurations, all refused"],
            [[name, f"{count:,}"] for name, count in sorted(invalid["counts"]["broken"].items())],
        )
        + f"\nRefused as: {listed(invalid['counts']['refused as'])}.\n"
    )


def main(count: int, seed: int) -> int:
    PAGE.write_text(page(soak(count, seed)))
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
