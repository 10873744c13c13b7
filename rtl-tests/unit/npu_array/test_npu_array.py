"""The three forms of npu_array against dot products in C++, in every bit and cycle."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
SYSTOLIC = ["npu_array_systolic", "npu_pe_generic", "npu_pe_dsp48e2", "templates/sim/DSP48E2.v",
            "npu_array_foot", "npu_adder_tree", "npu_shift"]
SOURCES = ["npu_array", "npu_array_simulation", *SYSTOLIC]
DSP48E2, GENERIC, SIMULATION = 0, 1, 2
SHAPES = [(16, 16, 8, 8), (7, 7, 8, 8), (1, 1, 16, 16), (3, 48, 4, 4), (24, 12, 8, 16),
          (34, 17, 8, 8)]
CASES = [(shape, cell) for shape in SHAPES for cell in (DSP48E2, GENERIC, SIMULATION)
         if cell != DSP48E2 or shape[2:] == (8, 8)]


def params_of(shape, cell):
    return {"ROWS": shape[0], "COLS": shape[1], "ACT_W": shape[2], "WGT_W": shape[3], "CELL": cell}


@pytest.mark.parametrize("shape, cell", CASES)
def test_dot_products(shape, cell):
    for args in (["400", "1"], ["300", "2", "full"]):
        harness.verilate("npu_array", SOURCES, params_of(shape, cell), HERE / "bench.cpp", args)


@pytest.mark.parametrize("shape, cell", CASES)
def test_lint(shape, cell):
    harness.lint("npu_array", SOURCES, params_of(shape, cell))


def test_lint_parts():
    harness.lint("npu_array_simulation", ["npu_array_simulation"])
    for name in SYSTOLIC[:1]:
        harness.lint(name, SYSTOLIC)
    harness.lint("npu_array_foot", ["npu_array_foot", "npu_shift"])
    harness.lint("npu_pe_dsp48e2", ["npu_pe_dsp48e2", "templates/sim/DSP48E2.v"])
    for name in ["npu_pe_generic", "npu_adder_tree", "npu_shift"]:
        harness.lint(name, [name])


def test_generic_needs_no_dsp_model():
    """Without DSP48E2 the other forms must still elaborate."""
    sources = [source for source in SOURCES if "DSP48E2" not in source]
    harness.lint("npu_array", sources, {"CELL": GENERIC})
    harness.lint("npu_array", sources, {"CELL": SIMULATION})
