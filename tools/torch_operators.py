"""Hold every operator that PyTorch has samples for against itself: simulated, and on the device.

    pip install expecttest; python tools/torch_operators.py context|inference|device

PyTorch's own tests bring the samples (float32, the first four of each operator). Run it when
PyTorch changes. What remains different on the device is so on other devices too: samples whose
layout a copy does not keep, operators that want an argument on the CPU, sparse tensors.
"""

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

import cairn.torch

SAMPLES = 4


def samples() -> Iterator[tuple[str, Callable[..., Any], Any, dict[str, Any]]]:
    """Yield the name of an operator, the operator and a sample of its arguments."""
    from torch.testing._internal.common_methods_invocations import op_db

    for operator in op_db:
        if torch.float32 in operator.dtypes:
            name = f"{operator.name} {operator.variant_test_name}".strip()
            drawn = operator.sample_inputs("cpu", torch.float32, requires_grad=False)
            for sample in islice(drawn, SAMPLES):
                yield name, operator, (sample.input, *sample.args), sample.kwargs


def moved(value: Any) -> Any:
    """Put a tensor, or the name of a device, on the device."""
    return value.to("cairn") if isinstance(value, Tensor) else value


def computed(how: str, operator: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Compute with an operator in one of the three ways."""
    torch.manual_seed(0)
    if how == "device":
        args, kwargs = pytree.tree_map(moved, (args, kwargs))
        if "device" in kwargs:
            kwargs = {**kwargs, "device": "cairn"}
        return operator(*args, **kwargs)
    with torch.inference_mode(how == "inference"), cairn.torch.simulate():
        return operator(*args, **kwargs)


def same(out: Any, expected: Any) -> None:
    """Raise AssertionError unless all tensors are close."""
    for a, b in zip(pytree.tree_leaves(out), pytree.tree_leaves(expected), strict=True):
        if isinstance(b, Tensor) and b.layout == torch.strided:
            torch.testing.assert_close(a.cpu(), b, rtol=1e-3, atol=1e-3, equal_nan=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("how", choices=["context", "inference", "device"])
    how = parser.parse_args().how
    warnings.simplefilter("ignore")
    found: Counter[str] = Counter()
    for name, operator, args, kwargs in samples():
        try:
            torch.manual_seed(0)
            expected = operator(*args, **kwargs)
        except Exception:
            found["fail on the CPU as well"] += 1
            continue
        try:
            out = computed(how, operator, args, kwargs)
            if "empty" not in name:  # which hold what happens to lie there
                same(out, expected)
            found["agree"] += 1
        except Exception as error:
            found["differ"] += 1
            print(f"{name}: {type(error).__name__}: {next(iter(str(error).splitlines()), '')}")
    print(", ".join(f"{count} samples {what}" for what, count in found.items()))
    return 1 if found["differ"] else 0


if __name__ == "__main__":
    sys.exit(main())
