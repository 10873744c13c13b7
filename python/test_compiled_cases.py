"""A sample of ONNX's operator tests through the compiler; python/compiled_cases.py runs them all."""

import pathlib
import tempfile

import compiled_cases
import graph_cases
import kernels
import numpy as np
import pytest

# Case, and what becomes of it as it is and quantized.
CASES = {
    "add": ("passed", "passed"),
    "averagepool_2d_pads_count_include_pad": ("refused", "passed"),
    "basic_conv_with_padding": ("refused", "passed"),
    "gelu_default_1": ("passed", "passed"),
    "gemm_transposeB": ("refused", "passed"),
    "hardswish": ("passed", "passed"),
    "lstm_defaults": ("refused", "refused"),
    "matmulinteger": ("refused", None),
    "maxpool_2d_ceil": ("refused", "refused"),
    "relu": ("refused", "passed"),
    "softmax_axis_2": ("passed", "refused"),
}


@pytest.fixture(scope="module")
def machine():
    kernels.build()
    with tempfile.TemporaryDirectory() as folder:
        yield compiled_cases.Machine(str(kernels.NPUGEN), "tiny", pathlib.Path(folder))


def test_a_sample_of_the_operator_tests(machine):
    cases = {case.name.removeprefix("test_"): case for case in graph_cases.cases()}
    for name, expected in CASES.items():
        both = compiled_cases.forms(machine, cases[name])
        assert tuple(outcome and outcome[0] for outcome in both) == expected, (name, both)


def test_differences_are_found():
    ones = np.ones((2, 3), np.float32)
    assert compiled_cases.compare(ones, ones, None, None) == ""
    assert compiled_cases.compare(ones * 1.000001, ones, None, None)
    assert compiled_cases.compare(ones * 1.000001, ones, 1e-3, 0) == ""
    assert compiled_cases.compare(ones, ones * 1.1, 1e-3, 0)
    assert compiled_cases.compare(ones, ones[0], 1e-3, 0)
