//! Functions that a configuration or a command line defines by an expression.

use std::borrow::Cow;

use super::{Function, Shape, Source};
use crate::design::OwnFunction;

/// Octaves below the range's end that a table has, besides the part around zero: as many as the
/// built ones.
const OCTAVES: i32 = 12;

impl Function {
    /// The function of an expression. Beyond its range it goes on as the straight line through its
    /// values at the end of the range and at twice that.
    pub fn own(definition: &OwnFunction) -> Function {
        let OwnFunction { name, doc, expr, range } = definition;
        let reach = f64::from(*range);
        let end = libm::ilogb(reach) + i32::from(!range.is_power_of_two());
        let far = libm::ldexp(1.0, end);
        let above = [1.0, -1.0].map(|sign| {
            let [near, twice] = [far, 2.0 * far].map(|x| expr.real(sign * x));
            let slope = (twice - near) / far;
            [near - slope * far, slope].map(settled)
        });
        Function {
            name: Cow::Owned(name.clone()),
            formula: Cow::Owned(doc.clone()),
            range: (-reach, reach),
            floor: 0.125,
            shape: Shape::Octaves { first: end - OCTAVES, end, above, bits: 6 },
            f: Source::Expr(expr.clone()),
        }
    }
}

/// A number that is nearly whole is meant to be whole: functions come close to their asymptotes,
/// but not quite.
fn settled(value: f64) -> f64 {
    let whole = value.round();
    if (value - whole).abs() < 1e-4 { whole } else { value }
}
