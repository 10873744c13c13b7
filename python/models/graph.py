"""Building float ONNX graphs that come out the same, byte for byte, on every machine."""

import collections
import hashlib
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .cache import ModelError

OPSET = 13
PRODUCER = "npugen-models"


def seeded(model, tensor, shape, deviation):
    """Random numbers with a bell-shaped distribution: four 16-bit numbers added up.

    Only integer arithmetic, one multiplication and one rounding: no library function that could
    differ between machines.
    """
    digest = hashlib.sha256(f"{model}/{tensor}".encode()).digest()
    bits = np.random.PCG64(int.from_bytes(digest[:16], "little")).random_raw(math.prod(shape))
    parts = bits.astype("<u8").view("<u2").reshape(-1, 4).astype(np.int64)
    # Each part has variance 2**32 / 12 (less one twelfth), so four of them have 2**32 / 3.
    centred = parts.sum(axis=1) - 2 * 0xFFFF
    return (centred * (deviation * math.sqrt(3.0) / 65536.0)).astype(np.float32).reshape(shape)


def same_pads(size, kernel, stride):
    """TensorFlow's SAME padding of one axis: what is odd goes to the end."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Builder:
    """A graph with one input and one output; every node is named after its output."""

    def __init__(self, name, shape, opset=OPSET):
        self.name = name
        self._opset = opset
        self._input = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
        self._nodes = []
        self._constants = []
        self._shapes = {"input": tuple(shape)}

    def shape(self, tensor):
        """The shape of a tensor made so far."""
        return self._shapes[tensor]

    def constant(self, name, value):
        """Adds an initializer; returns its name."""
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, operator, inputs, name, shape, **attributes):
        """Adds a node; returns the name of its output."""
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        self._shapes[name] = tuple(shape)
        return name

    def conv(self, x, name, weights, bias, stride=1, pads=None, group=1):
        """A convolution; pads are (top, left, bottom, right), by default half the kernel."""
        _, channels, height, width = self.shape(x)
        filters, depth, kh, kw = weights.shape
        if depth * group != channels:
            raise ModelError(name, f"{channels} channels, weights for {depth * group}", "correct it")
        pads = pads if pads is not None else (kh // 2, kw // 2, kh // 2, kw // 2)
        size = [(height + pads[0] + pads[2] - kh) // stride + 1]
        size += [(width + pads[1] + pads[3] - kw) // stride + 1]
        inputs = [x, self.constant(f"{name}.weight", weights), self.constant(f"{name}.bias", bias)]
        return self.node(
            *("Conv", inputs, name, (1, filters, *size)),
            group=group,
            kernel_shape=[kh, kw],
            pads=list(pads),
            strides=[stride, stride],
        )

    def same_conv(self, x, name, weights, bias, stride, group=1):
        """A convolution with TensorFlow's SAME padding."""
        _, _, height, width = self.shape(x)
        top, bottom = same_pads(height, weights.shape[2], stride)
        left, right = same_pads(width, weights.shape[3], stride)
        return self.conv(x, name, weights, bias, stride, (top, left, bottom, right), group)

    def relu(self, x):
        """max(x, 0)."""
        return self.node("Relu", [x], f"{x}.relu", self.shape(x))

    def relu6(self, x):
        """min(max(x, 0), 6)."""
        for name, value in [("zero", 0.0), ("six", 6.0)]:
            if all(constant.name != name for constant in self._constants):
                self.constant(name, np.float32(value))
        return self.node("Clip", [x, "zero", "six"], f"{x}.relu6", self.shape(x))

    def add(self, x, y, name):
        """x + y."""
        return self.node("Add", [x, y], name, self.shape(x))

    def max_pool(self, x, name, kernel, stride, pad):
        """A maximum over a square window."""
        batch, channels, height, width = self.shape(x)
        size = [(n + 2 * pad - kernel) // stride + 1 for n in (height, width)]
        return self.node(
            *("MaxPool", [x], name, (batch, channels, *size)),
            kernel_shape=[kernel, kernel],
            pads=[pad] * 4,
            strides=[stride, stride],
        )

    def classifier(self, x, weights, bias):
        """Global average pool, then a fully connected layer to `output`."""
        channels = self.shape(x)[1]
        x = self.node("GlobalAveragePool", [x], "pool", (1, channels, 1, 1))
        x = self.node("Flatten", [x], "flat", (1, channels), axis=1)
        inputs = [x, self.constant("fc.weight", weights), self.constant("fc.bias", bias)]
        return self.node("Gemm", inputs, "output", (1, len(weights)), transB=1)

    def finish(self, output="output"):
        """The model, checked."""
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, self.shape(output))
        graph = helper.make_graph(
            self._nodes, self.name, [self._input], [result], self._constants
        )
        return clean(helper.make_model(graph, opset_imports=[helper.make_opsetid("", self._opset)]))


def clean(model, ir_version=8):
    """Removes what depends on who made the model and when; checks it; infers its shapes."""
    model.ir_version = ir_version
    model.producer_name = PRODUCER
    model.ClearField("producer_version")
    model.ClearField("domain")
    model.ClearField("model_version")
    model.ClearField("doc_string")
    model.ClearField("metadata_props")
    model.graph.ClearField("doc_string")
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    onnx.checker.check_model(inferred)
    return inferred


def serialize(model):
    """The bytes of a model."""
    return model.SerializeToString(deterministic=True)


def initializers(model):
    """The constants of a model, by name."""
    return {constant.name: constant for constant in model.graph.initializer}


def shapes(model):
    """The shapes of all tensors, by name; None where one is not known."""
    found = {name: tuple(tensor.dims) for name, tensor in initializers(model).items()}
    graph = model.graph
    for value in [*graph.value_info, *graph.input, *graph.output]:
        sizes = value.type.tensor_type.shape.dim
        known = all(size.HasField("dim_value") for size in sizes)
        found[value.name] = tuple(size.dim_value for size in sizes) if known else None
    return found


def operators(model):
    """How often each operator occurs, by name."""
    return dict(sorted(collections.Counter(node.op_type for node in model.graph.node).items()))


def work(model):
    """Multiply-accumulates and parameters of a float model with known shapes."""
    known = shapes(model)
    constants = initializers(model)
    products = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            depth = math.prod(known[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul"):
            flipped = any(a.name == "transA" and a.i for a in node.attribute)
            depth = known[node.input[0]][0 if flipped else -1]
        else:
            continue
        products += math.prod(known[node.output[0]]) * depth
    parameters = sum(
        math.prod(tensor.dims)
        for tensor in constants.values()
        if tensor.data_type == TensorProto.FLOAT and tensor.dims
    )
    return products, parameters
