"""Whole ONNX models: every Conv, Gemm and MatMul is simulated, all other nodes run on the host.

>>> run = cairn.onnx.run("model.onnx", {"x": image}, arch="tpu-32x32")
>>> run.agrees, run.result["totals"]["cycles"]
"""

from cairn.onnx.inputs import read_inputs
from cairn.onnx.runner import Run, Workload, run

__all__ = ["Run", "Workload", "read_inputs", "run"]
