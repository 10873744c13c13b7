//! The functions, in binary64. Those of `libm` are the same on every machine, unlike the ones of the
//! system behind `f64`.

use std::borrow::Cow;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use libm::{erf, exp, exp2, log1p, log2, tanh};

use super::{Function, Shape, Source};
use crate::arith::function::Mode;

const NOTHING: [f64; 2] = [0.0, 0.0];
const ONE: [f64; 2] = [1.0, 0.0];
const MINUS_ONE: [f64; 2] = [-1.0, 0.0];
const ITSELF: [f64; 2] = [0.0, 1.0];

/// A function of octaves from 2^first to 2^end, with what it is beyond for plus and minus.
const fn octaves(first: i32, end: i32, above: [[f64; 2]; 2]) -> Shape {
    Shape::Octaves { first, end, above, bits: 6 }
}

/// All functions, in alphabetical order.
pub(super) const ALL: &[Function] = &[
    Function {
        name: Cow::Borrowed("erf"),
        formula: Cow::Borrowed("error function"),
        range: (-4.0, 4.0),
        floor: 0.0,
        shape: octaves(-11, 2, [ONE, MINUS_ONE]),
        f: Source::Built(erf),
    },
    Function {
        name: Cow::Borrowed("exp2"),
        formula: Cow::Borrowed("2^x"),
        range: (0.0, 1.0),
        floor: 0.0,
        shape: Shape::Reduced { mode: Mode::Period, bits: 7 },
        f: Source::Built(exp2),
    },
    Function {
        name: Cow::Borrowed("gelu"),
        formula: Cow::Borrowed("x (1 + erf(x / sqrt 2)) / 2"),
        range: (-8.0, 8.0),
        floor: 0.125,
        shape: octaves(-8, 3, [ITSELF, NOTHING]),
        f: Source::Built(|x| 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))),
    },
    Function {
        name: Cow::Borrowed("gelu_tanh"),
        formula: Cow::Borrowed("x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2"),
        range: (-8.0, 8.0),
        floor: 0.125,
        shape: octaves(-8, 3, [ITSELF, NOTHING]),
        f: Source::Built(|x| {
            0.5 * x * (1.0 + tanh(FRAC_2_PI.sqrt() * (x + 0.044_715 * x * x * x)))
        }),
    },
    Function {
        name: Cow::Borrowed("hardswish"),
        formula: Cow::Borrowed("x min(max(x + 3, 0), 6) / 6"),
        range: (-8.0, 8.0),
        floor: 0.125,
        shape: octaves(-8, 3, [ITSELF, NOTHING]),
        f: Source::Built(|x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
    },
    Function {
        name: Cow::Borrowed("log2"),
        formula: Cow::Borrowed("binary logarithm of a mantissa"),
        range: (1.0, 2.0),
        floor: 0.125,
        shape: Shape::Reduced { mode: Mode::Mantissa, bits: 8 },
        f: Source::Built(log2),
    },
    Function {
        name: Cow::Borrowed("reciprocal"),
        formula: Cow::Borrowed("1 / x"),
        range: (1.0, 2.0),
        floor: 0.0,
        shape: Shape::Reduced { mode: Mode::Reciprocal, bits: 7 },
        f: Source::Built(f64::recip),
    },
    Function {
        name: Cow::Borrowed("rsqrt"),
        formula: Cow::Borrowed("1 / sqrt x"),
        range: (1.0, 4.0),
        floor: 0.0,
        shape: Shape::Reduced { mode: Mode::Root, bits: 8 },
        f: Source::Built(|x| x.sqrt().recip()),
    },
    Function {
        name: Cow::Borrowed("sigmoid"),
        formula: Cow::Borrowed("1 / (1 + e^-x)"),
        range: (-32.0, 32.0),
        floor: 0.125,
        shape: octaves(-6, 5, [ONE, NOTHING]),
        f: Source::Built(sigmoid),
    },
    Function {
        name: Cow::Borrowed("silu"),
        formula: Cow::Borrowed("x / (1 + e^-x)"),
        range: (-16.0, 16.0),
        floor: 0.125,
        shape: octaves(-8, 4, [ITSELF, NOTHING]),
        f: Source::Built(|x| x * sigmoid(x)),
    },
    Function {
        name: Cow::Borrowed("softplus"),
        formula: Cow::Borrowed("ln(1 + e^x)"),
        range: (-16.0, 16.0),
        floor: 0.125,
        shape: octaves(-6, 4, [ITSELF, NOTHING]),
        f: Source::Built(|x| x.max(0.0) + log1p(exp(-x.abs()))),
    },
    Function {
        name: Cow::Borrowed("tanh"),
        formula: Cow::Borrowed("hyperbolic tangent"),
        range: (-16.0, 16.0),
        floor: 0.0,
        shape: octaves(-11, 4, [ONE, MINUS_ONE]),
        f: Source::Built(tanh),
    },
];

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}
