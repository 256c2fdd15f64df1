"""Models whose weights are pruned before they run: which weights, in which layout, the label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import Cli
from models import array, model, node, small_network
from onnx import TensorProto, helper, numpy_helper

import cairn
import cairn.onnx
from cairn import sparse
from cairn.onnx.load import load
from cairn.onnx.prune import Pruning, pruned


def prune(
    proto: onnx.ModelProto, ratio: float | None, per: str = "tensor", given: tuple[str, ...] = ()
) -> tuple[dict[str, Any], Pruning]:
    """Prune a model; return its initializers by name, and the account."""
    done, about = pruned(load(proto), ratio, per, given)
    return {each.name: numpy_helper.to_array(each) for each in done.proto.graph.initializer}, about


def zeros(values: Any) -> list[int]:
    """Count the zeros in each entry of the first axis."""
    return [int(np.count_nonzero(each == 0)) for each in values]


def test_weights_are_pruned_and_biases_are_not() -> None:
    proto = small_network()
    before = {each.name: numpy_helper.to_array(each) for each in proto.graph.initializer}
    after, about = prune(proto, 0.75)
    for name in ("w1", "w2"):
        assert np.array_equal(after[name], sparse.prune(before[name], 0.75))
    assert np.array_equal(after["fc"].T, sparse.prune(before["fc"].T, 0.75))
    assert np.array_equal(after["b1"], before["b1"])
    assert [each["name"] for each in about.layers] == ["Conv_c1", "Conv_c2", "MatMul_m"]
    assert [each["sparsity"] for each in about.layers] == [0.75, 0.75, 0.75]
    assert about.about()["reached"] == 0.75


@pytest.mark.parametrize("per", ["tensor", "filter", "2:4"])
def test_a_pruned_model_equals_the_one_that_was_pruned_by_hand(per: str) -> None:
    ratio = None if ":" in per else 0.6
    by_hand = small_network()
    for each in by_hand.graph.initializer:
        values = numpy_helper.to_array(each)
        if values.ndim > 1:
            filters = values.T if each.name == "fc" else values
            values = sparse.prune(np.ascontiguousarray(filters), ratio, per)
            values = values.T if each.name == "fc" else values
            each.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), each.name))
    image = array(1, 2, 6, 6, seed=9)
    session = onnxruntime.InferenceSession(by_hand.SerializeToString())
    (expected,) = session.run(None, {"x": image})
    run = cairn.onnx.run(small_network(), {"x": image}, sparsity=ratio, prune=per)
    assert run.agrees
    assert np.array_equal(run.native_outputs["y"], expected)
    assert not np.array_equal(cairn.onnx.run(small_network(), {"x": image}).outputs["y"], expected)


@pytest.mark.parametrize(
    ("made", "weights", "by_column"),
    [
        (node("MatMul", "x w", "y"), (8, 5), True),
        (node("MatMul", "w x", "y"), (5, 8), False),
        (node("Gemm", "x w", "y"), (8, 5), True),
        (node("Gemm", "x w", "y", transB=1), (5, 8), False),
        (node("Gemm", "w x", "y"), (5, 8), False),
        (node("Gemm", "w x", "y", transA=1), (8, 5), True),
    ],
)
def test_the_filters_of_a_matrix_are_its_output_channels(
    made: onnx.NodeProto, weights: tuple[int, int], by_column: bool
) -> None:
    proto = model([made], {"x": (8, 8)}, ["y"], {"w": array(*weights)})
    after, about = prune(proto, 0.5, "filter")
    filters = after["w"].T if by_column else after["w"]
    assert zeros(filters) == [4] * 5
    assert about.layers == [{"name": made.name, "weights": 40, "sparsity": 0.5}]
    structured, _ = prune(proto, None, "1:4")
    filters = structured["w"].T if by_column else structured["w"]
    assert zeros(filters.reshape(-1, 4)) == [3] * 10
    assert cairn.onnx.run(proto, sparsity=0.5, prune="filter").agrees


def test_filters_of_convolutions_and_batches_are_pruned_each_by_itself() -> None:
    nodes = [node("Conv", "x w", "c"), node("MatMul", "c v", "y")]
    weights = {"w": array(4, 2, 3, 3), "v": array(2, 4, 6, 5, seed=1)}
    after, _ = prune(model(nodes, {"x": (2, 2, 8, 8)}, ["y"], weights), 0.5, "filter")
    assert zeros(after["w"]) == [9] * 4
    assert zeros(after["v"].swapaxes(-1, -2).reshape(-1, 6)) == [3] * 40


def test_weights_of_several_layers_are_pruned_once() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Gemm", "a w", "b", transB=1), node("Relu", "b", "y")]
    proto = model(nodes, {"x": (4, 4)}, ["y"], {"w": array(4, 4)})
    after, about = prune(proto, 0.5)
    assert np.count_nonzero(after["w"]) == 8
    assert [each["sparsity"] for each in about.layers] == [0.5, 0.5]
    assert about.weights == 16
    assert cairn.onnx.run(proto, sparsity=0.5).agrees


def test_weights_of_constant_nodes_are_pruned() -> None:
    constant = helper.make_tensor("v", TensorProto.FLOAT, [4, 4], array(4, 4).ravel())
    nodes = [node("Constant", "", "w", value=constant), node("MatMul", "x w", "y")]
    after, about = prune(model(nodes, {"x": (2, 4)}, ["y"]), 0.5)
    assert np.count_nonzero(after["w"]) == 8
    assert about.weights == 16


@pytest.mark.parametrize(
    "derive",
    [
        [node("Transpose", "v", "w")],
        [node("Identity", "v", "i"), node("Identity", "i", "w")],
        [node("Cast", "v", "h", to=TensorProto.DOUBLE), node("Cast", "h", "w", to=1)],
        [node("Split", "v", "w u", axis=1), node("Neg", "u", "n"), node("Abs", "n", "z")],
    ],
    ids=["transposed", "renamed", "cast", "split"],
)
def test_weights_that_are_derived_from_constants_are_pruned(derive: list[onnx.NodeProto]) -> None:
    nodes = [*derive, node("MatMul", "x w", "y")]
    proto = model(nodes, {"x": (2, 8)}, ["y"], {"v": array(8, 8)})
    after, about = prune(proto, 0.5)
    assert np.count_nonzero(after["w"]) == after["w"].size // 2
    assert np.count_nonzero(after["v"]) == 64
    assert about.zeros == after["w"].size // 2
    assert cairn.onnx.run(proto, sparsity=0.5).agrees


def test_operands_that_are_computed_are_not_pruned() -> None:
    nodes = [
        node("MatMul", "x x", "a"),
        node("MatMul", "w w", "b"),
        node("MatMul", "a b", "c"),
        node("MatMul", "c v", "y"),
    ]
    proto = model(nodes, {"x": (4, 4)}, ["y"], {"w": array(4, 4), "v": array(4)})
    after, about = prune(proto, 0.5)
    assert [each["name"] for each in about.layers] == ["MatMul_b"]
    assert np.count_nonzero(after["v"]) == 4, "vectors stay"
    assert cairn.onnx.run(proto, sparsity=0.5).agrees


def test_weights_that_are_given_keep_their_values() -> None:
    proto = model(
        [node("MatMul", "x w", "y")], {"x": (2, 4), "w": (4, 4)}, ["y"], {"w": array(4, 4)}
    )
    run = cairn.onnx.run(proto, {"w": array(4, 4, seed=5)}, sparsity=0.5)
    assert run.agrees
    assert run.notes == ["nothing was pruned: no product of the model has constant weights"]
    assert run.result["context"]["pruning"]["reached"] is None
    assert cairn.onnx.run(proto, sparsity=0.5).result["context"]["pruning"]["reached"] == 0.5


def test_half_precision_stays_half_precision() -> None:
    weights = {"w": array(6, 6, dtype="float16")}
    nodes = [node("MatMul", "x w", "y")]
    half = TensorProto.FLOAT16
    proto = model(nodes, {"x": (2, 6)}, {"y": half}, weights, input_type=half)
    after, _ = prune(proto, 0.5)
    assert after["w"].dtype == np.float16
    assert np.count_nonzero(after["w"]) == 18
    kept = after["w"] != 0
    assert np.array_equal(after["w"][kept], weights["w"][kept])
    assert cairn.onnx.run(proto, sparsity=0.5).agrees


def test_a_model_too_large_for_one_message_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cairn.onnx.prune._SERIALISABLE", 100)
    with pytest.raises(cairn.CairnError, match=r"U203.*cannot be pruned"):
        cairn.onnx.run(small_network(), sparsity=0.5)


def test_the_model_that_was_given_is_not_pruned(tmp_path: Path) -> None:
    proto = small_network()
    before = proto.SerializeToString()
    assert cairn.onnx.run(proto, sparsity=0.9).agrees
    assert proto.SerializeToString() == before


def test_a_whole_network_of_an_old_format_agrees_when_pruned() -> None:
    """Its weights are filled by nodes, and initializers were inputs in its format."""
    path = Path(onnx.__file__).parent / "backend/test/data/light/light_squeezenet.onnx"
    if not path.exists():
        pytest.skip("this onnx package carries no test models")
    run = cairn.onnx.run(path, arch="tpu-128x128", sparsity=0.7, prune="filter")
    assert run.agrees
    about = run.result["context"]["pruning"]
    assert len(about["layers"]) == len(run.result["layers"]) == 26
    assert about["reached"] == pytest.approx(0.7, abs=0.01)


def test_a_pruned_run_is_labelled(cli: Cli, tmp_path: Path) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    result = cli("run", "net.onnx", "--sparsity", 0.75, "--prune", "filter", "--json", "net.json")
    assert result.code == 0, result.err
    assert "equals ONNX Runtime's own of the pruned model" in result.out
    assert "note: the model was pruned by magnitude, per filter: " in result.out
    context = json.loads((tmp_path / "net.json").read_text())["context"]
    assert context["target"] == "net.onnx"
    about = context["pruning"]
    assert (about["sparsity"], about["per"]) == (0.75, "filter")
    assert [each["weights"] for each in about["layers"]] == [72, 144, 20]
    plain = json.loads(cli("run", "net.onnx", "--json", "-").out)
    assert "pruning" not in plain["context"]
    assert "notes" not in plain or not plain["notes"]


def test_a_structure_needs_no_share_of_zeros(cli: Cli, tmp_path: Path) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    result = cli("compare", "net.onnx", "--prune", "2:4", "--arch", "tpu-16x16,tpu-32x32")
    assert result.code == 0, result.err
    assert result.out.count("pruned by magnitude, 2:4: ") == 1
    assert "equals ONNX Runtime's own of the pruned model" in result.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--sparsity", 1.5), ["E001", "--sparsity must be 0 to 1, not 1.5"]),
        (("--sparsity", "nan"), ["E001", "--sparsity must be 0 to 1"]),
        (("--sparsity", "most"), ["E001", "--sparsity"]),
        (("--prune", "filter"), ["E001", "--prune filter needs", "--sparsity 0.8"]),
        (("--prune", "row", "--sparsity", 0.5), ["E001", "tensor, filter or N:M", "'row'"]),
        (("--prune", "2:4", "--sparsity", 0.7), ["E001", "0.7 is not that of --prune 2:4"]),
        (("--prune", "5:4"), ["E301"]),
        (("--schedule", "best"), ["E001", "--schedule"]),
    ],
)
def test_bad_sparsities_are_refused(
    cli: Cli, tmp_path: Path, options: tuple[object, ...], words: list[str]
) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    result = cli("run", "net.onnx", *options, "--json", "net.json")
    assert (result.code, result.out) == (2, "")
    for word in words:
        assert word in result.err, result.err
    assert not (tmp_path / "net.json").exists()


def test_only_weights_of_models_are_pruned(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("Layer, M, N, K,\na, 8, 8, 8,\n")
    gemm = ("gemm", "--M", 8, "--N", 8, "--K", 8)
    for target in (("table.csv",), gemm):
        result = cli("run", *target, "--sparsity", 0.5, "--prune", "filter")
        assert result.code == 2
        assert "--prune filter is for the weights of a model" in result.err


def test_options_without_effect_on_the_cycles_are_told(cli: Cli) -> None:
    gemm = ("gemm", "--M", 8, "--N", 8, "--K", 8)
    result = cli("run", *gemm, "--sparsity", 0.5, "--schedule", "largest")
    assert result.code == 0, result.err
    order, zeros = result.err.splitlines()
    assert order.startswith("warning: --schedule: no effect on tpu-16x16: ")
    assert zeros.startswith("warning: --sparsity: no effect on the cycles of tpu-16x16: ")
    assert "values equal NumPy's" in result.out
    assert cli("run", *gemm, "--schedule", "none").err == ""
