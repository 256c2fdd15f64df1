"""PyTorch models on the command line: FILE.py:FUNCTION as the target."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="pip install torch")

MODEL = """
import torch

def example():
    layers = [torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(8 * 36, 10)), torch.rand(1, 3, 8, 8)

def mapping():
    return torch.nn.Bilinear(3, 4, 5), {"input1": torch.rand(2, 3), "input2": torch.rand(2, 4)}

def nothing():
    return 3

def broken():
    return torch.nn.Linear(3, 4), torch.rand(2, 5)
"""


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MODEL)
    return f"{path}:example"


def test_a_model_runs_and_agrees(cli, target):
    done = cli("run", target, "--arch", "sigma-64", "--sparsity", "0.5", "--json", "result.json")
    assert done.code == 0, done.err
    assert "the output equals PyTorch's own of the pruned model" in done.out
    result = json.loads(Path("result.json").read_text())
    assert [layer["name"] for layer in result["layers"]] == ["0", "3"]
    assert result["context"]["target"] == target and result["context"]["outputs_agree"]
    assert result["layers"][0]["sparsity"]["weights"] == 0.5


def test_machines_are_compared_and_layers_mapped(cli, target):
    compared = cli("compare", target, "--arch", "tpu-16x16,maeri-64")
    assert compared.code == 0 and "maeri-64 wins" in compared.out
    mapped = cli("map", target, "--arch", "maeri-64", "--save", "tiles.toml")
    assert mapped.code == 0, mapped.err
    again = cli("run", target, "--arch", "maeri-64", "--tile", "tiles.toml")
    assert again.code == 0 and "285 cycles" in again.out and "285" in mapped.out


def test_products_on_the_host_are_told(cli, target):
    done = cli("run", target.replace("example", "mapping"))
    assert done.code == 0 and "aten._trilinear: 1 time on the host" in done.out


@pytest.mark.parametrize(
    ("function", "code", "words"),
    [
        ("exampl", "E107", "did you mean 'example'?"),
        ("nothing", "E502", "return (model, inputs)"),
        ("broken", "E503", "RuntimeError"),
    ],
)
def test_what_is_wrong_with_a_function_is_told(cli, target, function, code, words):
    done = cli("run", target.replace("example", function))
    assert done.code == 2 and f"error[{code}]" in done.err and words in done.err


def test_a_file_without_a_function_is_told_to_name_one(cli, target):
    done = cli("run", target.removesuffix(":example"))
    assert done.code == 2 and ".py:FUNCTION" in done.err
