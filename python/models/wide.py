"""MiniLM with int8 operands and binary32 results of every product.

onnxruntime's quantizer gives tensors of a transformer one scale each, all that is added to the
residual stream included. Here only operands of products are quantized, and the float model is
first brought into a form of the same value that loses less:

- Channels of an operand have ranges that differ by a hundred. Each is divided by a factor, and its
  weights are multiplied by it ("SmoothQuant").
- A few channels of a GELU are far above the others, for the first token alone. They are computed
  several times, and their weights divided by as much ("outlier channel splitting").
- Attention is quantized before the division by its sum, so that the largest of each row is 127;
  the product is divided instead.
- The scale of queries and keys goes into the weights.

Biases are int32, in steps of the sums, so that onnxruntime adds them to integers.
"""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import graph, quantize, rewrite
from .cache import ModelError, say, sha256

# How much of a channel's range goes into its weights.
SHARE = 0.8
# Channels computed once more in each GELU: K stays a multiple of 32.
COPIES = 32
# Factors are powers of the fourth root of two, a letter each: these bytes on every processor.
ROOTS = [1.0, 1.189207115002721, 1.4142135623730951, 1.681792830507429]
LETTERS = "#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ["
ELEMENTWISE = {"Add", "Div", "Erf", "Mul"}


class Model:
    """Nodes and constants of a float model under change."""

    def __init__(self, model):
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.nodes = list(self.model.graph.node)
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}

    def makers(self):
        """The node that makes each tensor."""
        return {name: node for node in self.nodes for name in node.output}

    def finish(self):
        """The changed model, with shapes."""
        del self.model.graph.initializer[:]
        self.model.graph.initializer.extend(
            numpy_helper.from_array(np.asarray(value), name) for name, value in self.constants.items()
        )
        rewrite.replace_nodes(self.model, self.nodes)
        rewrite.prune(self.model)
        rewrite.infer(self.model)
        return graph.clean(self.model)

    def layers(self):
        """Products with constant weights and the biases added to them: the node of the sum, the
        product's operand, weights, bias."""
        makers = self.makers()
        for node in self.nodes:
            maker = makers.get(node.input[0]) if node.op_type == "Add" else None
            if maker is not None and maker.op_type == "MatMul" and maker.input[1] in self.constants:
                yield node, maker.input[0], maker.input[1], node.input[1]


def fold_factors(model):
    """A scalar factor behind a layer and nodes that only move goes into weights and bias."""
    layers = {node.output[0]: (w, b) for node, _, w, b in model.layers()}
    makers = model.makers()
    kept, same = [], {}
    for node in model.nodes:
        factor = model.constants.get(node.input[1]) if node.op_type == "Mul" else None
        source = node.input[0]
        while source in makers and makers[source].op_type in ("Reshape", "Transpose"):
            source = makers[source].input[0]
        if factor is not None and factor.ndim == 0 and source in layers and source != node.input[0]:
            for name in layers[source]:
                model.constants[name] = model.constants[name] * factor
            same[node.output[0]] = node.input[0]
        else:
            for index, name in enumerate(node.input):
                node.input[index] = same.get(name, name)
            kept.append(node)
    model.nodes = kept


def numerators(model):
    """Softmax in front of a product: exponentials, the product, then the division by their sum."""
    sums, kept = {}, []
    model.constants["last_axis"] = np.array([-1], np.int64)
    for node in model.nodes:
        x, y = node.input[0], node.output[0]
        if node.op_type == "Softmax":
            most, above, total = (f"{y}_{what}" for what in ("max", "above", "sum"))
            kept += [
                helper.make_node("ReduceMax", [x], [most], name=most, axes=[-1], keepdims=1),
                helper.make_node("Sub", [x, most], [above], name=above),
                helper.make_node("Exp", [above], [y], name=node.name),
                helper.make_node("ReduceSum", [y, "last_axis"], [total], name=total, keepdims=1),
            ]
            sums[y] = total
        elif node.op_type == "MatMul" and x in sums:
            node.output[0] = f"{y}_times_sum"
            divide = helper.make_node("Div", [f"{y}_times_sum", sums[x]], [y], name=f"{y}_divide")
            kept += [node, divide]
        else:
            kept.append(node)
    model.nodes = kept


def prepare(floats):
    """The float model in the form that is calibrated."""
    model = Model(floats)
    fold_factors(model)
    numerators(model)
    return model


def behind(model, x):
    """The layer that makes `x` by way of elementwise functions alone: its weights and bias."""
    layers = {node.output[0]: (w, b) for node, _, w, b in model.layers()}
    makers = model.makers()
    found, seen, todo = set(), set(), [x]
    while todo:
        name = todo.pop()
        if name in seen or name in model.constants:
            continue
        seen.add(name)
        if name in layers and name != x:
            found.add(name)
        elif name in makers and makers[name].op_type in ELEMENTWISE:
            todo += makers[name].input
        else:
            return None
    return layers[found.pop()] if len(found) == 1 else None


def split(model, copies):
    """Computes channels of operands several times; `copies` has the channels to repeat."""
    for _, x, w, _ in list(model.layers()):
        if x not in copies:
            continue
        channels = model.constants[w].shape[0]
        index = np.concatenate([np.arange(channels), np.array(copies[x], int)])
        count = np.bincount(index).astype(np.float32)
        before, bias = behind(model, x)
        model.constants[before] = np.ascontiguousarray(model.constants[before][:, index])
        model.constants[bias] = model.constants[bias][index]
        model.constants[w] = (model.constants[w] / count[:, None])[index]


def calibrate(name, floats, feeds):
    """Writes what is measured: ranges, factors and copies; returns the file's path."""
    model = prepare(floats)
    weights = {}
    for _, x, w, _ in model.layers():
        weights.setdefault(x, []).append(w)
    names = list(weights) + [n for n in operands(model) if n not in weights]
    inspected = quantize.with_outputs(model.finish(), names, TensorProto.FLOAT)
    runner = quantize.session(graph.serialize(inspected), quantize.LEVEL.ORT_DISABLE_ALL)
    low, high = {}, {}
    for index, feed in enumerate(feeds):
        say(f"{name}: calibrating, input {index + 1} of {len(feeds)}")
        for key, value in zip(names, runner.run(names, feed)):
            # Per channel, which is the last dimension where there are weights.
            rows = value.reshape(-1, value.shape[-1]) if key in weights else value.reshape(-1, 1)
            low[key] = np.minimum(low.get(key, np.inf), rows.min(0))
            high[key] = np.maximum(high.get(key, -np.inf), rows.max(0))
    copies, factors, ranges = {}, {}, {}
    for key in names:
        lows, highs = low[key], high[key]
        if key in weights:
            most = np.maximum(-lows, highs)
            index = np.arange(len(most))
            if behind(model, key) is not None:
                copies[key] = repeated(most)
                index = np.concatenate([index, copies[key]])
            count = np.bincount(index)
            strength = np.max([np.abs(model.constants[w]).max(1) for w in weights[key]], axis=0)
            exact = np.maximum(most, 1e-4) ** SHARE / np.maximum(strength / count, 1e-4) ** (1 - SHARE)
            exact = exact[index] / np.exp(np.log(exact[index]).mean())
            middle = len(LETTERS) // 2
            steps = np.clip(np.rint(4 * np.log2(exact)), -middle, middle).astype(int)
            factors[key] = "".join(LETTERS[middle + step] for step in steps)
            values = decoded(factors[key])
            lows, highs = lows[index] / values, highs[index] / values
        ranges[key] = [float(f"{lows.min():.4g}"), float(f"{highs.max():.4g}")]
    parts = [f'"float_sha256": "{sha256(graph.serialize(floats))}"']
    for part, values in (("ranges", ranges), ("copies", copies), ("factors", factors)):
        lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in values.items())
        parts.append(f'"{part}": {{\n{lines}\n}}')
    path = quantize.RANGES / f"{name}.json"
    path.write_text("{" + ",\n".join(parts) + "}\n")
    return path


def repeated(most):
    """The channels to compute once more: again and again the one with the largest part."""
    count = np.ones(len(most), int)
    found = []
    for _ in range(COPIES):
        channel = int(np.argmax(most / count))
        count[channel] += 1
        found.append(channel)
    return found


def decoded(letters):
    """Factors of channels."""
    steps = [LETTERS.index(letter) - len(LETTERS) // 2 for letter in letters]
    return np.array([ROOTS[step % 4] * 2.0 ** (step // 4) for step in steps])


def operands(model):
    """The operands of products of two activations."""
    for node in model.nodes:
        if node.op_type == "MatMul" and node.input[1] not in model.constants:
            yield from node.input


def read_plan(name, floats):
    """The committed measurements."""
    path = quantize.RANGES / f"{name}.json"
    remedy = f"scripts/models.py calibrate {name}, then look at the difference and commit it"
    if not path.exists():
        raise ModelError(path, "is missing", remedy)
    plan = json.loads(path.read_text())
    digest = sha256(graph.serialize(floats))
    if plan["float_sha256"] != digest:
        found = plan["float_sha256"]
        raise ModelError(
            path, f"belongs to the float model {found[:16]}..., this one is {digest[:16]}...", remedy
        )
    return plan


class Quantizer:
    """Writes quantized products into a model."""

    def __init__(self, model, plan):
        self.model, self.plan = model, plan
        self.nodes, self.made = [], {}

    def add(self, operator, inputs, output, **attributes):
        """A node named after its result."""
        self.nodes.append(
            helper.make_node(operator, inputs, [output], name=output, **attributes)
        )
        return output

    def constant(self, name, value):
        """A constant."""
        self.model.constants[name] = value
        return name

    def pair(self, x, scale, zero, source):
        """Quantization and dequantization of `source`, named after `x`."""
        scale = self.constant(f"{x}_scale", np.float32(scale))
        zero = self.constant(f"{x}_zero_point", np.int8(zero))
        stored = self.add("QuantizeLinear", [source, scale, zero], f"{x}_QuantizeLinear_Output")
        return self.add("DequantizeLinear", [stored, scale, zero], f"{x}_DequantizeLinear_Output")

    def symmetric(self, x):
        """An operand of a product of activations."""
        if x not in self.made:
            scale = max(map(abs, self.plan["ranges"][x])) / 127
            self.made[x] = self.pair(x, scale, 0, x)
        return self.made[x]

    def operand(self, x, channels):
        """A layer's operand: divided by its factors, as a matrix, quantized; also its scale."""
        if x not in self.made:
            low, high = self.plan["ranges"][x]
            low, high = min(low, 0.0), max(high, 0.0)
            scale = np.float32((high - low) / 255)
            zero = int(np.clip(np.rint(-128 - low / float(scale)), -128, 127))
            inverse = (1 / decoded(self.plan["factors"][x])).astype(np.float32)
            factors = self.constant(f"{x}_factors", inverse)
            even = self.add("Mul", [x, factors], f"{x}_even")
            shape = self.constant(f"{x}_matrix", np.array([-1, channels], np.int64))
            matrix = self.add("Reshape", [even, shape], f"{x}_rows")
            self.made[x] = (self.pair(x, scale, zero, matrix), scale)
        return self.made[x]

    def layer(self, node, x, w, bias):
        """A layer: Gemm of int8 operands with an int32 bias, in the shape that is expected."""
        weights = self.model.constants[w] * decoded(self.plan["factors"][x])[:, None]
        operand, scale = self.operand(x, len(weights))
        steps = (np.abs(weights).max(0) / 127).astype(np.float32)
        stored = np.clip(np.rint(weights / steps), -127, 127).astype(np.int8)
        zeros = np.zeros(len(steps), np.int8)
        names = [
            self.constant(f"{w}_{what}", value)
            for what, value in (("quantized", stored), ("scale", steps), ("zero_point", zeros))
        ]
        matrix = self.add("DequantizeLinear", names, f"{w}_DequantizeLinear_Output", axis=1)
        fine = scale * steps
        whole = np.rint(self.model.constants[bias].astype(np.float64) / fine).astype(np.int32)
        names = [
            self.constant(f"{bias}_{what}", value)
            for what, value in (("quantized", whole), ("scale", fine))
        ]
        summand = self.add("DequantizeLinear", names, f"{bias}_DequantizeLinear_Output", axis=0)
        y = node.output[0]
        rows = self.add("Gemm", [operand, matrix, summand], f"{y}_rows")
        shape = self.constant(f"{y}_shape", np.array([1, -1, len(steps)], np.int64))
        self.add("Reshape", [rows, shape], y)

    def run(self):
        """The quantized model."""
        layers = {node.output[0]: layer for node, *layer in self.model.layers()}
        for node in self.model.nodes:
            if node.output[0] in layers:
                self.layer(node, *layers[node.output[0]])
            elif node.op_type == "MatMul" and node.input[1] in self.model.constants:
                continue
            else:
                if node.op_type == "MatMul":
                    for index, name in enumerate(node.input):
                        node.input[index] = self.symmetric(name)
                self.nodes.append(node)
        self.model.nodes = self.nodes
        return self.model.finish()


def quantize_model(floats, plan):
    """The quantized model."""
    model = prepare(floats)
    split(model, plan["copies"])
    return Quantizer(model, plan).run()
