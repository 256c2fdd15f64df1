"""The programming interface of the paper (Table II), call by call, over a session.

    >>> instance = cairn.Instance("maeri-256")
    >>> instance.configure_conv("conv1", cairn.Conv(1, 3, 8, (8, 8), (3, 3)))
    >>> instance.configure_data(weights=w, inputs=x)
    >>> outputs = instance.run_operation()
    >>> instance.layers[-1]["cycles"]

docs/instance.md has the counterpart of each call of the paper and of the public reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import cairn
from cairn import machines
from cairn.errors import CairnError, diagnostic, refusal

if TYPE_CHECKING:
    from cairn import Conv, EnergyTable, Gemm, Machine, MaxPool

Floats = NDArray[np.float32]


@dataclass
class _Configured:
    layer: str
    operation: Conv | Gemm | MaxPool
    options: dict[str, Any]
    # Shapes that the operands may have, the first one as it is told.
    inputs: list[tuple[int, ...]]
    weights: list[tuple[int, ...]]
    outputs: tuple[int, ...]
    transposed: bool = False  # the weights of a product: (n, k)
    data: dict[str, Any] = field(default_factory=dict)


class Instance:
    """An accelerator that is configured for an operation, given its data, and run.

    A step that is out of order is refused (E304).
    """

    def __init__(
        self,
        arch: str | Machine,
        evaluator: str = "flow",
        energy: EnergyTable | None = None,
    ) -> None:
        """CreateInstance, of a preset, a machine file, or a ``.cfg`` of the reference."""
        machine = machines.load_machine(arch) if isinstance(arch, str) else arch
        self._session = cairn.Session(machine, evaluator, energy)
        self._next: _Configured | None = None

    def configure_conv(self, layer: str, conv: Conv, **options: Any) -> None:
        """ConfigureCONV, a convolution.

        Weights are (filters, channels / groups, *kernel), inputs (batch, channels, *input), outputs
        (batch, filters, *output). The ``options`` of every ``configure`` are those of
        ``Session.run``: ``tile``, ``objective``, ``schedule``, ``seed``.
        """
        inputs = (conv.batch, conv.channels, *conv.input)
        weights = (conv.filters, conv.channels // conv.groups, *conv.kernel)
        outputs = (conv.batch, conv.filters, *conv.output)
        self._next = _Configured(layer, conv, options, [inputs], [weights], outputs)

    def configure_linear(
        self, layer: str, rows: int, inputs: int, outputs: int, **options: Any
    ) -> None:
        """ConfigureLinear, a fully connected layer.

        Weights are (outputs, inputs), inputs (rows, inputs), outputs (rows, outputs). Raises E301
        and U203 for sizes out of range.
        """
        gemm = cairn.Gemm(rows, outputs, inputs)
        shapes = [(rows, inputs)], [(outputs, inputs)], (rows, outputs)
        self._next = _Configured(layer, gemm, options, *shapes, transposed=True)

    def configure_dmm(self, layer: str, gemm: Gemm, **options: Any) -> None:
        """ConfigureDMM, a dense matrix product.

        Inputs are (batch, m, k), weights (batch, k, n) or one (k, n) for the whole batch, outputs
        (batch, m, n); without a batch all have two dimensions.
        """
        many, m, n, k = gemm.batch, gemm.m, gemm.n, gemm.k
        inputs: list[tuple[int, ...]] = [(many, m, k)]
        weights: list[tuple[int, ...]] = [(many, k, n), (k, n)]
        outputs: tuple[int, ...] = (many, m, n)
        if many == 1:
            inputs, weights, outputs = [(m, k), *inputs], weights[::-1], (m, n)
        self._next = _Configured(layer, gemm, options, inputs, weights, outputs)

    def configure_spmm(self, layer: str, gemm: Gemm, **options: Any) -> None:
        """ConfigureSpMM, a product of sparse matrices.

        As ``configure_dmm``, with the zeros in their places; ``cairn.sparse`` converts formats.
        Raises U205 on a dense machine, which multiplies zeros too.
        """
        if not machines.is_sparse(self.machine):
            message = f"{self.machine.name} multiplies zeros too: it has no sparse products"
            remedy = "configure_dmm, or a sparse machine such as sigma-256"
            raise refusal("U205", f"layer {layer}", message, remedy)
        self.configure_dmm(layer, gemm, **options)

    def configure_maxpool(self, layer: str, pool: MaxPool, **options: Any) -> None:
        """ConfigureMaxPool.

        Inputs are (batch, channels, *input), outputs (batch, channels, *output); it has no weights.
        Machines whose adders do not compare refuse it when it runs (U205).
        """
        shapes = [(pool.batch, pool.channels, *size) for size in (pool.input, pool.output)]
        self._next = _Configured(layer, pool, options, shapes[:1], [], shapes[1])

    def configure_data(self, inputs: Floats, weights: Floats | None = None) -> None:
        """ConfigureData: the operands, of type float32, which are read when the operation runs.

        Raises E304 before any operation is configured, E302 for every operand of another shape.
        """
        following = self._configured()
        faults = []
        for name, array, shapes in (
            ("weights", weights, following.weights),
            ("inputs", inputs, following.inputs),
        ):
            given = None if array is None else np.shape(array)
            if given not in (shapes or [None]):
                message = "none are given" if given is None else f"the shape is {given}"
                needs = " or ".join(map(str, shapes)) or "none"
                place = f"layer {following.layer}: {name}"
                faults.append(diagnostic("E302", place, message, f"the operation needs {needs}"))
        if faults:
            raise CairnError(faults)
        following.data = {"inputs": inputs, "weights": weights}

    def run_operation(self) -> Floats:
        """RunOperation: compute the outputs; cycles and counters are in ``layers``.

        Operation and data stay configured: the next call runs them again, on what the arrays hold
        then. Raises E304 without an operation or without data, and as ``Session.run``.
        """
        following = self._configured()
        if not following.data:
            remedy = "configure_data with inputs and weights first"
            raise refusal("E304", f"layer {following.layer}", "it has no data yet", remedy)
        a, b = following.data["inputs"], following.data["weights"]
        if isinstance(following.operation, cairn.Gemm):
            a, b = (each if each.ndim == 3 else each[None] for each in (a, b))
            b = b.transpose(0, 2, 1) if following.transposed else b
        out = self._session.run(following.layer, following.operation, a, b, **following.options)
        assert out is not None, "a run with operands returns values"
        return out.reshape(following.outputs)

    def _configured(self) -> _Configured:
        if self._next is None:
            names = "conv, configure_linear, configure_dmm, configure_spmm or configure_maxpool"
            message, remedy = "no operation is configured", f"configure_{names} first"
            raise refusal("E304", "instance", message, remedy)
        return self._next

    @property
    def machine(self) -> Machine:
        """The machine that it is an instance of."""
        return self._session.machine

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The results of all operations that ran, as in a result document."""
        return self._session.layers

    def document(self, context: dict[str, Any] | None = None) -> str:
        """Return the result document (JSON) of all operations that ran."""
        return self._session.document(context or {})
