"""Run every fuzzer of a build for a bounded time, starting from its committed corpus."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(fuzzer: Path, seconds: int) -> bool:
    """Fuzz with a scratch corpus in front, so that findings never dirty the tree."""
    corpus = ROOT / "tests" / "fuzz" / "corpus" / fuzzer.name.removeprefix("fuzz_")
    with tempfile.TemporaryDirectory() as scratch:
        command = [fuzzer, f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096"]
        command += [f"-artifact_prefix={fuzzer.parent}/", scratch, corpus]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    summary = next((line for line in reversed(lines) if line.startswith("Done")), "crashed")
    print(f"{fuzzer.name}: {summary}")
    if done.returncode != 0:
        print("\n".join(lines[-40:]))
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--seconds", type=int, default=15)
    arguments = parser.parse_args()
    fuzzers = sorted((arguments.build.resolve() / "tests" / "fuzz").glob("fuzz_*"))
    fuzzers = [f for f in fuzzers if f.is_file() and not f.suffix]
    if not fuzzers:
        print("no fuzzers were built")
        return 1
    results = [run(fuzzer, arguments.seconds) for fuzzer in fuzzers]
    print(f"fuzzers: {sum(results)} clean, {len(results) - sum(results)} with findings")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
