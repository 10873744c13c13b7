"""The long comparison of the post-processor with binary32 arithmetic: 32 million results.

    python rtl-tests/perf/post_campaign.py [VECTORS_PER_SEED] [SEEDS]

The test suite runs the same bench with fewer vectors. Also requantization at the ties of all
scales' exponents, and the binary32 units one by one over many more operands.
"""

import pathlib
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "rtl-tests"))
for unit in ("npu_post", "npu_post_lane", "npu_f32"):
    sys.path.insert(0, str(REPO / "rtl-tests" / "unit" / unit))

import harness  # noqa: E402
import test_npu_f32  # noqa: E402
import test_npu_post  # noqa: E402
import test_npu_post_lane  # noqa: E402


def main():
    vectors = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    bench = REPO / "rtl-tests" / "unit" / "npu_post" / "bench.cpp"
    for seed in range(1, seeds + 1):
        print(harness.verilate("npu_post", test_npu_post.SOURCES, test_npu_post.SHAPES[0], bench,
                               args=[str(vectors), str(seed)], timeout=3600).strip())
    test_npu_post_lane.test_ties_of_all_exponents(every=1)
    for top in test_npu_f32.UNITS:
        print(test_npu_f32.run(top, 20 * vectors).strip())


if __name__ == "__main__":
    main()
