"""Writes tests/data/encoder_int8.onnx, encoder_wide_int8.onnx and the runs of both: small
transformers for tests.

    .venv/bin/python python/encoder_small.py

Tokens are gathered from a table, then comes one encoder layer: attention of two heads, GELU, layer
norms, with random weights. Of the first onnxruntime's quantizer makes activations and weights int8;
the second is quantized by hand in the form of `minilm_wide_masked_int8_128`: products give binary32,
attention is divided by its sum behind the product, and a mask says which tokens count. The runs
(`encoder_runs.npz`, `encoder_wide_runs.npz`) are those of onnxruntime without optimisation of the
quantized networks: `input/NAME`, `tensor/NAME` of quantized tensors, `output/y`.
"""

import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data"
TOKENS, WIDTH, HEADS, INNER, WORDS, RUNS = 8, 16, 2, 32, 24, 4


def network(random):
    """The float network."""
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def real(name, *shape, spread=1.0):
        return constant(name, random.normal(0, spread, shape).astype(np.float32))

    def node(kind, inputs, name, **attributes):
        nodes.append(helper.make_node(kind, inputs, [name], name=f"n_{name}", **attributes))
        return name

    def norm(x, name):
        gamma = constant(f"{name}_g", random.uniform(0.5, 1.5, WIDTH).astype(np.float32))
        parts = [x, gamma, real(f"{name}_b", WIDTH, spread=0.2)]
        return node("LayerNormalization", parts, name, axis=-1, epsilon=1e-5)

    def linear(x, name, inputs, outputs):
        product = node("MatMul", [x, real(f"{name}_w", inputs, outputs, spread=inputs**-0.5)],
                       f"{name}_product")
        return node("Add", [product, real(f"{name}_b", outputs, spread=0.3)], name)

    def heads(x, name, order):
        shape = constant(f"{name}_shape", np.array([1, TOKENS, HEADS, WIDTH // HEADS]))
        return node("Transpose", [node("Reshape", [x, shape], f"{name}_split")], name, perm=order)

    table = real("table", WORDS, WIDTH)
    x = node("Gather", [table, "ids"], "embedding", axis=0)
    x = norm(node("Add", [x, real("position", TOKENS, WIDTH, spread=0.3)], "placed"), "normed")
    query = heads(linear(x, "query", WIDTH, WIDTH), "queries", [0, 2, 1, 3])
    query = node("Mul", [query, constant("shrink", np.float32((WIDTH // HEADS) ** -0.5))], "small")
    key = heads(linear(x, "key", WIDTH, WIDTH), "keys", [0, 2, 3, 1])
    value = heads(linear(x, "value", WIDTH, WIDTH), "values", [0, 2, 1, 3])
    share = node("Softmax", [node("MatMul", [query, key], "scores")], "shares", axis=-1)
    context = node("MatMul", [share, value], "contexts")
    context = node("Transpose", [context], "turned", perm=[0, 2, 1, 3])
    whole = constant("whole", np.array([1, TOKENS, WIDTH]))
    context = linear(node("Reshape", [context, whole], "joined"), "projected", WIDTH, WIDTH)
    x = norm(node("Add", [context, x], "first_sum"), "middle")
    inner = node("Gelu", [linear(x, "inner", WIDTH, INNER)], "activated")
    outer = linear(inner, "outer", INNER, WIDTH)
    norm(node("Add", [outer, x], "second_sum"), "y")
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, TOKENS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, TOKENS, WIDTH])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def wide_network(random):
    """The network whose products give binary32."""
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(kind, inputs, name, **attributes):
        nodes.append(helper.make_node(kind, inputs, [name], name=f"n_{name}", **attributes))
        return name

    def steps(x, name, largest, zero=0):
        scale = constant(f"{name}_scale", np.float32(largest / 127))
        zero = constant(f"{name}_zero", np.int8(zero))
        return node("DequantizeLinear", [node("QuantizeLinear", [x, scale, zero], f"{name}_q"),
                                         scale, zero], f"{name}_dq")

    def norm(x, name):
        gamma = constant(f"{name}_g", random.uniform(0.5, 1.5, WIDTH).astype(np.float32))
        beta = constant(f"{name}_b", random.normal(0, 0.2, WIDTH).astype(np.float32))
        return node("LayerNormalization", [x, gamma, beta], name, axis=-1, epsilon=1e-5)

    def linear(x, x_scale, name, inputs, outputs):
        weights = random.normal(0, inputs**-0.5, (inputs, outputs))
        scales = (np.abs(weights).max(0) / 127).astype(np.float32)
        parts = [constant(f"{name}_w", np.rint(weights / scales).astype(np.int8)),
                 constant(f"{name}_ws", scales)]
        weights = node("DequantizeLinear", parts, f"{name}_wd", axis=1)
        scales = scales * x_scale
        bias = np.rint(random.normal(0, 0.3, outputs) / scales).astype(np.int32)
        parts = [constant(f"{name}_b", bias), constant(f"{name}_bs", scales)]
        bias = node("DequantizeLinear", parts, f"{name}_bd", axis=0)
        shape = constant(f"{name}_rows", np.array([TOKENS, inputs]))
        back = constant(f"{name}_back", np.array([1, TOKENS, outputs]))
        product = node("Gemm", [node("Reshape", [x, shape], f"{name}_in"), weights, bias],
                       f"{name}_out")
        return node("Reshape", [product, back], name)

    def heads(x, name, order):
        shape = constant(f"{name}_shape", np.array([1, TOKENS, HEADS, WIDTH // HEADS]))
        return node("Transpose", [node("Reshape", [x, shape], f"{name}_split")], name, perm=order)

    def dense(x, name, inputs, outputs, zero=0):
        return linear(steps(x, f"{name}_x", 4, zero), np.float32(4 / 127), name, inputs, outputs)

    table = constant("table", random.normal(0, 1, (WORDS, WIDTH)).astype(np.float32))
    x = norm(node("Gather", [table, "ids"], "embedding", axis=0), "normed")
    query, key, value = (dense(x, name, WIDTH, WIDTH, 5) for name in ("query", "key", "value"))
    query = steps(heads(query, "queries", [0, 2, 1, 3]), "queries", 4)
    key = steps(heads(key, "keys", [0, 2, 3, 1]), "keys", 4)
    value = steps(heads(value, "values", [0, 2, 1, 3]), "values", 4)
    seen = node("Cast", ["mask"], "seen", to=TensorProto.BOOL)
    seen = node("Unsqueeze", [seen, constant("axes", np.array([1, 2]))], "seen_by_all")
    low = constant("low", np.float32(-1e4))
    hidden = node("Where", [seen, constant("none", np.float32(0)), low], "hidden")
    scores = node("Add", [node("MatMul", [query, key], "scores"), hidden], "masked")
    last = constant("last", np.array([-1]))
    largest = node("ReduceMax", [scores, last], "largest", keepdims=1)
    shares = node("Exp", [node("Sub", [scores, largest], "above")], "shares")
    total = node("ReduceSum", [shares, last], "total", keepdims=1)
    context = node("MatMul", [steps(shares, "shares", 1), value], "contexts")
    context = node("Transpose", [node("Div", [context, total], "divided")], "turned",
                   perm=[0, 2, 1, 3])
    whole = constant("whole", np.array([1, TOKENS, WIDTH]))
    joined = node("Reshape", [context, whole], "joined")
    context = dense(joined, "projected", WIDTH, WIDTH)
    x = norm(node("Add", [context, x], "first_sum"), "middle")
    inner = node("Gelu", [dense(x, "inner", WIDTH, INNER, -3)], "activated")
    outer = dense(inner, "outer", INNER, WIDTH)
    norm(node("Add", [outer, x], "second_sum"), "y")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, TOKENS])
              for name in ("ids", "mask")]
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, TOKENS, WIDTH])
    graph = helper.make_graph(nodes, "encoder_wide", inputs, [result], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


class Reader(CalibrationDataReader):
    """Random tokens."""

    def __init__(self, random):
        self.feeds = iter([{"ids": random.integers(0, WORDS, (1, TOKENS))} for _ in range(32)])

    def get_next(self):
        return next(self.feeds, None)


def runs(model, random, masked=False):
    """onnxruntime's results without optimisation, in random runs."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    quantized = [n.output[0] for n in model.graph.node if n.op_type == "QuantizeLinear"]
    for name in quantized:
        shown.graph.output.append(helper.make_tensor_value_info(name, TensorProto.INT8, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        shown.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    arrays = {"input/ids": random.integers(0, WORDS, (RUNS, 1, TOKENS))}
    if masked:
        lengths = random.integers(2, TOKENS + 1, (RUNS, 1, 1))
        arrays["input/mask"] = (np.arange(TOKENS) < lengths).astype(np.int64)
    feeds = [{key[len("input/"):]: values[run] for key, values in arrays.items()}
             for run in range(RUNS)]
    found = [session.run(["y", *quantized], feed) for feed in feeds]
    for name, values in zip(["output/y", *(f"tensor/{n}" for n in quantized)], zip(*found)):
        arrays[name] = np.stack(values)
    return arrays


def main():
    """Writes both files."""
    random = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        source, target = (pathlib.Path(folder) / name for name in ("float.onnx", "int8.onnx"))
        onnx.save(network(random), source)
        quantize_static(
            source,
            target,
            Reader(random),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Softmax"],
            extra_options={"WeightSymmetric": True},
        )
        model = onnx.load(target)
    onnx.save(model, DATA / "encoder_int8.onnx")
    np.savez_compressed(DATA / "encoder_runs.npz", **runs(model, random))
    random = np.random.default_rng(8)
    model = wide_network(random)
    onnx.save(model, DATA / "encoder_wide_int8.onnx")
    np.savez_compressed(DATA / "encoder_wide_runs.npz", **runs(model, random, masked=True))


if __name__ == "__main__":
    main()
