"""npu_vector_datapath against a reference in C++: random launches, speed, faults."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
PARTS = ["npu_vector_accumulate", "npu_vector_across", "npu_vector_alu", "npu_vector_argument",
         "npu_vector_check", "npu_vector_combine", "npu_vector_float", "npu_vector_function",
         "npu_vector_issue", "npu_vector_join", "npu_vector_lanes", "npu_vector_operand",
         "npu_vector_pace", "npu_vector_param", "npu_vector_reduce", "npu_vector_reduction",
         "npu_vector_second", "npu_vector_step", "npu_vector_taps", "npu_vector_write"]
CELLS = ["npu_delay", "npu_f2i", "npu_f32_add", "npu_f32_mul", "npu_fifo",
         "npu_fma_int", "npu_i2f", "npu_loop_nest", "npu_loop_track", "npu_post",
         "npu_post_lane", "npu_ram_1r1w", "npu_shift", "npu_table"]
DATAPATH = ["npu_vector_datapath", *PARTS, *CELLS]
BENCH = [HERE / "vector_bench.v", *DATAPATH, "npu_banked_ram"]

DEFAULTS = {"LANES": 4, "ROWS": 4, "ACT_W": 8, "TAPS": 3, "ACC_DEPTH": 16, "TABLES": 2,
            "ENABLE_RESIDUAL": 1, "ENABLE_LOOKUP": 1, "ENABLE_DYNAMIC_WEIGHTS": 0, "NUM_BANKS": 4,
            "BANK_DEPTH": 64, "ENABLE_FLOAT": 0, "SEGMENTS": 0}
SHAPES = {
    "square": {"ENABLE_DYNAMIC_WEIGHTS": 1},
    "halves": {"LANES": 2},
    "quarters": {"ROWS": 8, "LANES": 2, "TAPS": 4, "TABLES": 1},
    "odd": {"ROWS": 7, "LANES": 7, "TAPS": 1, "ACC_DEPTH": 5},
    "odd_halves": {"ROWS": 6, "LANES": 3, "ACT_W": 4, "TAPS": 2},
    "wide": {"ACT_W": 16, "ENABLE_RESIDUAL": 1, "TAPS": 4, "NUM_BANKS": 2, "BANK_DEPTH": 128},
    "plain": {"ROWS": 1, "LANES": 1, "ENABLE_RESIDUAL": 0, "ENABLE_LOOKUP": 0, "NUM_BANKS": 1,
              "BANK_DEPTH": 256},
    "float": {"ENABLE_FLOAT": 1, "SEGMENTS": 24, "ENABLE_DYNAMIC_WEIGHTS": 1},
    "float_odd": {"ENABLE_FLOAT": 1, "ROWS": 7, "LANES": 7, "TAPS": 1, "ACC_DEPTH": 5,
                  "NUM_BANKS": 2, "BANK_DEPTH": 128},
    "float_plain": {"ENABLE_FLOAT": 1, "SEGMENTS": 16, "ROWS": 2, "LANES": 1, "ENABLE_RESIDUAL": 0,
                    "ENABLE_LOOKUP": 0, "ACT_W": 7},
}


def run(shape, bench, *args):
    return harness.verilate("vector_bench", BENCH, {**DEFAULTS, **shape}, HERE / bench, args)


@pytest.mark.parametrize("shape", SHAPES)
def test_random_launches(shape):
    run(SHAPES[shape], "bench.cpp", "1", "60")


@pytest.mark.parametrize("shape", ["square", "halves", "plain", "float", "float_plain"])
def test_speed_and_faults(shape):
    extra = {"BANK_DEPTH": 512, "NUM_BANKS": 4, "ACC_DEPTH": 112}
    run({**SHAPES[shape], **extra, "ENABLE_DYNAMIC_WEIGHTS": 0}, "speed.cpp", "1", "112")


@pytest.mark.parametrize("module", [*PARTS, "npu_vector_datapath"])
def test_lint(module):
    harness.lint(module, DATAPATH)
