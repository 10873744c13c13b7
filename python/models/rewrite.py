"""Rewriting ONNX graphs made elsewhere: fixed shapes, constant folding, dead nodes."""

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from . import graph
from .cache import ModelError


def fix_input(model, name, shape):
    """Gives an input a static shape."""
    for value in model.graph.input:
        if value.name == name:
            tensor = value.type.tensor_type
            tensor.CopyFrom(helper.make_tensor_type_proto(tensor.elem_type, shape).tensor_type)
            return
    found = ", ".join(value.name for value in model.graph.input)
    raise ModelError(model.graph.name, f"has no input {name}; it has {found}", "correct the name")


def replace_input(model, name, value):
    """Turns an input into a constant."""
    kept = [value for value in model.graph.input if value.name != name]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.append(numpy_helper.from_array(value, name))


def replace_nodes(model, nodes):
    """Replaces all nodes."""
    nodes = list(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def rename(model, old, new):
    """Makes all readers of a tensor read another one."""
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == old:
                node.input[index] = new


def prune(model):
    """Removes nodes and constants that no output needs."""
    needed = {value.name for value in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    replace_nodes(model, reversed(kept))
    constants = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    del model.graph.initializer[:]
    model.graph.initializer.extend(constants)


def infer(model):
    """Shapes of a model, inferred afresh."""
    del model.graph.value_info[:]
    return graph.shapes(onnx.shape_inference.infer_shapes(model, data_prop=True))


def fold(model):
    """Evaluates, node by node, what depends on constants and known shapes only, until nothing
    changes. Integers are exact and floats are single operations, so all machines agree."""
    opset = {entry.domain: entry.version for entry in model.opset_import}
    while True:
        constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        known = infer(model)
        kept, made = [], []
        for node in model.graph.node:
            shape = known.get(node.input[0]) if node.op_type == "Shape" else None
            if shape is not None:
                bounds = {attribute.name: attribute.i for attribute in node.attribute}
                part = shape[bounds.get("start", 0) : bounds.get("end", len(shape))]
                values = [np.array(part, np.int64)]
            elif all(name == "" or name in constants for name in node.input):
                feeds = {name: constants[name] for name in node.input if name}
                values = ReferenceEvaluator(single(node, feeds, opset)).run(None, feeds)
            else:
                kept.append(node)
                continue
            for name, value in zip(node.output, values):
                constants[name] = np.asarray(value)
                made.append(name)
        if not made:
            prune(model)
            return
        replace_nodes(model, kept)
        for name in made:
            model.graph.initializer.append(numpy_helper.from_array(constants[name], name))
        prune(model)


def single(node, feeds, opset):
    """A model of one node."""
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for n, v in feeds.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output]
    imports = [helper.make_opsetid(domain, version) for domain, version in opset.items()]
    body = helper.make_graph([node], "fold", inputs, outputs)
    return helper.make_model(body, opset_imports=imports)
