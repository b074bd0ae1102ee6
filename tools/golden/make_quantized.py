"""Writes packages/onnx/fixtures/quantized.json: matrices in four and eight bits as ONNX Runtime's own tools store them.

Run with the versions below, and onnx-ir 1.1.0, which ONNX Runtime imports: python tools/golden/make_quantized.py
"""

import base64
import json
import logging
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, DefaultWeightOnlyQuantizer

VERSIONS = {"onnx": "1.23.2", "onnxruntime": "1.32.0", "numpy": "2.4.6"}
ROOT = pathlib.Path(__file__).resolve().parents[2]
logging.disable(logging.WARNING)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def matrix(rows, columns, seed):
    """Inputs by outputs, with whole zero blocks, blocks of one sign, ties of rounding and large and small columns."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((rows, columns)).astype(np.float32)
    w[:32, 0] = 0
    w[:, 1] = np.abs(w[:, 1])
    w[:, 2] = -np.abs(w[:, 2])
    w[:, 3] *= 1000
    w[:, 4] *= 1e-6
    w[:, 5] = np.arange(rows, dtype=np.float32) * 0.5 - 4  # halves of steps
    w[:, 6] = 0
    w[rng.random((rows, columns)) < 0.3] = 0
    w[:, 7] = 1
    return w


def four_bits(w, block, symmetric):
    config = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=symmetric)
    packed, scales, zero_points = DefaultWeightOnlyQuantizer(config).qbits_block_quant(w.copy())
    return {
        "block": block,
        "symmetric": symmetric,
        "packed": text(packed),
        "scales": text(scales.astype(np.float32)),
        **({} if symmetric else {"zeroPoints": text(zero_points)}),
    }


def eight_bits(w):
    rows, columns = w.shape
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], "product")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", rows])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", columns])],
        [numpy_helper.from_array(w, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "q.onnx"
        quantize_dynamic(model, out, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
        found = {i.name: numpy_helper.to_array(i) for i in onnx.load(out).graph.initializer}
    return {"elements": text(found["w_quantized"]), "scales": text(found["w_scale"]), "zero": int(np.abs(found["w_zero_point"]).max())}


def main():
    got = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "numpy": np.__version__}
    assert got == VERSIONS, f"expected {VERSIONS}, got {got}"
    cases = []
    for seed, (rows, columns) in enumerate([(64, 16), (40, 26), (96, 11)]):
        w = matrix(rows, columns, seed)
        fours = [four_bits(w, block, symmetric) for block in (16, 32) for symmetric in (True, False)]
        cases.append({"rows": rows, "columns": columns, "weight": text(w), "four": fours, "eight": eight_bits(w)})
    target = ROOT / "packages/onnx/fixtures/quantized.json"
    target.write_text(json.dumps({"versions": VERSIONS, "cases": cases}, indent=1) + "\n")


main()
