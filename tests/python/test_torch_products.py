"""Products of PyTorch, simulated with their real values, against PyTorch's own."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="pip install torch")

import torch.nn.functional as F  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn.attention.flex_attention import flex_attention  # noqa: E402

import cairn.torch  # noqa: E402

MACHINES = ("tpu-16x16", "maeri-64", "sigma-64")


def drawn(*shape, dtype=torch.float32):
    """Small integers: their sums are exact in float32, in any order."""
    return torch.randint(-4, 5, shape).to(dtype)


def simulated(compute, arch="tpu-16x16", **options):
    """Compute twice, on the host and on a machine; return the layers when both agree."""
    torch.manual_seed(0)
    with torch.no_grad():
        expected = compute()
    torch.manual_seed(0)
    with torch.no_grad(), cairn.torch.simulate(arch, **options) as run:
        out = compute()
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    assert run.notes == []
    return run.layers


PRODUCTS = {
    "mm": lambda: drawn(5, 7) @ drawn(7, 3),
    "mv": lambda: drawn(5, 7) @ drawn(7),
    "dot": lambda: drawn(7) @ drawn(7),
    "vm": lambda: drawn(7) @ drawn(7, 3),
    "bmm": lambda: torch.bmm(drawn(3, 5, 7), drawn(3, 7, 2)),
    "matmul, broadcast": lambda: drawn(2, 1, 5, 7) @ drawn(3, 7, 2),
    "addmm": lambda: torch.addmm(drawn(3), drawn(5, 7), drawn(7, 3), beta=2, alpha=3),
    "addmm without its bias": lambda: torch.addmm(
        torch.full((3,), torch.nan), drawn(5, 7), drawn(7, 3), beta=0
    ),
    "vdot": lambda: torch.vdot(drawn(7), drawn(7)),
    "activated": lambda: torch._addmm_activation(drawn(3), drawn(5, 7), drawn(7, 3), use_gelu=True),
    "rectified": lambda: torch._addmm_activation(drawn(3), drawn(5, 7), drawn(7, 3)),
    "addmv": lambda: torch.addmv(drawn(5), drawn(5, 7), drawn(7), alpha=2),
    "baddbmm": lambda: torch.baddbmm(drawn(5, 2), drawn(3, 5, 7), drawn(3, 7, 2), beta=0.5),
    "addbmm": lambda: torch.addbmm(drawn(5, 2), drawn(3, 5, 7), drawn(3, 7, 2)),
    "out": lambda: torch.mm(drawn(5, 7), drawn(7, 3), out=torch.empty(0)),
    "in place": lambda: drawn(5, 3).addmm_(drawn(5, 7), drawn(7, 3)),
    "einsum": lambda: torch.einsum("bij,bkj->bik", drawn(2, 5, 7), drawn(2, 3, 7)),
    "tensordot": lambda: torch.tensordot(drawn(2, 3, 4), drawn(3, 4, 5)),
    "inner": lambda: torch.inner(drawn(3, 4), drawn(5, 4)),
    "multi_dot": lambda: torch.linalg.multi_dot([drawn(3, 4), drawn(4, 5), drawn(5, 2)]),
    "linear": lambda: F.linear(drawn(2, 3, 4), drawn(5, 4), drawn(5)),
    "transposed operands": lambda: drawn(7, 5).t() @ drawn(3, 7).t(),
    "expanded operand": lambda: drawn(1, 7).expand(5, 7) @ drawn(7, 3),
    "strided operand": lambda: drawn(5, 14)[:, ::2] @ drawn(7, 3),
    "negated operand": lambda: torch.complex(drawn(5, 7), drawn(5, 7)).conj().imag @ drawn(7, 3),
    "convolution": lambda: F.conv2d(drawn(2, 4, 9, 8), drawn(6, 2, 3, 2), drawn(6), groups=2),
    "same": lambda: F.conv2d(drawn(1, 2, 7, 7), drawn(3, 2, 4, 2), padding="same", dilation=2),
    "without a batch": lambda: F.conv1d(drawn(2, 9), drawn(3, 2, 3)),
    "channels last": lambda: F.conv2d(
        drawn(2, 4, 9, 8).to(memory_format=torch.channels_last), drawn(6, 4, 3, 3), stride=2
    ),
    "gru": lambda: torch.gru(
        drawn(3, 1, 4),
        drawn(1, 1, 5),
        [drawn(15, 4), drawn(15, 5), drawn(15), drawn(15)],
        True,
        1,
        0.0,
        False,
        False,
        False,
    )[0],
    "lstm": lambda: torch.lstm(
        drawn(3, 1, 4),
        (drawn(1, 1, 5), drawn(1, 1, 5)),
        [drawn(20, 4), drawn(20, 5), drawn(20), drawn(20)],
        True,
        1,
        0.0,
        False,
        False,
        False,
    )[0],
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("arch", MACHINES)
def test_a_product_is_simulated_with_its_values(name, arch):
    layers = simulated(PRODUCTS[name], arch)
    assert layers and all(layer["cycles"] > 0 for layer in layers)


@pytest.mark.parametrize("name", PRODUCTS)
def test_inference_mode_hides_no_product(name):
    torch.manual_seed(0)
    expected = simulated(PRODUCTS[name])
    torch.manual_seed(0)
    with torch.inference_mode(), cairn.torch.simulate() as run:
        PRODUCTS[name]()
    assert [each["sizes"] for each in run.layers] == [each["sizes"] for each in expected]


@pytest.mark.parametrize("name", ["mm", "bmm", "convolution", "same"])
@pytest.mark.parametrize("arch", MACHINES)
def test_the_clocked_machine_computes_the_same(name, arch):
    flow = simulated(PRODUCTS[name], arch)
    step = simulated(PRODUCTS[name], arch, evaluator="step")
    assert [each["counters"] for each in flow] == [each["counters"] for each in step]


@st.composite
def convolutions(draw):
    rank = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    several = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(rank))  # noqa: E731
    kernel, stride, dilation = several(1, 3), several(1, 3), several(1, 2)
    padding, transposed = several(0, 3), draw(st.booleans())
    channels, filters = (groups * draw(st.integers(1, 3)) for _ in range(2))
    size = tuple(
        draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), 7))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    )
    extra = (0,) * rank
    if transposed:
        extra = tuple(
            draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
        )
    return (
        draw(st.integers(1, 2)),
        channels,
        filters,
        size,
        kernel,
        stride,
        padding,
        dilation,
        (
            transposed,
            extra,
            groups,
        ),
    )


@settings(max_examples=150, deadline=None)
@given(convolutions(), st.booleans(), st.sampled_from(MACHINES))
def test_every_convolution_agrees(shape, biased, arch):
    batch, channels, filters, size, kernel, stride, padding, dilation, (kind, extra, groups) = shape
    first = (channels, filters // groups) if kind else (filters, channels // groups)
    x, w = drawn(batch, channels, *size), drawn(*first, *kernel)
    bias = drawn(filters) if biased else None
    arguments = (x, w, bias, stride, padding, dilation, kind, extra, groups)
    try:
        if torch.convolution(*arguments).numel() == 0:
            return
    except RuntimeError:  # less than no output
        return
    layers = simulated(lambda: torch.convolution(*arguments), arch)
    found = [layer["operation"] for layer in layers]
    assert found == ["conv"] or (kind and found == [])  # padding may take it all


def attention(heads, kv_heads, **options):
    query, key = drawn(2, heads, 5, 8), drawn(2, kv_heads, 6, 8)
    return F.scaled_dot_product_attention(query, key, drawn(2, kv_heads, 6, 8), **options)


ATTENTIONS = {
    "plain": lambda: attention(4, 4),
    "causal": lambda: attention(4, 4, is_causal=True),
    "scaled": lambda: attention(4, 4, scale=0.3),
    "grouped": lambda: attention(4, 2, enable_gqa=True),
    "added mask": lambda: attention(4, 4, attn_mask=drawn(5, 6)),
    "boolean mask": lambda: attention(4, 4, attn_mask=drawn(2, 1, 5, 6) > 0),
    "all masked": lambda: attention(4, 4, attn_mask=torch.zeros(5, 6, dtype=torch.bool)),
}


@pytest.mark.parametrize("name", ATTENTIONS)
def test_both_products_of_attention_are_simulated(name):
    layers = simulated(ATTENTIONS[name])
    assert [layer["name"] for layer in layers] == ["scores", "context"]
    scores, context = (layer["sizes"] for layer in layers)
    assert tuple(scores[key] for key in ("M", "N", "K", "batch")) == (5, 6, 8, 8)
    assert tuple(context[key] for key in ("M", "N", "K", "batch")) == (5, 8, 6, 8)


ENDS = torch.tensor([3, 3, 7], dtype=torch.int32)
GROUPED = {
    "rows": lambda: (drawn(7, 16), drawn(3, 16, 8), ENDS),
    "columns": lambda: (drawn(3, 4, 16), drawn(16, 7), ENDS),
    "summed": lambda: (drawn(4, 7), drawn(7, 8), ENDS),
    "batch": lambda: (drawn(3, 4, 16), drawn(3, 16, 8)),
}


@pytest.mark.parametrize("name", GROUPED)
def test_the_products_of_experts_are_simulated(name):
    a, b, *offs = (each for each in GROUPED[name]())
    with cairn.torch.simulate() as run:
        out = torch.ops.aten._grouped_mm(a, b, *offs)
    spans = [(0, 3), None, (3, 7)] if offs else [(0, 0)] * 3
    expected = torch.zeros_like(out)
    for group, span in enumerate(spans):
        part = slice(*span) if span else slice(0)
        if name == "rows":
            expected[part] = a[part] @ b[group]
        elif name == "columns":
            expected[:, part] = a[group] @ b[:, part]
        elif name == "summed":
            expected[group] = a[:, part] @ b[part]
        else:
            expected[group] = a[group] @ b[group]
    assert torch.equal(out, expected)
    assert len(run.layers) == (2 if offs else 1) and run.notes == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_rounded_as_on_the_host(dtype):
    a, b, bias = drawn(5, 70, dtype=dtype), drawn(70, 3, dtype=dtype), drawn(3, dtype=dtype)
    x, w = drawn(1, 3, 6, 6, dtype=dtype), drawn(4, 3, 3, 3, dtype=dtype)
    for compute in (lambda: torch.addmm(bias, a, b), lambda: F.conv2d(x, w)):
        expected = compute()
        with cairn.torch.simulate() as run:
            out = compute()
        assert out.dtype == dtype and torch.equal(out, expected) and run.layers


def test_autocast_decides_the_type_of_products():
    layer = torch.nn.Linear(8, 3)
    x = drawn(4, 8)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        expected = layer(x)
        with cairn.torch.simulate() as run:
            out = layer(x)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, expected)
    assert [each["name"] for each in run.layers] == ["Linear"]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.float64, torch.complex64])
def test_other_types_are_refused(dtype):
    name = str(dtype).removeprefix("torch.")
    with cairn.torch.simulate(), pytest.raises(cairn.CairnError, match=f"U202.*type {name}"):
        torch.ones(2, 3, dtype=dtype) @ torch.ones(3, 2, dtype=dtype)


def test_other_layouts_are_refused():
    sparse = torch.eye(3).to_sparse_coo()
    with cairn.torch.simulate(), pytest.raises(cairn.CairnError, match=r"(?s)U202.*to_dense"):
        sparse @ torch.eye(3)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_attention_with_a_score_function_is_simulated():
    def sooner(score, batch, head, query, key):
        return torch.where(query >= key, score, score - 1)

    query, key = drawn(2, 4, 16, 8), drawn(2, 4, 16, 8)
    layers = simulated(lambda: flex_attention(query, key, key, score_mod=sooner))
    assert [layer["name"] for layer in layers] == ["bmm", "bmm"]


def test_attention_with_dropout_is_simulated_too():
    assert len(simulated(lambda: attention(2, 2, dropout_p=0.5))) == 2


def test_operands_that_do_not_fit_are_refused():
    with cairn.torch.simulate() as run, pytest.raises(RuntimeError, match=r"5, 7.*6, 3"):
        torch.mm(drawn(5, 7), drawn(6, 3))
    with run, pytest.raises(cairn.CairnError, match=r"E302.*layer convolution: operand b"):
        F.conv2d(drawn(1, 4, 9, 9), drawn(6, 3, 3, 3))
    assert run.layers == []


def test_empty_operands_are_no_work_and_said_to_be():
    with cairn.torch.simulate() as run:
        assert torch.equal(drawn(2, 0) @ drawn(0, 3), torch.zeros(2, 3))
    assert run.layers == [] and "aten.mm (an operand is empty): 1 time" in run.notes[0]


def test_products_that_stay_on_the_host_are_noted():
    layer = torch.nn.Bilinear(3, 4, 5)
    with torch.no_grad(), cairn.torch.simulate() as run:
        layer(drawn(2, 3), drawn(2, 4))
    assert run.notes == ["aten._trilinear: 1 time on the host, not in the cycles"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_quantised_products_are_noted():
    model = torch.nn.Sequential(torch.nn.Linear(4, 3)).eval()
    model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    with torch.no_grad(), cairn.torch.simulate() as run:
        model(torch.rand(2, 4))
    assert run.notes == ["quantized.linear_dynamic: 1 time on the host, not in the cycles"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_products_that_torchscript_hides_are_noted():
    scripted = torch.jit.script(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)).eval())
    x = torch.rand(1, 3, 8, 8)
    with torch.no_grad(), cairn.torch.simulate() as run:
        scripted(x)
    assert [layer["name"] for layer in run.layers] == ["0"] and run.notes == []
    optimised = torch.jit.optimize_for_inference(scripted)
    with torch.no_grad(), cairn.torch.simulate() as run:
        optimised(x)
    assert run.layers == [] and "aten.to_mkldnn" in run.notes[0]


def test_gradients_flow_through_simulated_products():
    layer = torch.nn.Linear(4, 3)
    x = drawn(2, 4).requires_grad_()
    expected = torch.autograd.grad(layer(x).square().sum(), [x, layer.weight])
    with cairn.torch.simulate() as run:
        found = torch.autograd.grad(layer(x).square().sum(), [x, layer.weight])
    torch.testing.assert_close(found, expected)
    assert len(run.layers) == 3


def test_a_tile_is_for_the_layers_that_have_its_letters():
    def compute():
        drawn(16, 16) @ drawn(16, 16)
        F.conv2d(drawn(1, 4, 9, 9), drawn(6, 4, 3, 3))

    with cairn.torch.simulate("maeri-64", tile={"M": 2, "N": 2, "K": 4}) as run:
        compute()
    assert [each["mapping"]["chosen"] for each in run.layers] == ["given", "mapped for cycles"]
    with cairn.torch.simulate("maeri-64", tile=run.tiles) as again:
        compute()
    assert [each["mapping"]["chosen"] for each in again.layers] == ["given", "given"]
    assert [each["cycles"] for each in again.layers] == [each["cycles"] for each in run.layers]
    with (
        cairn.torch.simulate("maeri-64", tile={"M": 64, "N": 64, "K": 64}),
        pytest.raises(cairn.CairnError, match=r"E401.*layer mm"),
    ):
        compute()
