"""What onnxruntime computes for every quantized tensor of a QDQ model.

Graph outputs would break the fusion to integer kernels. So the optimised model is saved first,
outputs are added to that, and it runs with optimisations off. Fusion keeps the names of the tensors
that remain, so they are names of the QDQ graph.
"""

import io
import pathlib
import tempfile
import zipfile

import numpy as np
import onnx
from onnx import TensorProto

from .cache import ModelError, say
from .quantize import LEVEL, session, with_outputs


def inspected(data):
    """The optimised model with an output for each quantized tensor and for the results of layer norms
    and softmax; the names of both kinds; the QDQ graph's quantized tensors that the optimisation
    removed."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "optimised.onnx"
        session(data, LEVEL.ORT_ENABLE_EXTENDED, save_to=path)
        optimised = onnx.load(path)
    original = onnx.load_model_from_string(data)
    made = {name for node in optimised.graph.node for name in node.output}
    made -= {value.name for value in original.graph.output}

    def results(*operators):
        return [n.output[0] for n in original.graph.node if n.op_type in operators]

    wanted = results("QuantizeLinear")
    tensors = [name for name in wanted if name in made]
    inner = [name for name in results("LayerNormalization", "Softmax") if name in made]
    with_outputs(optimised, tensors, TensorProto.INT8)
    with_outputs(optimised, inner, TensorProto.FLOAT)
    return optimised, tensors, inner, [name for name in wanted if name not in made]


def run(name, quantized, floats, feeds, exact=True):
    """The arrays of a reference file, stacked along a new first axis, one entry per feed:
    `input/X`, `tensor/X` (quantized), `inner/X` (layer norms and softmax), `output/X` and `float/X`
    (the output of the float model)."""
    model, tensors, inner, gone = inspected(quantized)
    outputs = [value.name for value in onnx.load_model_from_string(quantized).graph.output]
    opened = session(model.SerializeToString(), LEVEL.ORT_DISABLE_ALL)
    whole = session(quantized, LEVEL.ORT_ENABLE_ALL)
    plain = session(floats, LEVEL.ORT_ENABLE_ALL)
    found = {}

    def keep(kind, names, values):
        for key, value in zip(names, values):
            found.setdefault(f"{kind}/{key}", []).append(value)

    for index, feed in enumerate(feeds):
        say(f"{name}: reference, input {index + 1} of {len(feeds)}")
        names = [*tensors, *inner, *outputs]
        values = dict(zip(names, opened.run(names, feed)))
        results = [values[key] for key in outputs]
        for key, result, other in zip(outputs, results, whole.run(outputs, feed)):
            same = np.array_equal(result, other) if exact else np.allclose(result, other, atol=0.05)
            if not same:
                raise ModelError(
                    f"{name}, input {index}, output {key}",
                    f"differs by {np.abs(result - other).max()} once tensors are inspected",
                    "onnxruntime's integer kernels disagree with each other on this processor: "
                    "make the reference on another one",
                )
        keep("input", feed, feed.values())
        keep("tensor", tensors, (values[key] for key in tensors))
        keep("inner", inner, (values[key] for key in inner))
        keep("output", outputs, results)
        keep("float", outputs, plain.run(outputs, feed))
    return {key: np.stack(values) for key, values in found.items()}, gone


def pack(arrays):
    """An .npz file as bytes: not compressed, without dates."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for key, value in arrays.items():
            array = io.BytesIO()
            np.lib.format.write_array(array, np.asarray(value), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), array.getvalue())
    return stream.getvalue()


def digest_input(arrays):
    """The integer part of a reference: what must not depend on the processor."""
    return {key: value for key, value in arrays.items() if key.startswith(("input/", "tensor/"))}


def cosine(left, right):
    """The cosine between two arrays."""
    left, right = left.ravel().astype(np.float64), right.ravel().astype(np.float64)
    return float(left @ right / max(np.linalg.norm(left) * np.linalg.norm(right), 1e-300))


def noise(reference, value):
    """Signal to noise in decibels."""
    reference = reference.astype(np.float64)
    error = np.sum((value.astype(np.float64) - reference) ** 2)
    return float(10 * np.log10(np.sum(reference**2) / max(error, 1e-300)))
