"""The float domain of the lanes: functions, function unit, reductions, against the processor."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
UNITS = ["npu_f2i", "npu_f32_add", "npu_f32_mul", "npu_i2f"]
CELLS = [*UNITS, "npu_delay", "npu_ram_1r1w"]
FUNCTION = ["npu_vector_argument", "npu_vector_function", "npu_vector_step"]
JOIN = ["npu_vector_combine", "npu_vector_join", "npu_f32_add"]
ACCUMULATE = ["npu_vector_accumulate", "npu_vector_pace", "npu_ram_1r1w", *JOIN]
ACROSS = ["npu_vector_across", *JOIN]
FLOAT = ["npu_vector_float", "npu_vector_alu", *FUNCTION, *CELLS]


@pytest.mark.parametrize("params", [{"LANES": 4, "SEGMENTS": 48}, {"LANES": 3, "SEGMENTS": 0},
                                    {"LANES": 1, "SEGMENTS": 4096}])
def test_functions(params):
    harness.verilate("float_bench", [HERE / "float_bench.v", *FLOAT], params, HERE / "float.cpp",
                     ["100000", "1"])


@pytest.mark.parametrize("params", [{"LANES": 2, "DEPTH": 16}, {"LANES": 3, "DEPTH": 33},
                                    {"LANES": 1, "DEPTH": 1}])
def test_accumulate(params):
    harness.verilate("accumulate_bench", [HERE / "accumulate_bench.v", *ACCUMULATE], params,
                     HERE / "accumulate.cpp", ["4000", "1"])


@pytest.mark.parametrize("lanes", [2, 3, 4, 7, 16])
def test_across(lanes):
    harness.verilate("npu_vector_across", ACROSS, {"LANES": lanes}, HERE / "across.cpp",
                     ["60000", "1"])


@pytest.mark.parametrize("module", ["npu_vector_alu", "npu_vector_float", *FUNCTION])
def test_lint(module):
    harness.lint(module, FLOAT)


@pytest.mark.parametrize("params", [{"SEGMENTS": 0}, {"SEGMENTS": 4096, "LANES": 1}])
def test_lint_float(params):
    harness.lint("npu_vector_float", FLOAT, params)


@pytest.mark.parametrize("enable", [0, 1])
@pytest.mark.parametrize("module", ["npu_vector_alu", "npu_vector_join", "npu_vector_reduce"])
def test_lint_enable_float(module, enable):
    harness.lint(module, sorted({module, "npu_vector_join"}), {"ENABLE_FLOAT": enable})


def test_lint_reductions():
    for module in ["npu_vector_accumulate", "npu_vector_combine", "npu_vector_pace"]:
        harness.lint(module, ACCUMULATE)
    harness.lint("npu_vector_accumulate", ACCUMULATE, {"DEPTH": 1, "LANES": 1})
    for lanes in [2, 3, 16]:
        harness.lint("npu_vector_across", ACROSS, {"LANES": lanes})
