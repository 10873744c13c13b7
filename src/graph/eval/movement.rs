//! Operators that move elements: positions in the operand, in the order of the result.

use super::Fail;
use super::walk::{broadcast, positions, strides};
use crate::graph::op::{Op, Padding};
use crate::graph::tensor::Elements;

/// Elements of a result that holds elements of the first operand and nothing else.
pub fn moved(
    op: &Op,
    shape: &[usize],
    x: &Elements,
    indices: Option<&Elements>,
    out: &[usize],
) -> Result<Elements, Fail> {
    let own = strides(shape);
    Ok(match op {
        Op::Reshape => x.clone(),
        Op::Expand => x.pick(positions(out, &broadcast(shape, out.len()), 0)),
        Op::Transpose { order } => {
            let turned: Vec<isize> = order.iter().map(|&d| own[d]).collect();
            x.pick(positions(out, &turned, 0))
        }
        Op::Slice { starts, steps } => {
            let start = starts.iter().zip(&own).map(|(&s, &o)| s.cast_signed() * o).sum();
            let strides: Vec<isize> = steps.iter().zip(&own).map(|(s, o)| s * o).collect();
            x.pick(positions(out, &strides, start))
        }
        Op::Upsample { factors } => {
            let wide = strides(out);
            let index = |at: usize, d: usize| at / wide[d].cast_unsigned() % out[d] / factors[d];
            let from =
                |at: usize| (0..out.len()).map(|d| index(at, d) * own[d].cast_unsigned()).sum();
            x.pick((0..out.iter().product()).map(from))
        }
        Op::Gather { axis } => {
            let indices = indices
                .and_then(Elements::integers)
                .ok_or_else(|| Fail::new("its indices are no integers"))?;
            let extent = shape[*axis];
            let inner: usize = shape[axis + 1..].iter().product();
            let outer: usize = shape[..*axis].iter().product();
            let row = |&i: &i64| {
                let from_end = if i < 0 { i.saturating_add_unsigned(extent as u64) } else { i };
                usize::try_from(from_end).ok().filter(|&i| i < extent).ok_or_else(|| {
                    Fail::new(format!("an index is {i}, but the extent of axis {axis} is {extent}"))
                })
            };
            let rows: Vec<usize> = indices.iter().map(row).collect::<Result<_, _>>()?;
            let starts = (0..outer).flat_map(|o| rows.iter().map(move |row| o * extent + row));
            x.pick(starts.flat_map(|start| start * inner..(start + 1) * inner))
        }
        _ => return Err(Fail::new("the operator does not move elements")),
    })
}

/// Joins operands along a dimension.
pub fn concat(shapes: &[&[usize]], parts: &[&Elements], axis: usize) -> Result<Elements, Fail> {
    fn join<T: Copy>(shapes: &[&[usize]], parts: &[&[T]], axis: usize) -> Vec<T> {
        let runs: Vec<usize> = shapes.iter().map(|s| s[axis..].iter().product()).collect();
        let outer: usize = shapes[0][..axis].iter().product();
        let mut result = Vec::new();
        for o in 0..outer {
            for (part, run) in parts.iter().zip(&runs) {
                result.extend_from_slice(&part[o * run..][..*run]);
            }
        }
        result
    }
    macro_rules! of {
        ($variant:ident) => {{
            let parts: Option<Vec<_>> = parts
                .iter()
                .map(|part| match part {
                    Elements::$variant(v) => Some(v.as_slice()),
                    _ => None,
                })
                .collect();
            parts.map(|parts| Elements::$variant(join(shapes, &parts, axis)))
        }};
    }
    let joined = match parts.first() {
        Some(Elements::F32(_)) => of!(F32),
        Some(Elements::I8(_)) => of!(I8),
        Some(Elements::I32(_)) => of!(I32),
        Some(Elements::I64(_)) => of!(I64),
        Some(Elements::Bool(_)) => of!(Bool),
        None => None,
    };
    joined.ok_or_else(|| Fail::new("its operands have different element types"))
}

/// Puts elements around an operand; `filler` holds one element.
pub fn pad(
    shape: &[usize],
    x: &Elements,
    before: &[usize],
    padding: Padding,
    out: &[usize],
    filler: &Elements,
) -> Result<Elements, Fail> {
    let (own, wide) = (strides(shape), strides(out));
    // Position in the operand, none for the filler.
    let from = |at: usize| -> Option<usize> {
        let mut position = 0;
        for d in 0..out.len() {
            let extent = shape[d].cast_signed();
            let at = at / wide[d].cast_unsigned() % out[d];
            let i = at.cast_signed() - before[d].cast_signed();
            let i = match padding {
                Padding::Constant(_) => i,
                Padding::Edge => i.clamp(0, (extent - 1).max(0)),
                Padding::Wrap => i.rem_euclid(extent.max(1)),
                Padding::Reflect => {
                    let period = (2 * (extent - 1)).max(1);
                    let i = i.rem_euclid(period);
                    if i < extent { i } else { period - i }
                }
            };
            let i = usize::try_from(i).ok().filter(|&i| i < shape[d])?;
            position += i * own[d].cast_unsigned();
        }
        Some(position)
    };
    // The filler stands behind the operand's elements.
    let with_filler = concat(&[&[x.len()], &[1]], &[x, filler], 0)?;
    let count: usize = out.iter().product();
    Ok(with_filler.pick((0..count).map(|at| from(at).unwrap_or(x.len()))))
}
