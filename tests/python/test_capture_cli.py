"""`cairn capture`, and the commands that run what it wrote without the model's framework."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from cairn import capture
from cairn.onnx import runner

MODEL = Path(__file__).resolve().parents[2] / "examples" / "small-net.onnx"


@pytest.fixture
def net(cli: Cli) -> str:
    """Capture the example's model."""
    result = cli("capture", MODEL, "-o", "net.safetensors")
    assert (result.code, result.err) == (0, "")
    assert "captured 5 products of" in result.out
    assert "the output equals ONNX Runtime's own" in result.out
    return "net.safetensors"


def ran(cli: Cli, *arguments: object) -> dict[str, Any]:
    result = cli("run", *arguments, "--json", "-")
    assert result.code == 0, result.err
    return dict(json.loads(result.out))


COSTS = ("name", "sizes", "mapping", "cycles", "counters", "utilisation", "buffer_reads")


@pytest.mark.parametrize("arch", ["tpu-16x16", "maeri-64", "sigma-64"])
def test_a_captured_model_costs_what_the_model_costs(cli: Cli, net: str, arch: str) -> None:
    options = ("--arch", arch, "--schedule", "random", "--objective", "energy")
    captured, model = (ran(cli, target, *options) for target in (net, MODEL))
    assert captured["totals"] == model["totals"]
    for ours, theirs in zip(captured["layers"], model["layers"], strict=True):
        assert [ours[key] for key in COSTS] == [theirs[key] for key in COSTS]
        assert (ours["call"], ours.get("sparsity")) == (0, theirs.get("sparsity"))
    context = captured["context"]
    assert context["values_agree"] is True
    assert context["max_abs_difference"] < 1e-4
    assert context["capture"]["outputs_agree"] is True
    assert context["capture"]["framework"].startswith("onnxruntime ")
    assert ("schedule" in context) == (arch == "sigma-64")


def test_a_pruned_model_is_captured_pruned(cli: Cli) -> None:
    pruning = ("--sparsity", 0.8, "--seed", 3)
    assert cli("capture", MODEL, "-o", "net.safetensors", "-q", *pruning).out == ""
    captured = ran(cli, "net.safetensors", "--arch", "sigma-64")
    model = ran(cli, MODEL, "--arch", "sigma-64", *pruning)
    assert captured["totals"] == model["totals"]
    assert captured["context"]["capture"]["pruning"] == model["context"]["pruning"]
    assert captured["context"]["capture"]["seed"] == 3
    assert captured["notes"] == model["notes"]


def test_step_gives_the_same(cli: Cli, net: str) -> None:
    step, flow = (ran(cli, net, "--evaluator", each) for each in ("step", "flow"))
    assert step["totals"] == flow["totals"]
    assert step["layers"][0]["evaluator"] == "step"


def test_it_runs_without_the_frameworks(net: str) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'onnxruntime', 'google'): sys.modules[name] = None\n"
        "from cairn.cli import main\n"
        f"sys.exit(main(['run', {net!r}, '--arch', 'maeri-64']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "values equal those captured" in done.stdout


def test_machines_are_compared_and_tiles_are_found(cli: Cli, net: str) -> None:
    compared = cli("compare", net, "--arch", "tpu-16x16,sigma-64")
    assert compared.code == 0, compared.err
    assert "values equal those captured" in compared.out
    mapped = cli("map", net, "--arch", "maeri-64", "--save", "tiles.toml", "-q")
    assert (mapped.code, mapped.out, mapped.err) == (0, "", "")
    best, found = (
        ran(cli, net, "--arch", "maeri-64", *more) for more in ((), ("--tile", "tiles.toml"))
    )
    assert found["totals"] == best["totals"]
    assert found["layers"][0]["mapping"]["chosen"] == "given"


def test_values_that_differ_fail_the_run(
    cli: Cli, net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = capture.Layer.load

    def wrong(layer: capture.Layer) -> Any:
        a, b, out = load(layer)
        return a, b, out + (layer.name == "mixed")

    monkeypatch.setattr(capture.Layer, "load", wrong)
    result = cli("run", net)
    assert result.code == 1
    assert "values DIFFER from those captured in mixed (max abs difference 1)" in result.out


def test_a_model_whose_outputs_differ_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_difference", lambda *_: runner._Difference(False, math.inf))
    result = cli("capture", MODEL, "-o", "net.safetensors")
    assert result.code == 1
    assert "DO NOT AGREE WITH ONNX Runtime's own" in result.out
    captured = ran(cli, "net.safetensors")
    assert captured["context"]["capture"]["max_abs_difference"] is None
    assert captured["notes"] == ["the outputs did not agree with the framework's own"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("net.pt", "-o", "x.safetensors"), "E107.*expected MODEL.onnx, FILE.py:FUNCTION.*export"),
        (("net.py", "-o", "x.safetensors"), "E107.*name the function.*net.py:FUNCTION"),
        (("x.safetensors", "-o", "y.safetensors"), "captured already: `cairn run x.safetensors`"),
        (("net.onnx", "-o", "x.safetensors"), "E101] net.onnx: there is no such file"),
        (("net.py:f", "-o", "x.safetensors"), "E101] net.py: there is no such file"),
        (("net.py:f", "-o", "x.safetensors", "--shape", "x=1"), "E001.*--shape is for ONNX"),
        ((MODEL, "-o", "x.bin"), "E001.*--output x.bin must end in .safetensors"),
        ((MODEL, "-o", "no/x.safetensors"), "E602] no/x.safetensors.*name a writable directory"),
        ((MODEL, "-o", "x.safetensors", "--shape", "q=1"), "E502.*no input 'q'"),
        ((MODEL,), "E001.*--output"),
    ],
)
def test_capture_says_what_to_type(cli: Cli, arguments: tuple[Any, ...], message: str) -> None:
    result = cli("capture", *arguments)
    assert (result.code, result.out) == (2, "")
    assert re.search(f"(?s){message}", result.err), result.err
    assert [*Path().iterdir()] == []


def test_run_says_what_to_type(cli: Cli, net: str) -> None:
    for option in (("--sparsity", 0.5), ("--prune", "2:4")):
        result = cli("run", net, *option)
        assert result.code == 2
        assert f"{option[0]}: a captured workload has weights of its own" in result.err
    assert ".safetensors" in cli("run", "net.zip").err
    assert "E101" in cli("run", "nt.safetensors").err
    Path(net).write_bytes(b"nothing")
    for command in (("run",), ("map", "--arch", "maeri-64"), ("compare", "--arch", "tpu-16x16,x")):
        result = cli(command[0], net, *command[1:])
        assert result.code == 2
        assert f"E501] {net}: not a readable safetensors file" in result.err


def test_help_shows_what_a_function_looks_like(cli: Cli) -> None:
    shown = cli("capture", "--help").out
    assert "cairn capture mine.py:example -o mine.safetensors" in shown
    assert re.search(r"def example\(\):\s+return torch.nn.Linear", shown)
    assert "cairn run work.safetensors" in cli("run", "safetensors", "--help").out


TORCH = """
import torch
from torch import nn

class Keywords(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(6, 6)

    def forward(self, *, x, y):
        return {"x": self.shared(self.shared(x)), "sum": x + y}

def example():
    layers = nn.Conv2d(3, 4, 3), nn.Dropout(), nn.Flatten(), nn.Linear(64, 5)
    return nn.Sequential(*layers), torch.rand(2, 3, 6, 6)

def keywords():
    return Keywords(), {"x": torch.rand(2, 6), "y": torch.rand(2, 6)}

def attention():
    return nn.TransformerEncoderLayer(16, 2, 8, batch_first=True), (torch.rand(2, 7, 16),)

def nothing():
    return nn.ReLU(), torch.rand(3)

def model_only():
    return nn.Linear(1, 1)

def fails():
    raise KeyError("weights")

def does_not_fit():
    return nn.Linear(3, 4), torch.rand(5)
"""


@pytest.fixture
def mine(cli: Cli) -> str:
    """Write functions that make PyTorch models."""
    pytest.importorskip("torch")
    Path("mine.py").write_text(TORCH)
    return "mine.py"


@pytest.mark.parametrize(
    ("function", "layers", "outputs"),
    [
        ("example", 2, "the output equals"),
        ("keywords", 2, "the 2 outputs equal"),
        ("attention", 6, ""),
    ],
)
def test_a_pytorch_model_is_captured(
    cli: Cli, mine: str, function: str, layers: int, outputs: str
) -> None:
    result = cli("capture", f"{mine}:{function}", "-o", "work.safetensors", "--seed", 7)
    assert result.code == 0, result.err
    assert f"captured {layers} products of mine.py:{function} in work.safetensors" in result.out
    assert f"{outputs} PyTorch's own" in result.out or not outputs
    for arch in ("tpu-16x16", "sigma-64"):
        captured = ran(cli, "work.safetensors", "--arch", arch)
        assert len(captured["layers"]) == layers
    about = captured["context"]["capture"]
    assert (about["seed"], about["outputs_agree"]) == (7, True)
    assert about["framework"].startswith("torch ")


def test_the_seed_makes_the_model(cli: Cli, mine: str) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        cli("capture", f"{mine}:example", "-o", f"{name}.safetensors", "--seed", seed)
    a, b, c = (Path(f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_weights_of_a_pytorch_model_are_pruned(cli: Cli, mine: str) -> None:
    cli("capture", f"{mine}:keywords", "-o", "work.safetensors", "--sparsity", 0.5)
    captured = ran(cli, "work.safetensors", "--arch", "sigma-64")
    assert [each["sparsity"]["weights"] for each in captured["layers"]] == [0.5, 0.5]
    assert captured["context"]["capture"]["pruning"]["sparsity"] == 0.5
    tensors = [each._arrays["b"].tensor for each in capture.read("work.safetensors").layers]
    assert tensors[0] == tensors[1]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "mine.py:exampel",
            "E107] mine.py: there is no function 'exampel'.*did you mean 'example'",
        ),
        (
            "mine.py:model_only",
            "E502] mine.py:model_only: the function returned Linear, not a model",
        ),
        ("mine.py:fails", "E503] mine.py:30: the model's own code failed: KeyError: 'weights'"),
        ("mine.py:does_not_fit", "E503] mine.py:does_not_fit: .*RuntimeError"),
        ("mine.py:nothing", "E301] nothing was captured"),
        ("syntax.py:f", "E503] .*syntax.py:1: the model's own code failed: SyntaxError"),
        ("leaves.py:f", "E503] leaves.py:1: .*SystemExit"),
        (
            "no_such.module:f",
            "E107] no_such.module: there is no module 'no_such'.*FILE.py:FUNCTION",
        ),
        ("json:dumps", "E503] json:dumps: .*TypeError"),
    ],
)
def test_faults_of_a_function_are_named(cli: Cli, mine: str, target: str, message: str) -> None:
    Path("syntax.py").write_text("def f(:\n")
    Path("leaves.py").write_text("raise SystemExit(3)\n")
    result = cli("capture", target, "-o", "work.safetensors")
    assert result.code == 2
    assert re.search(f"(?s){message}", result.err), result.err
    assert not Path("work.safetensors").exists()
