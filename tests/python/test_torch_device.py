"""The device "cairn", the names of layers, compiled graphs, and what the document tells."""

from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install torch")

from torch import nn  # noqa: E402

import cairn  # noqa: E402
import cairn.torch  # noqa: E402
from cairn.torch.host import DeviceTensor  # noqa: E402


class Block(nn.Module):
    """Attention with a shared weight, a convolution, and a weight that is used from outside."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.stem = nn.Sequential(nn.Conv1d(8, 8, 3, padding=1), nn.ReLU())
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embed.weight
        self.scale = nn.Parameter(torch.randn(8, 8))

    def forward(self, ids):
        x = self.embed(ids)
        x = self.stem(x.mT).mT
        x = self.attention(x, x, x, need_weights=False)[0] @ self.scale
        return self.head(x * (x.mT @ x).softmax(-1).sum())


NAMES = [
    "stem.0",
    "attention.in_proj",
    "attention:scores",
    "attention:context",
    "attention.out_proj",
    "scale",
    "bmm",
    "head",
]


@pytest.fixture
def model():
    torch.manual_seed(1)
    return Block().eval()


@pytest.fixture
def ids():
    return torch.arange(12).reshape(2, 6) % 11


def native(model, *inputs):
    with torch.no_grad():
        return model(*inputs)


def names(run):
    return [layer["name"] for layer in run.layers]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_layers_have_the_names_of_modules(model, ids, mode):
    with mode(), cairn.torch.simulate() as run:
        out = model(ids)
    torch.testing.assert_close(out, native(model, ids))
    assert names(run) == NAMES and run.notes == []


def test_a_model_runs_on_the_device(model, ids):
    expected = native(model, ids)
    run = cairn.torch.use("maeri-64")
    model.to("cairn")
    assert all(each.device == torch.device("cairn", 0) for each in model.parameters())
    out = native(model, ids.to("cairn"))
    assert out.device.type == "cairn"
    torch.testing.assert_close(out.cpu(), expected)
    # The device has no attention of its own: PyTorch puts it together of two products.
    of_attention = [name.replace("scores", "bmm").replace("context", "bmm") for name in NAMES]
    assert names(run) == of_attention and cairn.torch.current() is run
    with torch.no_grad(), cairn.torch.simulate("maeri-64") as inner:
        model(ids.to("cairn"))
    assert inner.result["totals"] == run.result["totals"]
    torch.testing.assert_close(native(model.to("cpu"), ids), expected)


@pytest.mark.filterwarnings("ignore:Using `torch.compile.module.` when there are global hooks")
def test_a_compiled_graph_is_simulated_and_knows_its_modules(model, ids):
    expected = native(model, ids)
    run = cairn.torch.use()
    compiled = torch.compile(model, backend="cairn", fullgraph=True)
    torch.testing.assert_close(native(compiled, ids), expected)
    # A graph knows a weight that two layers share by one name.
    assert names(run) == [*NAMES[:-1], "embed"]
    with torch.no_grad(), cairn.torch.simulate() as inner:
        torch.testing.assert_close(compiled(ids), expected)
    assert names(inner) == NAMES and len(run.layers) == len(NAMES)
    longer = torch.arange(20).reshape(2, 10) % 11
    torch.testing.assert_close(native(compiled, longer), native(model, longer))


def test_an_exported_graph_is_simulated(model, ids):
    graph, expected = torch.export.export(model, (ids,)).module(), native(model, ids)
    with torch.no_grad(), cairn.torch.simulate() as run:
        torch.testing.assert_close(graph(ids), expected)
    without_modules = [name.partition(":")[2] or name for name in NAMES]
    assert names(run) == [*without_modules[:-1], "embed"]


def test_a_model_of_half_precision(model, ids):
    for dtype in (torch.bfloat16, torch.float16):
        half = copy.deepcopy(model).to(dtype)
        run = cairn.torch.run(half, ids)
        assert run.agrees and run.outputs.dtype == dtype


def test_autocast_on_the_device(model, ids):
    with torch.autocast("cpu", torch.bfloat16):
        expected = native(model, ids)
    model.to("cairn")
    with torch.autocast("cairn", torch.bfloat16):
        out = native(model, ids.to("cairn"))
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.cpu(), expected, rtol=0.05, atol=0.05)


def test_the_document_is_that_of_everywhere_with_calls(model, ids):
    with torch.no_grad(), cairn.torch.simulate("sigma-64", schedule="largest") as run:
        model(ids)
        model(ids[:1])
        torch.ones(2, 3) @ torch.ones(3, 2)
    result = run.result
    assert json.loads(json.dumps(result)) == result and result["schema"] == "cairn.result/1"
    assert result["context"]["target"] == "Block" and result["context"]["schedule"] == "largest"
    first, second = result["calls"]
    assert first["layers"] == second["layers"] == len(NAMES)
    assert first["cycles"] > second["cycles"]
    assert [layer["call"] for layer in result["layers"]] == [0] * 8 + [1] * 8 + [-1]
    assert result["layers"][-1]["name"] == "mm"
    total = sum(layer["cycles"] for layer in result["layers"])
    assert result["totals"]["cycles"] == total
    assert "effective_utilisation" in result["totals"]


def test_a_capture_knows_the_calls_and_names(model, ids, tmp_path):
    session = cairn.Session(cairn.load_machine("tpu-16x16"))
    recording = cairn.capture.Recording(session, {"source": "Block"})
    with torch.no_grad(), cairn.torch.simulate(session=recording) as run:
        model(ids)
        model(ids[:1])
    recording.save(tmp_path / "work.safetensors")
    work = cairn.capture.read(tmp_path / "work.safetensors")
    assert [layer.call for layer in work.layers] == [0] * len(NAMES) + [1] * len(NAMES)
    assert [layer.name for layer in work.layers] == names(run)


def test_results_are_tables_in_a_notebook(model, ids):
    with torch.no_grad(), cairn.torch.simulate() as run:
        model(ids)
    page = run._repr_html_()
    assert "attention.in_proj" in page and page.count("<tr>") == len(NAMES) + 2
    assert f"{run.result['totals']['cycles']:,}" in page
    assert cairn.torch.run(model, ids)._repr_html_() == page


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_same_model_by_onnx_takes_the_same_cycles(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 64, 5)
    ).eval()
    x = torch.randn(1, 3, 8, 8)
    path = tmp_path / "model.onnx"
    torch.onnx.export(model, (x,), str(path), dynamo=False)
    for arch in ("tpu-16x16", "maeri-64", "sigma-64"):
        run = cairn.torch.run(model, x, arch)
        beside = cairn.onnx.run(path, arch=arch)
        cycles = [each["cycles"] for each in run.result["layers"]]
        assert run.agrees and cycles == [each["cycles"] for each in beside.result["layers"]]


# -- the device as PyTorch sees it


def test_tensors_of_the_device_behave_as_tensors():
    x = torch.ones(2, 3, device="cairn")
    assert torch.arange(5, device="cairn").shape == (5,)
    assert torch.tensor([1, 2], device="cairn").tolist() == [1, 2]
    assert x.new_tensor([1.0]).device.type == "cairn"
    x[0, 1] = 5
    assert x.t_().shape == (3, 2) and x.unsqueeze_(0).shape == (1, 3, 2)
    assert x.sum().item() == 10 and bool((x > 0).all())
    assert x.reshape(6).resize_(4).shape == (4,)
    assert torch.equal(torch.cat([x, x]).cpu(), torch.cat([x.cpu(), x.cpu()]))
    assert "device='cairn:0'" in repr(x)
    with pytest.raises((RuntimeError, TypeError)):
        x.numpy()
    assert isinstance(x.cpu().numpy(), np.ndarray)


def test_views_share_memory_on_the_device():
    x = torch.zeros(2, 3, device="cairn")
    with torch.inference_mode():
        x.view(6)[1:3].add_(1)
    assert x.flatten().tolist() == [0, 1, 1, 0, 0, 0]


def test_device_tensors_are_copied_and_stored():
    x = torch.randn(2, 3, device="cairn")
    stored = io.BytesIO()
    torch.save({"x": x}, stored)
    stored.seek(0)
    for other in (
        copy.deepcopy(x),
        copy.deepcopy(nn.Parameter(x)),
        torch.load(stored, weights_only=False)["x"],
        pickle.loads(pickle.dumps(x)),
    ):
        assert isinstance(other, DeviceTensor | nn.Parameter) and other.device.type == "cairn"
        assert torch.equal(other.cpu(), x.cpu())


def test_random_numbers_are_those_of_the_host():
    torch.manual_seed(3)
    host = torch.randn(4)
    torch.manual_seed(3)
    assert torch.equal(torch.randn(4, device="cairn").cpu(), host)


def test_a_module_can_be_built_on_the_device():
    with torch.device("cairn"):
        layer = nn.Linear(3, 2)
    assert layer.weight.device.type == "cairn"
    layer(torch.ones(1, 3, device="cairn")).sum().backward()
    assert layer.weight.grad.device.type == "cairn"


def test_the_wrong_options_are_told():
    with pytest.raises(cairn.CairnError, match=r"E107.*tpu"):
        cairn.torch.simulate("tpu-16x17")
    with pytest.raises(cairn.CairnError, match="E107"):
        cairn.torch.simulate(evaluator="steps")


def test_an_exception_leaves_no_names_behind(model, ids):
    with torch.no_grad(), cairn.torch.simulate() as run:
        with pytest.raises(IndexError):
            model(ids + 100)
        torch.ones(2, 2) @ torch.ones(2, 2)
    assert names(run) == ["mm"] and run.calls == []


def test_a_simulation_cannot_be_entered_twice():
    with cairn.torch.simulate() as run, pytest.raises(RuntimeError, match="in force already"), run:
        pass


# -- pruning


def test_pruning_sets_the_share_of_zeros(model):
    shares = cairn.torch.prune(model, 0.75)
    assert set(shares) == {
        "stem.0.weight",
        "attention.in_proj_weight",
        "attention.out_proj.weight",
        "head.weight",
    }
    for name, share in shares.items():
        weight = dict(model.named_parameters(remove_duplicate=False))[name]
        zeros = int((weight == 0).sum())
        assert zeros == int(0.75 * weight.numel()) and share == zeros / weight.numel()


def test_filters_of_transposed_convolutions_are_their_second_axis():
    layer = nn.ConvTranspose2d(4, 6, 3)
    cairn.torch.prune(layer, 0.5, per="filter")
    assert ((layer.weight == 0).sum(dim=(0, 2, 3)) == 18).all()


def test_pruned_models_agree_and_say_so(model, ids):
    run = cairn.torch.run(model, ids, "sigma-64", sparsity=0.5, prune="filter")
    assert run.agrees and run.result["context"]["pruning"] == {"sparsity": 0.5, "per": "filter"}
    assert run.result["layers"][0]["sparsity"]["weights"] == 0.5


def test_weights_of_another_type_are_not_pruned(model):
    with pytest.raises(cairn.CairnError, match=r"U202.*stem\.0\.weight"):
        cairn.torch.prune(model.double(), 0.5)


def test_without_pytorch_cairn_works_and_says_what_to_install():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import cairn\n"
        "cairn.Session(cairn.load_machine('tpu-16x16')).run('g', cairn.Gemm(4, 4, 4))\n"
        "try: import cairn.torch\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "E108" in done.stdout and "pip install 'cairn[torch]'" in done.stdout


@pytest.mark.parametrize("where", ["cpu", "cairn"])
def test_conjugations_that_pytorch_puts_off_are_carried_out(where):
    x = torch.randn(6, 4, 5)
    expected = torch.fft.hfftn(x)
    with torch.inference_mode(), cairn.torch.simulate():
        out = torch.fft.hfftn(x.to(where))
    torch.testing.assert_close(out.cpu(), expected)
    with cairn.torch.simulate():
        torch.testing.assert_close(torch.fft.hfftn(x.to(where)).cpu(), expected)
