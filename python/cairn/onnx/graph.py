"""Small questions about ONNX graphs that several modules ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx

# The operators that an accelerator here executes.
SIMULATED = frozenset({"Conv", "Gemm", "MatMul"})

# Operators that multiply and accumulate too, and yet stay on the host: a result's notes name them.
_STANDARD_PRODUCTS = (
    "Attention ConvInteger ConvTranspose DeformConv Einsum GRU LSTM LinearAttention MatMulInteger "
    "QLinearConv QLinearMatMul RNN"
)
_CONTRIBUTED_PRODUCTS = (
    "Attention DynamicQuantizeLSTM DynamicQuantizeMatMul FusedConv FusedGemm FusedMatMul "
    "GemmFloat8 GroupQueryAttention MatMulBnb4 MatMulFpQ4 MatMulInteger16 MatMulIntegerToFloat "
    "MatMulNBits MoE MultiHeadAttention NhwcConv NhwcFusedConv PackedAttention QAttention QGemm "
    "QLinearConv QLinearConvTranspose QMoE SparseToDenseMatMul TransposeMatMul"
)
_HOST_PRODUCTS = {
    "": frozenset(_STANDARD_PRODUCTS.split()),
    "com.microsoft": frozenset(_CONTRIBUTED_PRODUCTS.split()),
}
_RANDOM = frozenset(
    {
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)


def domain(node: onnx.NodeProto) -> str:
    """Return the operator domain of a node; the standard one is the empty text."""
    return "" if node.domain == "ai.onnx" else node.domain


def is_simulated(node: onnx.NodeProto) -> bool:
    """Whether a node runs on the simulated machine."""
    return domain(node) == "" and node.op_type in SIMULATED


def is_pool(node: onnx.NodeProto) -> bool:
    """Whether a node is max-pooling that the machine can do: the places are not asked for."""
    return domain(node) == "" and node.op_type == "MaxPool" and len(writes(node)) == 1


def multiplies_on_host(node: onnx.NodeProto) -> bool:
    """Whether a host node does multiply-accumulate work that the cycles do not include."""
    return node.op_type in _HOST_PRODUCTS.get(domain(node), ())


def is_random(node: onnx.NodeProto) -> bool:
    """Whether two runs of a node may give different values."""
    return domain(node) == "" and node.op_type in _RANDOM


def label(node: onnx.NodeProto) -> str:
    """Name a node for people: its name, else its first output."""
    return node.name or next(iter(node.output), "") or node.op_type


def place(node: onnx.NodeProto) -> str:
    """Name a node as the place of a diagnostic."""
    return f"node '{label(node)}' ({node.op_type})"


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Yield the graphs in the attributes of a node: the bodies of If, Loop, Scan."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def nested(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Yield the nodes inside control-flow bodies, at any depth."""
    for node in nodes:
        for body in subgraphs(node):
            yield from body.node
            yield from nested(body.node)


def reads(node: onnx.NodeProto) -> list[str]:
    """Return the tensors that a node needs, with those that its bodies capture from outside."""
    names = [name for name in node.input if name]
    for body in subgraphs(node):
        names += _captured(body)
    return list(dict.fromkeys(names))


def _captured(body: onnx.GraphProto) -> list[str]:
    own = {each.name for each in (*body.input, *body.initializer)}
    own |= {each.values.name for each in body.sparse_initializer}
    own |= {name for node in body.node for name in node.output}
    needed = [name for node in body.node for name in reads(node)]
    needed += [output.name for output in body.output]
    return [name for name in needed if name not in own]


def writes(node: onnx.NodeProto) -> list[str]:
    """Return the tensors that a node makes; optional outputs that are left out have no name."""
    return [name for name in node.output if name]
