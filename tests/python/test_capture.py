"""Captured workloads: values come back as they were, damaged files are refused by name."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import array
from safetensors.numpy import save_file

import cairn
from cairn import CairnError, capture

DEEP = json.loads("[" * 30 + "]" * 30)


def recording() -> capture.Recording:
    return capture.Recording(cairn.Session(cairn.load_machine("tpu-16x16")), {"source": "test"})


def layers() -> list[tuple[str, Any, Any, Any]]:
    """Two products with one weight, a batch with one matrix for all, a batch, a convolution."""
    weight, heads = array(7, 5), array(6, 4, 5)
    return [
        ("first", cairn.Gemm(3, 7, 5), array(1, 3, 5), weight.T[None]),
        ("again", cairn.Gemm(2, 7, 5), array(1, 2, 5, seed=1), weight.T[None]),
        ("one", cairn.Gemm(3, 7, 5, 4), array(4, 3, 5, seed=2), weight.T[None]),
        ("all", cairn.Gemm(6, 6, 5, 4), heads.transpose(1, 0, 2), heads.transpose(1, 2, 0)),
        (
            "conv",
            cairn.Conv(1, 4, 6, (5, 6), (3, 2), groups=2, stride=(2, 1), pad_begin=(1, 0)),
            array(1, 4, 5, 6),
            array(6, 2, 3, 2),
        ),
    ]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Capture the layers above."""
    recorded = recording()
    for layer in layers():
        recorded.run(*layer)
    recorded.save(tmp_path / "work.safetensors")
    return tmp_path / "work.safetensors"


def stored(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return the header of a safetensors file and its data."""
    whole = path.read_bytes()
    (size,) = struct.unpack("<Q", whole[:8])
    return json.loads(whole[8 : 8 + size]), whole[8 + size :]


def document(path: Path) -> dict[str, Any]:
    return dict(json.loads(stored(path)[0]["__metadata__"]["cairn"]))


def rewrite(path: Path, text: str) -> None:
    """Put another document in a file."""
    header, data = stored(path)
    header["__metadata__"]["cairn"] = text
    text = json.dumps(header)
    path.write_bytes(struct.pack("<Q", len(text)) + text.encode() + data)


def refused(path: Path) -> str:
    with pytest.raises(CairnError) as caught:
        capture.read(path)
    assert {each.code for each in caught.value.diagnostics} == {"E501"}
    return str(caught.value)


def test_what_was_recorded_is_read_again(work: Path) -> None:
    assert capture.read(work).about == {"version": cairn.__version__, "source": "test"}
    session = cairn.Session(cairn.load_machine("tpu-16x16"))
    for layer, (name, operation, a, b) in zip(capture.read(work).layers, layers(), strict=True):
        assert (layer.name, layer.call, type(layer.operation)) == (name, 0, type(operation))
        assert capture.shapes(layer.operation) == capture.shapes(operation)
        left, right, expected = layer.load()
        assert np.array_equal(left, a) and np.array_equal(right, np.broadcast_to(b, right.shape))
        assert np.array_equal(expected, session.run(name, operation, a, b))


def test_operands_keep_their_order_in_memory(work: Path) -> None:
    for layer, (_, _, a, b) in zip(capture.read(work).layers, layers(), strict=True):
        for read, was in zip(layer.load(), (a, b), strict=False):
            sizes = [size > 1 for size in was.shape]
            assert [*np.compress(sizes, read.strides)] == [*np.compress(sizes, was.strides)]


def test_shared_values_are_stored_once(work: Path) -> None:
    header, _ = stored(work)
    rows = {each["name"]: each for each in document(work)["layers"]}
    assert len(header) - 1 == 11  # of 15 arrays
    assert rows["first"]["b"] == rows["again"]["b"] == rows["one"]["b"]
    assert rows["all"]["a"]["tensor"] == rows["all"]["b"]["tensor"]
    assert rows["all"]["a"]["axes"] != rows["all"]["b"]["axes"]


def test_memory_may_be_used_again_after_it_was_recorded(tmp_path: Path) -> None:
    recorded, a, b = recording(), array(1, 3, 5), array(1, 5, 7)
    kept = a.copy()
    recorded.run("first", cairn.Gemm(3, 7, 5), a, b)
    a[:] = 0
    recorded.save(tmp_path / "work.safetensors")
    assert np.array_equal(capture.read(tmp_path / "work.safetensors").layers[0].load()[0], kept)


def test_equal_work_makes_equal_files(work: Path, tmp_path: Path) -> None:
    recorded = recording()
    for layer in layers():
        recorded.run(*layer)
    recorded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == work.read_bytes()


def test_calls_and_notes_are_kept(tmp_path: Path) -> None:
    recorded = recording()
    recorded.notes.append("half of it")
    for recorded.call in range(2):
        recorded.run(*layers()[0])
    recorded.save(tmp_path / "work.safetensors")
    read = capture.read(tmp_path / "work.safetensors")
    assert ([each.call for each in read.layers], read.notes) == ([0, 1], ["half of it"])


def test_a_recording_is_a_session() -> None:
    recorded, session = recording(), cairn.Session(cairn.load_machine("tpu-16x16"))
    for layer in layers():
        assert np.array_equal(recorded.run(*layer), session.run(*layer))
    assert recorded.machine.name == "tpu-16x16"
    assert recorded.layers == session.layers
    assert recorded.document({"a": 1}) == session.document({"a": 1})


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"a": array(1, 5, 3)}, "E302.*operand a.*1 x 5 x 3.*1 x 3 x 5"),
        ({"b": array(2, 5, 7)}, "E302.*operand b"),
        ({"out": array(3, 7)}, "E302.*operand output"),
        ({"b": array(1, 5, 7, dtype="float64")}, "U202.*operand b.*float64"),
    ],
)
def test_operands_that_do_not_fit_are_not_recorded(changed: dict[str, Any], code: str) -> None:
    arrays = {"a": array(1, 3, 5), "b": array(1, 5, 7), "out": array(1, 3, 7)}
    with pytest.raises(CairnError, match=f"(?s){code}"):
        recording().add("first", cairn.Gemm(3, 7, 5), **arrays | changed)


def test_a_capture_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CairnError, match=r"E301.*nothing was captured"):
        recording().save(tmp_path / "empty.safetensors")
    recorded = recording()
    recorded.run(*layers()[0])
    with pytest.raises(CairnError, match="E602"):
        recorded.save(tmp_path / "missing" / "work.safetensors")
    with pytest.raises(CairnError, match=r"E602.*not a regular file"):
        recorded.save("/dev/null")
    monkeypatch.setattr(capture, "_LARGEST_DOCUMENT", 100)
    with pytest.raises(CairnError, match="U203"):
        recorded.save(tmp_path / "long.safetensors")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("length", [0, 4, 8, 9, 200, -1, -100])
def test_a_file_that_is_cut_short_is_refused(work: Path, length: int) -> None:
    work.write_bytes(work.read_bytes()[:length])
    assert "cut short" in refused(work)


def test_other_files_are_refused(work: Path, tmp_path: Path) -> None:
    with pytest.raises(CairnError, match=r"E101.*no such file\n.*did you mean 'work.safetensors'"):
        capture.read(tmp_path / "wrk.safetensors")
    save_file({"x": array(3)}, work)
    assert "not a captured workload\n  help: capture the model again" in refused(work)
    work.write_text("Layer, M, N, K,\nwide, 20, 90, 40,\n")
    assert "not a readable safetensors file" in refused(work)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "metadata is damaged"),
        ("[" * 100_000, "metadata is damaged: maximum recursion depth"),
        ('{"schema": NaN}', "NaN"),
        ('{"schema": 1e999}', "1e999 is no number"),
        ('{"schema": "\\ud800"}', "surrogates"),
        ("9" * 5000, "metadata is damaged"),
        ("[]", "this is something else"),
        ('{"schema": "cairn.capture/2"}', r"this is cairn.capture/2, but cairn.capture/1 is what"),
    ],
)
def test_damaged_metadata_is_refused(work: Path, text: str, message: str) -> None:
    rewrite(work, text)
    assert message in refused(work)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("context", None, "context: not an object"),
        ("context", {"deep": DEEP}, "context: too deep"),
        ("notes", 3, "notes: not a list"),
        ("notes", [3], "notes: not a text"),
        ("layers", {}, "layers: not a list"),
        ("layers", [], "layers: there are none"),
        ("layers 0", 1, "layers[0]: not an object"),
        ("layers 0 name", None, "layers[0]: name: not a text"),
        ("layers 0 call", -1, "layers[0]: call: out of range"),
        ("layers 0 call", True, "layers[0]: call: not an integer"),
        ("layers 0 operation", "einsum", "operation: 'einsum' is neither gemm nor conv"),
        ("layers 0 operation", "conv", "sizes: k: a conv has no such size"),
        ("layers 0 sizes", [], "sizes: not an object"),
        ("layers 0 sizes m", 3.0, "sizes: m: not an integer"),
        ("layers 0 sizes m", "3", "sizes: m: not an integer"),
        ("layers 0 sizes m", 0, "sizes: "),
        ("layers 0 sizes m", -3, "sizes: m: out of range"),
        ("layers 0 sizes m", 1 << 63, "sizes: m: out of range"),
        ("layers 0 sizes m", (1 << 63) - 1, "sizes: "),
        ("layers 0 sizes m", 4, "a: tensor: '0' holds 15 values, but the operation needs 1 x 4"),
        ("layers 2 sizes batch", 5, "layers[2]: a: tensor: "),
        ("layers 0 sizes n", 8, "layers[0]: b: tensor: '1' holds 35 values"),
        ("layers 0 output tensor", "0", "layers[0]: output: tensor: '0' holds 15 values"),
        ("layers 0 a tensor", "17", "layers[0]: a: tensor: the file has no tensor '17'"),
        ("layers 0 a tensor", 0, "layers[0]: a: tensor: not a text"),
        ("layers 0 a axes", [0, 1], "layers[0]: a: axes: not an order of 3 axes"),
        ("layers 0 a axes", [0, 1, 1], "axes: not an order"),
        ("layers 0 a axes", [0, True, 2], "axes: not an order"),
        ("layers 0 a axes", ["a", None, {}], "axes: not an order"),
        ("layers 4 sizes input", 5, "layers[4]: sizes: input: not a list"),
        ("layers 4 sizes kernel", [], "layers[4]: sizes: "),
        ("layers 4 sizes kernel", [3, None], "layers[4]: sizes: kernel: not an integer"),
        ("layers 4 sizes groups", 3, "layers[4]: sizes: "),
        ("layers 4 sizes stride", [1, 1], "layers[4]: output: tensor: "),
        ("layers 4 sizes pad_begin", [1 << 62, 0], "layers[4]: "),
    ],
)
def test_each_contradiction_is_named(work: Path, place: str, value: Any, message: str) -> None:
    changed = document(work)
    *path, last = (int(word) if word.isdigit() else word for word in place.split())
    within: Any = changed
    for step in path:
        within = within[step]
    within[last] = value
    rewrite(work, json.dumps(changed))
    assert message in refused(work)
    if isinstance(within, dict):
        del within[last]
        rewrite(work, json.dumps(changed))
        assert f"{last}: missing: the capture is damaged" in refused(work)


def test_faults_of_all_layers_are_told_at_once(work: Path) -> None:
    changed = document(work)
    for layer in changed["layers"]:
        layer["name"] = 1
    rewrite(work, json.dumps(changed))
    assert refused(work).count("name: not a text") == len(layers())


def test_tensors_of_another_type_are_refused(work: Path) -> None:
    text = stored(work)[0]["__metadata__"]["cairn"]
    save_file({str(at): array(2, dtype="float64") for at in range(11)}, work, {"cairn": text})
    assert "layers[0]: a: tensor: '0' is of type F64, not F32" in refused(work)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("capture") / "work.safetensors"
    recorded = recording()
    for at in (0, 4):
        recorded.run(*layers()[at])
    recorded.save(path)
    return path


def tried(path: Path) -> None:
    """Read a file and run what it holds, or see it refused."""
    session = cairn.Session(cairn.load_machine("tpu-16x16"))
    try:
        for layer in capture.read(path).layers:
            a, b, expected = layer.load()
            out = session.run(layer.name, layer.operation, a, b)
            assert out is not None and out.shape == expected.shape
    except CairnError as error:
        assert {each.kind for each in error.diagnostics} == {"invalid"}


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_bytes_never_crash(sample: Path, data: st.DataObject) -> None:
    whole = bytearray(sample.read_bytes())
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    path = sample.with_name("damaged.safetensors")
    path.write_bytes(whole)
    tried(path)


NUMBERS = st.integers(-3, 40) | st.integers() | st.floats() | st.booleans() | st.none()
ANYTHING = st.recursive(
    NUMBERS | st.text(max_size=3), lambda each: st.lists(each) | st.dictionaries(st.text(), each)
)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_values_never_crash(sample: Path, data: st.DataObject) -> None:
    changed = document(sample)
    within: Any = changed["layers"]
    while True:
        keys = [*within] if isinstance(within, dict) else [*range(len(within))]
        key = data.draw(st.sampled_from(keys))
        nested = isinstance(within[key], dict | list) and len(within[key])
        if not nested or data.draw(st.integers(0, 4)) == 0:
            break
        within = within[key]
    within[key] = data.draw(ANYTHING)
    path = sample.with_name("changed.safetensors")
    path.write_bytes(sample.read_bytes())
    rewrite(path, json.dumps(changed))
    tried(path)


def test_scale_and_shift_of_a_relu_come_back(tmp_path: Path) -> None:
    path, seen = tmp_path / "work.safetensors", (array(7), array(7, seed=1))
    recorded = recording()
    a, b = np.abs(array(1, 3, 5)), array(1, 5, 7)
    recorded.run("relu", cairn.Gemm(3, 7, 5), a, b, rectified=seen)
    recorded.run("plain", cairn.Gemm(3, 7, 5), a, b)
    recorded.save(path)
    relu, plain = capture.read(path).layers
    assert relu.rectified is not None
    assert all(map(np.array_equal, relu.rectified, seen))
    assert plain.rectified is None


@pytest.mark.parametrize(
    ("rectified", "message"),
    [
        ([], "layers[0]: rectified: not an object"),
        ({"shift": "0"}, "layers[0]: rectified: scale: missing"),
        ({"scale": "0", "shift": "99"}, "rectified: tensor: '0' does not hold 7 values"),
        ({"scale": 1, "shift": "1"}, "rectified: scale: not a text"),
    ],
)
def test_a_damaged_relu_is_refused(work: Path, rectified: Any, message: str) -> None:
    changed = document(work)
    changed["layers"][0]["rectified"] = rectified
    rewrite(work, json.dumps(changed))
    assert message in refused(work)


def test_scale_and_shift_must_fit(tmp_path: Path) -> None:
    arrays = {"a": array(1, 3, 5), "b": array(1, 5, 7), "out": array(1, 3, 7)}
    with pytest.raises(CairnError, match=r"(?s)E302.*shift.*8.*7"):
        recording().add("r", cairn.Gemm(3, 7, 5), **arrays, rectified=(array(7), array(8)))
