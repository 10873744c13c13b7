//! The operations that give no new rounding: order, sign and the numbers that are none.

use super::float::{NAN, abs, add, at_most, equal, less, max, min, mul, neg, sub};

const TINY: f32 = f32::from_bits(1);
const OTHER_NAN: f32 = f32::from_bits(0xff80_0001);
const INF: f32 = f32::INFINITY;

#[test]
fn larger_and_smaller() {
    for (a, b, large, small) in [
        (1.0, 2.0, 2.0, 1.0),
        (-1.0, -2.0, -1.0, -2.0),
        (0.0, -0.0, 0.0, -0.0),
        (TINY, -0.0, 0.0, -0.0),
        (-TINY, 0.0, 0.0, -0.0),
        (-TINY, -0.0, -0.0, -0.0),
        (INF, -INF, INF, -INF),
        (OTHER_NAN, 1.0, 1.0, 1.0),
        (OTHER_NAN, -INF, -INF, -INF),
        (OTHER_NAN, OTHER_NAN, NAN, NAN),
    ] {
        for (a, b) in [(a, b), (b, a)] {
            assert_eq!(max(a, b).to_bits(), large.to_bits(), "max({a:e}, {b:e})");
            assert_eq!(min(a, b).to_bits(), small.to_bits(), "min({a:e}, {b:e})");
        }
    }
}

#[test]
fn comparisons() {
    for (a, b, smaller, same) in [
        (1.0, 2.0, true, false),
        (2.0, 1.0, false, false),
        (0.0, -0.0, false, true),
        (-TINY, TINY, false, true),
        (-INF, f32::MIN, true, false),
        (INF, INF, false, true),
        (NAN, NAN, false, false),
        (NAN, 1.0, false, false),
        (1.0, OTHER_NAN, false, false),
    ] {
        assert_eq!(less(a, b), smaller, "{a:e} < {b:e}");
        assert_eq!(equal(a, b), same, "{a:e} = {b:e}");
        assert_eq!(at_most(a, b), smaller || same, "{a:e} <= {b:e}");
    }
}

#[test]
fn there_is_one_nan() {
    for value in [
        add(INF, -INF),
        sub(INF, INF),
        mul(INF, 0.0),
        mul(-INF, TINY),
        add(OTHER_NAN, 1.0),
        mul(1.0, OTHER_NAN),
        abs(OTHER_NAN),
        neg(OTHER_NAN),
        neg(NAN),
    ] {
        assert_eq!(value.to_bits(), 0x7fc0_0000);
    }
    assert_eq!(abs(-TINY).to_bits(), 0);
    assert_eq!(neg(TINY).to_bits(), 0x8000_0000);
    assert_eq!(sub(1.0, 1.0).to_bits(), 0);
    assert_eq!(sub(-0.0, 0.0).to_bits(), 0x8000_0000);
    assert_eq!(add(f32::MAX, f32::MAX), INF);
}
