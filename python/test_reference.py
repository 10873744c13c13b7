"""A sample of the comparison with onnxruntime; `scripts/check_numerics.sh` makes the long one."""

import reference


def test_lane_agrees_with_onnxruntime():
    lane = reference.build_lane(release=False)
    assert reference.compare(300_000, 7, lane)
