"""Speed as a property: what must not grow does not, with bounds far above a loaded machine's noise.

Measured figures are in docs/validation/speed.md.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import onnx

import cairn

RESNET50 = Path(onnx.__file__).parent / "backend/test/data/light/light_resnet50.onnx"


def best(work, times=5):
    """Return the shortest of several runs, in seconds."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return min(durations)


def flow_seconds(size):
    def work():
        session = cairn.Session(cairn.load_machine("tpu-16x16"))
        session.run("layer", cairn.Gemm(size + 5, size + 7, size))

    return best(work)


def test_the_cost_of_flow_does_not_grow_with_the_layer():
    assert flow_seconds(1_000_000) < 5 * flow_seconds(100)


def test_clocking_is_fast():
    """At least 25 times the reference's 16,000 cycles a second, whatever else the machine does."""
    session = cairn.Session(cairn.load_machine("tpu-16x16"), "step")
    seconds = best(lambda: session.run("layer", cairn.Gemm(128, 256, 768)), times=3)
    assert session.layers[0]["cycles"] / seconds > 25 * 16_000


def test_a_whole_resnet50_stays_under_a_gibibyte():
    command = [sys.executable, "-m", "cairn", "run", str(RESNET50), "--quiet"]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # KiB, of the largest child
    assert peak < 1 << 20
