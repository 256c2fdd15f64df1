"""Let a language model write, token by token, on simulated accelerators.

A model shaped like GPT-2 or Llama, with random weights, continues a random prompt by the
``generate`` of transformers. Its first call reads the whole prompt (prefill) and yields the first
token; each further call reads one token and the cache of keys and values (decode). One call is one
row of what is printed; the tokens are those that the model writes natively.

    python examples/generate_text.py --arch tpu-16x16,maeri-256,sigma-256
    python examples/generate_text.py --model llama --prompt-length 64 --tokens 4 --width 256
"""

from __future__ import annotations

import argparse
import sys

import torch
from torch import Tensor
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

import cairn
import cairn.torch

HEADS, WORDS = 4, 1000


def make_model(kind: str, layers: int, width: int, positions: int) -> PreTrainedModel:
    """Build a model with random weights, the same each time."""
    # Weights as small as those before training would make every token the same.
    common = {"vocab_size": WORDS, "initializer_range": 0.2}
    common |= {"bos_token_id": None, "eos_token_id": None}
    torch.manual_seed(1)
    if kind == "gpt2":
        config = GPT2Config(
            n_layer=layers, n_head=HEADS, n_embd=width, n_positions=positions, **common
        )
        return GPT2LMHeadModel(config).eval()
    config = LlamaConfig(
        num_hidden_layers=layers,
        hidden_size=width,
        intermediate_size=3 * width,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,  # two heads of queries share one of keys and values
        max_position_embeddings=positions,
        **common,
    )
    return LlamaForCausalLM(config).eval()


def generate(model: PreTrainedModel, prompt: Tensor, tokens: int) -> list[int]:
    """Continue the prompt by the likeliest tokens, and return them."""
    mask = torch.ones_like(prompt)
    written = model.generate(
        prompt, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=0
    )
    return written[0, prompt.shape[1] :].tolist()


def show(names: list[str], runs: list[cairn.torch.Simulation]) -> None:
    """Print the cycles of each call of the model, on machines side by side."""
    print(f"\n{'cycles of':12}" + "".join(f"{name:>16}" for name in names))
    steps = zip(*(run.calls for run in runs), strict=True)
    for number, calls in enumerate(steps, 1):
        step = f"token {number}" if number > 1 else "first token"
        print(f"{step:12}" + "".join(f"{call['cycles']:16,}" for call in calls))
    totals = [run.result["totals"] for run in runs]
    print(f"{'all':12}" + "".join(f"{total['cycles']:16,}" for total in totals))
    print(f"{'utilisation':12}" + "".join(f"{total['utilisation']:16.1%}" for total in totals))


def main() -> int:
    """Generate natively and on each machine; return 0 if the tokens are the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=["gpt2", "llama"], default="gpt2")
    parser.add_argument("--prompt-length", type=int, default=32, help="tokens of the prompt")
    parser.add_argument("--tokens", type=int, default=8, help="tokens to write")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128, help="a multiple of 8")
    parser.add_argument("--arch", default="tpu-16x16", metavar="A,B...", help="the machines")
    options = parser.parse_args()
    if min(options.prompt_length, options.tokens, options.layers, options.width) < 1:
        parser.error("lengths and sizes are at least 1")
    if options.width % (2 * HEADS):
        parser.error(f"--width is a multiple of {2 * HEADS}")
    machines = [cairn.load_machine(name) for name in options.arch.split(",")]
    length, count = options.prompt_length, options.tokens
    model = make_model(options.model, options.layers, options.width, length + count)
    prompt = torch.randint(WORDS, (1, length), generator=torch.Generator().manual_seed(2))
    print(
        f"{options.model} of {options.layers} layers, {options.width} wide: "
        f"{count} tokens after a prompt of {length}"
    )
    native = generate(model, prompt, count)
    runs, written = [], []
    for machine in machines:
        with cairn.torch.simulate(machine) as run:
            written.append(generate(model, prompt, count))
        runs.append(run)
    show([machine.name for machine in machines], runs)
    same = all(tokens == native for tokens in written)
    print(f"\ntokens: {'as natively' if same else f'{written}, NATIVELY'} {native}")
    return 0 if same else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except cairn.CairnError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
