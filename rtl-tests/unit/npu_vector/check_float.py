"""The long comparison behind scripts/check_float.sh. Arguments: operands per function, seed."""

import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))
sys.path.insert(0, str(HERE.parent / "npu_fma_int"))

import harness  # noqa: E402
import test_npu_fma_int  # noqa: E402
import test_npu_vector_float as tests  # noqa: E402

FUNCTIONS = range(20, 34)
INTEGER_BITS = (4, 8, 16)


def main():
    count = sys.argv[1] if len(sys.argv) > 1 else "100000000"
    seed = sys.argv[2] if len(sys.argv) > 2 else "1"
    for bits in INTEGER_BITS:
        start = time.monotonic()
        text = test_npu_fma_int.run(bits, count, seed)
        print(f"{text.splitlines()[-1]} ({time.monotonic() - start:.0f} s)", flush=True)
    for function in FUNCTIONS:
        start = time.monotonic()
        text = harness.verilate(
            "float_bench", [HERE / "float_bench.v", *tests.FLOAT], {"LANES": 8, "SEGMENTS": 512},
            HERE / "float.cpp", [count, seed, str(function)], timeout=36000)
        print(f"{text.splitlines()[-1]} ({time.monotonic() - start:.0f} s, function {function})",
              flush=True)


if __name__ == "__main__":
    main()
