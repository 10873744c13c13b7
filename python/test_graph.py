"""The reference of `npugen graph` against onnxruntime: every quantized tensor of every picture."""

import pathlib
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest

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
