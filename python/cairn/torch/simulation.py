"""A simulated machine behind PyTorch, and the record of what it has done."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

import cairn
from cairn import capture, effective, machines, notebook
from cairn.errors import at, refusal
from cairn.tiles import Tile, Tiles
from cairn.torch import rectified
from cairn.torch.dispatch import Products
from cairn.torch.host import DeviceTensor
from cairn.torch.names import Names

Rounds = Callable[[int, int], None]
# Told (layers so far, name) when a layer starts; may return a callback for its rounds.
Progress = Callable[[int, str], Rounds | None]

_TYPES = (torch.float32, torch.bfloat16, torch.float16)


class Simulation:
    """One accelerator behind PyTorch: simulates the products of the code inside ``with``.

    Results add up over several uses, layer after layer; tiles that the mapper has found are kept.
    """

    def __init__(
        self,
        machine: cairn.Machine,
        evaluator: str,
        tile: Tile | Tiles | None,
        objective: str,
        schedule: str,
        seed: int,
        progress: Progress | None,
        session: Any,
        offload: str | None,
    ) -> None:
        self._session = session or cairn.Session(machine, evaluator)
        self._evaluator, self._objective, self._progress = evaluator, objective, progress
        given = tile if isinstance(tile, Tiles) else Tiles(tile)
        self._tile = given.over(machine)
        ordered = schedule != "none" and machines.is_sparse(machine)
        self._order = {"schedule": schedule, "seed": seed % (1 << 64)} if ordered else {}
        self._pools = machines.pools(machine, offload)
        self._left_on_host: list[str] = []
        self._asked = {"offload": offload} if offload else {}
        self._names = Names()
        self._names.entering = self._foresee_module
        self._foresees = machines.asks_for_relus(self._session)
        self._plan = rectified.Plan()
        self._ahead: rectified.Rectified | None = None  # of the product at hand
        self._unforeseen = self._trusts = False
        self._call_of: list[int] = []  # the call of each layer, -1 outside of any module
        self._host: Counter[str] = Counter()
        self._active = ExitStack()
        self._lock = threading.Lock()  # of the machine, which does one thing at a time

    def __enter__(self) -> Simulation:
        """Simulate what follows."""
        if self in _ACTIVE:
            raise RuntimeError("this simulation is in force already")
        with self._names.follow() as stack:
            # Whatever is compiled runs as it was written: its modules are called, one by one.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
            stack.enter_context(self.simulating())
            _ACTIVE.append(self)
            stack.callback(_ACTIVE.remove, self)
            self._active.push(stack.pop_all())
        return self

    def __exit__(self, *_: object) -> None:
        """End the simulation; its results stay."""
        self._active.pop_all().close()

    @contextmanager
    def simulating(self) -> Iterator[None]:
        """Send all products here, whoever computes them."""
        with _unfused(), Products(self):
            yield

    @property
    def names(self) -> Names:
        """What names the layers."""
        return self._names

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The layers so far, as in the result document."""
        layers: list[dict[str, Any]] = self._session.layers
        return layers

    @property
    def result(self) -> dict[str, Any]:
        """The result document: as everywhere, with the calls of the model, and notes."""
        calls = self._names.calls
        context = {
            "target": ", ".join(dict.fromkeys(call.name for call in calls)) or "PyTorch",
            "framework": f"torch {torch.__version__}",
            "evaluator": self._evaluator,
            "objective": self._objective,
            **self._order,
            **self._asked,
        }
        result = effective.completed(self._session.document(context))
        for layer, call in zip(result["layers"], self._call_of, strict=True):
            layer["call"] = call
        result["calls"] = self.calls
        result["notes"] = [*result.get("notes", []), *self.notes]
        return result

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What each call of the outermost module took, in order: a step of a generating model."""
        calls = [{"name": call.name, "layers": 0, "cycles": 0} for call in self._names.calls]
        for layer, call in zip(self.layers, self._call_of, strict=True):
            if call >= 0:
                calls[call]["layers"] += 1
                calls[call]["cycles"] += layer["cycles"]
        return calls

    @property
    def tiles(self) -> Tiles:
        """The tile of each layer, to be given to another simulation of the same model."""
        named: dict[str, list[Tile]] = {}
        for layer in self.layers:
            named.setdefault(layer["name"], []).append(layer["mapping"]["tile"])
        return Tiles(named=named, source="an earlier simulation")

    @property
    def notes(self) -> list[str]:
        """Which work the cycles do not include."""
        notes = [
            f"{what}: {count} time{'' if count == 1 else 's'} on the host, not in the cycles"
            for what, count in sorted(self._host.items())
        ]
        if machines.stops_early(self._session.machine):
            told = ((self._unforeseen, _UNFORESEEN), (self._trusts, machines.NO_NEGATIVE))
            notes += [note for holds, note in told if holds]
        return notes + self._left_on_host

    def pools(self) -> bool:
        """Whether max-pooling, which comes next, goes to the machine; note it if it cannot."""
        if self._asked and not self._pools:
            self._left_on_host = [machines.left_on_host(self._session.machine)]
        return self._pools

    def note_host(self, function: Any, why: str = "") -> None:
        """Note that an operator that multiplies has run on the host."""
        name = function.overloadpacket._qualified_op_name.replace("::", ".")
        self._host[f"{name} ({why})" if why else name] += 1

    def foresee(self, compute: Callable[[], Any], inputs: Any) -> None:
        """Run ``compute`` natively to learn whose sums a ReLU alone will use, if that matters here.

        ``inputs`` hold the tensors that change from run to run. The products that follow should be
        those of ``compute``; as soon as one is not, the rest is taken as unknown.
        """
        if self._foresees and not self._plan.left:
            with self._names.paused():
                self._plan = rectified.foresee(compute, inputs)
            self._trusts |= self._plan.trusts

    def _foresee_module(self, module: torch.nn.Module, args: Any, kwargs: Any) -> None:
        """Foresee the call of an outermost module, if it can be called twice in the same way."""
        if not (self._foresees and _ACTIVE and _ACTIVE[-1] is self) or kwargs is None:
            return
        plain = (Tensor, int, float, bool, str, type(None))
        given = torch.utils._pytree.tree_leaves((args, kwargs))
        same = all(isinstance(e, plain) and not isinstance(e, DeviceTensor) for e in given)
        if same and not any(each.training for each in module.modules()):
            self.foresee(lambda: module(*args, **kwargs), given)

    def meets(self, function: Any, args: Any) -> None:
        """Learn which product is next."""
        known, self._ahead = self._plan.next(function, args)
        self._unforeseen |= self._foresees and not known

    def multiply(self, what: str, operation: Any, a: Tensor, b: Tensor | None) -> Tensor:
        """Run a product on the machine: operands of any simulated type, a result in float32.

        Max-pooling has no ``b``.

        Raises U202 for other types, and what ``cairn.Session.run`` raises, with the layer's name.
        """
        given = (a,) if b is None else (b, a)
        name, call = self._names.name(what, given)
        with at(f"layer {name}"):
            operands = [None if each is None else _values(each) for each in (a, b)]
            with self._lock, torch.utils._python_dispatch._disable_current_modes():
                if isinstance(self._session, capture.Recording):
                    self._session.call = max(call, 0)
                rounds = self._progress(len(self._call_of), name) if self._progress else None
                tile = self._tile(name, operation)
                seen = {"rectified": self._ahead} if self._ahead else {}
                out = self._session.run(
                    name, operation, *operands, tile, rounds, self._objective, **self._order, **seen
                )
                self._call_of.append(call)
        return torch.from_numpy(out)

    def _repr_html_(self) -> str:
        """Show the result as a table in a notebook."""
        return notebook.html(self.result)


def _values(operand: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the values of an operand in float32, its own memory if it can be."""
    if operand.layout != torch.strided or operand.is_quantized:
        kind = "quantised" if operand.is_quantized else str(operand.layout).removeprefix("torch.")
        remedy = "tensor.dequantize()" if operand.is_quantized else "tensor.to_dense()"
        raise refusal("U202", "", f"operands of layout {kind} cannot be simulated", remedy)
    if operand.dtype not in _TYPES:
        kind = str(operand.dtype).removeprefix("torch.")
        message = f"operands of type {kind} cannot be simulated: the multipliers are 32-bit floats"
        raise refusal("U202", "", message, "model.float(), if that is what you mean")
    values = operand.detach().resolve_neg().float().numpy()
    return values


@contextmanager
def _unfused() -> Iterator[None]:
    """Have PyTorch take its ordinary ways: the fused ones of a CPU hide the products inside."""
    attention, recurrent = torch.backends.mha.get_fastpath_enabled(), torch._C._get_mkldnn_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(attention)
        torch._C._set_mkldnn_enabled(recurrent)


_UNFORESEEN = (
    "some products were not known before they came, so that nothing is known of a ReLU behind them:"
    " call a module in evaluation mode on ordinary tensors"
)
_ACTIVE: list[Simulation] = []  # the innermost last
_DEFAULT: list[Simulation] = []  # of tensors on the device, outside of any `with`
_FOLLOWING = ExitStack()  # the modules, for it


def simulate(
    arch: str | cairn.Machine = "tpu-16x16",
    evaluator: str = "flow",
    *,
    tile: Tile | Tiles | None = None,
    objective: str = "cycles",
    schedule: str = "none",
    seed: int = 1,
    progress: Progress | None = None,
    session: Any = None,
    offload: str | None = None,
) -> Simulation:
    """Return a machine that simulates the products of all PyTorch code inside ``with``.

    ``arch`` is a preset, a machine file or a machine; the ``evaluator`` flow or step. Layers that
    no ``tile`` is for are mapped for the ``objective``: cycles, energy or edp. The ``schedule`` is
    a sparse machine's order of filters: none, random (drawn from ``seed``), largest or fullest.
    With ``offload="maxpool"`` max-pooling goes to the machine as well, if that can compare.
    A ``session`` (a ``cairn.Session``, or a ``cairn.capture.Recording`` of one) takes the layers.

    Raises E101 to E107, E201 (machine). The code inside raises U202 for products of other types
    than float32, bfloat16 and float16, U204 and E401 for tiles that the machine does not take.
    """
    machine = cairn.load_machine(arch) if isinstance(arch, str) else arch
    return Simulation(
        machine, evaluator, tile, objective, schedule, seed, progress, session, offload
    )


def use(
    arch: str | cairn.Machine = "tpu-16x16", evaluator: str = "flow", **options: Any
) -> Simulation:
    """Choose the machine behind the device "cairn", and begin a new record.

    The options are those of ``simulate``. It serves where no ``with simulate(...)`` is in force.
    """
    chosen = simulate(arch, evaluator, **options)
    torch.backends.mha.set_fastpath_enabled(False)  # it would hide products of attention
    _FOLLOWING.close()
    _FOLLOWING.push(chosen.names.follow())
    _DEFAULT[:] = [chosen]
    return chosen


def current() -> Simulation:
    """Return the simulation in force: of the innermost ``with``, else that of the device."""
    if _ACTIVE:
        return _ACTIVE[-1]
    return _DEFAULT[0] if _DEFAULT else use()
