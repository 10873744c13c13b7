"""From a float model to QDQ int8 with onnxruntime's `quantize_static`.

Calibration runs the float model, whose last bits depend on the processor; so its result, the range
of every activation rounded to four digits, is committed (`ranges/NAME.json`) and read here. The
quantized bytes are then the same everywhere.
"""

import json
import logging
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data

from . import graph
from .cache import ModelError, say, sha256

RANGES = pathlib.Path(__file__).resolve().parent / "ranges"
LEVEL = onnxruntime.GraphOptimizationLevel


def session(model, level, save_to=None):
    """A session on the processor; int8 activations are fused to integer kernels."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    # Level EXTENDED warns that a saved model may not fit other processors: it is not kept.
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    if save_to is not None:
        options.optimized_model_filepath = str(save_to)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def with_outputs(model, names, kind):
    """The model with more graph outputs, of one element type and unknown shape."""
    there = {output.name for output in model.graph.output}
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, kind, None) for name in names if name not in there
    )
    return model


def watched(model, operators):
    """The float tensors that nodes of the given operators read or write, in graph order."""
    constants = graph.initializers(model)
    values = [*model.graph.input, *model.graph.value_info, *model.graph.output]
    floats = {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    names = {}
    for node in model.graph.node:
        if node.op_type in operators:
            for name in [*node.input, *node.output]:
                if name in floats and name not in constants:
                    names[name] = None
    return list(names)


def calibrate(name, model, operators, feeds):
    """Writes the ranges of a model's activations over the feeds; returns the file's path."""
    names = watched(model, operators)
    inputs = [n for n in names if any(n == value.name for value in model.graph.input)]
    made = [n for n in names if n not in inputs]
    inspected = onnx.ModelProto()
    inspected.CopyFrom(model)
    runner = session(
        graph.serialize(with_outputs(inspected, made, TensorProto.FLOAT)), LEVEL.ORT_DISABLE_ALL
    )
    ranges = {n: [np.inf, -np.inf] for n in names}
    for index, feed in enumerate(feeds):
        say(f"{name}: calibrating, input {index + 1} of {len(feeds)}")
        found = dict(zip(made, runner.run(made, feed))) | {n: feed[n] for n in inputs}
        for n, value in found.items():
            low, high = ranges[n]
            ranges[n] = [min(low, float(value.min())), max(high, float(value.max()))]
    # Four digits keep the file the same on processors whose sums differ in the last bits.
    rounded = {n: [float(f"{low:.4g}"), float(f"{high:.4g}")] for n, (low, high) in ranges.items()}
    lines = ",\n".join(f"  {json.dumps(n)}: {json.dumps(pair)}" for n, pair in rounded.items())
    digest = sha256(graph.serialize(model))
    RANGES.mkdir(exist_ok=True)
    path = RANGES / f"{name}.json"
    path.write_text(f'{{"float_sha256": "{digest}", "ranges": {{\n{lines}\n}}}}\n')
    return path


def read_ranges(name, model, operators, folder=None):
    """The committed ranges of a model's activations."""
    path = (folder or RANGES) / f"{name}.json"
    again = name.replace("fp32", "int8")
    remedy = f"scripts/models.py calibrate {again}, then look at the difference and commit it"
    if not path.exists():
        raise ModelError(path, "is missing", remedy)
    stored = json.loads(path.read_text())
    digest = sha256(graph.serialize(model))
    if stored["float_sha256"] != digest:
        raise ModelError(
            path,
            f"belongs to the float model {stored['float_sha256'][:16]}..., this one is "
            f"{digest[:16]}...",
            remedy,
        )
    missing = [n for n in watched(model, operators) if n not in stored["ranges"]]
    if missing:
        raise ModelError(path, f"has no range for {missing[0]}", remedy)
    return stored["ranges"]


def quantize(model, operators, ranges):
    """The int8 model in QDQ form: int8 activations, int8 weights per channel, int32 biases."""
    data = TensorsData(
        CalibrationMethod.MinMax,
        {
            name: (np.array(low, np.float32), np.array(high, np.float32))
            for name, (low, high) in ranges.items()
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        stored = pathlib.Path(folder) / "ranges.json"
        made = pathlib.Path(folder) / "model.onnx"
        save_tensors_data(data, stored)
        logger = logging.getLogger()
        level = logger.level
        # It recommends a preprocessing that these models have behind them.
        logger.setLevel(logging.ERROR)
        try:
            quantize_static(
                model,
                made,
                None,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(operators),
                per_channel=True,
                weight_type=QuantType.QInt8,
                activation_type=QuantType.QInt8,
                calibration_cache_path=stored,
            )
        finally:
            logger.setLevel(level)
        return graph.clean(onnx.load(made))
