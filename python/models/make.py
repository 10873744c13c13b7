"""Making models and references, checked against the pinned hashes."""

import json
import pathlib
import time

from . import graph, quantize, reference, wide
from .cache import ModelError, file_sha256, say, sha256
from .catalog import MODELS

PINS = pathlib.Path(__file__).resolve().parent / "pins.json"
REMEDY = (
    "install scripts/requirements-models.txt as it stands; if a change to the tooling is the cause, "
    "run the command again with --pin and commit the new hash"
)


def find(name):
    """A model of the catalogue."""
    if name not in MODELS:
        raise ModelError("model", f"{name!r} is not known", f"choose of: {', '.join(MODELS)}")
    return MODELS[name]


class Pins:
    """The committed hashes: of files, and of the integer tensors in references."""

    def __init__(self, path=PINS, rewrite=False):
        self._path = path
        self._rewrite = rewrite
        self.hashes = json.loads(path.read_text()) if path.exists() else {}

    def check(self, name, place, found):
        """Refuses a hash that is not the pinned one, or pins it."""
        if self._rewrite and self.hashes.get(name) != found:
            self.hashes[name] = found
            text = json.dumps(self.hashes, indent=1, sort_keys=True)
            self._path.write_text(f"{text}\n")
        pinned = self.hashes.get(name)
        if pinned is not None and pinned != found:
            raise ModelError(place, f"its sha256 is {found}, but {pinned} is pinned", REMEDY)


def make(cache, pins, name, force=False):
    """Makes the float and the int8 model, or finds them made; returns the paths."""
    model = find(name)
    whole, small = (cache.path(f"{n}.onnx") for n in (model.float_name, model.name))
    files = [(model.float_name, whole), (model.name, small)]
    if not force and all(
        path.exists() and pins.hashes.get(n) == file_sha256(path) for n, path in files
    ):
        say(f"{name}: made already")
        return whole, small
    start = time.monotonic()
    say(f"{name}: making the float model")
    floats = model.float_model(cache)
    say(f"{name}: quantizing")
    if model.wide:
        quantized = wide.quantize_model(floats, wide.read_plan(name, floats))
    else:
        ranges = quantize.read_ranges(model.float_name, floats, model.operators)
        quantized = quantize.quantize(floats, model.operators, ranges)
    for (n, path), made in zip(files, (floats, quantized)):
        data = graph.serialize(made)
        pins.check(n, path, sha256(data))
        cache.write(path.name, data)
    say(f"{name}: made in {time.monotonic() - start:.0f} s")
    return whole, small


def calibrate(cache, name):
    """Computes the ranges of a model's activations afresh; returns the file's path."""
    model = find(name)
    floats = model.float_model(cache)
    feeds = model.calibration(cache)
    if model.wide:
        return wide.calibrate(name, floats, feeds)
    return quantize.calibrate(model.float_name, floats, model.operators, feeds)


def make_reference(cache, pins, name):
    """Runs a model with onnxruntime; returns the path of the .npz file with all tensors."""
    model = find(name)
    whole, small = make(cache, pins, name)
    arrays, gone = reference.run(
        name, small.read_bytes(), str(whole), model.samples(cache), model.exact
    )
    if model.labels is not None:
        arrays["labels"] = model.labels(cache)
    path = cache.path(f"{name}_reference.npz")
    if model.exact:
        integers = reference.pack(reference.digest_input(arrays))
        pins.check(f"{name}_reference", path, sha256(integers))
    for tensor in gone:
        say(f"{name}: onnxruntime's optimisation leaves no {tensor}")
    return cache.write(path.name, reference.pack(arrays))
