"""Write small-net.onnx: a small network with seeded weights and every kind of simulated layer."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def main() -> None:
    """Build a convolution, a depth-wise one, attention-like products and a classifier."""
    draw = np.random.default_rng(7)

    def weight(name: str, *shape: int) -> TensorProto:
        values = draw.normal(0, 0.2, shape).astype(np.float32)
        return numpy_helper.from_array(values, name)

    weights = [
        weight("stem.w", 16, 3, 3, 3),
        weight("stem.b", 16),
        weight("depthwise.w", 16, 1, 3, 3),
        weight("classifier.w", 10, 16),
        weight("classifier.b", 10),
        numpy_helper.from_array(np.array([1, 16, 256], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node(
            "Conv", ["x", "stem.w", "stem.b"], ["a"], "stem", strides=[2, 2], pads=[1, 1, 1, 1]
        ),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node(
            "Conv", ["b", "depthwise.w"], ["c"], "depthwise", group=16, pads=[1, 1, 1, 1]
        ),
        helper.make_node("Reshape", ["c", "flat"], ["d"]),
        helper.make_node("Transpose", ["d"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["d", "t"], ["scores"], "scores"),
        helper.make_node("Softmax", ["scores"], ["mix"], axis=-1),
        helper.make_node("MatMul", ["mix", "d"], ["mixed"], "mixed"),
        helper.make_node("ReduceMean", ["mixed"], ["pooled"], axes=[2], keepdims=0),
        helper.make_node(
            "Gemm", ["pooled", "classifier.w", "classifier.b"], ["y"], "classifier", transB=1
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "small-net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, Path(__file__).with_name("small-net.onnx"))


if __name__ == "__main__":
    main()
