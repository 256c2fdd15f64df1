"""Max-pooling: values against NumPy, PyTorch and ONNX Runtime; the command; models that offload."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

import cairn
import cairn.torch
from cairn import operands

POOL = ["--channels", "64", "--input", "112x112", "--kernel", "3x3", "--stride", "2", "--pad", "1"]


def drawn(random: np.random.Generator, rank: int) -> tuple[cairn.MaxPool, dict[str, Any]]:
    """Draw a pool that PyTorch takes as well, and its arguments for PyTorch."""
    kernel = [int(random.integers(1, 4)) for _ in range(rank)]
    given = {
        "kernel_size": kernel,
        "stride": [int(random.integers(1, 4)) for _ in range(rank)],
        "padding": [int(random.integers(0, size // 2 + 1)) for size in kernel],
        "dilation": [int(random.integers(1, 3)) for _ in range(rank)],
        "ceil_mode": bool(random.integers(2)),
    }
    pool = cairn.MaxPool(
        int(random.integers(1, 3)),
        int(random.integers(1, 5)),
        tuple(int(random.integers(5, 9)) for _ in range(rank)),
        tuple(kernel),
        tuple(given["stride"]),
        tuple(given["padding"]),
        tuple(given["padding"]),
        tuple(given["dilation"]),
        given["ceil_mode"],
    )
    return pool, given


def simulated(pool: cairn.MaxPool, x: np.ndarray[Any, Any], evaluator: str) -> Any:
    return cairn.Session(cairn.load_machine("maeri-64"), evaluator).run("pool", pool, x)


@pytest.mark.parametrize(("rank", "seed"), [*itertools.product((1, 2, 3), range(8))])
def test_values_are_those_of_numpy_and_pytorch(rank: int, seed: int) -> None:
    random = np.random.default_rng(100 * rank + seed)
    pool, given = drawn(random, rank)
    x = random.standard_normal((pool.batch, pool.channels, *pool.input)).astype(np.float32)
    x[random.random(x.shape) < 0.2] = -np.inf
    x[random.random(x.shape) < 0.05] = np.nan
    x[random.random(x.shape) < 0.05] = np.inf
    native = getattr(torch.nn.functional, f"max_pool{rank}d")(torch.from_numpy(x), **given)
    assert tuple(native.shape[2:]) == pool.output
    np.testing.assert_array_equal(operands.reference_maxpool(pool, x), native.numpy())
    for evaluator in ("flow", "step"):
        np.testing.assert_array_equal(simulated(pool, x, evaluator), native.numpy())


def test_a_window_of_minus_infinities_or_of_padding_alone_gives_minus_infinity() -> None:
    pool = cairn.MaxPool(1, 1, (1,), (2,), pad_begin=(1,), pad_end=(2,), dilation=(3,))
    for evaluator in ("flow", "step"):
        out = simulated(pool, np.full((1, 1, 1), 5, np.float32), evaluator)
        np.testing.assert_array_equal(out, [[[-np.inf]]])


def model(
    attributes: dict[str, Any], shape: tuple[int, ...], outputs: tuple[str, ...] = ("y",)
) -> onnx.ModelProto:
    node = helper.make_node("MaxPool", ["x"], list(outputs), name="pool", **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    kinds = (TensorProto.FLOAT, TensorProto.INT64)
    made = [
        helper.make_tensor_value_info(name, kind, None)
        for name, kind in zip(outputs, kinds, strict=False)
    ]
    graph = helper.make_graph([node], "pool", [x], made)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


ATTRIBUTES = [
    {"kernel_shape": [3]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [0, 1, 1, 2], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "dilations": [2, 2], "strides": [1, 2]},
    {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"kernel_shape": [3, 2], "auto_pad": "SAME_LOWER", "strides": [2, 3]},
    {"kernel_shape": [2, 2, 2], "strides": [2, 2, 1], "pads": [1, 0, 0, 0, 1, 1]},
]


@pytest.mark.parametrize("attributes", ATTRIBUTES)
def test_a_node_that_is_offloaded_has_the_values_of_onnx_runtime(
    attributes: dict[str, Any],
) -> None:
    shape = (2, 3, *(7, 8, 6)[: len(attributes["kernel_shape"])])
    proto = model(attributes, shape)
    x = np.random.default_rng(7).standard_normal(shape).astype(np.float32)
    native = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})[0]
    run = cairn.onnx.run(proto, {"x": x}, "maeri-64", offload="maxpool")
    np.testing.assert_array_equal(run.outputs["y"], native)
    assert [layer["operation"] for layer in run.result["layers"]] == ["maxpool"]
    assert run.result["context"]["offload"] == "maxpool"


def test_pooling_stays_on_the_host_unless_it_is_asked_for_and_can_be_done() -> None:
    proto = model({"kernel_shape": [2, 2]}, (1, 2, 6, 6))
    assert cairn.onnx.run(proto, arch="maeri-64").result["layers"] == []
    run = cairn.onnx.run(proto, arch="tpu-16x16", offload="maxpool")
    assert run.result["layers"] == []
    assert run.notes == ["max-pooling ran on the host: tpu-16x16 has no adders that compare"]
    with pytest.raises(cairn.CairnError, match="E107"):
        cairn.onnx.run(proto, arch="maeri-64", offload="softmax")
    places = model({"kernel_shape": [2, 2]}, (1, 2, 6, 6), ("y", "where"))
    assert cairn.onnx.run(places, arch="maeri-64", offload="maxpool").result["layers"] == []


class Net(torch.nn.Module):
    """A convolution, pools of each kind, and a product."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 4, 3)
        self.pool = torch.nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)
        self.line = torch.nn.MaxPool1d(2)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (batch, 4, 3)."""
        return self.head(self.line(self.pool(self.conv(x)).flatten(2)[..., :16]))


def test_the_pools_of_a_pytorch_model_go_to_the_machine_if_asked() -> None:
    torch.manual_seed(1)
    net, x = Net(), torch.rand(2, 2, 11, 11)
    host = cairn.torch.run(net, x, "maeri-64")
    run = cairn.torch.run(net, x, "maeri-64", offload="maxpool")
    assert run.agrees
    assert [layer["operation"] for layer in host.result["layers"]] == ["conv", "gemm"]
    layers = {layer["name"]: layer["operation"] for layer in run.result["layers"]}
    assert layers == {
        "conv": "conv",
        "pool:maxpool": "maxpool",
        "line:maxpool": "maxpool",
        "head": "gemm",
    }
    refused = cairn.torch.run(net, x, "sigma-64", offload="maxpool")
    assert refused.agrees
    assert len(refused.result["layers"]) == 2
    assert refused.notes[-1].startswith("max-pooling ran on the host: sigma-64")


def test_the_command_runs_maps_and_checks_a_pool(cli: Any, tmp_path: Any) -> None:
    path = tmp_path / "result.json"
    done = cli("run", "maxpool", *POOL, "--arch", "maeri-256", "--json", path)
    assert done.code == 0, done.out
    assert "values equal NumPy's" in done.out
    assert "5,017,600" not in done.out  # elements of windows are no multiplications
    result = json.loads(path.read_text())
    layer, totals = result["layers"][0], result["totals"]
    assert (layer["operation"], layer["multiplications"]) == ("maxpool", 0)
    assert layer["comparisons"] == totals["comparisons"] == 64 * 56 * 56 * 8
    assert layer["utilisation"] == pytest.approx(64 * 56 * 56 * 9 / (256 * layer["cycles"]))
    assert layer["sizes"]["output"] == [56, 56]
    found = cli("map", "maxpool", *POOL, "--arch", "maeri-256", "--json", "-")
    assert json.loads(found.out)["layers"][0]["cycles"] == layer["cycles"]
    stepped = cli("run", "maxpool", *POOL, "--arch", "maeri-256", "-e", "step", "--json", "-")
    assert json.loads(stepped.out)["layers"][0]["counters"] == layer["counters"]


def test_the_command_refuses_a_pool_on_machines_that_cannot_compare(cli: Any) -> None:
    for arch in ("tpu-16x16", "sigma-128", "magma-128"):
        refused = cli("run", "maxpool", *POOL, "--arch", arch)
        assert refused.code == 2
        assert "error[U205] layer maxpool" in refused.err
