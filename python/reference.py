"""Compares npugen's requantization and residual addition with onnxruntime's kernels, byte by byte.

    python python/reference.py [--elements 10000000] [--seed 1] [--lane PATH]

Random accumulators, scales and zero points go through QLinearConv and QLinearAdd in onnxruntime and
through `npugen::arith` (the program `lane`). No byte may differ; ends with status 1 otherwise.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent


def session(nodes, inputs, outputs, constants, domains):
    """An onnxruntime session that computes the nodes as they stand."""
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "reference", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=domains, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run_lane(lane, folder, arrays, arguments):
    """Runs `lane` with arrays in files; returns the array it writes."""
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    files = {name: str(folder / f"{name}.npy") for name in [*arrays, "out"]}
    words = [files.get(str(word), str(word)) for word in arguments]
    subprocess.run([str(lane), *words], check=True)
    return np.load(folder / "out.npy")


def requantization(rng, elements, lane, folder):
    """QLinearConv with one input channel: its bias makes any accumulator."""
    pixels = 2048
    channels = max(1, elements // pixels)
    x = rng.integers(-128, 128, (1, 1, 1, pixels), dtype=np.int8)
    w = rng.integers(-127, 128, (channels, 1, 1, 1), dtype=np.int8)
    zero_x, zero_y = np.int8(rng.integers(-128, 128)), np.int8(rng.integers(-128, 128))
    # Accumulators from a few bits to thirty, with scales that bring them into and around int8.
    bits = rng.integers(4, 31, channels)
    bias = (rng.integers(-(1 << 30), 1 << 30, channels) >> (31 - bits)).astype(np.int32)
    scale_x = np.float32(rng.uniform(0.001, 0.1))
    scale_y = np.float32(rng.uniform(0.001, 0.1))
    if rng.random() < 0.5:
        scale_x = scale_y = np.float32(0.0625)
    target = rng.uniform(0.2, 200.0, channels) / np.exp2(bits - 1)
    scale_w = (target * scale_y / scale_x).astype(np.float32)
    # Powers of two give many exact halves.
    halves = rng.random(channels) < 0.3
    scale_w[halves] = np.exp2(np.round(np.log2(scale_w[halves]))).astype(np.float32)
    constants = {
        "x_scale": scale_x, "x_zero": zero_x, "w": w, "w_scale": scale_w,
        "w_zero": np.zeros(channels, np.int8), "y_scale": scale_y, "y_zero": zero_y, "b": bias,
    }
    names = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "b"]
    node = helper.make_node("QLinearConv", names, ["y"], kernel_shape=[1, 1])
    constants = {name: np.asarray(value) for name, value in constants.items()}
    runner = session(
        [node],
        [helper.make_tensor_value_info("x", TensorProto.INT8, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.INT8, None)],
        constants,
        [helper.make_opsetid("", 13)],
    )
    expected = runner.run(None, {"x": x})[0].reshape(channels, pixels)
    products = w.reshape(-1, 1).astype(np.int64) * (x.reshape(1, -1).astype(np.int64) - int(zero_x))
    acc = (products + bias.reshape(-1, 1)).astype(np.int32)
    scale = (scale_x * scale_w) / scale_y
    assert scale.dtype == np.float32
    got = run_lane(
        lane, folder, {"acc": acc, "scale": scale},
        ["requantize", "acc", "scale", int(zero_y), -128, 127, "out"],
    )
    return expected, got


def residual_addition(rng, elements, lane, folder):
    """QLinearAdd over all pairs of bytes, half the scales powers of two: exact halves abound."""
    a, b = (side.ravel() for side in np.meshgrid(*[np.arange(-128, 128, dtype=np.int8)] * 2))
    rounds = max(1, min(elements // a.size, 4))
    zero_a, zero_b, zero_y = (np.int8(value) for value in rng.integers(-128, 128, 3))
    exponents = rng.uniform(-7, -5, (rounds, 3))
    exponents[::2] = np.round(exponents[::2])
    scales = np.exp2(exponents).astype(np.float32)
    scalar = [helper.make_tensor_value_info(n, TensorProto.FLOAT, []) for n in ("sa", "sb", "sy")]
    node = helper.make_node(
        "QLinearAdd", ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"], ["y"], domain="com.microsoft"
    )
    sides = [helper.make_tensor_value_info(n, TensorProto.INT8, [a.size]) for n in ("a", "b")]
    runner = session(
        [node],
        sides + scalar,
        [helper.make_tensor_value_info("y", TensorProto.INT8, None)],
        {"za": np.asarray(zero_a), "zb": np.asarray(zero_b), "zy": np.asarray(zero_y)},
        [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)],
    )
    feeds = [dict(zip(("sa", "sb", "sy"), map(np.asarray, row))) for row in scales]
    expected = np.stack([runner.run(None, {"a": a, "b": b, **feed})[0] for feed in feeds])
    ratios = (scales[:, :2] / scales[:, 2:]).astype(np.float32)
    got = run_lane(
        lane, folder, {"a": a, "b": b, "scales": ratios},
        ["residual", "a", int(zero_a), "scales", "b", int(zero_b), int(zero_y), -128, 127, "out"],
    )
    return expected, got


def build_lane(release):
    """Builds `lane` and returns its path."""
    profile = ["--release"] if release else []
    subprocess.run(["cargo", "build", "--quiet", "--example", "lane", *profile], check=True, cwd=ROOT)
    return ROOT / "target" / ("release" if release else "debug") / "examples" / "lane"


def compare(elements, seed, lane, chunk=2_000_000):
    """Compares at least `elements` elements of each rule; returns whether all are equal."""
    rng = np.random.default_rng(seed)
    good = True
    for rule in (requantization, residual_addition):
        total = differ = inner = 0
        while total < elements:
            with tempfile.TemporaryDirectory() as folder:
                expected, got = rule(rng, min(chunk, elements), lane, pathlib.Path(folder))
            total += expected.size
            differ += int(np.count_nonzero(expected != got))
            # Values between the ends of the range show that the comparison is not idle.
            inner += int(np.count_nonzero((expected > -128) & (expected < 127)))
        print(
            f"{rule.__name__}: {total} elements, {inner} of them not saturated, "
            f"{differ} differ"
        )
        assert inner > total // 5, "too many saturated elements to compare anything"
        good &= differ == 0
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=int, default=10_000_000, help="of each rule")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lane", type=pathlib.Path, help="the built example `lane`")
    arguments = parser.parse_args()
    lane = arguments.lane or build_lane(release=True)
    print(f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}, seed {arguments.seed}")
    sys.exit(0 if compare(arguments.elements, arguments.seed, lane) else 1)


if __name__ == "__main__":
    main()
