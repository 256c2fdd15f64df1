"""Measure what running beside ONNX Runtime costs: where the seconds of a whole model go.

    python tools/onnx_cut_cost.py MODEL.onnx ... [--arch tpu-16x16] [--repeat 5]

One line a model, in milliseconds of processor time: a shared machine's clock says little. Each
column is the least of the runs. ``made`` and ``run``: the untouched model's session, and one warm
run of it. ``segments``: their number, then written as models, their sessions made, and run.
``products``: their number and the simulation. ``rest``: Python around, as lowering and biases.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cairn
from cairn.onnx import Workload, host

COLUMNS = ("made", "run", "segments", "write", "make", "execute", "products", "simulate", "rest")


class Clock:
    """Processor seconds and calls by name; times of nested calls count in both."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``work`` with its time added to ``name``."""

        def call(*positional: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return work(*positional, **named)
            finally:
                self.seconds[name] += time.process_time() - start
                self.calls[name] += 1

        return call


class TimedSession:
    """A session of the machine whose products are timed."""

    def __init__(self, machine: cairn.Machine, clock: Clock) -> None:
        self._session = cairn.Session(machine, "flow")
        self.run = clock.timed("simulate", self._session.run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def once(workload: Workload, machine: cairn.Machine) -> dict[str, float]:
    """Run a model on the machine; return milliseconds by column."""
    clock = Clock()
    plain = {name: getattr(host, name) for name in ("segment", "session", "execute")}
    try:
        for name, work in plain.items():
            setattr(host, name, clock.timed(name, work))
        run = clock.timed("all", workload.run)(machine, session=TimedSession(machine, clock))
    finally:
        for name, work in plain.items():
            setattr(host, name, work)
    assert run.agrees, "the simulated outputs differ from the native ones"
    ms = {name: 1e3 * seconds for name, seconds in clock.seconds.items()}
    return {
        "segments": clock.calls["segment"],
        "write": ms["segment"] - ms["session"] - ms["execute"],
        "make": ms["session"],
        "execute": ms["execute"],
        "products": clock.calls["simulate"],
        "simulate": ms["simulate"],
        "rest": ms["all"] - ms["segment"] - ms["simulate"],
    }


def native(path: Path, workload: Workload) -> dict[str, float]:
    """Make a session of the untouched model and run it twice; return milliseconds by column."""
    clock = Clock()
    runtime = clock.timed("made", host.session)(str(path), str(path), threads=1)
    feeds = workload._feeds
    host.execute(runtime, feeds, str(path))
    clock.timed("run", host.execute)(runtime, feeds, str(path))
    return {name: 1e3 * seconds for name, seconds in clock.seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--arch", default="tpu-16x16")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--shape", action="append", default=[], help="NAME=1x3x48x320, if dynamic")
    given = parser.parse_args()
    machine = cairn.load_machine(given.arch)
    shapes = {
        name: tuple(map(int, sizes.split("x")))
        for name, sizes in (each.split("=") for each in given.shape)
    }
    print(f"{'model':24}", *(f"{name:>9}" for name in COLUMNS))
    for path in given.models:
        workload = Workload(path, shapes=shapes)
        runs = [native(path, workload) | once(workload, machine) for _ in range(given.repeat)]
        least = {name: min(run[name] for run in runs) for name in COLUMNS}
        print(f"{path.stem:24}", *(f"{least[name]:9.1f}" for name in COLUMNS))


if __name__ == "__main__":
    main()
