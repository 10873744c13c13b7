//! Shapes and element types of results.

use super::op::{Binary, Op, Unary, Window};
use super::{Dtype, Fault, Tensor};

/// Most elements of a tensor: indices and sizes in bytes stay far from the limits of the machine.
pub const MOST_ELEMENTS: usize = 1 << 32;

/// Shape and type of what an operator makes; `wanted` is the shape of a view or an expansion.
pub fn result(
    op: &Op,
    inputs: &[&Tensor],
    wanted: Option<&[usize]>,
) -> Result<(Vec<usize>, Dtype), Fault> {
    let x = inputs.first().ok_or_else(|| Fault::new("it has no operands", "give it some"))?;
    let shape = shape(op, inputs, wanted)?;
    let count = shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    if count.is_none_or(|count| count > MOST_ELEMENTS) {
        return Err(Fault::new(
            format!("its result {shape:?} has more than {MOST_ELEMENTS} elements, the limit"),
            "make it smaller",
        ));
    }
    let dtype = match op {
        Op::Binary(binary) if binary.is_test() => Dtype::Bool,
        Op::Where => inputs.get(1).map_or(x.dtype, |tensor| tensor.dtype),
        Op::Quantize => Dtype::I8,
        Op::Dequantize => Dtype::F32,
        _ => x.dtype,
    };
    Ok((shape, dtype))
}

/// Refuses element types that an operator does not compute with.
pub fn types(op: &Op, inputs: &[&Tensor]) -> Result<(), Fault> {
    use Dtype::{Bool, F32, I8, I32, I64};
    let (allowed, same): (&[Dtype], bool) = match op {
        Op::Conv { .. } | Op::ConvTranspose { .. } | Op::MatMul { .. } => (&[F32, I8], false),
        Op::LayerNorm { .. } | Op::RmsNorm { .. } | Op::BatchNorm { .. } | Op::GroupNorm { .. } => {
            (&[F32], true)
        }
        Op::Pool { .. } | Op::Softmax { .. } => (&[F32, I8], true),
        Op::Unary(Unary::Not) => (&[Bool], true),
        Op::Unary(Unary::Identity) => (&[F32, I8, I32, I64, Bool], true),
        Op::Unary(
            Unary::Relu
            | Unary::Clip { .. }
            | Unary::Neg
            | Unary::Abs
            | Unary::Sign
            | Unary::Floor
            | Unary::Ceil
            | Unary::Round,
        ) => (&[F32, I32, I64], true),
        Op::Unary(_) => (&[F32], true),
        Op::Binary(Binary::And | Binary::Or | Binary::Xor) => (&[Bool], true),
        Op::Binary(Binary::Equal) => (&[F32, I32, I64, Bool], true),
        Op::Binary(_) | Op::Reduce { .. } => (&[F32, I32, I64], true),
        Op::Where => (&[Bool], false),
        Op::Concat { .. } => (&[F32, I8, I32, I64, Bool], true),
        Op::Quantize => (&[F32], false),
        Op::Dequantize => (&[I8, I32], false),
        _ => (&[F32, I8, I32, I64, Bool], false),
    };
    let names = |list: &[Dtype]| list.iter().map(|d| d.name()).collect::<Vec<_>>().join(", ");
    let first = operand(inputs, 0)?;
    if !allowed.contains(&first.dtype) {
        return Err(Fault::new(
            format!(
                "`{}` has element type {}, but {} is computed with {}",
                first.name,
                first.dtype.name(),
                op.name(),
                names(allowed)
            ),
            "insert a Cast, or export the model with another type",
        ));
    }
    let sums = matches!(op, Op::Conv { .. } | Op::ConvTranspose { .. } | Op::MatMul { .. });
    let same = same || sums && first.dtype == F32;
    let others = if matches!(op, Op::Where) { inputs.get(1..).unwrap_or_default() } else { inputs };
    let reference = operand(others, 0)?;
    match others.iter().find(|other| other.dtype != reference.dtype) {
        Some(other) if same || matches!(op, Op::Where) => Err(Fault::new(
            format!(
                "`{}` has element type {}, but `{}` has {}",
                reference.name,
                reference.dtype.name(),
                other.name,
                other.dtype.name()
            ),
            "insert a Cast",
        )),
        _ => Ok(()),
    }
}

fn operand<'t>(inputs: &[&'t Tensor], index: usize) -> Result<&'t Tensor, Fault> {
    inputs.get(index).copied().ok_or_else(|| {
        Fault::new(
            format!("it has {} operands, but operand {index} is needed", inputs.len()),
            "give it that",
        )
    })
}

fn shape(op: &Op, inputs: &[&Tensor], wanted: Option<&[usize]>) -> Result<Vec<usize>, Fault> {
    let x = &operand(inputs, 0)?.shape;
    Ok(match op {
        Op::Unary(_)
        | Op::Softmax { .. }
        | Op::LayerNorm { .. }
        | Op::RmsNorm { .. }
        | Op::BatchNorm { .. }
        | Op::GroupNorm { .. }
        | Op::Cast
        | Op::Quantize
        | Op::Dequantize => x.clone(),
        Op::Binary(_) => broadcast(&[x, &operand(inputs, 1)?.shape])?,
        Op::Where => broadcast(&[x, &operand(inputs, 1)?.shape, &operand(inputs, 2)?.shape])?,
        Op::Conv { window, groups } => convolution(inputs, window, *groups)?,
        Op::ConvTranspose { window, groups, extra } => transposed(inputs, window, *groups, extra)?,
        Op::MatMul { transpose_a, transpose_b } => {
            product(x, &operand(inputs, 1)?.shape, *transpose_a, *transpose_b, inputs.get(2))?
        }
        Op::Pool { window, ceil, .. } => {
            let (outer, spatial) = split(x, window)?;
            let mut shape = outer.to_vec();
            for (d, &extent) in spatial.iter().enumerate() {
                shape.push(window.outputs(d, extent, *ceil).ok_or_else(|| too_small(x, window))?);
            }
            shape
        }
        Op::Reduce { axes, keep, .. } => x
            .iter()
            .enumerate()
            .filter_map(|(d, &extent)| match (axes.contains(&d), keep) {
                (false, _) => Some(extent),
                (true, true) => Some(1),
                (true, false) => None,
            })
            .collect(),
        Op::Concat { axis } => {
            let mut shape = x.clone();
            let mut sum = 0_usize;
            for tensor in inputs {
                let fits = tensor.shape.len() == shape.len()
                    && tensor
                        .shape
                        .iter()
                        .zip(x)
                        .enumerate()
                        .all(|(d, (a, b))| d == *axis || a == b);
                if !fits {
                    return Err(Fault::new(
                        format!("operands {x:?} and {:?} differ beside axis {axis}", tensor.shape),
                        "make their other extents equal",
                    ));
                }
                sum = sum.saturating_add(tensor.shape.get(*axis).copied().unwrap_or(0));
            }
            *shape.get_mut(*axis).ok_or_else(|| rank(x))? = sum;
            shape
        }
        Op::Transpose { order } => {
            let mut seen = order.clone();
            seen.sort_unstable();
            if !seen.iter().copied().eq(0..x.len()) {
                return Err(Fault::new(
                    format!("order {order:?} is no permutation of the dimensions of {x:?}"),
                    "name every dimension once",
                ));
            }
            order.iter().map(|&d| x[d]).collect()
        }
        Op::Reshape => {
            let wanted = wanted.unwrap_or(x);
            let count = |s: &[usize]| {
                s.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent))
            };
            if count(wanted) != count(x) {
                return Err(Fault::new(
                    format!("{x:?} cannot become {wanted:?}: other number of elements"),
                    "correct the shape, or the shapes of the inputs given with `--shape`",
                ));
            }
            wanted.to_vec()
        }
        Op::Expand => {
            let wanted = wanted.unwrap_or(x);
            broadcast(&[x, wanted])?
        }
        Op::Slice { .. } => wanted.unwrap_or(x).to_vec(),
        Op::Upsample { factors } => {
            x.iter().zip(factors).map(|(&extent, &f)| extent.saturating_mul(f)).collect()
        }
        Op::Pad { before, after, .. } => x
            .iter()
            .zip(before.iter().zip(after))
            .map(|(&extent, (&b, &a))| extent.saturating_add(b).saturating_add(a))
            .collect(),
        Op::Gather { axis } => {
            let indices = &operand(inputs, 1)?.shape;
            let (outer, inner) = x.split_at_checked(*axis).ok_or_else(|| rank(x))?;
            let inner = inner.get(1..).ok_or_else(|| rank(x))?;
            [outer, indices, inner].concat()
        }
    })
}

fn rank(x: &[usize]) -> Fault {
    Fault::new(format!("its operand {x:?} has {} dimensions, too few", x.len()), "check the axis")
}

fn too_small(x: &[usize], window: &Window) -> Fault {
    Fault::new(
        format!("a window of {:?} does not fit the operand {x:?} with its padding", window.kernel),
        "give a larger input, or more padding",
    )
}

/// `[N][C]` and the spatial extents, as many as the window has.
fn split<'s>(x: &'s [usize], window: &Window) -> Result<(&'s [usize], &'s [usize]), Fault> {
    if x.len() != window.kernel.len() + 2 {
        return Err(Fault::new(
            format!(
                "its operand {x:?} has {} dimensions, but a window of {:?} needs {}",
                x.len(),
                window.kernel,
                window.kernel.len() + 2
            ),
            "check the operand, or `kernel_shape`",
        ));
    }
    Ok(x.split_at(2))
}

fn bias_fits(inputs: &[&Tensor], channels: usize) -> Result<(), Fault> {
    match inputs.get(2) {
        Some(bias) if bias.shape != [channels] => Err(Fault::new(
            format!("the bias {:?} is not one number for each of {channels} channels", bias.shape),
            "make it so",
        )),
        _ => Ok(()),
    }
}

fn convolution(inputs: &[&Tensor], window: &Window, groups: usize) -> Result<Vec<usize>, Fault> {
    let (x, w) = (&operand(inputs, 0)?.shape, &operand(inputs, 1)?.shape);
    let (outer, spatial) = split(x, window)?;
    let fits = w.len() == x.len()
        && groups > 0
        && w[0] % groups == 0
        && w[1].checked_mul(groups) == Some(x[1])
        && w.get(2..) == Some(&window.kernel);
    if !fits {
        return Err(Fault::new(
            format!("weights {w:?} in {groups} groups do not fit the operand {x:?}"),
            "weights are [out][in / groups][kernel ..]",
        ));
    }
    bias_fits(inputs, w[0])?;
    let mut shape = vec![outer[0], w[0]];
    for (d, &extent) in spatial.iter().enumerate() {
        shape.push(window.outputs(d, extent, false).ok_or_else(|| too_small(x, window))?);
    }
    Ok(shape)
}

fn transposed(
    inputs: &[&Tensor],
    window: &Window,
    groups: usize,
    extra: &[usize],
) -> Result<Vec<usize>, Fault> {
    let (x, w) = (&operand(inputs, 0)?.shape, &operand(inputs, 1)?.shape);
    let (outer, spatial) = split(x, window)?;
    let channels = w.get(1).and_then(|&per_group| per_group.checked_mul(groups));
    let (Some(channels), true) = (channels, w.len() == x.len() && groups > 0 && w[0] == x[1])
    else {
        return Err(Fault::new(
            format!("weights {w:?} in {groups} groups do not fit the operand {x:?}"),
            "weights are [in][out / groups][kernel ..]",
        ));
    };
    bias_fits(inputs, channels)?;
    let mut shape = vec![outer[0], channels];
    for (d, &extent) in spatial.iter().enumerate() {
        let reach = (window.kernel[d].saturating_sub(1)).saturating_mul(window.dilations[d]) + 1;
        let full = extent
            .saturating_sub(1)
            .saturating_mul(window.strides[d])
            .saturating_add(reach)
            .saturating_add(extra.get(d).copied().unwrap_or(0));
        let cut = window.before[d].saturating_add(window.after[d]);
        shape.push(full.checked_sub(cut).ok_or_else(|| too_small(x, window))?);
    }
    Ok(shape)
}

fn product(
    a: &[usize],
    b: &[usize],
    transpose_a: bool,
    transpose_b: bool,
    bias: Option<&&Tensor>,
) -> Result<Vec<usize>, Fault> {
    let wrong = || {
        Fault::new(
            format!("matrices {a:?} and {b:?} have no product"),
            "the inner extents must be equal, and the outer ones equal or 1",
        )
    };
    let matrix = |s: &[usize], turned: bool| match *s {
        [.., r, c] if turned => Some([c, r]),
        [.., r, c] => Some([r, c]),
        _ => None,
    };
    let [m, k] = matrix(a, transpose_a).ok_or_else(wrong)?;
    let [k2, n] = matrix(b, transpose_b).ok_or_else(wrong)?;
    if k != k2 {
        return Err(wrong());
    }
    let outer = |s: &[usize]| s.get(..s.len().saturating_sub(2)).unwrap_or_default().to_vec();
    let mut shape = broadcast(&[&outer(a), &outer(b)]).map_err(|_| wrong())?;
    shape.extend([m, n]);
    match bias {
        Some(bias) if broadcast(&[&shape, &bias.shape]).as_ref() != Ok(&shape) => Err(Fault::new(
            format!("the bias {:?} does not fit the product {shape:?}", bias.shape),
            "its extents must be those of the product, or 1",
        )),
        _ => Ok(shape),
    }
}

/// The common shape of operands that are broadcast.
pub fn broadcast(shapes: &[&[usize]]) -> Result<Vec<usize>, Fault> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut result = vec![1; rank];
    for shape in shapes {
        let offset = rank - shape.len();
        for (d, &extent) in shape.iter().enumerate() {
            let common = &mut result[offset + d];
            if *common == 1 {
                *common = extent;
            } else if extent != 1 && extent != *common {
                return Err(Fault::new(
                    format!("operands {} do not fit each other", list(shapes)),
                    "extents must be equal, or one of them 1",
                ));
            }
        }
    }
    Ok(result)
}

fn list(shapes: &[&[usize]]) -> String {
    let texts: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
    texts.join(" and ")
}
