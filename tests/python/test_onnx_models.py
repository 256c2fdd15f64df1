"""Whole graphs: segments, functions, control flow, and the faults of models."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import FLOAT, array, model, node, small_network
from onnx import TensorProto, helper, numpy_helper

import cairn
import cairn.onnx
from cairn.onnx import cut

MICROSOFT = "com.microsoft"


@pytest.mark.parametrize("evaluator", ["flow", "step"])
def test_a_network_agrees_and_reports_every_layer(evaluator: str) -> None:
    run = cairn.onnx.run(small_network(), evaluator=evaluator)
    assert run.agrees
    assert [each["name"] for each in run.result["layers"]] == ["Conv_c1", "Conv_c2", "MatMul_m"]
    assert run.result["context"]["seed"] == 1
    assert run.notes == []


def test_a_whole_resnet_50_agrees() -> None:
    """The onnx package carries published networks whose weights are constants."""
    path = Path(onnx.__file__).parent / "backend/test/data/light/light_resnet50.onnx"
    if not path.exists():
        pytest.skip("this onnx package carries no test models")
    run = cairn.onnx.run(path, arch="tpu-128x128")
    assert run.agrees
    assert len(run.result["layers"]) == 54
    assert run.result["totals"]["multiplications"] == 4_089_184_256


def test_dynamic_shapes_are_resolved_by_the_values() -> None:
    proto = small_network(("n", 2, "h", "w"))
    image = array(3, 2, 8, 7)
    run = cairn.onnx.run(proto, {"x": image})
    assert run.agrees
    assert run.outputs["y"].shape == (3, 5)
    assert cairn.onnx.run(proto, shapes={"x": (1, 2, 4, 4)}).agrees


def test_the_model_that_was_given_is_not_changed(tmp_path: Path) -> None:
    proto = small_network()
    before = proto.SerializeToString()
    path = tmp_path / "net.onnx"
    onnx.save(proto, path)
    assert cairn.onnx.run(proto).agrees
    assert proto.SerializeToString() == before
    assert np.array_equal(cairn.onnx.run(path).outputs["y"], cairn.onnx.run(proto).outputs["y"])


def test_progress_names_every_layer() -> None:
    seen = []
    cairn.onnx.run(small_network(), progress=lambda *told: seen.append(told))
    assert [told[:2] for told in seen] == [(0, 3), (1, 3), (2, 3)]


def test_products_that_do_not_depend_on_each_other_share_a_stage() -> None:
    nodes = [
        node("Relu", "x", "r"),
        node("MatMul", "r w", "a"),
        node("MatMul", "x w", "b"),
        node("Add", "a b", "s"),
        node("MatMul", "s w", "c"),
        node("MatMul", "c w", "y"),
    ]
    stages = cut.stages(nodes)
    assert [len(each.host) for each in stages] == [1, 1, 0]
    assert [len(each.simulated) for each in stages] == [2, 1, 1]
    proto = model(nodes, {"x": (3, 3)}, ["y", "a", "s"], {"w": array(3, 3)})
    run = cairn.onnx.run(proto)
    assert run.agrees
    assert len(run.result["layers"]) == 4


def test_tensors_are_kept_exactly_as_long_as_somebody_reads_them() -> None:
    nodes = [node("Relu", "x", "a"), node("Neg", "a", "b"), node("Add", "a b", "y")]
    uses = cut.Uses(nodes, kept={"y"})
    assert uses.wanted_after(nodes[:2]) == ["a", "b"]
    assert uses.wanted_after(nodes) == ["y"]
    assert [list(uses.finish(each)) for each in nodes] == [["x"], [], ["a", "b"]]


def test_unused_nodes_are_left_out_and_noted() -> None:
    nodes = [node("MatMul", "x w", "y"), node("MatMul", "y w", "unused")]
    run = cairn.onnx.run(model(nodes, {"x": (3, 3)}, ["y"], {"w": array(3, 3)}))
    assert len(run.result["layers"]) == 1
    assert any("no output depends" in note for note in run.notes)
    assert run.result["notes"] == run.notes


def test_inputs_and_weights_may_be_outputs() -> None:
    proto = model([node("MatMul", "x w", "y")], {"x": (3, 3)}, ["y", "w"], {"w": array(3, 3)})
    assert cairn.onnx.run(proto).agrees


def test_weights_of_constant_nodes_and_sparse_initializers() -> None:
    constant = helper.make_tensor("v", FLOAT, [2, 3], array(2, 3).ravel())
    nodes = [
        node("Constant", "", "w", value=constant),
        node("Constant", "", "b", value_floats=[1.0, 2.0, 3.0]),
        node("MatMul", "x w", "m"),
        node("Add", "m b", "n"),
        node("MatMul", "n s", "y"),
    ]
    proto = model(nodes, {"x": (4, 2)}, ["y"])
    values = numpy_helper.from_array(np.array([1.5, -2.0], np.float32), "s")
    indices = numpy_helper.from_array(np.array([1, 5], np.int64), "s_indices")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3, 2]))
    assert cairn.onnx.run(proto).agrees


def test_products_that_stay_on_the_host_are_noted() -> None:
    weights = {"w": array(3, 3, 1, 1), "t": array(3, 2, 2, 2)}
    nodes = [
        node("Conv", "x w", "c"),
        node("ConvTranspose", "c t", "d"),
        node("FusedMatMul", "d d", "y", domain=MICROSOFT, transB=1),
    ]
    proto = model(nodes, {"x": (1, 3, 4, 4)}, ["y"], weights, domains=[MICROSOFT])
    run = cairn.onnx.run(proto)
    assert run.agrees
    assert "1 ConvTranspose node ran on the host: not in the cycles" in run.notes
    assert "1 FusedMatMul node ran on the host: not in the cycles" in run.notes


def test_integer_and_text_outputs_are_compared_exactly() -> None:
    nodes = [
        node("MatMul", "x w", "m"),
        node("ArgMax", "m", "y", axis=1),
        node("Shape", "m", "shape"),
        node("Cast", "shape", "text", to=TensorProto.STRING),
    ]
    outputs = {"y": TensorProto.INT64, "text": TensorProto.STRING}
    run = cairn.onnx.run(model(nodes, {"x": (3, 4)}, outputs, {"w": array(4, 5)}))
    assert run.agrees
    assert run.outputs["text"].tolist() == ["3", "5"]


def test_sequences_pass_between_host_segments() -> None:
    nodes = [
        node("SplitToSequence", "x", "parts", axis=0, keepdims=1),
        node("Constant", "", "zero", value_int=0),
        node("SequenceAt", "parts zero", "first"),
        node("MatMul", "first w", "m"),
        node("SequenceInsert", "parts m", "more"),
        node("ConcatFromSequence", "more", "y", axis=0),
    ]
    assert cairn.onnx.run(model(nodes, {"x": (3, 4)}, ["y"], {"w": array(4, 4)})).agrees


def branch(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    output = helper.make_tensor_value_info("out", FLOAT, None)
    return helper.make_graph(list(nodes), "branch", [], [output])


def conditional(then: onnx.GraphProto, other: onnx.GraphProto) -> onnx.ModelProto:
    """Return a model whose condition chooses a branch; only the branches read the tensor m."""
    nodes = [
        node("MatMul", "x w", "m"),
        node("ReduceSum", "x", "sum", keepdims=0),
        node("Constant", "", "zero", value_float=0.0),
        node("Greater", "sum zero", "positive"),
        node("If", "positive", "chosen", then_branch=then, else_branch=other),
        node("MatMul", "chosen w", "y"),
    ]
    return model(nodes, {"x": (3, 3)}, ["y"], {"w": array(3, 3)})


def test_branches_may_capture_simulated_tensors() -> None:
    proto = conditional(branch(node("Neg", "m", "out")), branch(node("Abs", "m", "out")))
    run = cairn.onnx.run(proto)
    assert run.agrees
    assert len(run.result["layers"]) == 2


def test_products_inside_branches_are_refused() -> None:
    proto = conditional(branch(node("MatMul", "m w", "out")), branch(node("Abs", "m", "out")))
    with pytest.raises(cairn.CairnError, match=r"U201.*MatMul_out.*control-flow"):
        cairn.onnx.run(proto)


def function(name: str, *nodes: onnx.NodeProto) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["a", "b"], ["c"], list(nodes), opsets)


def test_functions_that_hold_products_are_inlined() -> None:
    inner = function("Inner", node("MatMul", "a b", "c"))
    outer = function("Outer", node("Inner", "a b", "t", domain="own"), node("Relu", "t", "c"))
    nodes = [node("Outer", "x w", "h", domain="own"), node("Outer", "h w", "y", domain="own")]
    proto = model(
        *(nodes, {"x": (3, 3)}, ["y"], {"w": array(3, 3)}),
        functions=[inner, outer],
        domains=["own"],
    )
    run = cairn.onnx.run(proto)
    assert run.agrees
    assert len(run.result["layers"]) == 2


def test_functions_without_products_stay_whole() -> None:
    nodes = [node("Twice", "x x", "h", domain="own"), node("MatMul", "h w", "y")]
    proto = model(
        *(nodes, {"x": (3, 3)}, ["y"], {"w": array(3, 3)}),
        functions=[function("Twice", node("Add", "a b", "c"))],
        domains=["own"],
    )
    assert cairn.onnx.run(proto).agrees


@pytest.mark.parametrize(
    ("operator", "domain", "words"),
    [("Convv", "", "did you mean 'Conv'"), ("Thing", "org.nowhere", "org.nowhere")],
)
def test_unknown_operators_are_named(operator: str, domain: str, words: str) -> None:
    proto = model(
        [node(operator, "x", "y", domain=domain)],
        *({"x": (3, 3)}, ["y"]),
        domains=[domain] if domain else [],
    )
    with pytest.raises(cairn.CairnError) as caught:
        cairn.onnx.run(proto)
    (fault,) = caught.value.diagnostics
    assert (fault.code, fault.kind) == ("U201", "unsupported")
    assert f"{operator}_y" in fault.place
    assert operator in fault.message
    assert words in str(fault)


def test_all_unknown_operators_are_told_at_once() -> None:
    nodes = [node("Foo", "x", "a"), node("Bar", "a", "y")]
    with pytest.raises(cairn.CairnError) as caught:
        cairn.onnx.run(model(nodes, {"x": (3, 3)}, ["y"]))
    assert [each.code for each in caught.value.diagnostics] == ["U201", "U201"]


def test_operators_that_the_runtime_does_not_implement_are_unsupported() -> None:
    kind = TensorProto.BFLOAT16
    proto = model([node("Relu", "x", "y")], {"x": (3, 3)}, {"y": kind}, input_type=kind)
    with pytest.raises(cairn.CairnError, match=r"U201.*implementation.*Relu_y"):
        cairn.onnx.run(proto)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("MatMul", "x nowhere", "y")],
        [node("Relu", "x", "y"), node("Relu", "x", "y")],
        [node("Relu", "late", "y"), node("Relu", "x", "late")],
        [node("Conv", "x", "y")],
        [node("Relu", "x", "other")],
    ],
    ids=["dangling input", "two producers", "unsorted", "missing operand", "missing output"],
)
def test_invalid_graphs_are_refused(nodes: list[onnx.NodeProto]) -> None:
    with pytest.raises(cairn.CairnError) as caught:
        cairn.onnx.run(model(nodes, {"x": (1, 1, 3, 3)}, ["y"]))
    assert {each.code for each in caught.value.diagnostics} == {"E501"}


def test_faults_at_run_time_are_diagnosed() -> None:
    nodes = [node("MatMul", "x w", "m"), node("Reshape", "m shape", "y")]
    weights = {"w": array(3, 3), "shape": np.array([5, 5], np.int64)}
    with pytest.raises(cairn.CairnError, match=r"E50[13]"):
        cairn.onnx.run(model(nodes, {"x": ("n", 3)}, ["y"], weights), shapes={"x": (2, 3)})
    product = model([node("MatMul", "a b", "y")], {"a": ("n", "k"), "b": ("l", "m")}, ["y"])
    with pytest.raises(cairn.CairnError, match="E503"):
        cairn.onnx.run(product, shapes={"a": (2, 3), "b": (4, 5)})


def test_defaults_of_inputs_may_be_overridden() -> None:
    proto = model(
        [node("MatMul", "x w", "y")], {"x": (2, 3), "w": (3, 3)}, ["y"], {"w": array(3, 3)}
    )
    first = cairn.onnx.run(proto)
    second = cairn.onnx.run(proto, {"w": array(3, 3, seed=9)})
    assert first.agrees
    assert second.agrees
    assert not np.array_equal(first.outputs["y"], second.outputs["y"])


def test_large_weights_reach_host_segments_as_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cairn.onnx.host._LARGE", 8)
    assert cairn.onnx.run(small_network()).agrees


def test_types_are_inferred_without_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    infer = onnx.shape_inference.infer_shapes

    def watched(proto: onnx.ModelProto) -> onnx.ModelProto:
        seen.append(proto.ByteSize())
        return infer(proto)

    monkeypatch.setattr("onnx.shape_inference.infer_shapes", watched)
    proto = model(
        [node("Transpose", "w", "t"), node("MatMul", "x t", "y")],
        {"x": (2, 64)},
        ["y"],
        {"w": array(64, 64, dtype="float64")},
    )
    with pytest.raises(cairn.CairnError, match=r"U202.*MatMul_y.*double"):
        cairn.onnx.run(proto)
    assert max(seen) < 1000


def test_differing_outputs_do_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    original = cairn.onnx.lower.simulate

    def off_by_one(*arguments: object) -> np.ndarray:
        return original(*arguments) + 1

    monkeypatch.setattr("cairn.onnx.lower.simulate", off_by_one)
    run = cairn.onnx.run(model([node("MatMul", "x x", "y")], {"x": (3, 3)}, ["y"]))
    assert not run.agrees
    assert run.max_abs_difference == pytest.approx(1.0, rel=1e-3)
    assert run.result["context"]["outputs_agree"] is False


def test_names_that_are_no_text_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.onnx"
    for name in (b"Conv_c1", b"w1", b"Softmax"):
        path.write_bytes(BYTES.replace(name, b"\xff" * len(name)))
        with pytest.raises(cairn.CairnError, match=r"E501.*UTF-8"):
            cairn.onnx.run(path)
    assert capfd.readouterr().out == ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


BYTES = small_network().SerializeToString()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    length=st.integers(0, len(BYTES)),
    flips=st.lists(st.tuples(st.integers(0, len(BYTES) - 1), st.integers(1, 255)), max_size=4),
)
def test_damaged_bytes_run_or_are_refused(
    folder: Path, length: int, flips: list[tuple[int, int]]
) -> None:
    damaged = bytearray(BYTES)
    for at, mask in flips:
        damaged[at] ^= mask
    path = folder / "damaged.onnx"
    path.write_bytes(bytes(damaged[:length]))
    try:
        cairn.onnx.run(path)
    except cairn.CairnError as error:
        codes = {each.code for each in error.diagnostics}
        assert all(re.fullmatch("E3..|E50[123]|U20[123]", code) for code in codes)
        assert all(each.place for each in error.diagnostics)
