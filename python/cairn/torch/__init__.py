"""PyTorch models, unmodified: their products run on a simulated machine, the rest on the host.

Three ways to the same simulation, none of which changes the model:

    >>> import cairn.torch
    >>> with cairn.torch.simulate(arch="sigma-256") as run:  # 1. around any code
    ...     y = model(x)
    >>> run.result["totals"]["cycles"]

    >>> cairn.torch.use(arch="maeri-256")  # 2. a device
    >>> y = model.to("cairn")(x.to("cairn"))
    >>> cairn.torch.current().result

    >>> fast = torch.compile(model, backend="cairn")  # 3. a static graph
    >>> y = fast(x)

Simulated, with their real values: convolutions (1 to 3 dimensions, transposed, grouped, dilated),
linear layers, matrix products of every kind (matmul, bmm, baddbmm, einsum ...) and scaled
dot-product attention, of types float32, bfloat16 and float16. Products of other types are refused
(U202), never rounded. What else multiplies and accumulates is named in ``result["notes"]``.
"""

from cairn.errors import missing_package

try:
    import torch as _torch  # noqa: F401 - the rest of the package needs it
except ImportError as error:
    raise missing_package("cairn.torch", "PyTorch", "torch") from error

from cairn.torch import compiled, device
from cairn.torch.prune import prune
from cairn.torch.simulation import Simulation, current, simulate, use
from cairn.torch.workload import Workload, run

__all__ = ["Simulation", "Workload", "current", "prune", "run", "simulate", "use"]

device.register()
compiled.register()
