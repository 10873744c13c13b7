"""Writes tests/data/digits_fp32.onnx: the digits network without its quantization.

    .venv/bin/python python/digits_float.py

Weights and biases are those of tests/data/digits_int8.onnx, dequantized. Where a convolution's or an
addition's result had the smallest integer as its zero point, a Relu had been taken into the
quantization; it is put back.
"""

import pathlib

import numpy as np
import onnx
from onnx import helper, numpy_helper

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data"


def dequantized(values, scale, zero, axis):
    """Real numbers."""
    if scale.ndim == 1:
        shape = [-1 if d == axis else 1 for d in range(values.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    steps = values.astype(np.int32) - zero.astype(np.int32)
    return (steps.astype(np.float32) * scale).astype(np.float32)


def without_quantization(model):
    """The float model of a QDQ model."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    outputs = {output.name for output in model.graph.output}
    nodes, weights, names = [], {}, {}
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        inputs = [names.get(name, name) for name in node.input]
        if node.op_type == "QuantizeLinear":
            names[node.output[0]] = inputs[0]
            made = makers.get(node.input[0])
            lowest = int(constants[node.input[2]]) == -128
            if made is not None and made.op_type in ("Conv", "Add") and lowest:
                names[node.output[0]] = f"{made.name}_relu"
                nodes.append(helper.make_node("Relu", inputs[:1], [f"{made.name}_relu"]))
        elif node.op_type == "DequantizeLinear" and node.input[0] in constants:
            parts = [constants[name] for name in node.input]
            name = node.input[0].removesuffix("_quantized")
            weights[name] = dequantized(*parts, attributes.get("axis", 1))
            names[node.output[0]] = name
        elif node.op_type == "DequantizeLinear":
            names[node.output[0]] = inputs[0]
            if node.output[0] in outputs:
                nodes[-1].output[0] = node.output[0]
        else:
            kept = onnx.NodeProto()
            kept.CopyFrom(node)
            kept.input[:] = inputs
            nodes.append(kept)
            for name in kept.input:
                if name in constants and name not in weights:
                    weights[name] = constants[name]
    for node in nodes:
        if not node.name:
            node.name = node.output[0]
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(
        nodes, "digits", list(model.graph.input), list(model.graph.output), initializers
    )
    opset = [helper.make_opsetid("", model.opset_import[0].version)]
    made = helper.make_model(graph, opset_imports=opset, producer_name="npugen", ir_version=7)
    onnx.checker.check_model(made, full_check=True)
    return made


if __name__ == "__main__":
    FLOAT = without_quantization(onnx.load(DATA / "digits_int8.onnx"))
    onnx.save(FLOAT, DATA / "digits_fp32.onnx")
