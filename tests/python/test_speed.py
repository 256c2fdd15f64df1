"""Speed as a property: what must not grow does not, with bounds above a loaded machine's noise.

Measured figures are in docs/validation/speed.md and growth.md.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest

import cairn

RESNET50 = Path(onnx.__file__).parent / "backend/test/data/light/light_resnet50.onnx"


def best(work, times=5):
    """Return the shortest of several runs in seconds of the processor, which others use too."""
    durations = []
    for _ in range(times):
        start = time.process_time()
        work()
        durations.append(time.process_time() - start)
    return min(durations)


def flow_seconds(size):
    def work():
        session = cairn.Session(cairn.load_machine("tpu-16x16"))
        session.run("layer", cairn.Gemm(size + 5, size + 7, size))

    return best(work)


def test_the_cost_of_flow_does_not_grow_with_the_layer():
    assert flow_seconds(1_000_000) < 5 * flow_seconds(100)


@pytest.mark.parametrize("arch", ["sigma-tree-256", "sigma-256", "sigma-128", "magma-128"])
def test_the_cost_of_a_sparse_layer_does_not_grow_with_what_streams_past(arch):
    tile = {"K": 32, "M": 4} if arch == "magma-128" else None

    def seconds(rows):
        def work():
            session = cairn.Session(cairn.load_machine(arch))
            session.run("layer", cairn.Gemm(rows, 256, 512), tile=tile, weight_sparsity=0.8)

        return best(work)

    assert seconds(1_000_000) < 5 * seconds(100)


def convolution(side, channels=64, images=1):
    return cairn.Conv(images, channels, channels, (side + 2, side + 2), (3, 3))


DIVIDES = {"R": 3, "S": 3, "C": 4, "Y": 7}
FORWARDS = {"R": 3, "S": 3, "C": 16}
PRODUCT = {"K": 64, "M": 4}


@pytest.mark.parametrize(
    ("small", "large", "tile", "most"),
    [
        pytest.param(convolution(7), convolution(448), DIVIDES, 5, id="outputs: nothing"),
        pytest.param(convolution(7), convolution(448), FORWARDS, 5 * 64, id="forwarding: rows"),
        pytest.param(convolution(14, 16), convolution(14, 1024), DIVIDES, 5, id="rounds alike"),
        pytest.param(convolution(28), convolution(28, images=64), DIVIDES, 32, id="images"),
        pytest.param(
            cairn.Gemm(500, 128, 64), cairn.Gemm(500, 128, 1 << 20), PRODUCT, 5, id="sums"
        ),
        pytest.param(cairn.Gemm(64, 64, 64), cairn.Gemm(*3 * [1 << 16]), PRODUCT, 200, id="rounds"),
    ],
)
def test_the_cost_of_flow_on_a_flexible_machine_stays_bounded(small, large, tile, most):
    """All curves are in docs/validation/growth.md; these must not get steeper."""
    machine = cairn.load_machine("maeri-256")

    def seconds(layer):
        return best(lambda: cairn.Session(machine).run("layer", layer, tile=tile))

    brief, long = seconds(small), seconds(large)
    assert long < most * brief


def rate(arch, evaluator, layer, tile=None):
    """Return the simulated cycles a second."""
    session = cairn.Session(cairn.load_machine(arch), evaluator)
    seconds = best(lambda: session.run("layer", layer, tile=tile))
    return session.layers[0]["cycles"] / seconds


def test_clocking_is_fast():
    """At least 50 times the reference's 16,000 cycles a second."""
    assert rate("tpu-16x16", "step", cairn.Gemm(128, 256, 768)) > 50 * 16_000


def test_clocking_a_flexible_machine_is_fast_where_windows_slide():
    """The slowest kind of layer, at least 25 times the reference's 8,000."""
    layer = cairn.Conv(1, 16, 16, (57, 57), (3, 3))
    assert rate("maeri-256", "step", layer, {"R": 3, "S": 3, "C": 7, "K": 4}) > 25 * 8_000


def test_flow_is_fast_even_on_a_short_layer():
    """256 short rounds that overlap: at least 2,000 times the reference."""
    layer = cairn.Conv(1, 256, 256, (16, 16), (3, 3), groups=256)
    assert rate("maeri-256", "flow", layer, {"R": 3, "S": 3, "X": 4, "Y": 7}) > 2_000 * 8_000


def test_a_whole_resnet50_stays_under_a_gibibyte():
    command = [sys.executable, "-m", "cairn", "run", str(RESNET50), "--quiet"]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # KiB, of the largest child
    assert peak < 1 << 20
