"""ReLUs found behind the products of ONNX graphs: what may stop early, and what looks like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from models import array, model, node

import cairn
import cairn.onnx

Found = dict[str, tuple[Any, Any] | None]

WEIGHTS = {
    "w": array(4, 2, 3, 3, seed=1),
    "b": array(4, seed=2),
    "w2": array(3, 4, 3, 3, seed=3),
    "zero": np.float32(0),
    "six": np.float32(6),
    "below": np.float32(-1),
    "c0": array(4, 1, 1, seed=4),
    "s": np.abs(array(4, 1, 1, seed=5)),
    "plane": array(6, 6, seed=6),
    "column": array(6, 1, seed=7),
    "gamma": array(4, seed=8),
    "beta": array(4, seed=9),
    "mean": array(4, seed=10),
    "variance": np.abs(array(4, seed=11)),
    "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
}


class Asked:
    """A session that keeps what it is told of ReLUs, layer by layer."""

    keeps_relus = True

    def __init__(self) -> None:
        self.session = cairn.Session(cairn.load_machine("tpu-16x16"))
        self.found: Found = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, name: str, *args: Any, rectified: Any = None, **options: Any) -> Any:
        self.found[name] = rectified
        return self.session.run(name, *args, **options)


def found(
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[str] = ("y",),
    x: Any = None,
    weights: dict[str, Any] | None = None,
    **options: Any,
) -> Found:
    """Run a graph and return what its products' ReLUs were found to be."""
    x = np.abs(array(1, 2, 6, 6)) if x is None else x
    used = {name for each in nodes for name in each.input}
    given = {k: v for k, v in {**WEIGHTS, **(weights or {})}.items() if k in used}
    proto = model(nodes, {"x": x.shape}, outputs, given, **options)
    asked = Asked()
    workload = cairn.onnx.Workload(proto, {"x": x})
    assert workload.run(asked.machine, session=asked).agrees
    return asked.found


def conv(inputs: str = "x w b", output: str = "c") -> onnx.NodeProto:
    return node("Conv", inputs, output, pads=[1, 1, 1, 1])


def one(*nodes: onnx.NodeProto, **options: Any) -> Any:
    """Return what was found of the convolution c."""
    return found(nodes, **options)["Conv_c"]


def test_the_bias_of_a_convolution_is_the_shift() -> None:
    scale, shift = one(conv(), node("Relu", "c", "y"))
    assert scale.dtype == shift.dtype == np.float32
    assert np.array_equal(scale, np.ones(4))
    assert np.array_equal(shift, WEIGHTS["b"])


@pytest.mark.parametrize(
    "end",
    [
        node("Relu", "c", "y"),
        node("Clip", "c zero six", "y"),
        node("Clip", "c six", "y"),
    ],
)
def test_what_sees_no_negative_sums(end: onnx.NodeProto) -> None:
    assert one(conv(), end) is not None


def chained(*links: onnx.NodeProto) -> Any:
    """Put links between the convolution c and the ReLU of d."""
    return one(conv("x w"), *links, node("Relu", "d", "y"))


def test_constants_of_each_filter_are_folded_as_the_host_computes_them() -> None:
    norm = node("BatchNormalization", "e gamma beta mean variance", "d", epsilon=0.01)
    scale, shift = chained(node("Sub", "c c0", "e"), norm)
    factor = WEIGHTS["gamma"] / np.sqrt(WEIGHTS["variance"].astype(float) + 0.01)
    assert np.allclose(scale, factor, rtol=1e-6)
    expected = WEIGHTS["beta"] - (WEIGHTS["mean"] + WEIGHTS["c0"].reshape(-1)) * factor
    assert np.allclose(shift, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("link", "factor", "term"),
    [
        (node("Add", "c c0", "d"), 1, 1),
        (node("Add", "c0 c", "d"), 1, 1),
        (node("Sub", "c c0", "d"), 1, -1),
        (node("Sub", "c0 c", "d"), -1, 1),
    ],
)
def test_sums_and_differences(link: onnx.NodeProto, factor: int, term: int) -> None:
    scale, shift = chained(link)
    assert np.array_equal(scale, np.full(4, factor))
    assert np.allclose(shift, term * WEIGHTS["c0"].reshape(-1))


def test_factors_and_quotients() -> None:
    for kind, power in (("Mul", 1), ("Div", -1)):
        scale, shift = chained(node(kind, "c s", "d"))
        assert np.allclose(scale, WEIGHTS["s"].reshape(-1) ** power, rtol=1e-6)
        assert not shift.any()


def test_identity_and_dropout_pass_sums_on() -> None:
    assert chained(node("Identity", "c", "e"), node("Dropout", "e", "d")) is not None


RELU = node("Relu", "d", "y")
NOT: dict[str, Any] = {
    "two consumers": [conv(), node("Relu", "c", "r"), node("Add", "r c", "y")],
    "a consumer in the chain": [
        conv(),
        node("Add", "c c0", "d"),
        node("Relu", "d", "r"),
        node("Add", "r d", "y"),
    ],
    "a residual": [
        conv("x w"),
        node("Concat", "x x", "q", axis=1),
        node("Add", "c q", "d"),
        RELU,
    ],
    "itself twice": [conv(), node("Mul", "c c", "d"), RELU],
    "LeakyRelu": [conv(), node("LeakyRelu", "c", "y")],
    "a Clip from below 0": [conv(), node("Clip", "c below six", "y")],
    "a Clip without a floor": [conv(), node("Clip", "c _ six", "y")],
    "no ReLU": [conv(), node("Sigmoid", "c", "y")],
    "a term for each place": [conv(), node("Add", "c plane", "d"), RELU],
    "a term for each row": [conv(), node("Add", "c column", "d"), RELU],
    "a factor for each row": [conv(), node("Mul", "c column", "d"), RELU],
    "the reciprocal": [conv(), node("Div", "s c", "d"), RELU],
    "the ReLU of a power": [conv(), node("Pow", "c six", "d"), RELU],
    "weights that depend on the input": [
        node("ReduceMax", "x", "k", keepdims=0),
        node("Mul", "w k", "v"),
        conv("x v"),
        node("Relu", "c", "y"),
    ],
    "a bias that depends on the input": [
        node("ReduceMax", "x", "k", keepdims=0),
        node("Mul", "b k", "v"),
        conv("x w v"),
        node("Relu", "c", "y"),
    ],
}


@pytest.mark.parametrize("name", NOT)
def test_what_looks_alike_does_not_stop(name: str) -> None:
    assert one(*NOT[name]) is None


@pytest.mark.parametrize("outputs", [["y", "c"], ["d", "y"], ["c"]])
def test_sums_that_the_caller_gets_do_not_stop(outputs: list[str]) -> None:
    nodes = [conv(), node("Identity", "c", "d"), RELU]
    assert one(*nodes) is not None
    assert one(*nodes, outputs=outputs) is None


def test_an_input_of_the_graph_counts_by_its_values() -> None:
    nodes = [conv(), node("Relu", "c", "y")]
    assert one(*nodes, x=np.abs(array(1, 2, 6, 6))) is not None
    assert one(*nodes, x=array(1, 2, 6, 6)) is None


def test_weights_that_are_given_are_no_constants() -> None:
    nodes = [conv("x w"), node("Relu", "c", "y")]
    proto = model(nodes, {"x": [1, 2, 6, 6], "w": [4, 2, 3, 3]}, ["y"], {"w": WEIGHTS["w"]})
    x, asked = np.abs(array(1, 2, 6, 6)), Asked()
    for feeds, constant in (({"x": x}, True), ({"x": x, "w": WEIGHTS["w"]}, False)):
        cairn.onnx.Workload(proto, feeds).run(asked.machine, session=asked)
        assert (asked.found["Conv_c"] is not None) == constant


def test_the_columns_of_a_matrix_product_are_its_filters() -> None:
    x, w, bias = np.abs(array(5, 6)), array(6, 4, seed=1), array(4, seed=2)
    relu = node("Relu", "d", "y")
    cases = {
        "MatMul_c": [node("MatMul", "x w", "c"), node("Add", "c b", "d"), relu],
        "Gemm_d": [node("Gemm", "x w b", "d"), relu],
    }
    for name, nodes in cases.items():
        scale, shift = found(nodes, x=x, weights={"w": w, "b": bias})[name]
        assert np.array_equal(scale, np.ones(4))
        assert np.array_equal(shift, bias)
    nodes = [node("Gemm", "x w b", "d", transB=1, alpha=0.5, beta=2.0), relu]
    scale, shift = found(nodes, x=x, weights={"w": w.T.copy(), "b": bias})["Gemm_d"]
    assert np.array_equal(scale, np.full(4, 0.5))
    assert np.allclose(shift, 2 * bias)
    nodes = [node("Gemm", "x w b", "d"), relu]
    rows = array(5, 1, seed=3)
    assert found(nodes, x=x, weights={"w": w, "b": rows})["Gemm_d"] is None


def test_sums_of_half_precision_are_rounded_between_and_do_not_stop() -> None:
    half = {name: WEIGHTS[name].astype(np.float16) for name in ("w", "b")}
    x = np.abs(array(1, 2, 6, 6)).astype(np.float16)
    nodes = [conv(), node("Relu", "c", "y")]
    kind = onnx.TensorProto.FLOAT16
    proto = model(nodes, {"x": x.shape}, {"y": kind}, half, input_type=kind)
    asked = Asked()
    cairn.onnx.Workload(proto, {"x": x}).run(asked.machine, session=asked)
    assert asked.found["Conv_c"] is None


@pytest.mark.parametrize(
    ("sources", "positive"),
    [
        ([node("Relu", "x", "p")], True),
        ([node("Sigmoid", "x", "p")], True),
        ([node("Softmax", "x", "p")], True),
        ([node("Clip", "x zero", "p")], True),
        ([node("Clip", "x below", "p")], False),
        ([node("Tanh", "x", "p")], False),
        ([node("Identity", "x", "p")], False),
        ([node("LeakyRelu", "x", "p")], False),
        ([node("Relu", "x", "r"), node("MaxPool", "r", "p", kernel_shape=[1, 1])], True),
        ([node("Relu", "x", "r"), node("AveragePool", "r", "p", kernel_shape=[1, 1])], True),
        ([node("Relu", "x", "r"), node("LRN", "r", "p", size=3)], True),
        ([node("Relu", "x", "r"), node("Sigmoid", "x", "t"), node("Add", "r t", "p")], True),
        ([node("Relu", "x", "r"), node("Add", "r x", "p")], False),
        ([node("Relu", "x", "r"), node("Sub", "r six", "p")], False),
        ([node("Relu", "x", "r"), node("Mul", "r six", "p")], True),
        ([node("Relu", "x", "r"), node("Mul", "r below", "p")], False),
        ([node("Relu", "x", "r"), node("Max", "r x", "p")], True),
        ([node("Relu", "x", "r"), node("Pad", "r pads", "p")], True),
        ([node("Relu", "x", "r"), node("Pad", "r pads below", "p")], False),
        (
            [
                node("Relu", "x", "r"),
                node("Split", "r", "a z", axis=1),
                node("Concat", "z a", "p", axis=1),
            ],
            True,
        ),
        (
            [
                node("Relu", "x", "r"),
                node("Split", "x", "a z", axis=1),
                node("Split", "r", "u v", axis=1),
                node("Concat", "z u", "p", axis=1),
            ],
            False,
        ),
        (
            [
                node("Relu", "x", "r"),
                node("Transpose", "r", "t", perm=[0, 1, 3, 2]),
                node("Dropout", "t", "p"),
            ],
            True,
        ),
    ],
)
def test_inputs_are_followed_to_what_is_never_negative(
    sources: list[onnx.NodeProto], positive: bool
) -> None:
    nodes = [*sources, conv("p w b"), node("Relu", "c", "y")]
    assert (one(*nodes, x=array(1, 2, 6, 6)) is not None) == positive
