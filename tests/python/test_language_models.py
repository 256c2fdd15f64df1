"""Language models write the same tokens on a machine, and each call of the model is told apart."""

from __future__ import annotations

import copy
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ALONE

torch = pytest.importorskip("torch", reason="pip install torch")
pytest.importorskip("transformers", reason="pip install transformers")

import cairn  # noqa: E402
import cairn.torch  # noqa: E402
from cairn import machines  # noqa: E402

EXAMPLE = Path(__file__).parents[2] / "examples" / "generate_text.py"
sys.path.insert(0, str(EXAMPLE.parent))

import generate_text  # noqa: E402

PRESETS = [preset["name"] for preset in cairn.presets()]
LAYERS, WIDTH, HEADS = 2, 64, generate_text.HEADS
PROMPT, TOKENS = 7, 5
PRODUCTS = {"gpt2": 6 * LAYERS + 1, "llama": 9 * LAYERS + 1}  # a call
LAST = "lm_head"  # transformers asks it for the last token's scores alone

pytestmark = pytest.mark.usefixtures("one_thread")


class Case:
    """A model and its prompt, with what it generates natively."""

    def __init__(self, kind):
        self.kind = kind
        self.model = generate_text.make_model(kind, LAYERS, WIDTH, 64)
        self.prompt = torch.randint(
            generate_text.WORDS, (1, PROMPT), generator=torch.Generator().manual_seed(2)
        )
        self.native = self.generate()

    def generate(self, model=None, prompt=None, **options):
        prompt = self.prompt if prompt is None else prompt
        settings = {
            "attention_mask": torch.ones_like(prompt),
            "max_new_tokens": TOKENS,
            "do_sample": False,
            "pad_token_id": 0,
            "return_dict_in_generate": True,
            "output_logits": True,
        }
        return (model or self.model).generate(prompt, **settings | options)

    def simulated(self, arch="tpu-16x16", evaluator="flow", **options):
        with cairn.torch.simulate(arch, evaluator) as run:
            out = self.generate(**options)
        return out, run


def assert_same(out, native, **tolerance):
    assert out.sequences.tolist() == native.sequences.tolist()
    for ours, theirs in zip(out.logits, native.logits, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs, **tolerance or {"rtol": 1e-4, "atol": 1e-4})


def sizes(run, name):
    """The sizes of the layers whose name ends so, one list a call."""
    found = [[] for _ in run.calls]
    for layer in run.result["layers"]:
        if layer["name"].endswith(name):
            found[layer["call"]].append(layer["sizes"])
    return found


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def case(request):
    return Case(request.param)


@pytest.mark.parametrize("arch", PRESETS)
def test_the_tokens_are_the_native_ones_on_every_machine(case, arch):
    out, run = case.simulated(arch)
    assert_same(out, case.native)
    assert len(set(out.sequences[0, PROMPT:].tolist())) > 2  # the model says something
    assert [call["layers"] for call in run.calls] == [PRODUCTS[case.kind]] * TOKENS
    # A cache goes from call to call, so no call can be made twice to learn what follows a product.
    stops = machines.stops_early(cairn.load_machine(arch))
    assert ["nothing is known of a ReLU" in note for note in run.notes] == [True] * stops
    assert all(layer["call"] >= 0 for layer in run.result["layers"])


def test_prefill_reads_the_prompt_and_decode_one_token_and_the_cache(case):
    _, run = case.simulated()
    for layer in run.result["layers"]:
        prefill = layer["call"] == 0 and layer["name"] != LAST
        assert layer["sizes"]["M"] == (PROMPT if prefill else 1), layer["name"]
    seen = [PROMPT + step for step in range(TOKENS)]
    for what, axis in (("scores", "N"), ("context", "K")):
        for count, each in zip(seen, sizes(run, f":{what}"), strict=True):
            assert [(size[axis], size["batch"]) for size in each] == [(count, HEADS)] * LAYERS


def test_a_token_takes_longer_the_more_came_before(case):
    """The scores get a column more and the context a term more: a cycle each on a mesh of 16 x 16.

    That holds while the keys fit the 16 columns; one more makes a further tile of the scores.
    """
    _, run = case.simulated(max_new_tokens=14)
    cycles = [call["cycles"] for call in run.calls]
    assert cycles[0] > max(cycles[1:])
    grown = [b - a for a, b in itertools.pairwise(cycles[1:])]
    assert grown[: 16 - PROMPT - 1] == [2 * HEADS * LAYERS] * (16 - PROMPT - 1)
    assert grown[16 - PROMPT - 1] > 2 * HEADS * LAYERS and min(grown) > 0


def test_without_a_cache_each_token_reads_everything_again(case):
    out, run = case.simulated(use_cache=False)
    assert_same(out, case.native)
    lengths = [each[0]["M"] for each in sizes(run, ":scores")]
    assert lengths == [PROMPT + step for step in range(TOKENS)]


def test_a_static_cache_has_the_same_scores_at_each_step(case):
    out, run = case.simulated(cache_implementation="static")
    assert_same(out, case.native)
    columns = [{size["N"] for size in each} for each in sizes(run, ":scores")]
    assert columns == [{PROMPT}] + [{PROMPT + TOKENS - 1}] * (TOKENS - 1)
    assert len({call["cycles"] for call in run.calls[1:]}) == 1


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_device_generates_the_same_in_the_same_cycles(case, mode):
    _, beside = case.simulated()
    model = copy.deepcopy(case.model)
    run = cairn.torch.use()
    with mode():
        model.to("cairn")
        out = case.generate(model, case.prompt.to("cairn"))
    assert out.sequences.device.type == "cairn"
    assert_same(out, case.native)
    assert run.calls == beside.calls and run.notes == []


def test_step_and_flow_take_the_same_cycles(case):
    for arch in ("tpu-16x16", "maeri-64", "sigma-64"):
        _, flow = case.simulated(arch, max_new_tokens=2)
        out, step = case.simulated(arch, "step", max_new_tokens=2)
        assert out.sequences[0].tolist() == case.native.sequences[0, : PROMPT + 2].tolist()
        for a, b in zip(flow.layers, step.layers, strict=True):
            assert (a["cycles"], a["counters"]) == (b["cycles"], b["counters"]), a["name"]


def test_attention_written_out_takes_the_same_cycles(case):
    _, fused = case.simulated("maeri-64")
    model = copy.deepcopy(case.model)
    model.set_attn_implementation("eager")
    out, run = case.simulated("maeri-64", model=model)
    assert_same(out, case.native)
    assert run.calls == fused.calls


def test_half_precision_writes_the_same_tokens(case):
    model = copy.deepcopy(case.model).to(torch.bfloat16)
    native = case.generate(model)
    out, run = case.simulated(model=model)
    assert out.logits[0].dtype == native.logits[0].dtype
    # A step of bfloat16 is 0.03 where logits are above 4, and sums are rounded in another order.
    assert_same(out, native, rtol=0.05, atol=0.1)
    assert len(run.calls) == TOKENS


@pytest.mark.parametrize("options", [{"do_sample": True, "top_k": 50}, {"num_beams": 3}], ids=str)
def test_sampling_and_beams_choose_the_same(case, options):
    torch.manual_seed(5)
    native = case.generate(**options)
    torch.manual_seed(5)
    out, run = case.simulated(**options)
    assert_same(out, native)
    beams = options.get("num_beams", 1)
    assert [each[0]["batch"] for each in sizes(run, ":scores")] == [beams * HEADS] * TOKENS


def test_prompts_of_different_lengths_go_together(case):
    short = torch.tensor([[0, 0, 0, *case.prompt[0, : PROMPT - 3]]])
    both = torch.cat([case.prompt, short])
    mask = torch.ones_like(both)
    mask[1, :3] = 0
    native = case.generate(prompt=both, attention_mask=mask)
    out, run = case.simulated(prompt=both, attention_mask=mask)
    assert_same(out, native)
    assert out.sequences[0].tolist() == case.native.sequences[0].tolist()
    assert [each[0]["M"] for each in sizes(run, LAST)] == [2] * TOKENS


def test_heads_of_queries_share_keys():
    """Grouped-query attention: half the work for keys and values, all of it for the scores."""
    case = Case("llama")
    _, run = case.simulated(max_new_tokens=1)
    widths = {name: sizes(run, name)[0][0]["N"] for name in ("q_proj", "k_proj", "v_proj")}
    assert widths == {"q_proj": WIDTH, "k_proj": WIDTH // 2, "v_proj": WIDTH // 2}
    assert sizes(run, ":scores")[0][0] == {
        "M": PROMPT,
        "N": PROMPT,
        "K": WIDTH // HEADS,
        "batch": HEADS,
    }


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_the_example_writes(kind):
    arguments = ["--model", kind, "--layers", "1", "--width", "32", "--prompt-length", "5"]
    arguments += ["--tokens", "3", "--arch", "tpu-16x16,maeri-64"]
    done = run_example(*arguments)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "first token" in done.stdout and "token 3" in done.stdout
    assert "token 4" not in done.stdout and "tokens: as natively" in done.stdout


def test_the_example_diagnoses_bad_options(monkeypatch, capsys):
    done = run_example("--arch", "tpu-16x17")
    assert done.returncode == 2 and "error[E107]" in done.stderr
    assert "Traceback" not in done.stderr
    for options, fault in (
        (["--width", "30"], "a multiple of 8"),
        (["--tokens", "0"], "at least 1"),
    ):
        monkeypatch.setattr(sys, "argv", ["generate_text.py", *options])
        with pytest.raises(SystemExit, match="2"):
            generate_text.main()
        assert fault in capsys.readouterr().err


def run_example(*arguments):
    command = [sys.executable, str(EXAMPLE), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=ALONE
    )
