"""Networks that `npugen quantize` made: onnxruntime runs them, and the reference of `npugen graph`
computes the same in every quantized tensor."""

import json
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_graph import LEVEL, npugen, optimised


class Network:
    """A float network in the making, with random weights."""

    def __init__(self, shape, seed):
        self.random = np.random.default_rng(seed)
        self.shape = shape
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, name, *shape):
        fan = max(np.prod(shape[1:]), 1)
        value = self.random.normal(0, (2 / fan) ** 0.5, shape)
        # Channels of very different size.
        value *= 2.0 ** self.random.integers(-3, 3, (shape[0],) + (1,) * (len(shape) - 1))
        return self.constant(name, value.astype(np.float32))

    def node(self, kind, inputs, name, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"n_{name}", **attributes))
        return name

    def conv(self, x, name, outputs, inputs, kernel, bias=True, **attributes):
        operands = [x, self.weights(f"{name}_w", outputs, inputs, kernel, kernel)]
        if bias:
            value = self.random.normal(0, 0.3, outputs).astype(np.float32)
            operands.append(self.constant(f"{name}_b", value))
        return self.node("Conv", operands, name, **attributes)

    def norm(self, x, name, channels):
        make = self.random.uniform
        names = [
            self.constant(f"{name}_{part}", make(low, high, channels).astype(np.float32))
            for part, low, high in [("g", 0.5, 2), ("s", -1, 1), ("m", -1, 1), ("v", 0.3, 2)]
        ]
        return self.node("BatchNormalization", [x, *names], name)

    def model(self, output, opset=13):
        made = helper.make_graph(
            self.nodes,
            "test",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.constants,
        )
        imports = [helper.make_opsetid("", opset)]
        made = helper.make_model(made, opset_imports=imports, ir_version=8)
        made = onnx.shape_inference.infer_shapes(made)
        onnx.checker.check_model(made)
        return made


def residual():
    """Convolutions of all kinds, additions, pools, joins."""
    net = Network((1, 3, 14, 14), 1)
    x = net.norm(net.conv("x", "stem", 8, 3, 3, bias=False, pads=[1, 1, 1, 1]), "stem_n", 8)
    x = net.node("Relu", [x], "stem_r")
    y = net.conv(x, "dw", 8, 1, 5, pads=[2, 2, 2, 2], group=8)
    limits = [net.constant("low", np.float32(0)), net.constant("high", np.float32(1.5))]
    y = net.node("Clip", [y, *limits], "dw_c")
    y = net.conv(y, "pw", 8, 8, 1)
    x = net.node("Add", [x, y], "sum")
    x = net.node("MaxPool", [x], "max", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    left = net.node("Relu", [net.conv(x, "left", 8, 8, 3, pads=[2, 2, 2, 2], dilations=[2, 2])], "lr")
    right = net.node("Relu", [net.conv(x, "right", 24, 4, 1, group=2)], "rr")
    x = net.node("Concat", [left, right], "cat", axis=1)
    x = net.node("AveragePool", [x], "avg", kernel_shape=[2, 2], strides=[1, 1])
    x = net.node("GlobalAveragePool", [net.conv(x, "last", 12, 32, 3)], "gap")
    x = net.node("Flatten", [x], "flat")
    operands = [x, net.weights("fc_w", 10, 12), net.weights("fc_b", 10)]
    return net.model(net.node("Gemm", operands, "y", transB=1))


def gated():
    """A norm by itself, gates, functions of an element, constants as operands."""
    net = Network((1, 4, 8, 8), 2)
    x = net.node("LeakyRelu", [net.norm("x", "first", 4)], "leaky", alpha=0.125)
    x = net.conv(x, "c", 8, 4, 3, pads=[1, 1, 1, 1])
    x = net.node("Concat", [net.node("Relu", [x], "half"), x], "halves", axis=1)
    x = net.conv(x, "d", 8, 16, 1)
    gate = net.conv(net.node("GlobalAveragePool", [x], "mean"), "squeeze", 8, 8, 1)
    x = net.node("Mul", [x, net.node("Sigmoid", [gate], "gate")], "gated")
    x = net.node("Mul", [x, net.weights("factors", 1, 8, 1, 1)], "scaled")
    x = net.node("Transpose", [x], "turned", perm=[0, 2, 3, 1])
    x = net.node("Reshape", [x, net.constant("s", np.array([64, 8], np.int64))], "rows")
    x = net.node("MatMul", [x, net.weights("m_w", 8, 6)], "product")
    return net.model(net.node("Add", [x, net.weights("m_b", 6)], "y"))


def attention():
    """Products of two activations, a softmax, a residual."""
    net = Network((1, 6, 16), 3)
    q, k, v = (net.node("MatMul", ["x", net.weights(f"{n}_w", 16, 16)], n) for n in "qkv")
    q = net.node("Add", [q, net.weights("q_b", 16)], "q_sum")
    k = net.node("Transpose", [k], "k_t", perm=[0, 2, 1])
    scores = net.node("Softmax", [net.node("MatMul", [q, k], "scores")], "p")
    x = net.node("Add", [net.node("MatMul", [scores, v], "heads"), "x"], "sum")
    return net.model(net.node("MatMul", [x, net.weights("o_w", 16, 5)], "y"))


def quantize(model, folder, *options, count=6):
    """The quantized file, the inputs, and what npugen tells."""
    random = np.random.default_rng(7)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    inputs = random.normal(0, 1, (count, *shape)).astype(np.float32)
    onnx.save(model, folder / "float.onnx")
    np.savez(folder / "in.npz", x=inputs)
    command = [npugen(), "quantize", folder / "float.onnx", "-o", folder / "int8.onnx"]
    command += ["--calib", folder / "in.npz", "--json", *options]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    onnx.checker.check_model(onnx.load(folder / "int8.onnx"), full_check=True)
    return folder / "int8.onnx", inputs, told


def session(model):
    """A session that uses integer kernels as they stand in the model."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVEL.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def both(path, inputs, folder):
    """Every tensor of the quantized network, by onnxruntime and by npugen."""
    inspected = optimised(path, folder / "optimised.onnx")
    there = {output.name for output in inspected.graph.output}
    made = [n for node in inspected.graph.node for n in node.output if n and n not in there]
    inspected.graph.output.extend(helper.make_empty_tensor_value_info(n) for n in made)
    opened = session(inspected.SerializeToString())
    names = [output.name for output in opened.get_outputs()]
    runs = [opened.run(None, {"x": x}) for x in inputs]
    expected = {name: np.stack([run[i] for run in runs]) for i, name in enumerate(names)}
    command = [npugen(), "graph", path, "--format", "none"]
    command += ["--input", folder / "in.npz", "--output", folder / "out.npz"]
    subprocess.run(command, check=True)
    kinds = [node.op_type for node in inspected.graph.node]
    return expected, np.load(folder / "out.npz"), kinds


@pytest.mark.parametrize("options", [(), ("--method", "percentile", "--percentile", "99")])
def test_residual_network_is_integer_and_equal_in_every_tensor(tmp_path, options):
    path, inputs, told = quantize(residual(), tmp_path, *options)
    assert not told["float_operators"]
    expected, found, kinds = both(path, inputs, tmp_path)
    # Nothing but the border is left to binary32: what was to be fused is.
    assert kinds.count("QLinearConv") == 6, kinds
    assert not {"Conv", "Gemm", "Relu", "Clip", "Add", "BatchNormalization"} & set(kinds), kinds
    bytes_ = {n: v for n, v in expected.items() if v.dtype == np.int8 and n in found.files}
    assert len(bytes_) >= 12, sorted(expected)
    for name, values in bytes_.items():
        assert np.array_equal(found[name], values), name
    assert np.array_equal(found["y"], expected["y"])


def test_gated_network_is_equal_in_every_tensor(tmp_path):
    path, inputs, told = quantize(gated(), tmp_path)
    assert not told["float_operators"]
    expected, found, _ = both(path, inputs, tmp_path)
    bytes_ = {n: v for n, v in expected.items() if v.dtype == np.int8 and n in found.files}
    assert len(bytes_) >= 8, sorted(expected)
    for name, values in bytes_.items():
        # The addition behind a product of more than a row is float in onnxruntime.
        steps = np.abs(found[name].astype(int) - values.astype(int))
        assert steps.max() == 0, (name, steps.max(), (steps > 0).mean())


@pytest.mark.parametrize("options, count", [(("--gemm-only",), 4), (("--gemm-only=all",), 6)])
def test_products_are_quantized_and_the_rest_is_float(tmp_path, options, count):
    path, inputs, told = quantize(attention(), tmp_path, *options)
    assert told["quantized_operators"] == count
    nodes = onnx.load(path).graph.node
    constants = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    quantized = [node for node in nodes if node.op_type == "QuantizeLinear"]
    # The input is read by three products and quantized once.
    assert len(quantized) == (2 if count == 4 else 6)
    for node in quantized:
        symmetric = node.input[0] in ("q_sum", "k_t", "p", "v")
        assert not symmetric or constants[node.input[2]] == 0
    # The residual reads what was not quantized.
    assert next(node for node in nodes if node.name == "n_sum").input[1] == "x"
    expected, found, _ = both(path, inputs, tmp_path)
    error = np.abs(found["y"] - expected["y"]).max()
    assert error < 1e-4 * np.abs(expected["y"]).max(), error
    rows = {row["tensor"]: row["decibels"] for row in told["tensors"]}
    if count == 6:
        # It is quantized before it is transposed, and never binary32.
        assert rows.pop("k") is None
    assert min(rows.values()) > 30, rows


def test_outputs_are_as_close_to_the_float_network_as_reported(tmp_path):
    path, inputs, told = quantize(residual(), tmp_path, count=4)
    floats, integers = session(str(tmp_path / "float.onnx")), session(str(path))
    pairs = [(floats.run(None, {"x": x})[0], integers.run(None, {"x": x})[0]) for x in inputs]
    expected, found = (np.stack(side).astype(float) for side in zip(*pairs))
    noise = 10 * np.log10((expected**2).sum() / ((expected - found) ** 2).sum())
    row = next(row for row in told["tensors"] if row["output"])
    assert abs(row["decibels"] - noise) < 0.1
    assert row["decibels"] > 25
