"""ReLUs found behind the products of PyTorch models: what may stop early, what only looks so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import cairn  # noqa: E402
import cairn.capture  # noqa: E402
import cairn.torch  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

Found = list[Any]


class Asked(cairn.capture.Recording):
    """A session that keeps what it is told of ReLUs."""

    def __init__(self) -> None:
        super().__init__(cairn.Session(cairn.load_machine("tpu-16x16")), {})
        self.found: Found = []

    def run(self, *args: Any, rectified: Any = None, **options: Any) -> Any:
        self.found.append(rectified)
        return super().run(*args, **options)


class Model(nn.Module):
    """A convolution, a batch normalisation and a linear layer, used as a function says."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.linear = nn.Linear(4, 5)
        self.c0 = nn.Parameter(torch.randn(4, 1, 1))
        self.plane = nn.Parameter(torch.randn(6, 6))
        self._forward = forward
        self.kept: Any = None
        with torch.no_grad():
            for each in (self.norm.weight, self.norm.bias, self.norm.running_mean):
                each.copy_(torch.randn(4))
            self.norm.running_var.copy_(torch.rand(4) + 0.5)

    def forward(self, x: Tensor) -> Any:
        return self._forward(self, x)


IMAGE = (1, 2, 6, 6)


def model(forward: Callable[..., Any]) -> Model:
    torch.manual_seed(0)
    return Model(forward).eval()


def found(forward: Callable[..., Any], x: Tensor | None = None) -> Found:
    """Run a model in a context and return what was found of its products."""
    asked = Asked()
    torch.manual_seed(1)
    x = torch.rand(IMAGE) if x is None else x
    network = model(forward)
    with torch.no_grad(), cairn.torch.simulate(session=asked) as run:
        out = network(x)
    with torch.no_grad():
        expected = network(x)
    for pair in [(out, expected)] if isinstance(out, Tensor) else zip(out, expected, strict=True):
        assert torch.allclose(*pair, atol=1e-5)
    assert run.notes == []
    return asked.found


def first(forward: Callable[..., Any], **options: Any) -> Any:
    return found(forward, **options)[0]


def test_bias_and_batch_normalisation_are_folded() -> None:
    scale, shift = first(lambda m, x: m.norm(m.conv(x)).relu())
    m = model(lambda *_: None)
    factor = m.norm.weight / (m.norm.running_var + m.norm.eps).sqrt()
    term = m.norm.bias + (m.conv.bias - m.norm.running_mean) * factor
    assert np.allclose(scale, factor.detach(), rtol=1e-5)
    assert np.allclose(shift, term.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("link", "factor", "term"),
    [
        (lambda m, y: y + m.c0, 1, 1),
        (lambda m, y: m.c0 + y, 1, 1),
        (lambda m, y: y - m.c0, 1, -1),
        (lambda m, y: m.c0 - y, -1, 1),
        (lambda m, y: torch.sub(m.c0, y, alpha=2), -2, 1),
        (lambda m, y: torch.add(y, m.c0, alpha=3), 1, 3),
        (lambda m, y: (y * 2).add_(m.c0), 2, 1),
        (lambda m, y: y / 4 + m.c0, 0.25, 1),
    ],
)
def test_constants_on_the_way(link: Callable[..., Tensor], factor: float, term: float) -> None:
    scale, shift = first(lambda m, x: link(m, F.conv2d(x, m.conv.weight, padding=1)).relu())
    c0 = model(lambda *_: None).c0.detach().flatten()
    assert np.allclose(scale, factor)
    assert np.allclose(shift, term * c0, rtol=1e-6)


@pytest.mark.parametrize(
    "relu",
    [
        torch.relu,
        torch.relu_,
        nn.ReLU(inplace=True),
        nn.ReLU6(),
        nn.ReLU6(inplace=True),
        lambda y: y.clamp(min=0),
        lambda y: y.clamp_(0.5, 2),
        lambda y: F.relu(y.clone()),
    ],
)
def test_what_sees_no_negative_sums(relu: Callable[[Tensor], Tensor]) -> None:
    assert first(lambda m, x: relu(m.conv(x))) is not None


def test_linear_layers_have_their_filters_last() -> None:
    rows = lambda x: x.flatten(2).transpose(1, 2)[..., :2].repeat(1, 1, 2)  # noqa: E731
    scale, shift = first(lambda m, x: m.linear(rows(x)).relu())  # of three dimensions
    assert np.allclose(shift, model(lambda *_: None).linear.bias.detach())
    assert scale.shape == (5,)
    assert first(lambda m, x: m.linear(rows(x)[0]).relu()) is not None
    assert first(lambda m, x: F.linear(rows(x), m.linear.weight).relu()) is not None


NOT: dict[str, Callable[..., Any]] = {
    "two consumers": lambda m, x: (lambda y: y.relu() + y)(m.conv(x)),
    "a consumer after the ReLU": lambda m, x: (lambda y: (y.relu(), y.sum()))(m.conv(x)),
    "two ReLUs": lambda m, x: (lambda y: y.relu() + y.relu())(m.conv(x)),
    "sums that are returned": lambda m, x: (lambda y: (y.relu(), y))(m.conv(x)),
    "sums in a view that is returned": lambda m, x: (lambda y: (y.relu(), y[0]))(m.conv(x)),
    "normalised sums that are returned": lambda m, x: (lambda y: (y.relu(), y))(m.norm(m.conv(x))),
    "sums that the model keeps": lambda m, x: setattr(m, "kept", m.conv(x)) or m.kept.relu(),
    "a residual": lambda m, x: (m.conv(x) + x.repeat(1, 2, 1, 1)).relu(),
    "itself": lambda m, x: (lambda y: (y * y).relu())(m.conv(x)),
    "LeakyReLU": lambda m, x: F.leaky_relu(m.conv(x)),
    "Hardtanh from -1": lambda m, x: F.hardtanh(m.conv(x)),
    "a clamp without a floor": lambda m, x: m.conv(x).clamp(max=1),
    "no ReLU": lambda m, x: m.conv(x).sigmoid(),
    "nothing behind": lambda m, x: m.conv(x),
    "a term for each place": lambda m, x: (m.conv(x) + m.plane).relu(),
    "filters on another axis": lambda m, x: (m.conv(x).transpose(1, 2)[:, :4] + m.c0).relu(),
    "the reciprocal": lambda m, x: (1 / m.conv(x)).relu(),
    "a part in place": lambda m, x: (lambda y: y[:, :2].relu_().sum() + y.sum())(m.conv(x)),
    "only a part in place": lambda m, x: (lambda y: (y[:, :2].relu_(), y)[1])(m.conv(x)),
    "weights of the input": lambda m, x: F.conv2d(x, m.conv.weight * x.max()).relu(),
    "a factor that is drawn": lambda m, x: (m.conv(x) * torch.ones(()).bernoulli_(1.0)).relu(),
    "a factor of the input": lambda m, x: (m.conv(x) * x.max()).relu(),
    "statistics of the batch": lambda m, x: F.batch_norm(
        m.conv(x), None, None, training=True
    ).relu(),
}


@pytest.mark.parametrize("name", NOT)
def test_what_looks_alike_does_not_stop(name: str) -> None:
    assert first(NOT[name]) is None


SIGNED = torch.linspace(-1, 1, 72).reshape(IMAGE)


@pytest.mark.parametrize(
    ("source", "positive"),
    [
        (lambda x: x, False),
        (torch.relu, True),
        (torch.sigmoid, True),
        (lambda x: x.softmax(1), True),
        (torch.tanh, False),
        (F.leaky_relu, False),
        (F.relu6, True),
        (lambda x: x.clamp(min=0.0), True),
        (lambda x: x.clamp(-1, 1), False),
        (lambda x: x.clamp(0, -1), False),
        (lambda x: F.max_pool2d(x.relu(), 1), True),
        (lambda x: F.avg_pool2d(x.relu(), 1), True),
        (lambda x: F.adaptive_avg_pool2d(x.relu(), 6), True),
        (lambda x: F.local_response_norm(x.relu(), 3), True),
        (lambda x: F.dropout(x.relu(), training=False), True),
        (lambda x: x.relu() + x.sigmoid(), True),
        (lambda x: x.relu() + x, False),
        (lambda x: x.relu() - 1, False),
        (lambda x: x.relu() * 2, True),
        (lambda x: x.relu() * -2, False),
        (lambda x: torch.add(x.relu(), x.relu(), alpha=-1), False),
        (lambda x: F.pad(x.relu(), (1, 1)), True),
        (lambda x: F.pad(x.relu(), (1, 1), value=-1.0), False),
        (lambda x: torch.cat([x.relu()[:, :1], x.relu()[:, 1:]], 1), True),
        (lambda x: torch.cat([x[:, :1], x.relu()[:, 1:]], 1), False),
        (lambda x: x.relu().flip(1).transpose(2, 3).contiguous(), True),
        (lambda x: x.clone().relu_(), True),
        (lambda x: (lambda y: (y[:, :1].relu_(), y)[1])(x.clone()), False),
        (lambda x: x.relu().sub_(1), False),
        (lambda x: (lambda y: (y[:, :1].copy_(x[:, :1]), y)[1])(x.relu()), False),
    ],
)
def test_inputs_are_followed_to_what_is_never_negative(
    source: Callable[[Tensor], Tensor], positive: bool
) -> None:
    stops = first(lambda m, x: m.conv(source(x)).relu(), x=SIGNED) is not None
    assert stops == positive


def test_a_residual_network_stops_where_a_relu_follows() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
            self.down = nn.Conv2d(4, 4, 1)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.b(self.relu(self.a(x))) + self.down(x))

    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(inplace=True), Block(), Block()).eval()
    for x, stem in ((torch.rand(IMAGE), True), (torch.randn(IMAGE), False)):
        for mode in (torch.no_grad(), torch.inference_mode()):
            asked = Asked()
            with mode, cairn.torch.simulate(session=asked):
                network(x)
            stops = [each is not None for each in asked.found]
            assert stops == [stem, *[True, False, False] * 2]


def test_a_workload_is_foreseen() -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3))
    x, asked = torch.rand(IMAGE), Asked()
    assert cairn.torch.Workload(network, x).run(session=asked).agrees
    assert [each is not None for each in asked.found] == [True, False]


@pytest.mark.filterwarnings("ignore:Using `torch.compile.module.` when there are global hooks")
def test_a_compiled_graph_is_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    from cairn.torch import simulation

    asked = Asked()
    monkeypatch.setattr(simulation, "_DEFAULT", [cairn.torch.simulate(session=asked)])
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU()).eval()
    compiled = torch.compile(network, backend="cairn")
    with torch.no_grad():
        x = torch.randn(IMAGE)
        assert torch.allclose(compiled(x), network(x), atol=1e-5)
    assert [each is not None for each in asked.found] == [False, True]


def test_arguments_by_name_are_seen() -> None:
    network = model(lambda m, x: m.conv(x).relu())
    asked = Asked()
    with torch.no_grad(), cairn.torch.simulate(session=asked):
        network(x=torch.rand(IMAGE))
    assert asked.found[0] is not None


def test_what_cannot_be_foreseen_is_told_once() -> None:
    network = model(lambda m, x: m.conv(x).relu())
    with torch.no_grad(), cairn.torch.simulate(arch="snapea-64") as run:
        F.conv2d(torch.rand(IMAGE), network.conv.weight).relu()
        network.train()(torch.rand(IMAGE))
    assert [layer["early_stop"]["checked"] for layer in run.layers] == [False, False]
    assert len(run.notes) == 1
    assert "evaluation mode" in run.notes[0]


def test_a_model_that_does_not_repeat_itself_does_not_stop() -> None:
    calls = []

    def forward(m: Model, x: Tensor) -> Tensor:
        calls.append(x)
        return m.conv(x).relu() if len(calls) == 1 else m.linear(x.flatten()[:4]).relu()

    network = model(forward)
    with torch.no_grad(), cairn.torch.simulate(arch="snapea-64") as run:
        network(torch.randn(IMAGE))
    assert [layer["early_stop"]["checked"] for layer in run.layers] == [False]
    assert len(run.notes) == 1


def test_random_numbers_are_those_of_the_run_alone() -> None:
    network = model(lambda m, x: m.conv(x + torch.rand(IMAGE)).relu())
    x = torch.rand(IMAGE)
    torch.manual_seed(3)
    with torch.no_grad():
        expected = network(x)
    torch.manual_seed(3)
    with torch.no_grad(), cairn.torch.simulate(session=Asked()):
        assert torch.allclose(network(x), expected, atol=1e-5)


def test_lower_precision_does_not_stop() -> None:
    asked = Asked()
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU()).to(torch.bfloat16).eval()
    with torch.no_grad(), cairn.torch.simulate(session=asked):
        network(torch.rand(IMAGE, dtype=torch.bfloat16))
    assert asked.found == [None]


def test_the_device_stops_nothing_and_says_so() -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU()).eval()
    run = cairn.torch.use(arch="snapea-64")
    x = torch.rand(IMAGE)
    with torch.no_grad():
        y = network.to("cairn")(x.to("cairn")).cpu()
        assert torch.allclose(y, network.to("cpu")(x), atol=1e-5)
    assert [layer["early_stop"]["checked"] for layer in run.layers] == [False]
    assert len(run.notes) == 1
    cairn.torch.use()
