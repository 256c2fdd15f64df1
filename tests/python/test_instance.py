"""Instances: the calls of the paper's programming interface, in their order and out of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cairn
from cairn import operands

ROOT = Path(__file__).parents[2]
GEMM = cairn.Gemm(3, 4, 5)
A = operands.seeded(1, (3, 5))
B = operands.seeded(2, (5, 4), density=0.5)


def codes(call: Any, *given: Any, **named: Any) -> list[str]:
    """Return what a call is refused with: codes and places."""
    with pytest.raises(cairn.CairnError) as refused:
        call(*given, **named)
    return [f"{each.code} {each.place}" for each in refused.value.diagnostics]


def test_products_are_those_of_numpy_on_every_kind_of_machine() -> None:
    for arch in ("maeri-64", "tpu-16x16", "sigma-64", str(ROOT / "examples/maeri-128.cfg")):
        instance = cairn.Instance(arch)
        instance.configure_dmm("dmm", GEMM)
        instance.configure_data(A, B)
        np.testing.assert_array_equal(instance.run_operation(), A @ B)
        instance.configure_linear("linear", rows=3, inputs=5, outputs=4)
        instance.configure_data(inputs=A, weights=np.ascontiguousarray(B.T))
        np.testing.assert_array_equal(instance.run_operation(), A @ B)
        assert [layer["name"] for layer in instance.layers] == ["dmm", "linear"]


def test_a_batch_has_weights_of_its_own_or_one_matrix() -> None:
    many = operands.seeded(3, (2, 3, 5))
    own = operands.seeded(4, (2, 5, 4))
    instance = cairn.Instance("maeri-64", "step")
    instance.configure_dmm("batch", cairn.Gemm(3, 4, 5, batch=2), tile={"M": 3, "N": 2, "K": 5})
    for weights in (own, B):
        instance.configure_data(many, weights)
        np.testing.assert_array_equal(instance.run_operation(), many @ weights)
    assert instance.layers[1]["mapping"]["chosen"] == "given"


def test_a_sparse_product_needs_a_sparse_machine() -> None:
    instance = cairn.Instance("sigma-64")
    instance.configure_spmm("sparse", GEMM, schedule="largest")
    instance.configure_data(A, B)
    np.testing.assert_array_equal(instance.run_operation(), A @ B)
    layer = instance.layers[0]
    assert layer["effective_multiplications"] < layer["multiplications"]
    assert codes(cairn.Instance("maeri-64").configure_spmm, "sparse", GEMM) == ["U205 layer sparse"]


def test_a_pool_has_no_weights() -> None:
    instance = cairn.Instance("maeri-64")
    pool = cairn.MaxPool(1, 2, (4, 4), (2, 2), stride=(2, 2))
    instance.configure_maxpool("pool", pool)
    x = operands.for_maxpool(pool, 1)
    assert codes(instance.configure_data, x, B) == ["E302 layer pool: weights"]
    instance.configure_data(x)
    np.testing.assert_array_equal(instance.run_operation(), operands.reference_maxpool(pool, x))
    systolic = cairn.Instance("tpu-16x16")
    systolic.configure_maxpool("pool", pool)
    systolic.configure_data(x)
    assert [each.split()[0] for each in codes(systolic.run_operation)] == ["U205"]


def test_each_call_whose_predecessor_is_missing_is_refused() -> None:
    instance = cairn.Instance("maeri-64")
    assert codes(instance.run_operation) == ["E304 instance"]
    assert codes(instance.configure_data, A, B) == ["E304 instance"]
    instance.configure_dmm("a", GEMM)
    assert codes(instance.run_operation) == ["E304 layer a"]
    instance.configure_data(A, B)
    instance.configure_dmm("b", GEMM)  # whose data is not there yet
    assert codes(instance.run_operation) == ["E304 layer b"]
    wrong = ["E302 layer b: weights", "E302 layer b: inputs"]
    assert codes(instance.configure_data, B, A) == wrong
    assert codes(instance.configure_data, A) == wrong[:1]
    assert instance.layers == []


def test_an_operation_runs_again_on_what_the_arrays_hold_then() -> None:
    x, instance = A.copy(), cairn.Instance("maeri-64")
    instance.configure_dmm("twice", GEMM)
    instance.configure_data(x, B)
    instance.run_operation()
    x[:] = 2
    np.testing.assert_array_equal(instance.run_operation(), x @ B)
    assert instance.document().count('"name": "twice"') == 2


def test_the_example_drives_an_instance_through_a_network() -> None:
    command = [sys.executable, str(ROOT / "examples/drive_instance.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("values equal those of NumPy") == 4
