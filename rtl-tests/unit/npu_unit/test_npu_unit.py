"""UNIT: every module alone, and the handshake check against a model of its rules. What the engine
computes is compared with the golden model by `npugen test-extension` and `npugen fuzz`
(tests/units.rs)."""

import pathlib

import pytest

import generated
import harness

HERE = pathlib.Path(__file__).parent
EXAMPLE = "configs/examples/custom_unit.yaml"
SHARED = ["npu_delay", "npu_fifo", "npu_loop_nest", "npu_loop_track", "npu_unit_check",
          "npu_vector_operand", "npu_vector_write"]


@pytest.mark.parametrize("params", [
    {},
    {"LANES": 4, "ROWS": 16, "STALLS": 1},
    {"LANES": 7, "ROWS": 7, "CHECK": 0},
    {"LANES": 1, "ROWS": 1, "ACT_W": 16},
], ids=str)
def test_lint_of_the_streams(params):
    harness.lint("npu_unit_stream", ["npu_unit_stream", *SHARED], params)


def test_lint_of_the_check():
    harness.lint("npu_unit_check", ["npu_unit_check"])


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return generated.emit(["-c", EXAMPLE], tmp_path_factory.mktemp("unit"))


@pytest.mark.parametrize("module", ["npu_unit", "npu_unit_regs", "npu_unit_bindot", "npu_unit_top1",
                                    "npu_unit_bindot_next_matches", "npu_unit_top1_out_at",
                                    "npu_unit_sad"])
def test_lint_of_the_example(example, module):
    harness.lint(module, generated.sources(example))


def test_check_follows_its_rules():
    harness.verilate("npu_unit_check", ["npu_unit_check"], {"WIDTH": 8}, HERE / "check.cpp", ["1"])
