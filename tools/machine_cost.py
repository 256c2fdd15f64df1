"""What a new machine costs: the files that were written for it, and their lines.

`python tools/machine_cost.py` prints the table that docs/your-own-accelerator.md shows.
"""

import re
from pathlib import Path

from pages import table

ROOT = Path(__file__).resolve().parent.parent

# Of each machine: what was written (a file or a pattern) and what for. Of a file that was there
# before only the lines count that match the expression after `::`.
MACHINES = {
    "chain, outside of the tree": {
        "examples/own-accelerator/chain.cpp": "component",
        "examples/own-accelerator/chain-16x16.toml": "machine file",
        "examples/own-accelerator/CMakeLists.txt": "build",
        "examples/own-accelerator/test_chain.cpp": "test",
    },
    "SNAPEA's early stop, inside": {
        "src/fabric/reduction/sign_check.cpp": "accumulators with a sign check",
        "src/fabric/CMakeLists.txt::sign_check": "registry",
        "src/mapping/filter_order.*": "order of the weights, index table",
        "src/engine/limited_sums.*": "sums of flow, up to where they are left",
        "src/cost/charges.cpp::sign-check": "prices",
        "presets/snapea-64.toml": "machine file",
        "tests/cpp/fabric/sign_check_test.cpp": "test",
        "tests/cpp/mapping/filter_order_test.cpp": "test",
    },
    "the lanes that it sits in, a new family": {
        "src/fabric/memory/lanes.cpp": "controller",
        "src/fabric/distribution/lane_ports.cpp": "read ports",
        "src/fabric/multiplier/lanes.cpp": "multipliers",
        "src/fabric/CMakeLists.txt::lane": "registry",
        "src/engine/lane_program.*": "lowering",
        "src/engine/lanes.*": "both evaluators",
        "src/engine/windows.*": "inputs under a kernel",
        "presets/snapea-baseline-64.toml": "machine file",
        "tests/cpp/engine/lanes_test.cpp": "test",
        "tests/cpp/fabric/lanes_test.cpp": "test",
    },
}

_MARK = re.compile(r"(<!-- cost of machines -->\n).*?(\n\n|\Z)", re.DOTALL)


def rows() -> list[list[str]]:
    """Count the lines of each machine, file by file, and of each its sum."""
    made = []
    for machine, parts in MACHINES.items():
        counts = [(named, purpose, _counted(named)) for named, purpose in parts.items()]
        made += [
            [machine, f"`{named.partition('::')[0]}`", purpose, str(lines), str(code)]
            for named, purpose, (lines, code) in counts
        ]
        lines, code = (sum(count[i] for *_, count in counts) for i in (0, 1))
        made.append([machine, f"{len(counts)} files", "all", str(lines), str(code)])
    return made


def _counted(named: str) -> tuple[int, int]:
    """Count the lines of what is named, and those of them that are neither blank nor comment."""
    name, _, pattern = named.partition("::")
    files = sorted(ROOT.glob(name))
    if not files:
        raise ValueError(f"{name} is no file")
    lines = [line for file in files for line in file.read_text().splitlines()]
    chosen = [line for line in lines if re.search(pattern, line)]
    if not chosen:
        raise ValueError(f"{name} has no line that matches {pattern}")
    return len(chosen), sum(not re.match(r"\s*(//|#(?!\w)|$)", line) for line in chosen)


def written(page: str) -> str:
    """Write the table under its mark."""
    head = ["machine", "file", "what it is", "lines", "of them code"]
    return _MARK.sub(lambda m: m[1] + table(head, rows()).strip("\n") + m[2], page)


if __name__ == "__main__":
    for row in rows():
        print("  ".join(row))
