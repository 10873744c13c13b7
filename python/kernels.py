"""Runs operators of `npugen bench vector` on the golden model and says what they should give.

References of binary32 operators are numpy in binary64; those of int8 operators are onnxruntime's,
as `DequantizeLinear, operator, QuantizeLinear`.
"""

import math
import pathlib
import re
import subprocess

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent
NPUGEN = ROOT / "target" / "debug" / "npugen"
INT8 = TensorProto.INT8


def build():
    """Builds `npugen` where it is missing or old."""
    subprocess.run(["cargo", "build", "--quiet"], check=True, cwd=ROOT)


def npugen(*words):
    """Runs `npugen` and returns what it prints."""
    command = [str(NPUGEN), *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stderr}"
    return done.stdout


def operators():
    """Names of all operators, from the help text, with their forms."""
    text = npugen("bench", "vector", "--help").split("Operators:\n")[1]
    return dict(line.split()[:2] for line in text.splitlines() if line.startswith("  "))


class Tensor:
    """A tensor of a program after its run."""

    def __init__(self, data, scale, zero):
        self.data, self.scale, self.zero = data, np.float32(scale), zero

    @property
    def real(self):
        """Values in binary64; those of quantized tensors are steps times scale."""
        return (self.data.astype(np.float64) - self.zero) * np.float64(self.scale)


def execute(folder, words):
    """Saves the program of a benchmark, runs it, and returns all its tensors by name."""
    program = folder / "program.npu"
    npugen("bench", *words, "--on", "golden", "--save", program)
    pattern = r'\.tensor "(\w+)" .* scale=(\S+) zero=(\S+)'
    declared = re.findall(pattern, npugen("disasm", program))
    outputs = [f"--output={name}={folder / name}.npy" for name, _, _ in declared]
    npugen("run", program, *outputs)
    return {
        name: Tensor(np.load(folder / f"{name}.npy"), float(scale), int(zero))
        for name, scale, zero in declared
    }


def erf(x):
    """Error function in binary64."""
    return np.vectorize(math.erf)(x)


def sigmoid(x):
    """1 / (1 + e^-x) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


FUNCTIONS = {
    "erf": erf,
    "exp2": np.exp2,
    "gelu": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    # Of a mantissa: the unit leaves the exponent to others. That of zero is 1.
    "log2": lambda x: np.log2(np.where(x == 0, 1, 2 * np.frexp(np.abs(x))[0])),
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(np.where(x > 0, x, np.nan)),
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "tanh": np.tanh,
}

ARITHMETIC = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "min": np.minimum, "max": np.maximum,
}


def softmax(x):
    """Softmax over the last dimension."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def norm(op, t):
    """Layer norm, RMS norm or the affine part alone."""
    x, gamma, beta = t["input"].real, t["gamma"].real, t["beta"].real
    epsilon = 1e-12
    if op == "batchnorm":
        return x * gamma + beta
    if op == "rmsnorm":
        return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + epsilon) * gamma
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon) * gamma + beta


def binary32(op, t, shape):
    """What a binary32 operator should give, in binary64."""
    x = t["input"].real
    if op.startswith("softmax"):
        keys, queries = shape[-1], shape[-2] if len(shape) > 1 else 1
        scores = x.reshape(-1, queries, keys)
        if op == "softmax_causal":
            seen = np.arange(keys) <= np.arange(queries)[:, None] + max(keys - queries, 0)
            scores = np.where(seen, scores, -np.inf)
        elif op != "softmax":
            scores = scores + t["mask"].real.reshape(-1, keys)
        return softmax(scores).reshape(x.shape)
    if op in ("layernorm", "rmsnorm", "batchnorm"):
        return norm(op, t)
    if op == "exp":
        return np.exp(x)
    if op in ARITHMETIC:
        return ARITHMETIC[op](x, t["second"].real)
    return FUNCTIONS[op](x)


def session(nodes, inputs, outputs, constants):
    """An onnxruntime session, with all the fusions onnxruntime makes."""
    initializers = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "reference", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def qdq(inputs, output, body, constants=None):
    """Runs operators between DequantizeLinear and QuantizeLinear.

    `inputs` are tensors by name; `body` turns their names into nodes that end in `real`. Data is
    NCHW."""
    constants, nodes, values = dict(constants or {}), [], []
    for name, tensor in inputs.items():
        constants |= {f"{name}_s": tensor.scale, f"{name}_z": np.int8(tensor.zero)}
        words = [f"{name}_q", f"{name}_s", f"{name}_z"]
        nodes.append(helper.make_node("DequantizeLinear", words, [name]))
        values.append(helper.make_tensor_value_info(f"{name}_q", INT8, tensor.data.shape))
    constants |= {"y_s": output.scale, "y_z": np.int8(output.zero)}
    nodes += body
    nodes.append(helper.make_node("QuantizeLinear", ["real", "y_s", "y_z"], ["y"]))
    runner = session(nodes, values, [helper.make_tensor_value_info("y", INT8, None)], constants)
    return runner.run(None, {f"{name}_q": tensor.data for name, tensor in inputs.items()})[0]


def node(op, inputs=("input",), **attributes):
    """One operator as the body of `qdq`."""
    return [helper.make_node(op, list(inputs), ["real"], **attributes)]


def chain(*steps):
    """Several operators: triples of operator, inputs and output."""
    return [helper.make_node(op, list(inputs), [output]) for op, inputs, output in steps]


LOOKUPS = {
    "erf": node("Erf"),
    "gelu": node("Gelu"),
    "gelu_tanh": node("Gelu", approximate="tanh"),
    "hardswish": node("HardSwish"),
    "sigmoid": node("Sigmoid"),
    "silu": chain(("Sigmoid", ["input"], "g"), ("Mul", ["input", "g"], "real")),
    "softplus": node("Softplus"),
    "tanh": node("Tanh"),
}


def nchw(tensor):
    """The same tensor with channels before rows."""
    return Tensor(np.ascontiguousarray(tensor.data.transpose(0, 3, 1, 2)), tensor.scale, tensor.zero)


def moved(op, t, shape):
    """Operators that only move values: numpy's indexing."""
    x = t["input"].data
    height, _, channels = x.shape[1:]
    if op == "slice":
        return x[:, min(1, height - 1)::2, ::-1, channels // 3:]
    if op == "gather":
        return x[0, :, 0][t["indices"].data][None, None]
    order = [int(digit) for digit in op.removeprefix("transpose_")]
    square = x[0].reshape(1, *shape) if len(shape) == 2 else x[0]
    return square.transpose(order)[None]


def int8(op, t, shape, window):
    """What an int8 operator should give: onnxruntime's bytes."""
    if op.startswith(("slice", "gather", "transpose")):
        return moved(op, t, shape)
    kernel, stride, pad = window
    inputs = {name: nchw(t[name]) for name in ("input", "second") if name in t}
    sizes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
    constants = {}
    name = op.removesuffix("_int8")
    if name in LOOKUPS:
        body = LOOKUPS[name]
    elif op == "max_pool":
        body = node("MaxPool", **sizes)
    elif op.startswith("average_pool"):
        body = node("AveragePool", count_include_pad=int(op == "average_pool"), **sizes)
    elif op == "global_average":
        body = node("GlobalAveragePool")
    elif op in ("add_int8", "mul_int8", "mul_channels_int8"):
        body = node("Add" if op == "add_int8" else "Mul", ["input", "second"])
    elif op == "requantize":
        body = node("Identity")
    elif op == "batchnorm_int8":
        shaped = {n: t[n].data.reshape(-1, 1, 1) for n in ("gamma", "beta")}
        constants = shaped
        body = chain(("Mul", ["input", "gamma"], "m"), ("Add", ["m", "beta"], "real"))
    elif op == "upsample":
        constants = {"sizes": np.array([1, 1, stride, stride], np.float32)}
        body = node("Resize", ["input", "", "sizes"], mode="nearest", nearest_mode="floor",
                    coordinate_transformation_mode="asymmetric")
    else:
        axis = {"concat_channels": 1, "concat_rows": 2}[op]
        body = node("Concat", ["input", "second"], axis=axis)
    return qdq(inputs, t["output"], body, constants).transpose(0, 2, 3, 1)


def attention(t, causal):
    """An attention head with softmax in binary32, between quantized products."""
    query = t["query"]
    tokens, channels = query.data.shape[1], query.data.shape[3]
    square = {
        name: Tensor(t[name].data.reshape(tokens, channels), t[name].scale, 0)
        for name in ("query", "key", "value")
    }
    mask = t["mask"].data if "mask" in t else np.zeros((1, 1))
    if causal:
        mask = np.where(np.tri(tokens, dtype=bool), 0, -np.inf)
    constants = {
        "root": np.float32(1 / np.sqrt(np.float32(channels))),
        "mask": mask.astype(np.float32),
        "step": np.float32(1 / 127),
        "none": np.int8(0),
    }
    body = [helper.make_node("Transpose", ["key"], ["turned"], perm=[1, 0])] + chain(
        ("MatMul", ["query", "turned"], "scores"),
        ("Mul", ["scores", "root"], "scaled"),
        ("Add", ["scaled", "mask"], "masked"),
        ("Softmax", ["masked"], "p"),
        ("QuantizeLinear", ["p", "step", "none"], "pq"),
        ("DequantizeLinear", ["pq", "step", "none"], "pf"),
        ("MatMul", ["pf", "value"], "real"),
    )
    return qdq(square, t["output"], body, constants)
