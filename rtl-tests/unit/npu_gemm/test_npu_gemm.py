"""The GEMM engine against its description in C++: random launches, exact cycles, faults."""

import pathlib

import pytest

import generated
import harness

HERE = pathlib.Path(__file__).parent
SOURCES = [
    "npu_gemm", "npu_gemm_check", "npu_gemm_issue", "npu_gemm_residual", "npu_gemm_drain",
    "npu_gemm_writer", "npu_gemm_place", "npu_gemm_walk", "npu_weight_loader", "npu_obuf",
    "npu_sequencer", "npu_fifo", "npu_fifo_ram", "npu_loop_nest", "npu_loop_track", "npu_ram_1r1w",
    "npu_array", "npu_array_simulation", "npu_array_systolic", "npu_array_foot", "npu_adder_tree",
    "npu_shift", "npu_pe_generic", "npu_pe_dsp48e2", "templates/sim/DSP48E2.v", "npu_post",
    "npu_post_lane", "npu_i2f", "npu_f2i", "npu_f32_mul", "npu_fma_int", "npu_delay", "npu_table",
]


def shape(rows, cols, lanes, act_w=8, wgt_w=8, **others):
    params = {"ROWS": rows, "COLS": cols, "LANES": lanes, "ACT_W": act_w, "WGT_W": wgt_w,
              "OBUF_DEPTH": 32, "WBUF_DEPTH": 64, "TABLES": 3, "CELL": 2, "PACKED": 1,
              "ENABLE_RESIDUAL": 1, "ENABLE_LOOKUP": 1}
    params.update(others)
    return params


# Square on the packed cell; wide with several words a vector; tall with parts of a word; 16 bit;
# two segments with a surplus row; single cell.
SHAPES = [
    shape(4, 4, 4, CELL=0),
    shape(4, 12, 4, act_w=4, wgt_w=4),
    shape(12, 4, 8, PACKED=0, CELL=1),
    shape(6, 2, 1, act_w=16, ENABLE_LOOKUP=0, PACKED=0),
    shape(17, 17, 17, ENABLE_RESIDUAL=0),
    shape(1, 1, 1, wgt_w=16),
]


@pytest.fixture(scope="module")
def sources():
    return [*SOURCES, generated.module("npu_gemm_regs")]


@pytest.mark.parametrize("params", SHAPES)
def test_launches(sources, params):
    for args in (["random", "400", "1"], ["exact", "1"], ["faults"]):
        harness.verilate("npu_gemm", sources, params, HERE / "bench.cpp", args)


@pytest.mark.parametrize("params", [{}, *SHAPES])
def test_lint(sources, params):
    harness.lint("npu_gemm", sources, params)


def test_lint_parts():
    fifo = ["npu_fifo", "npu_loop_nest", "npu_loop_track"]
    walk = ["npu_gemm_walk", *fifo]
    harness.lint("npu_gemm_check", ["npu_gemm_check"])
    harness.lint("npu_gemm_place", ["npu_gemm_place"])
    harness.lint("npu_gemm_walk", walk[:1] + walk[2:])
    harness.lint("npu_gemm_writer", ["npu_gemm_writer", "npu_gemm_place", *walk])
    harness.lint("npu_gemm_residual", ["npu_gemm_residual", "npu_delay", "npu_shift", *walk])
    harness.lint("npu_gemm_issue", ["npu_gemm_issue", "npu_shift", *fifo])
    harness.lint("npu_weight_loader", ["npu_weight_loader", "npu_fifo", "npu_loop_nest"])
    harness.lint("npu_obuf", ["npu_obuf", "npu_ram_1r1w"])
    harness.lint("npu_gemm_drain", [
        "npu_gemm_drain", "npu_gemm_writer", "npu_gemm_place", *walk, "npu_obuf", "npu_ram_1r1w",
        "npu_post", "npu_post_lane", "npu_i2f", "npu_f2i", "npu_f32_mul", "npu_fma_int",
        "npu_shift", "npu_delay", "npu_table"])
