"""Machines that leave a sum early where the rectifier behind the layer makes 0 of it anyhow."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cairn

Array = NDArray[np.float32]
CONV = cairn.Conv(1, 8, 16, (14, 14), (3, 3), pad_begin=(1, 1), pad_end=(1, 1))


def _operands(seed: int = 1) -> tuple[Array, Array]:
    """Make inputs as a rectifier leaves them, and weights whose sums are often negative."""
    random = np.random.default_rng(seed)
    x = np.maximum(0, random.standard_normal((1, 8, 14, 14))).astype(np.float32)
    w = (random.standard_normal((16, 8, 3, 3)) - 0.2).astype(np.float32)
    return x, w


def _run(
    arch: str, rectified: Any = True, evaluator: str = "flow", **settings: str
) -> tuple[Array, dict[str, Any]]:
    overrides = [(path.replace("__", "."), value) for path, value in settings.items()]
    session = cairn.Session(cairn.load_machine(arch, overrides), evaluator)
    out = session.run("layer", CONV, *_operands(), rectified=rectified)
    assert out is not None
    return out, session.layers[0]


def test_leaves_sums_and_changes_nothing_behind_the_rectifier() -> None:
    usual, baseline = _run("snapea-baseline-64")
    early, layer = _run("snapea-64")
    np.testing.assert_allclose(np.maximum(0, early), np.maximum(0, usual), atol=1e-4)
    assert not np.allclose(early, usual)
    stop = layer["early_stop"]
    assert stop["checked"]
    assert stop["outputs_stopped"] > 0
    assert layer["cycles"] < baseline["cycles"]
    done = layer["counters"]["multiplier"]["multiplications"]
    assert done == baseline["counters"]["multiplier"]["multiplications"] - stop["products_skipped"]
    assert "early_stop" not in baseline


def test_step_and_flow_tell_the_same() -> None:
    for settings in ({}, {"memory__prefix": "9", "memory__threshold": "-250"}):
        flowed, by_flow = _run("snapea-64", **settings)
        stepped, by_step = _run("snapea-64", evaluator="step", **settings)
        assert np.array_equal(flowed, stepped)
        for key in ("cycles", "counters", "activity", "early_stop"):
            assert by_flow[key] == by_step[key]


def test_a_layer_that_no_rectifier_follows_runs_to_the_end_of_every_sum() -> None:
    usual, _ = _run("snapea-baseline-64", rectified=None)
    out, layer = _run("snapea-64", rectified=None)
    np.testing.assert_allclose(out, usual, atol=1e-4)
    assert layer["early_stop"] == {
        "checked": False,
        "outputs_stopped": 0,
        "products_skipped": 0,
        "products_wasted": 0,
    }
    assert layer["counters"]["memory"]["index_reads"] == 0


def test_the_largest_negative_weights_first_leave_earlier() -> None:
    skipped = [
        _run("snapea-64", memory__order=order)[1]["early_stop"]["products_skipped"]
        for order in ("sign", "magnitude")
    ]
    assert skipped[0] < skipped[1]


def test_scale_and_shift_decide_where_a_sum_is_left() -> None:
    random = np.random.default_rng(2)
    scale = random.uniform(-2, 2, 16).astype(np.float32)
    shift = random.uniform(-3, 3, 16).astype(np.float32)
    scale[3] = 0

    def behind(out: Array) -> Array:
        by_filter = (1, 16, 1, 1)
        return np.maximum(0, scale.reshape(by_filter) * out + shift.reshape(by_filter))

    usual, _ = _run("snapea-baseline-64")
    early, layer = _run("snapea-64", rectified=(scale, shift))
    np.testing.assert_allclose(behind(early), behind(usual), atol=1e-4)
    np.testing.assert_allclose(early[:, 3], usual[:, 3], atol=1e-4)
    assert layer["early_stop"]["outputs_stopped"] > 0


def test_a_prediction_saves_more_and_tells_what_it_loses() -> None:
    usual, _ = _run("snapea-baseline-64")
    _, exact = _run("snapea-64")
    out, layer = _run("snapea-64", memory__prefix="8", memory__threshold="-1000")
    stop = layer["early_stop"]
    assert stop["products_skipped"] > exact["early_stop"]["products_skipped"]
    error = np.abs(np.maximum(0, out) - np.maximum(0, usual))
    wrong = (out <= 0) & (usual > 1e-4)
    assert stop["wrong_zeros"] == wrong.sum() > 0
    assert stop["largest_error"] == pytest.approx(error.max(), abs=1e-4)
    assert stop["mean_error"] == pytest.approx(error.mean(), abs=1e-4)
    assert "wrong_zeros" not in exact["early_stop"]


def test_other_machines_pay_no_heed() -> None:
    for arch in ("tpu-16x16", "maeri-64", "sigma-64"):
        out, layer = _run(arch)
        assert np.array_equal(out, _run(arch, rectified=None)[0])
        assert "early_stop" not in layer


def test_totals_add_up() -> None:
    session = cairn.Session(cairn.load_machine("snapea-64"))
    for name in "ab":
        session.run(name, CONV, *_operands(), rectified=True)
    total = json.loads(session.document({}))["totals"]["early_stop"]
    for key in ("outputs_stopped", "products_skipped", "products_wasted"):
        assert total[key] == sum(layer["early_stop"][key] for layer in session.layers) > 0


@pytest.mark.parametrize(
    ("rectified", "code", "place"),
    [
        ((np.ones(3, np.float32), None), "E302", "rectified scale"),
        ((None, [np.nan] * 16), "E302", "rectified shift"),
        ("yes", "E104", "rectified"),
        ((1, 2), "E104", "rectified"),
        ((None,), "E104", "rectified"),
    ],
)
def test_refuses_what_is_no_scale_and_shift(rectified: Any, code: str, place: str) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        _run("snapea-64", rectified=rectified)
    assert [(d.code, d.place) for d in refused.value.diagnostics] == [(code, place)]


def test_refuses_negative_inputs_by_name() -> None:
    x, w = _operands()
    session = cairn.Session(cairn.load_machine("snapea-64"))
    with pytest.raises(cairn.CairnError, match="an input is -1"):
        session.run("layer", CONV, np.where(x > 1, -1, x).astype(np.float32), w, rectified=True)
