"""The reference of `npugen graph` against onnxruntime: every quantized tensor of every picture of
the digits network, and small networks that show a rule each."""

import pathlib
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEVEL = onnxruntime.GraphOptimizationLevel


def npugen():
    """The program, built."""
    subprocess.run(["cargo", "build", "--quiet"], cwd=ROOT, check=True)
    return ROOT / "target" / "debug" / "npugen"


def optimised(model, path):
    """The model with quantized kernels, as onnxruntime runs it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVEL.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return onnx.load(path)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Tensors of the digits network by onnxruntime and by npugen."""
    folder = tmp_path_factory.mktemp("digits")
    model = ROOT / "tests" / "data" / "digits_int8.onnx"
    data = np.load(ROOT / "tests" / "data" / "digits_test.npz")
    pictures = (data["images"].astype(np.float32) / 16).reshape(-1, 1, 1, 8, 8)
    inspected = optimised(model, folder / "optimised.onnx")
    there = {output.name for output in inspected.graph.output}
    made = [n for node in inspected.graph.node for n in node.output if n and n not in there]
    inspected.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in made)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVEL.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        inspected.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    runs = [session.run(None, {"input": picture}) for picture in pictures]
    expected = {name: np.stack([run[i] for run in runs]) for i, name in enumerate(names)}
    np.savez(folder / "in.npz", input=pictures)
    command = [npugen(), "graph", model, "--format", "none"]
    command += ["--input", folder / "in.npz", "--output", folder / "out.npz"]
    subprocess.run(command, check=True)
    return expected, np.load(folder / "out.npz")


def test_every_quantized_tensor_of_every_picture_is_equal(digits):
    expected, found = digits
    quantized = {n: v for n, v in expected.items() if v.dtype == np.int8 and n in found.files}
    assert len(quantized) >= 12, sorted(expected)
    for name, values in quantized.items():
        assert values.shape[0] == 359
        assert np.array_equal(found[name], values), name


def test_logits_are_equal(digits):
    expected, found = digits
    assert np.array_equal(found["logits"], expected["logits"])


class Small:
    """A small network with quantizations, of nodes given one by one."""

    def __init__(self, x, kind=np.int8):
        self.x, self.kind = x, kind
        self.nodes, self.constants = [], {}

    def constant(self, value, dtype=np.float32):
        """A constant."""
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype)
        return name

    def node(self, operator, *inputs, **attributes):
        """A node; returns its result."""
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def quantized(self, x, scale, zero):
        """A tensor quantized and dequantized."""
        pair = [self.constant(scale), self.constant(zero, self.kind)]
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, *pair), *pair)

    def stored(self, values, scale, axis=0):
        """Constant integers, dequantized."""
        held = self.constant(values, values.dtype)
        scales = [self.constant(scale), self.constant(np.zeros(np.shape(scale)), values.dtype)]
        return self.node("DequantizeLinear", held, *scales, axis=axis)

    def results(self, y, folder, names=("small",)):
        """Operators that onnxruntime runs, what it computes, and what npugen computes from files:
        the model (`small`) and onnxruntime's optimised one (`optimised`)."""
        nodes = [*self.nodes, helper.make_node("Identity", [y], ["y"])]
        values = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        border = [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, self.x.shape),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        ]
        body = helper.make_graph(nodes, "small", border[:1], border[1:], values)
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = folder / "small.onnx"
        onnx.save(onnx.shape_inference.infer_shapes(model), path)
        fused = optimised(path, folder / "optimised.onnx")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = LEVEL.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(
            fused.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        (expected,) = session.run(["y"], {"x": self.x})
        np.savez(folder / "in.npz", x=self.x[None])
        found = []
        for name in names:
            command = [npugen(), "graph", folder / f"{name}.onnx", "--format", "none"]
            command += ["--input", folder / "in.npz"]
            subprocess.run([*command, "--output", folder / "out.npz"], check=True)
            found.append(np.load(folder / "out.npz")["y"][0])
        operators = [node.op_type for node in fused.graph.node]
        return operators, expected, *found


@pytest.mark.parametrize("kind, axis", [(np.int8, -1), (np.uint8, -1), (np.int8, 1)])
def test_softmax_of_activations_is_the_integer_kernel(tmp_path, kind, axis):
    rng = np.random.default_rng(1)
    x = rng.normal(0, 3, (4, 60, 70)).astype(np.float32)
    # One element far above the others takes all.
    x[0, 0, 0] = 40
    net = Small(x, kind)
    zero = 0 if kind == np.uint8 else -128
    inner = net.quantized("x", 0.3, zero + 120)
    # The reciprocal of this scale is a little below 255 in binary32, so shares are of 254 steps.
    scale = np.float32(0.003921569)
    y = net.quantized(net.node("Softmax", inner, axis=axis), scale, zero)
    operators, expected, found, fused = net.results(y, tmp_path, ["small", "optimised"])
    assert "QLinearSoftmax" in operators
    assert np.array_equal(found, expected) and np.array_equal(fused, expected)
    assert expected[0, 0, 0] == np.float32(254) * scale


def layer(rng, net, operator):
    """Operands of a layer of 24 channels in, 16 out; its weights are in steps of 0.1."""
    shape = {"Conv": (16, 24, 1, 1), "Gemm": (24, 16)}[operator]
    weights = rng.integers(-127, 128, shape).astype(np.int8)
    axis = 0 if operator == "Conv" else 1
    return net.quantized("x", 0.1, 3), net.stored(weights, np.full(16, 0.1), axis)


@pytest.mark.parametrize("operator, shape", [("Gemm", (9, 24)), ("Conv", (1, 24, 3, 3))])
def test_a_float_bias_of_a_float_result_is_not_rounded(tmp_path, operator, shape):
    rng = np.random.default_rng(2)
    net = Small(rng.normal(0, 3, shape).astype(np.float32))
    # Sums are in steps of 0.01: rounded to these, the bias would vanish.
    y = net.node(operator, *layer(rng, net, operator), net.constant(np.full(16, 0.004)))
    operators, expected, found = net.results(y, tmp_path)
    assert operator in operators
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-4)


def test_float_results_of_integer_layers_are_equal(tmp_path):
    rng = np.random.default_rng(3)
    net = Small(rng.normal(0, 3, (32, 24)).astype(np.float32))
    bias = net.stored(rng.integers(-9999, 9999, 16).astype(np.int32), np.full(16, 0.1) * 0.1)
    y = net.node("Gemm", *layer(rng, net, "Gemm"), bias)
    operators, expected, found = net.results(y, tmp_path)
    assert "QGemm" in operators
    assert np.array_equal(found, expected)


def test_float_results_of_products_of_activations_are_equal(tmp_path):
    net = Small(np.random.default_rng(4).normal(0, 3, (32, 24)).astype(np.float32))
    right = net.quantized(net.node("Transpose", "x", perm=[1, 0]), 0.07, 0)
    y = net.node("MatMul", net.quantized("x", 0.08, 0), right)
    operators, expected, found = net.results(y, tmp_path)
    assert "MatMulIntegerToFloat" in operators
    assert np.array_equal(found, expected)
