"""npu_semaphores: counts are never lost, grants take all or nothing, misuse is a fault."""

import harness

SOURCES = ["rtl-tests/formal/npu_semaphores_props.sv", "npu_semaphores"]


def test_counts_and_grants():
    harness.prove("npu_semaphores_props", SOURCES, depth=12)
