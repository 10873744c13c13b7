#!/usr/bin/env python3
"""Compares networks quantized by `npugen quantize` with those of onnxruntime's quantizer.

    scripts/measure_quantize.py [NAME...] [--dir models]

Both calibrate with the same inputs (scripts/models.py) and are run by onnxruntime on others; what is
printed is the signal to noise ratio of the outputs against the float network, and what the network
is for. Needs a release build of npugen and the models: scripts/models.py make NAME.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))

from models import make  # noqa: E402
from models.cache import Cache, ModelError  # noqa: E402
from models.quantize import LEVEL, session  # noqa: E402
from models.reference import cosine, noise  # noqa: E402

# Networks, and how they are quantized.
CASES = [
    ("efficientnet_lite0_int8", []),
    ("mobilenetv2_int8", []),
    ("resnet18_int8", []),
    ("open_nsfw_int8", []),
    ("open_nsfw_int8", ["--method", "percentile"]),
    ("minilm_wide_int8_64", ["--gemm-only"]),
    ("minilm_wide_int8_64", ["--gemm-only=all"]),
]


def stacked(feeds):
    """Lists of inputs, by name."""
    return {name: np.stack([feed[name] for feed in feeds]) for name in feeds[0]}


def outputs(path, feeds):
    """Outputs of a model, one list per input."""
    opened = session(str(path), LEVEL.ORT_ENABLE_ALL)
    return [opened.run(None, feed) for feed in feeds]


def sentences(states):
    """Sentence vectors: the means of the hidden states."""
    return [state[0].mean(axis=(0, 1)) for state in states]


def figures(model, cache, floats, found):
    """What is told of a quantized network."""
    pairs = [(a, b) for run, other in zip(floats, found) for a, b in zip(run, other)]
    joined = [np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1)]
    text = f"{noise(*joined):.1f} dB"
    if model.labels is not None:
        labels = np.array(model.labels(cache))
        right = sum(run[0].argmax() == label for run, label in zip(found, labels))
        text += f", top-1 {right} of {len(labels)}"
    if model.name.startswith("minilm"):
        cosines = [cosine(a, b) for a, b in zip(sentences(floats), sentences(found))]
        text += f", sentence vectors >= {min(cosines):.4f}"
    if model.probabilities:
        text += f", probabilities within {np.abs(joined[0] - joined[1]).max():.5f}"
    return text


def compare(cache, name, options, folder):
    """One line of the table."""
    model = make.find(name)
    whole, theirs = (cache.path(f"{n}.onnx") for n in (model.float_name, model.name))
    for path in (whole, theirs):
        if not path.exists():
            raise ModelError(path, "is missing", f"scripts/models.py make {name}")
    calibration, samples = folder / "calibration.npz", model.samples(cache)
    np.savez(calibration, **stacked(model.calibration(cache)))
    ours = folder / "ours.onnx"
    command = [ROOT / "target" / "release" / "npugen", "quantize", whole, "-o", ours]
    start = time.monotonic()
    subprocess.run(
        [*command, "--calib", calibration, *options, "--json"], check=True, capture_output=True
    )
    seconds = time.monotonic() - start
    floats = outputs(whole, samples)
    texts = [figures(model, cache, floats, outputs(path, samples)) for path in (ours, theirs)]
    how = " ".join(options)
    return f"| `{model.float_name}` | {how} | {texts[0]} | {texts[1]} | {seconds:.0f} s |"


def main():
    """Does what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="models; all where none is named")
    parser.add_argument("--dir", default=ROOT / "models", help="where they are (default: models/)")
    arguments = parser.parse_args()
    print("| network | options | npugen | onnxruntime's quantizer | time |")
    print("|---|---|---|---|---:|")
    try:
        for name, options in CASES:
            if not arguments.names or name in arguments.names:
                with tempfile.TemporaryDirectory() as folder:
                    cache = Cache(arguments.dir)
                    print(compare(cache, name, options, pathlib.Path(folder)), flush=True)
    except ModelError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
