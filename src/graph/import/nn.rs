//! Convolutions, products, pools, norms.

use super::context::{Context, Made};
use super::window::{sizes, window};
use crate::graph::op::{Binary, Op, PoolKind, ReduceKind};
use crate::graph::tensor::{Dtype, Elements};
use crate::graph::{Fault, TensorId};

/// Number of groups of channels.
pub fn groups(c: &mut Context, name: &'static str) -> Result<usize, Fault> {
    let value = c.int(name, 1);
    usize::try_from(value).ok().filter(|&groups| groups > 0).ok_or_else(|| {
        Fault::new(
            format!("its attribute `{name}` is {value}, but must be at least 1"),
            "correct it",
        )
    })
}

/// Extents behind `[N][C]`.
pub fn spatial(c: &Context, x: TensorId) -> Vec<usize> {
    c.tensor(x).shape.iter().skip(2).copied().collect()
}

/// The operator of a convolution whose operand and weights are these.
pub fn convolution(c: &mut Context, x: TensorId, w: TensorId) -> Result<Op, Fault> {
    let kernel = spatial(c, w);
    let spatial = spatial(c, x);
    let window = window(c, &spatial, Some(&kernel))?;
    if window.kernel != kernel {
        return Err(Fault::new(
            format!(
                "its attribute `kernel_shape` is {:?}, but the weights have {kernel:?}",
                window.kernel
            ),
            "correct it, or leave it out",
        ));
    }
    Ok(Op::Conv { window, groups: groups(c, "group")? })
}

pub fn conv(c: &mut Context) -> Made {
    let (x, w) = (c.input(0)?, c.input(1)?);
    let op = convolution(c, x, w)?;
    let operands: Vec<TensorId> = [Some(x), Some(w), c.optional(2)].into_iter().flatten().collect();
    c.op(op, &operands)
}

pub fn conv_transpose(c: &mut Context) -> Made {
    let (x, w) = (c.input(0)?, c.input(1)?);
    let (kernel, spatial) = (spatial(c, w), spatial(c, x));
    let rank = spatial.len();
    if c.text("auto_pad", "NOTSET") != "NOTSET" || c.has("output_shape") {
        return Err(Fault::new(
            "its padding is given by `auto_pad` or `output_shape`",
            "give it by `pads` and `output_padding`",
        ));
    }
    let window = window(c, &spatial, Some(&kernel))?;
    let extra = c.ints("output_padding").unwrap_or_else(|| vec![0; rank]);
    let extra = sizes(&extra, rank, "output_padding", 0)?;
    let groups = groups(c, "group")?;
    if window.kernel != kernel || c.shape(x).get(1).is_none_or(|channels| channels % groups != 0) {
        return Err(Fault::new(
            format!("kernel {:?} and {groups} groups do not fit its operands", window.kernel),
            "correct them",
        ));
    }
    let operands: Vec<TensorId> = [Some(x), Some(w), c.optional(2)].into_iter().flatten().collect();
    c.op(Op::ConvTranspose { window, groups, extra }, &operands)
}

/// A matrix product; vectors become matrices, and their dimension is removed afterwards.
pub fn matmul(c: &mut Context) -> Made {
    let (a, b) = (c.input(0)?, c.input(1)?);
    product(c, a, b, [false; 2]).map(|id| vec![id])
}

fn product(
    c: &mut Context,
    a: TensorId,
    b: TensorId,
    turned: [bool; 2],
) -> Result<TensorId, Fault> {
    let [transpose_a, transpose_b] = turned;
    let (shape_a, shape_b) = (c.shape(a), c.shape(b));
    let matrix_a = if shape_a.len() == 1 { c.reshape(a, &[1, shape_a[0]])? } else { a };
    let matrix_b = if shape_b.len() == 1 { c.reshape(b, &[shape_b[0], 1])? } else { b };
    let result = c.one(Op::MatMul { transpose_a, transpose_b }, &[matrix_a, matrix_b])?;
    let rank = c.shape(result).len();
    let vector =
        |d: usize| d + 2 == rank && shape_a.len() == 1 || d + 1 == rank && shape_b.len() == 1;
    let shape: Vec<usize> = c
        .shape(result)
        .into_iter()
        .enumerate()
        .filter_map(|(d, extent)| (!vector(d)).then_some(extent))
        .collect();
    c.reshape(result, &shape)
}

/// A product with a factor, as onnxruntime fuses them.
pub fn fused_matmul(c: &mut Context) -> Made {
    let (a, b) = (c.input(0)?, c.input(1)?);
    c.only("transBatchA", 0)?;
    c.only("transBatchB", 0)?;
    let turned = [c.flag("transA", false), c.flag("transB", false)];
    let alpha = c.float("alpha", 1.0);
    let result = product(c, a, b, turned)?;
    Ok(vec![scaled(c, result, alpha)?])
}

fn scaled(c: &mut Context, x: TensorId, factor: f32) -> Result<TensorId, Fault> {
    if factor == 1.0 {
        return Ok(x);
    }
    let factor = c.number(factor);
    c.one(Op::Binary(Binary::Mul), &[x, factor])
}

pub fn gemm(c: &mut Context) -> Made {
    let (a, b) = (c.input(0)?, c.input(1)?);
    let (alpha, beta) = (c.float("alpha", 1.0), c.float("beta", 1.0));
    let op =
        Op::MatMul { transpose_a: c.flag("transA", false), transpose_b: c.flag("transB", false) };
    let bias = match c.optional(2) {
        Some(bias) => Some(scaled(c, bias, beta)?),
        None => None,
    };
    if alpha == 1.0 {
        let operands: Vec<TensorId> = [Some(a), Some(b), bias].into_iter().flatten().collect();
        return c.op(op, &operands);
    }
    let product = c.one(op, &[a, b])?;
    let mut result = scaled(c, product, alpha)?;
    if let Some(bias) = bias {
        result = c.one(Op::Binary(Binary::Add), &[result, bias])?;
    }
    Ok(vec![result])
}

/// MaxPool and AveragePool.
pub fn pool_op(c: &mut Context, x: TensorId, max: bool) -> Result<Op, Fault> {
    let spatial = spatial(c, x);
    let window = window(c, &spatial, None)?;
    let ceil = c.flag("ceil_mode", false);
    let kind = if max {
        c.only("storage_order", 0)?;
        PoolKind::Max
    } else if c.flag("count_include_pad", false) {
        PoolKind::AveragePadded
    } else {
        PoolKind::Average
    };
    let reach = |d: usize| (window.kernel[d] - 1) * window.dilations[d] + 1;
    if (0..spatial.len()).any(|d| window.before[d] >= reach(d) || window.after[d] >= reach(d)) {
        return Err(Fault::new(
            format!(
                "its padding {:?}..{:?} is not smaller than its kernel {:?}: windows would be empty",
                window.before, window.after, window.kernel
            ),
            "give less padding",
        ));
    }
    Ok(Op::Pool { kind, window, ceil })
}

pub fn pool(c: &mut Context, max: bool) -> Made {
    let x = c.input(0)?;
    let op = pool_op(c, x, max)?;
    c.op(op, &[x])
}

pub fn global_pool(c: &mut Context, kind: ReduceKind) -> Made {
    let x = c.input(0)?;
    let axes = (2..c.shape(x).len()).collect();
    c.op(Op::Reduce { kind, axes, keep: true }, &[x])
}

pub fn softmax(c: &mut Context, log: bool) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let old = c.version < 13;
    let axis = c.int("axis", if old { 1 } else { -1 });
    let axis = c.axis(axis, shape.len())?;
    if shape.is_empty() {
        return Err(Fault::new("its operand is a single number", "remove the operator"));
    }
    if !old || axis + 1 == shape.len() {
        return c.op(Op::Softmax { axis, log }, &[x]);
    }
    // Up to version 12 all dimensions from the axis on are one.
    let rows = [shape[..axis].iter().product(), shape[axis..].iter().product()];
    let flat = c.reshape(x, &rows)?;
    let result = c.one(Op::Softmax { axis: 1, log }, &[flat])?;
    Ok(vec![c.reshape(result, &shape)?])
}

pub fn batch_norm(c: &mut Context) -> Made {
    let epsilon = c.float("epsilon", 1e-5);
    c.float("momentum", 0.9);
    c.only("training_mode", 0)?;
    c.only("spatial", 1)?;
    let operands = [c.input(0)?, c.input(1)?, c.input(2)?, c.input(3)?, c.input(4)?];
    let channels = c.shape(operands[0]).get(1).copied().unwrap_or(1);
    for &parameter in &operands[1..] {
        per_channel(c, parameter, channels)?;
    }
    c.op(Op::BatchNorm { epsilon }, &operands)
}

fn per_channel(c: &Context, parameter: TensorId, channels: usize) -> Result<(), Fault> {
    let tensor = c.tensor(parameter);
    if tensor.shape == [channels] && tensor.dtype == Dtype::F32 {
        return Ok(());
    }
    Err(Fault::new(
        format!(
            "`{}` {:?} is not one float for each of {channels} channels",
            tensor.name, tensor.shape
        ),
        "make it so",
    ))
}

/// A parameter in the shape of the dimensions that are normalised.
fn full(c: &mut Context, parameter: TensorId, shape: &[usize]) -> Result<TensorId, Fault> {
    let own = c.shape(parameter);
    if own == shape || own.iter().product::<usize>() == shape.iter().product::<usize>() {
        return c.reshape(parameter, shape);
    }
    c.shaped(Op::Expand, &[parameter], Some(shape))
}

fn layer(c: &mut Context, x: TensorId, parameters: &[TensorId], axis: i64, rms: bool) -> Made {
    let shape = c.shape(x);
    let epsilon = c.float("epsilon", 1e-5);
    let axis = c.axis(axis, shape.len())?;
    let mut operands = vec![x];
    for &parameter in parameters {
        operands.push(full(c, parameter, shape.get(axis..).unwrap_or_default())?);
    }
    let op = if rms { Op::RmsNorm { axis, epsilon } } else { Op::LayerNorm { axis, epsilon } };
    c.op(op, &operands)
}

/// LayerNormalization and RMSNormalization.
pub fn layer_norm(c: &mut Context, rms: bool) -> Made {
    let axis = c.int("axis", -1);
    c.only("stash_type", 1)?;
    let parameters: Vec<TensorId> =
        [Some(c.input(1)?), c.optional(2)].into_iter().flatten().collect();
    let x = c.input(0)?;
    layer(c, x, &parameters, axis, rms)
}

/// A sum of two or three operands, normalised; the sum itself is the fourth output.
pub fn skip_layer_norm(c: &mut Context) -> Made {
    let mut sum = c.one(Op::Binary(Binary::Add), &[c.input(0)?, c.input(1)?])?;
    if let Some(bias) = c.optional(4) {
        sum = c.one(Op::Binary(Binary::Add), &[sum, bias])?;
    }
    let parameters: Vec<TensorId> =
        [Some(c.input(2)?), c.optional(3)].into_iter().flatten().collect();
    layer(c, sum, &parameters, -1, false)
}

/// InstanceNormalization (a group per channel) and GroupNormalization.
pub fn group_norm(c: &mut Context, instance: bool) -> Made {
    let operands = [c.input(0)?, c.input(1)?, c.input(2)?];
    let channels = c.shape(operands[0]).get(1).copied().unwrap_or(0);
    let epsilon = c.float("epsilon", 1e-5);
    let groups = if instance {
        channels
    } else {
        c.only("stash_type", 1)?;
        groups(c, "num_groups")?
    };
    if groups == 0 || channels % groups != 0 {
        return Err(Fault::new(
            format!("{channels} channels cannot be cut into {groups} groups"),
            "give a number of groups that divides them",
        ));
    }
    let mut all = vec![operands[0]];
    for &parameter in &operands[1..] {
        // Up to version 20 there was one number per group.
        let parameter = if !instance && c.version < 21 && c.shape(parameter) == [groups] {
            let column = c.reshape(parameter, &[groups, 1])?;
            let wide = c.shaped(Op::Expand, &[column], Some(&[groups, channels / groups]))?;
            c.reshape(wide, &[channels])?
        } else {
            parameter
        };
        per_channel(c, parameter, channels)?;
        all.push(parameter);
    }
    c.op(Op::GroupNorm { groups, epsilon }, &all)
}

/// A constant of int64.
pub fn indices(c: &mut Context, values: Vec<i64>) -> TensorId {
    c.constant(&[values.len()], Elements::I64(values))
}
