"""Magnitude pruning of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from cairn import sparse
from cairn.errors import at


def prune(model: nn.Module, sparsity: float | None = None, per: str = "tensor") -> dict[str, float]:
    """Set the smallest weights of all convolutions and linear layers to 0, in place.

    ``per`` says among which weights: ``"tensor"``, ``"filter"`` or a structure such as ``"2:4"``,
    see ``cairn.sparse.prune``. A weight that several layers share is pruned once; embeddings and
    weights of one dimension are left alone. Returns the share of zeros of each weight by name.

    Raises E105, E107, E301 (ratio and structure) and U202 for weights that are not float32.
    """
    shares = {}
    with torch.no_grad():
        for name, weight, filters in _weights(model):
            with at(f"weight {name}"):
                rows = weight.detach().cpu().movedim(filters, 0).contiguous()
                pruned = torch.from_numpy(sparse.prune(rows.numpy(), sparsity, per))
            weight.copy_(pruned.movedim(0, filters))
            shares[name] = sparse.sparsity(pruned.numpy())
    return shares


def _weights(model: nn.Module) -> Iterator[tuple[str, Tensor, int]]:
    """Yield the weights of products: name, values, and the axis that its filters are along."""
    known: set[int] = set()
    for path, module in model.named_modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag):
            continue
        # transformers' Conv1D is a linear layer whose weight lies the other way round.
        across = isinstance(module, _ConvTransposeNd) or type(module).__name__ == "Conv1D"
        for name, weight in module.named_parameters(recurse=False):
            if "weight" in name and weight.ndim >= 2 and id(weight) not in known:
                known.add(id(weight))
                yield f"{path}.{name}" if path else name, weight, 1 if across else 0
