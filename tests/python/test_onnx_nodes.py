"""Every form of Conv, Gemm and MatMul gives ONNX Runtime's own values, under both evaluators."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models import array, model, node
from onnx import TensorProto

import cairn.onnx
from cairn.onnx.lower import conv_pads

EVALUATORS = ("flow", "step")
SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def check(proto: onnx.ModelProto, layers: int, evaluator: str = "flow") -> cairn.onnx.Run:
    """Run a model and demand equal outputs and so many simulated layers."""
    run = cairn.onnx.run(proto, evaluator=evaluator)
    assert run.agrees, run.max_abs_difference
    assert len(run.result["layers"]) == layers
    for name, native in run.native_outputs.items():
        assert run.outputs[name].shape == native.shape
        assert run.outputs[name].dtype == native.dtype
    return run


def conv(x: tuple[int, ...], w: tuple[int, ...], bias: bool = False, **attributes: Any) -> Any:
    weights = {"w": array(*w, seed=1)} | ({"b": array(w[0], seed=2)} if bias else {})
    single = node("Conv", "x w b" if bias else "x w", "y", **attributes)
    return model([single], {"x": x}, ["y"], weights)


CONVOLUTIONS = {
    "plain": conv((1, 3, 7, 6), (4, 3, 3, 2)),
    "bias and batch": conv((3, 2, 5, 5), (4, 2, 3, 3), True),
    "one dimension": conv((2, 3, 11), (5, 3, 4), True, strides=[3]),
    "three dimensions": conv((1, 2, 4, 5, 3), (3, 2, 2, 3, 2), pads=[1, 0, 1, 0, 2, 0]),
    "stride": conv((1, 2, 9, 8), (3, 2, 3, 3), strides=[2, 3]),
    "dilation": conv((1, 2, 9, 8), (3, 2, 3, 2), dilations=[2, 4]),
    "asymmetric pads": conv((1, 2, 5, 5), (3, 2, 3, 3), pads=[0, 2, 1, 3], strides=[2, 2]),
    "groups": conv((2, 6, 5, 5), (4, 3, 2, 2), True, group=2),
    "depthwise": conv((1, 5, 6, 6), (10, 1, 3, 3), group=5, pads=[1, 1, 1, 1]),
    "pointwise": conv((2, 8, 3, 3), (5, 8, 1, 1)),
    "valid": conv((1, 2, 5, 5), (3, 2, 3, 3), auto_pad="VALID"),
    "same upper": conv((1, 2, 5, 6), (3, 2, 3, 2), auto_pad="SAME_UPPER", strides=[2, 1]),
    "same lower": conv((1, 2, 6, 5), (3, 2, 2, 4), auto_pad="SAME_LOWER", strides=[1, 2]),
    "kernel of the input": conv((1, 2, 5, 5), (3, 2, 5, 5), kernel_shape=[5, 5]),
}


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name: str, evaluator: str) -> None:
    check(CONVOLUTIONS[name], 1, evaluator)


def gemm(
    a: tuple[int, int], b: tuple[int, int], c: tuple[int, ...] | None, **attributes: Any
) -> Any:
    weights = {"b": array(*b, seed=1)} | ({} if c is None else {"c": array(*c, seed=2)})
    single = node("Gemm", "a b" if c is None else "a b c", "y", **attributes)
    return model([single], {"a": a}, ["y"], weights)


GEMMS = {
    "plain": gemm((5, 7), (7, 4), None),
    "transposed": gemm((7, 5), (4, 7), (5, 4), transA=1, transB=1),
    "scaled": gemm((5, 7), (7, 4), (4,), alpha=0.5, beta=-2.0),
    "row of bias": gemm((5, 7), (7, 4), (1, 4)),
    "column of bias": gemm((5, 7), (7, 4), (5, 1), beta=0.25),
    "scalar bias": gemm((5, 7), (7, 4), ()),
    "bias without effect": gemm((5, 7), (7, 4), (5, 4), beta=0.0),
}


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("name", GEMMS)
def test_gemms(name: str, evaluator: str) -> None:
    check(GEMMS[name], 1, evaluator)


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((5, 7), (7, 4)),
        ((7,), (7,)),
        ((7,), (7, 4)),
        ((5, 7), (7,)),
        ((3, 5, 7), (7, 4)),
        ((2, 3, 5, 7), (7, 4)),
        ((3, 5, 7), (7,)),
        ((7,), (3, 7, 4)),
        ((5, 7), (3, 7, 4)),
        ((3, 5, 7), (3, 7, 4)),
        ((2, 1, 5, 7), (3, 7, 4)),
        ((2, 3, 5, 7), (1, 3, 7, 4)),
        ((1, 1), (1, 1)),
    ],
)
def test_matrix_products_of_all_ranks(
    a: tuple[int, ...], b: tuple[int, ...], evaluator: str
) -> None:
    check(model([node("MatMul", "a b", "y")], {"a": a, "b": b}, ["y"]), 1, evaluator)


def test_one_matrix_for_a_whole_batch_is_one_tall_product() -> None:
    proto = model([node("MatMul", "a b", "y")], {"a": (2, 3, 5, 7), "b": (7, 4)}, ["y"])
    sizes = check(proto, 1).result["layers"][0]["sizes"]
    assert {key.lower(): value for key, value in sizes.items()}["m"] == 30


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_half_precision_is_computed_in_single_and_rounded_back(evaluator: str) -> None:
    weights = {"w": array(3, 2, 3, 3, dtype="float16"), "b": array(3, dtype="float16")}
    half = TensorProto.FLOAT16
    proto = model(
        [node("Conv", "x w b", "y")], {"x": (1, 2, 5, 5)}, {"y": half}, weights, input_type=half
    )
    assert check(proto, 1, evaluator).outputs["y"].dtype == np.float16


@pytest.mark.parametrize(
    ("operator", "kind", "name"),
    [
        ("MatMul", TensorProto.DOUBLE, "double"),
        ("MatMul", TensorProto.INT32, "int32"),
        ("Gemm", TensorProto.DOUBLE, "double"),
        ("Gemm", TensorProto.INT64, "int64"),
    ],
)
def test_types_without_multipliers_are_refused(operator: str, kind: int, name: str) -> None:
    shapes = {"a": (3, 3), "b": (3, 3)}
    proto = model([node(operator, "a b", "y")], shapes, {"y": kind}, input_type=kind)
    with pytest.raises(cairn.CairnError, match=f"U202.*{operator}_y.*{name}"):
        cairn.onnx.run(proto)


@pytest.mark.parametrize("x", [(0, 2, 5, 5), (0, 2, 9, 9)])
def test_empty_operands_are_no_work(x: tuple[int, ...]) -> None:
    run = check(conv(x, (3, 2, 3, 3), True), 0)
    assert any("empty operand" in note for note in run.notes)


def test_empty_matrix_products() -> None:
    check(model([node("MatMul", "a b", "y")], {"a": (0, 3), "b": (3, 4)}, ["y"]), 0)
    check(model([node("MatMul", "a b", "y")], {"a": (2, 0), "b": (0, 4)}, ["y"]), 0)


@SLOW
@given(st.data())
def test_random_convolutions(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 3), "rank")
    group = data.draw(st.integers(1, 3), "group")

    def sizes(low: int, high: int, count: int = rank) -> list[int]:
        return data.draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    kernel, dilations, pads = sizes(1, 3), sizes(1, 2), sizes(0, 2, 2 * rank)
    spans = [(taps - 1) * spread + 1 for taps, spread in zip(kernel, dilations, strict=True)]
    size = [span + extra for span, extra in zip(spans, sizes(0, 5), strict=True)]
    channels, filters = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    proto = conv(
        (data.draw(st.integers(1, 2)), channels * group, *size),
        (filters * group, channels, *kernel),
        data.draw(st.booleans()),
        group=group,
        strides=sizes(1, 3),
        dilations=dilations,
        pads=pads,
    )
    runs = [check(proto, 1, evaluator) for evaluator in EVALUATORS]
    cycles, counters = zip(*map(figures, runs), strict=True)
    assert cycles[0] == cycles[1]
    assert counters[0] == counters[1]


def figures(run: cairn.onnx.Run) -> tuple[int, Any]:
    layer = run.result["layers"][0]
    return layer["cycles"], layer["counters"]


@SLOW
@given(
    lead=st.lists(st.integers(1, 3), max_size=3),
    drop=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    ones=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    m=st.integers(1, 20),
    k=st.integers(1, 20),
    n=st.integers(1, 20),
)
def test_random_matrix_products(
    lead: list[int], drop: tuple[int, int], ones: tuple[int, int], m: int, k: int, n: int
) -> None:
    shapes = {}
    for name, skip, mask, matrix in zip("ab", drop, ones, ((m, k), (k, n)), strict=True):
        batch = [1 if mask >> at & 1 else size for at, size in enumerate(lead)]
        shapes[name] = (*batch[skip:], *matrix)
    proto = model([node("MatMul", "a b", "y")], shapes, ["y"])
    runs = [check(proto, 1, evaluator) for evaluator in EVALUATORS]
    assert figures(runs[0]) == figures(runs[1])


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5), st.integers(1, 3))
def test_same_padding_gives_as_many_outputs_as_strides_fit(
    length: int, taps: int, step: int, spread: int
) -> None:
    for auto in (b"SAME_UPPER", b"SAME_LOWER"):
        arguments = ({"auto_pad": auto}, [length], [taps], [step], [spread])
        (begin,), (end,) = conv_pads(*arguments)
        span = (taps - 1) * spread + 1
        if begin + end:
            assert (length + begin + end - span) // step + 1 == -(-length // step)
        assert begin - end in ((0, -1) if auto == b"SAME_UPPER" else (0, 1))
