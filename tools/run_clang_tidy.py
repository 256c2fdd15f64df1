"""Run clang-tidy over the library's sources, as many at a time as there are processors."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def tidy(build: str, source: str) -> tuple[str, int, str]:
    # The database is g++'s: its private warning names mean nothing to clang.
    extra = "--extra-arg=-Wno-unknown-warning-option"
    command = ["clang-tidy", "--quiet", "-p", build, extra, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return source, done.returncode, done.stdout


def main() -> int:
    build = sys.argv[1]
    root = Path(__file__).resolve().parent.parent
    database = json.loads(Path(build, "compile_commands.json").read_text())
    sources = [e["file"] for e in database if Path(e["file"]).is_relative_to(root / "src")]
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, code, output in pool.map(lambda s: tidy(build, s), sorted(set(sources))):
            if code != 0:
                failed += 1
                print(f"{Path(source).relative_to(root)}:\n{output}")
    print(f"clang-tidy: {len(set(sources)) - failed} files clean, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
