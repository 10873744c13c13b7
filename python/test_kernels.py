"""Every operator of `npugen bench vector`, and the attention head, against numpy and onnxruntime.

int8 results must be onnxruntime's, byte for byte. Binary32 results must lie within the bound of their
operator, which is close to what was measured: units in the last place of the result, or of a larger
number where the result is a difference of larger ones. docs/kernels.md has the same bounds.
"""

import math
import re

import numpy as np
import pytest

import kernels

# Channel counts that fill words, that do not, and that leave most lanes without work.
SHAPES = [(6, 5, 33), (4, 9, 17), (40, 64), (3, 1), (17,)]
DESIGNS = [
    ("-c", "tiny"),
    ("-c", "default"),
    # Four lane words to a word of IBUF, and one bank of VMEM.
    ("-c", "tiny", "--rows", "16", "--cols", "4", "--set", "buffers.vmem.banks=1",
     "--set", "buffers.vmem.size=8KiB"),
]
WINDOWS = [(3, 2, 1), (2, 1, 0), (3, 1, 2)]

# Bounds of binary32 operators in units in the last place.
ARITHMETIC = {"add": 0.5, "sub": 0.5, "mul": 0.5, "div": 2.5, "min": 0, "max": 0}
NORMS = {"layernorm": 3.5, "rmsnorm": 4, "batchnorm": 1.5}
FUNCTIONS = {
    "erf": 45, "exp2": 1.5, "gelu": 70, "gelu_tanh": 70, "hardswish": 2, "log2": 1.5,
    "reciprocal": 1.5, "rsqrt": 1.5, "sigmoid": 85, "silu": 125, "softplus": 90, "tanh": 45,
}
# Functions that come close to zero count in units of 1/8.
FLOORS = ("gelu", "gelu_tanh", "hardswish", "log2", "sigmoid", "silu", "softplus")


def unit(x):
    """Unit in the last place of a binary32 number of this size."""
    return np.spacing(np.abs(x).astype(np.float32)).astype(np.float64)


def bound(op, t, expected):
    """Largest error of each value."""
    x = t["input"].real
    if op in ARITHMETIC:
        return ARITHMETIC[op] * unit(expected)
    if op == "exp":
        return 3 * unit(expected)
    if op.startswith("softmax"):
        # The distance to the maximum is rounded before it becomes an exponent.
        with np.errstate(divide="ignore"):
            depth = -np.log2(expected / expected.max(axis=-1, keepdims=True))
        fixed = 10 if op == "softmax_scores" else 7
        return (fixed + np.where(expected > 0, depth, 0)) * unit(expected)
    if op in NORMS:
        gamma, beta = t["gamma"].real, t["beta"].real
        if op == "rmsnorm":
            return NORMS[op] * unit(expected)
        if op == "batchnorm":
            return NORMS[op] * unit(np.abs(x * gamma) + np.abs(beta))
        mean = np.abs(x).mean(axis=-1, keepdims=True)
        deviation = np.maximum(x.std(axis=-1, keepdims=True), 1e-6)
        return NORMS[op] * unit((np.abs(x) + mean) / deviation * np.abs(gamma) + np.abs(beta))
    floor = 0.125 if op in FLOORS else 0
    return FUNCTIONS[op] * unit(np.maximum(np.abs(expected), floor))


@pytest.fixture(scope="module")
def operators():
    kernels.build()
    return kernels.operators()


def words_of(op, shape, design):
    """Arguments of `npugen bench`."""
    return ["vector", "--op", op, "--shape", "x".join(map(str, shape)), *design]


def fits(op, shape):
    """A causal mask needs at least as many keys as queries."""
    return op != "softmax_causal" or len(shape) < 2 or shape[-2] <= shape[-1]


def every_case(operators, form):
    for op in operators:
        if operators[op] != form:
            continue
        for design in DESIGNS:
            for shape in SHAPES:
                if fits(op, shape):
                    yield op, design, shape


def check_float(op, t, shape):
    """Whether binary32 results are within their bound; the share of it that they use."""
    with np.errstate(all="ignore"):
        expected = kernels.binary32(op, t, shape)
        limit = bound(op, t, expected)
    got = t["output"].data.astype(np.float64)
    assert got.shape == expected.shape
    # What binary32 cannot hold is zero or not finite; numbers near its ends are not told apart.
    normal = np.isfinite(expected) & (np.abs(expected) > 2.0**-125) & (np.abs(expected) < 2.0**127)
    assert not np.isfinite(got[~np.isfinite(expected)]).any(), f"{op} {shape}"
    with np.errstate(invalid="ignore"):
        error = np.abs(got - expected)
    wrong = np.count_nonzero(error[normal] > limit[normal])
    assert not wrong, f"{op} {shape}: {wrong} values of {error.size}"
    tiny = np.abs(expected) <= 2.0**-125
    wrong = np.count_nonzero(np.abs(got[tiny]) >= limit[tiny] + 2.0**-124)
    assert not wrong, f"{op} {shape}: {wrong} values that should be zero"
    used = error[normal] / np.where(limit[normal] > 0, limit[normal], 1)
    return used.max(initial=0)


def test_operators_of_binary32(operators, tmp_path):
    used = {}
    for op, design, shape in every_case(operators, "binary32"):
        t = kernels.execute(tmp_path, [*words_of(op, shape, design), "--float"])
        used[op] = max(used.get(op, 0), check_float(op, t, shape))
    # The bounds mean something: every operator that rounds comes near its own.
    idle = {op: share for op, share in used.items() if share < 0.3 and op not in ("min", "max")}
    assert not idle, idle


def test_operators_of_binary32_on_activations(operators, tmp_path):
    for op, design, shape in every_case(operators, "binary32"):
        # A softmax of activations has no value for a key that is not there.
        if op.startswith("softmax") and (op == "softmax_causal" or shape[-1] % 16):
            continue
        words = [*words_of(op, shape, design), "--float", "--activations"]
        t = kernels.execute(tmp_path, words)
        # The machine multiplies steps by the scale in binary32.
        steps = t["input"].data.astype(np.float32) - np.float32(t["input"].zero)
        t["input"] = kernels.Tensor(steps * t["input"].scale, 1, 0)
        check_float(op, t, shape)


def test_results_as_activations(operators, tmp_path):
    for op, design, shape in every_case(operators, "binary32"):
        t = kernels.execute(tmp_path, words_of(op, shape, design))
        with np.errstate(all="ignore"):
            expected = kernels.binary32(op, t, shape)
            limit = bound(op, t, expected)
        finite = np.isfinite(expected)
        scale, zero = np.float64(t["output"].scale), t["output"].zero
        steps, slack = expected[finite] / scale + zero, limit[finite] / scale + 1e-6
        got = t["output"].data[finite].astype(np.float64)
        # Half a step, and what the binary32 result may be off.
        low, high = (np.clip(np.rint(steps + sign * slack), -128, 127) for sign in (-1, 1))
        wrong = np.count_nonzero((got < low) | (got > high))
        assert not wrong, f"{op} {shape}: {wrong} values of {got.size}"


def test_operators_of_activations(operators, tmp_path):
    for op, design, shape in every_case(operators, "int8"):
        # Windows are for the operators that have one; upsampling takes the stride as its factor.
        windows = WINDOWS if "_pool" in op or op == "upsample" else WINDOWS[:1]
        for kernel, stride, pad in windows:
            if min((*shape[:-1], 1) if len(shape) < 3 else shape[:2]) + 2 * pad < kernel:
                continue
            window = ["--kernel", kernel, "--stride", stride, "--pad", pad]
            t = kernels.execute(tmp_path, [*words_of(op, shape, design), *window])
            expected = kernels.int8(op, t, shape, (kernel, stride, pad))
            assert expected.shape == t["output"].data.shape
            wrong = np.count_nonzero(expected != t["output"].data)
            assert not wrong, f"{op} {shape} {design} {window}: {wrong} of {expected.size}"


@pytest.mark.parametrize("op", ["mul_int8", "average_pool_inside", "batchnorm_int8", "add_int8"])
def test_many_activations(op, tmp_path):
    """Where onnxruntime rounds more than once and the machine once, or the other way round, results
    could differ; with scales that make no exact halves none of these do. Sums never differ."""
    kernels.build()
    shape = (64, 64, 48)
    t = kernels.execute(tmp_path, words_of(op, shape, ("-c", "default")))
    expected = kernels.int8(op, t, shape, (3, 2, 1))
    wrong = np.count_nonzero(expected != t["output"].data)
    assert not wrong, f"{wrong} of {expected.size}"


@pytest.mark.parametrize("mask", ["none", "causal", "keys", "scores"])
@pytest.mark.parametrize("tokens, channels", [(32, 16), (64, 64), (128, 64)])
def test_attention_head(tokens, channels, mask, tmp_path):
    kernels.build()
    words = ["attention", "--tokens", tokens, "--channels", channels, "--mask", mask]
    t = kernels.execute(tmp_path, [*words, "-c", "default"])
    expected = kernels.attention(t, mask == "causal")
    distance = np.abs(expected.astype(np.int32) - t["output"].data.reshape(expected.shape))
    # A probability at an exact half may go the other way, which is a step in few results.
    largest, differ = int(distance.max()), int(np.count_nonzero(distance))
    assert largest <= 1 and differ <= 0.001 * distance.size, (largest, differ)
    assert t["output"].data.std() > 15


def test_every_operator_has_a_reference(operators):
    known = set(ARITHMETIC) | set(NORMS) | set(FUNCTIONS) | {"exp"}
    for op, form in operators.items():
        assert form == "int8" or op in known or re.fullmatch(r"softmax(_\w+)?", op), op
    assert len(operators) > 45 and math.isfinite(sum(FUNCTIONS.values()))
