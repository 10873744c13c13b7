"""The binary32 units against the processor's arithmetic."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
UNITS = {"npu_i2f": ("I2F", 3), "npu_f2i": ("F2I", 2), "npu_f32_mul": ("MUL", 3),
         "npu_f32_add": ("ADD", 5)}


def run(top, count, params=None):
    unit, stages = UNITS[top]
    defines = {f"UNIT_{unit}": 1, "STAGES": stages, "UNIT_NAME": f'\\"{top}\\"',
               "VERILATED_HEADER": f'\\"V{top}.h\\"', "VERILATED_CLASS": f"V{top}"}
    return harness.verilate(top, [top], params, HERE / "bench.cpp", args=[str(count)],
                            defines=defines, timeout=3600)


@pytest.mark.parametrize("top", UNITS)
def test_against_processor(top):
    run(top, 500000)


@pytest.mark.parametrize("top", ["npu_f2i", "npu_f32_mul", "npu_f32_add"])
def test_infinity_and_nan(top):
    run(top, 500000, {"SPECIALS": 1})
    harness.lint(top, [top], {"SPECIALS": 1})


@pytest.mark.parametrize("params", [{"OUT_W": 18}, {"OUT_W": 18, "SPECIALS": 1}, {"OUT_W": 25}])
def test_narrow_integers(params):
    run("npu_f2i", 500000, params)
    harness.lint("npu_f2i", ["npu_f2i"], params)
