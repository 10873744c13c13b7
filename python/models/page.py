"""`docs/models.md` and the list of models."""

import pathlib

import numpy as np
import onnx

from . import graph
from .cache import PACKAGES, ModelError, file_sha256
from .catalog import MODELS
from .reference import cosine, noise

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DIGITS = ROOT / "tests" / "data" / "digits_int8.onnx"

HEAD = """\
# Test models

Written by `scripts/models.py table --write`; do not edit. The networks that compiler, golden model and
Verilog are tested with, besides the operator tests of the `onnx` package. Only the first is part of
the repository; the others are made:

```
scripts/setup.sh && .venv/bin/pip install -r scripts/requirements-models.txt
.venv/bin/python scripts/models.py make all           # models/NAME.onnx: a minute, 0.9 GB
.venv/bin/python scripts/models.py reference all      # models/NAME_reference.npz: a minute, 0.6 GB
.venv/bin/python scripts/models.py table --write      # this page
```

`list` says what there is, `make NAME...` makes some, `--dir` chooses another directory than `models/`, `--force`
makes again what is there. Packages are downloaded by exact version, checked against pinned hashes and unzipped,
never installed or imported.

## Models

All are int8 in QDQ form: activations with a scale and a zero point, weights per channel, biases int32. Batch
norms are folded. "Seeded" weights are random (He-initialised, the same on every machine): such networks
serve cycles and exactness, never accuracy.

"""

FORMS = """
The forms of MiniLM: its text fills the window, so that the only input is the tokens, except for the
one with an attention mask; float models have the shape arithmetic of the export folded. In
`minilm_int8_*` and `minilm_masked_int8_*` matrix products are quantized with their outputs, everything else is
float: what onnxruntime's quantizer does by default. (Running it, onnxruntime also fuses a softmax between
quantized products to one from int8 to int8.)

In `minilm_wide_*` only operands of products are int8, biases are int32 and products give binary32, residual sums
included; operands of a product of two activations have zero point 0. Before that `python/models/wide.py` brings the
float model into a form of the same value that loses less: operands of layers are divided by a factor per channel and
weights multiplied by it, 32 channels of each GELU are computed again so that none is far above the others (1.3 %
more multiplications than the table has), attention is quantized before the division by its sum, and the
scale of queries and keys is part of the weights.

### Steps that differ

A quantization turns a difference of one rounding into one of a step, where a number lies at the border between two;
a step is much more than a rounding, so that behind it many more differ, and after a handful of layers as many as if
all had been rounded afresh. Two programs that both compute a transformer rightly, but sum or approximate in another
way, agree only as far as that noise allows. In `minilm_wide_*` a change of layer norm parameters by a millionth
leaves a cosine of 0.998 to 0.9995; a scale for every row of an operand and a finer one for attention raised the
cosine to float to 0.998, but not this. onnxruntime differs from itself:

| model | hidden states: onnxruntime at levels EXTENDED and BASIC | onnxruntime and `npugen graph` | all int8 tensors equal |
|---|---|---|---:|
| `minilm_int8_64` | cosine >= 0.840 (BASIC does not fuse softmax) | 1 | 7 of 8 inputs |
| `minilm_int8_128` | >= 0.830 (as above) | >= 0.888, mean 0.950 | 3 of 8 |
| `minilm_masked_int8_128` | >= 0.959 | 1 (tokens that are not masked) | 6 of 8 |
| `minilm_wide_int8_64` | >= 0.9986 | >= 0.9984, mean 0.9996 | 3 of 8 |
| `minilm_wide_int8_128` | >= 0.9978 | >= 0.9981, mean 0.9990 | none |
| `minilm_wide_masked_int8_128` | | >= 0.9994, mean 0.9999 (tokens that are not masked) | none |

In every input the first tensor that differs does so in one or two elements, by one step, and behind a layer norm,
a GELU or exponentials, never behind integers.

"""

REPRODUCIBLE = """
## Same bytes everywhere

Float models are made with arithmetic that does not depend on the processor. Calibration does, in the
last bits; so the range of every activation, rounded to four digits, is committed
(`python/models/ranges/`) and only `scripts/models.py calibrate NAME...` computes it, from ten pictures
of scikit-image and scikit-learn or sixteen sentences, none of which is measured with. What is made is compared with
the hashes in `python/models/pins.json`; a difference is an error. After an intended change run `make` and
`reference` with `--pin`.

"""

REFERENCES = """
## References

`NAME_reference.npz` holds what onnxruntime computes, stacked along a new first axis with one entry per input:

| key | content |
|---|---|
| `input/X` | graph input X |
| `tensor/X` | the int8 output X of a QuantizeLinear of the QDQ graph |
| `inner/X` | float results X of layer norms and softmax (transformers) |
| `output/X` | graph output X |
| `float/X` | graph output X of the float model |
| `labels` | classes, where they are known |

Asking onnxruntime for a tensor breaks its fusion to integer kernels. So the optimised model
(`session.qdqisint8allowed=1`, level EXTENDED) is saved, outputs are added to that, and it runs with optimisations
off; its graph outputs must equal those of the untouched model. Inputs and int8 tensors of the networks
that are integer throughout are pinned as well: no processor may differ in a bit. In a transformer int8 tensors follow
from float operations, which differ between processors.

"""


def thousands(number):
    """1234567 as 1,234,567."""
    return f"{number:,}"


def listing(cache):
    """One line per model: name, whether it is made, what it is."""
    lines = [f"{'digits_int8':24} committed  8x8 digits: {DIGITS.relative_to(ROOT)}"]
    for model in MODELS.values():
        made = cache.path(f"{model.name}.onnx").exists()
        reference = cache.path(f"{model.name}_reference.npz").exists()
        state = ("reference" if reference else "made") if made else "-"
        lines.append(f"{model.name:24} {state:10} {model.what} ({model.weights})")
    return "\n".join(lines)


def load(cache, name, suffix, command):
    """The path of a made file, or an error that says how to make it."""
    path = cache.path(f"{name}{suffix}")
    if not path.exists():
        raise ModelError(path, "is missing", f"scripts/models.py {command} {name}")
    return path


def quantized_parameters(model):
    """Elements of the constants that are dequantized."""
    constants = graph.initializers(model)
    weights = {n.input[0] for n in model.graph.node if n.op_type == "DequantizeLinear"}
    return sum(int(np.prod(constants[name].dims)) for name in weights if name in constants)


def described_inputs(model):
    """Names, types and shapes of the inputs."""
    known = graph.shapes(model)
    constants = graph.initializers(model)
    return ", ".join(
        f"`{v.name}` {onnx.helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type)} "
        + "x".join(map(str, known[v.name]))
        for v in model.graph.input
        if v.name not in constants
    )


def described_operators(model):
    """The histogram of operators."""
    return ", ".join(f"{name} {count}" for name, count in graph.operators(model).items())


def measured(model, arrays):
    """What a model is worth, from its reference."""
    names = [key.removeprefix("output/") for key in arrays.files if key.startswith("output/")]
    result, wanted = (arrays[f"{kind}/{names[0]}"] for kind in ("output", "float"))
    count = len(result)
    if "labels" in arrays.files:
        labels = arrays["labels"]
        hits = [int((x.reshape(count, -1).argmax(1) == labels).sum()) for x in (result, wanted)]
        return f"top-1 {hits[0]} of {count} (float {hits[1]} of {count})"
    if not model.exact:
        mask = arrays["input/attention_mask"] if "input/attention_mask" in arrays.files else None
        weight = np.ones(result.shape[:3]) if mask is None else mask
        pooled = [(x * weight[..., None]).sum(axis=2) for x in (result, wanted)]
        least = min(cosine(a, b) for a, b in zip(*pooled))
        whole = min(cosine(a * w[..., None], b * w[..., None]) for a, b, w in zip(result, wanted, weight))
        return f"cosine to float: sentence vectors >= {least:.3f}, hidden states >= {whole:.3f}"
    if model.probabilities:
        return f"probabilities within {np.abs(result - wanted).max():.5f} of float"
    return f"{noise(wanted, result):.1f} dB signal to noise against float"


def page(cache, pins):
    """The text of docs/models.md."""
    digits = onnx.shape_inference.infer_shapes(onnx.load(DIGITS), data_prop=True)
    rows = [
        [
            *("`digits_int8`", "8x8 digits, in `tests/data`", "trained for this project"),
            *(digits, graph.work(digits)[0], quantized_parameters(digits)),
            "98.89 % of 359 pictures",
        ]
    ]
    hashes, references = [], []
    for model in MODELS.values():
        floats = onnx.load(load(cache, model.float_name, ".onnx", "make"))
        path = load(cache, model.name, ".onnx", "make")
        arrays = np.load(load(cache, model.name, "_reference.npz", "reference"))
        made = onnx.load(path)
        row = [f"`{model.name}`", model.what, model.weights, made, *graph.work(floats)]
        rows.append([*row, measured(model, arrays)])
        for name in (model.float_name, model.name):
            entry = (name, cache.path(f"{name}.onnx"))
            if entry not in hashes:
                hashes.append(entry)
        tensors = [key for key in arrays.files if key.startswith("tensor/")]
        elements = sum(arrays[key][0].size for key in tensors)
        samples = len(arrays[next(iter(arrays.files))])
        pinned = pins.hashes.get(f"{model.name}_reference")
        references.append(
            f"| `{model.name}` | {samples} | {len(tensors)} | {thousands(elements)} | "
            f"{f'`{pinned}`' if pinned else 'not pinned'} |"
        )
    text = [HEAD]
    text.append("| name | network | weights | MACs | parameters | opset | input | measured |\n")
    text.append("|---|---|---|---:|---:|---:|---|---|\n")
    for name, what, weights, made, products, parameters, worth in rows:
        opset = next(entry.version for entry in made.opset_import if not entry.domain)
        text.append(
            f"| {name} | {what} | {weights} | {thousands(products)} | {thousands(parameters)} | "
            f"{opset} | {described_inputs(made)} | {worth} |\n"
        )
    text.append(FORMS)
    text.append("| name | operators |\n|---|---|\n")
    text += [f"| {row[0]} | {described_operators(row[3])} |\n" for row in rows]
    text.append(REPRODUCIBLE)
    text.append("| file | bytes | sha256 |\n|---|---:|---|\n")
    for name, path in hashes:
        size = thousands(path.stat().st_size)
        text.append(f"| `{name}.onnx` | {size} | `{file_sha256(path)}` |\n")
    text.append(REFERENCES)
    text.append("| name | inputs | int8 tensors | elements per input | sha256 of inputs and tensors |\n")
    text.append("|---|---:|---:|---:|---|\n")
    text += [f"{line}\n" for line in references]
    text.append("\n## Packages\n\n| package | licence | sha256 of the wheel |\n|---|---|---|\n")
    for package in PACKAGES.values():
        text.append(f"| {package.requirement} | {package.licence} | `{package.sha256}` |\n")
    return "".join(text)
