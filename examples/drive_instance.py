"""Drive one instance of an accelerator from a program, layer by layer, through a small network.

A convolution, max-pooling and a linear layer run on a flexible machine, then a product with pruned
weights on a sparse one: the calls of the paper's programming interface. Every value is checked
against NumPy.

    python examples/drive_instance.py
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

import cairn
from cairn import operands


def run(instance: cairn.Instance, expected: NDArray[np.float32]) -> NDArray[np.float32]:
    """RunOperation; print what it took, and exit if a value is wrong."""
    outputs = instance.run_operation()
    layer = instance.layers[-1]
    right = np.array_equal(outputs, expected)
    print(
        f"{layer['name']:8} {instance.machine.name:10} {layer['cycles']:6,} cycles,"
        f" {layer['utilisation']:6.1%} utilisation,"
        f" values {'equal those of NumPy' if right else 'DIFFER'}"
    )
    if not right:
        sys.exit(1)
    return outputs


def main() -> None:
    """Run the network on the machines of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dense", default="maeri-128", help="a machine that pools")
    parser.add_argument("--sparse", default="sigma-128", help="a machine that leaves zeros out")
    names = parser.parse_args()
    image = operands.seeded(1, (1, 3, 16, 16))
    kernels = operands.seeded(2, (8, 3, 3, 3)) - 4
    dense = operands.seeded(3, (10, 8 * 8 * 8)) - 4
    sparse = operands.seeded(4, (10, 6), density=0.3)

    maeri = cairn.Instance(names.dense)
    conv = cairn.Conv(1, 3, 8, (16, 16), (3, 3), pad_begin=(1, 1), pad_end=(1, 1))
    maeri.configure_conv("conv", conv)
    maeri.configure_data(weights=kernels, inputs=image)
    features = run(maeri, operands.reference_conv(conv, image, kernels).astype(np.float32))

    maeri.configure_maxpool("maxpool", cairn.MaxPool(1, 8, (16, 16), (2, 2), stride=(2, 2)))
    maeri.configure_data(inputs=features)
    pooled = run(maeri, features.reshape(1, 8, 8, 2, 8, 2).max((3, 5))).reshape(1, -1)

    maeri.configure_linear("linear", rows=1, inputs=8 * 8 * 8, outputs=10)
    maeri.configure_data(weights=dense, inputs=pooled)
    scores = run(maeri, pooled @ dense.T)

    sigma = cairn.Instance(names.sparse)
    sigma.configure_spmm("sparse", cairn.Gemm(m=1, n=6, k=10))
    sigma.configure_data(weights=sparse, inputs=scores)
    run(sigma, scores @ sparse)


if __name__ == "__main__":
    main()
