//! Shapes, views, slices, joins, and constants made by nodes.

use super::context::{Context, Made};
use crate::graph::op::{Op, Padding};
use crate::graph::tensor::{Dtype, Elements, Tensor};
use crate::graph::{Fault, TensorId};

fn size(value: i64, what: &str) -> Result<usize, Fault> {
    usize::try_from(value).map_err(|_| {
        Fault::new(format!("{what} is {value}, but must not be negative"), "correct it")
    })
}

/// A shape as int64.
fn shape_value(shape: &[usize]) -> Elements {
    Elements::I64(shape.iter().map(|&extent| extent as i64).collect())
}

pub fn shape(c: &mut Context) -> Made {
    let shape = c.shape(c.input(0)?);
    let rank = shape.len() as i64;
    let clamp = |value: i64| {
        let from_end = if value < 0 { value.saturating_add(rank) } else { value };
        usize::try_from(from_end.clamp(0, rank)).unwrap_or(0)
    };
    let start = clamp(c.int("start", 0));
    let end = clamp(c.int("end", rank)).max(start);
    let part = &shape[start..end];
    Ok(vec![c.constant(&[part.len()], shape_value(part))])
}

pub fn size_of(c: &mut Context) -> Made {
    let count = c.tensor(c.input(0)?).len() as i64;
    Ok(vec![c.constant(&[], Elements::I64(vec![count]))])
}

pub fn constant(c: &mut Context) -> Made {
    if let Some(tensor) = c.tensor_attribute("value")? {
        return Ok(vec![c.add(tensor)]);
    }
    if c.has("value_int") {
        let value = c.int("value_int", 0);
        return Ok(vec![c.constant(&[], Elements::I64(vec![value]))]);
    }
    if c.has("value_float") {
        let value = c.float("value_float", 0.0);
        return Ok(vec![c.number(value)]);
    }
    if let Some(values) = c.ints("value_ints") {
        return Ok(vec![c.constant(&[values.len()], Elements::I64(values))]);
    }
    if let Some(values) = c.floats("value_floats") {
        return Ok(vec![c.constant(&[values.len()], Elements::F32(values))]);
    }
    Err(Fault::new("its value is text or sparse", "only dense numbers can be constants"))
}

pub fn constant_of_shape(c: &mut Context) -> Made {
    let shape = c.integers(c.input(0)?, "the shape")?;
    let shape: Vec<usize> =
        shape.iter().map(|&v| size(v, "an extent")).collect::<Result<_, _>>()?;
    let value = c.tensor_attribute("value")?;
    let value = value.unwrap_or_else(|| Tensor::constant("", &[1], Elements::F32(vec![0.0])));
    if value.len() != 1 {
        return Err(Fault::new("its `value` is not one number", "give it one"));
    }
    let one = c.add(value);
    let one = c.reshape(one, &[])?;
    Ok(vec![c.shaped(Op::Expand, &[one], Some(&shape))?])
}

pub fn range(c: &mut Context) -> Made {
    let ids = [c.input(0)?, c.input(1)?, c.input(2)?];
    const MOST: f64 = 1e7;
    let too_many = || Fault::new("it counts more than ten million numbers, or none", "correct it");
    if c.tensor(ids[0]).dtype == Dtype::F32 {
        let mut values = Vec::new();
        for id in ids {
            values.extend(c.numbers(id, "a limit")?);
        }
        let &[start, limit, delta] = values.as_slice() else { return Err(too_many()) };
        let count = ((f64::from(limit) - f64::from(start)) / f64::from(delta)).ceil().max(0.0);
        if count.is_nan() || count > MOST {
            return Err(too_many());
        }
        let list = (0..count as usize).map(|i| start + i as f32 * delta).collect::<Vec<_>>();
        return Ok(vec![c.constant(&[list.len()], Elements::F32(list))]);
    }
    let dtype = c.tensor(ids[0]).dtype;
    let mut values = Vec::new();
    for id in ids {
        values.extend(c.integers(id, "a limit")?);
    }
    let &[start, limit, delta] = values.as_slice() else { return Err(too_many()) };
    let count = ((limit as f64 - start as f64) / delta as f64).ceil().max(0.0);
    if count.is_nan() || count > MOST {
        return Err(too_many());
    }
    let number = |i: i64| start.wrapping_add(i.wrapping_mul(delta));
    let list: Vec<i64> = (0..count as i64).map(number).collect();
    let id = c.constant(&[list.len()], Elements::I64(list));
    Ok(vec![c.cast(id, dtype)?])
}

pub fn reshape(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let wanted = c.integers(c.input(1)?, "the shape")?;
    let all = c.flag("allowzero", false);
    let own = c.shape(x);
    let mut shape = Vec::new();
    let mut open = None;
    for (d, &value) in wanted.iter().enumerate() {
        match value {
            -1 if open.is_none() => {
                open = Some(d);
                shape.push(1);
            }
            0 if !all => shape.push(*own.get(d).ok_or_else(|| {
                Fault::new(
                    format!("the shape {wanted:?} copies dimension {d}, which {own:?} has not"),
                    "correct the shape",
                )
            })?),
            value => shape.push(size(value, "an extent")?),
        }
    }
    if let Some(d) = open {
        let known = shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
        let count: usize = own.iter().product();
        shape[d] = known.and_then(|known| count.checked_div(known)).unwrap_or(0);
    }
    Ok(vec![c.reshape(x, &shape)?])
}

pub fn flatten(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let axis = c.int("axis", 1);
    let axis = if axis == shape.len() as i64 { shape.len() } else { c.axis(axis, shape.len())? };
    let rows = [shape[..axis].iter().product(), shape[axis..].iter().product()];
    Ok(vec![c.reshape(x, &rows)?])
}

/// The axes of Squeeze and Unsqueeze: an attribute until version 12, then an input.
fn axes(c: &mut Context, rank: usize) -> Result<Option<Vec<usize>>, Fault> {
    let list = match (c.ints("axes"), c.optional(1)) {
        (Some(list), _) => list,
        (None, Some(id)) => c.integers(id, "the list of axes")?,
        (None, None) => return Ok(None),
    };
    let mut axes: Vec<usize> =
        list.iter().map(|&axis| c.axis(axis, rank)).collect::<Result<_, _>>()?;
    axes.sort_unstable();
    let count = axes.len();
    axes.dedup();
    if axes.len() != count {
        return Err(Fault::new(format!("its axes {list:?} name one twice"), "correct them"));
    }
    Ok(Some(axes))
}

pub fn squeeze(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let axes = axes(c, shape.len())?;
    let gone = |d: usize| axes.as_ref().map_or(shape[d] == 1, |axes| axes.contains(&d));
    if let Some(d) = (0..shape.len()).find(|&d| gone(d) && shape[d] != 1) {
        return Err(Fault::new(
            format!("its axis {d} of {shape:?} has not extent 1"),
            "correct the axes, or the shapes of the inputs given with `--shape`",
        ));
    }
    let kept: Vec<usize> = (0..shape.len()).filter(|&d| !gone(d)).map(|d| shape[d]).collect();
    Ok(vec![c.reshape(x, &kept)?])
}

pub fn unsqueeze(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let given = c.ints("axes").map_or_else(|| c.integers(c.input(1)?, "the list of axes"), Ok)?;
    let rank = shape.len() + given.len();
    let axes = axes(c, rank)?.unwrap_or_default();
    let mut rest = shape.iter();
    let wide: Vec<usize> = (0..rank)
        .map(|d| if axes.contains(&d) { 1 } else { rest.next().copied().unwrap_or(1) })
        .collect();
    Ok(vec![c.reshape(x, &wide)?])
}

pub fn transpose(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let rank = c.shape(x).len();
    let order = match c.ints("perm") {
        Some(list) => list.iter().map(|&axis| c.axis(axis, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).rev().collect(),
    };
    c.op(Op::Transpose { order }, &[x])
}

pub fn concat(c: &mut Context) -> Made {
    let operands: Vec<TensorId> =
        (0..c.count()).map(|index| c.input(index)).collect::<Result<_, _>>()?;
    let first = c.input(0)?;
    let axis = c.int("axis", 1);
    let axis = c.axis(axis, c.shape(first).len())?;
    let same = |id: &TensorId| {
        let (a, b) = (c.tensor(*id), c.tensor(first));
        a.quant == b.quant && a.unsigned == b.unsigned
    };
    if !operands.iter().all(same) {
        return Err(Fault::new(
            "its operands are quantized differently",
            "put it between DequantizeLinear and QuantizeLinear",
        ));
    }
    c.op(Op::Concat { axis }, &operands)
}

/// A slice `[start, end)` of one dimension after another.
pub fn slice(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let rank = shape.len();
    let mut list = |name, index: usize| -> Result<Option<Vec<i64>>, Fault> {
        match (c.ints(name), c.optional(index)) {
            (Some(list), _) => Ok(Some(list)),
            (None, Some(id)) => c.integers(id, name).map(Some),
            (None, None) => Ok(None),
        }
    };
    let missing = |name: &str| Fault::new(format!("its `{name}` are missing"), "give them");
    let starts = list("starts", 1)?.ok_or_else(|| missing("starts"))?;
    let ends = list("ends", 2)?.ok_or_else(|| missing("ends"))?;
    let axes = list("axes", 3)?;
    let steps = list("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(Fault::new("its lists have different lengths", "correct them"));
    }
    let (mut from, mut by, mut out) = (vec![0; rank], vec![1_isize; rank], shape.clone());
    for (((start, end), axis), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let d = c.axis(axis, rank)?;
        let extent = shape.get(d).copied().unwrap_or(0) as i64;
        let place = |v: i64| if v < 0 { v.saturating_add(extent) } else { v };
        let (start, end) = if step > 0 {
            (place(start).clamp(0, extent), place(end).clamp(0, extent))
        } else {
            (place(start).clamp(0, (extent - 1).max(0)), place(end).clamp(-1, extent - 1))
        };
        if step == 0 {
            return Err(Fault::new("its step is 0", "correct it"));
        }
        let distance = if step > 0 { end - start } else { start - end };
        let count = distance.max(0).unsigned_abs().div_ceil(step.unsigned_abs());
        from[d] = usize::try_from(start.max(0)).unwrap_or(0);
        by[d] = isize::try_from(step).unwrap_or(isize::MAX);
        out[d] = usize::try_from(count).unwrap_or(0);
        if count <= 1 {
            by[d] = 1;
        }
    }
    if from.iter().all(|&s| s == 0) && by.iter().all(|&s| s == 1) && out == shape {
        return Ok(vec![x]);
    }
    Ok(vec![c.shaped(Op::Slice { starts: from, steps: by }, &[x], Some(&out))?])
}

pub fn split(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let axis = c.int("axis", 0);
    let axis = c.axis(axis, shape.len())?;
    let extent = shape.get(axis).copied().unwrap_or(0);
    let given = match (c.ints("split"), c.optional(1)) {
        (Some(list), _) => Some(list),
        (None, Some(id)) => Some(c.integers(id, "the list of sizes")?),
        (None, None) => None,
    };
    let parts = c.int("num_outputs", c.output_count() as i64);
    let sizes: Vec<usize> = match given {
        Some(list) => list.iter().map(|&v| size(v, "a size")).collect::<Result<_, _>>()?,
        None => {
            let parts = size(parts, "`num_outputs`")?.clamp(1, c.output_count().max(1));
            let each = extent.div_ceil(parts);
            (0..parts).map(|i| each.min(extent.saturating_sub(i * each))).collect()
        }
    };
    if sizes.iter().try_fold(0_usize, |sum, &s| sum.checked_add(s)) != Some(extent) {
        return Err(Fault::new(
            format!("its sizes {sizes:?} do not add up to {extent}, the extent of axis {axis}"),
            "correct them",
        ));
    }
    let mut at = 0;
    let mut made = Vec::new();
    for size in sizes {
        let mut starts = vec![0; shape.len()];
        starts[axis] = at;
        let mut out = shape.clone();
        out[axis] = size;
        let op = Op::Slice { starts, steps: vec![1; shape.len()] };
        made.push(c.shaped(op, &[x], Some(&out))?);
        at += size;
    }
    Ok(made)
}

pub fn gather(c: &mut Context) -> Made {
    let (x, indices) = (c.input(0)?, c.input(1)?);
    let axis = c.int("axis", 0);
    let axis = c.axis(axis, c.shape(x).len())?;
    if !matches!(c.tensor(indices).dtype, Dtype::I32 | Dtype::I64) {
        return Err(Fault::new("its indices are no integers", "insert a Cast"));
    }
    c.op(Op::Gather { axis }, &[x, indices])
}

pub fn expand(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let wanted = c.integers(c.input(1)?, "the shape")?;
    let wanted: Vec<usize> =
        wanted.iter().map(|&v| size(v, "an extent")).collect::<Result<_, _>>()?;
    let shape = crate::graph::infer::broadcast(&[&c.shape(x), &wanted])?;
    if shape == c.shape(x) {
        return Ok(vec![x]);
    }
    Ok(vec![c.shaped(Op::Expand, &[x], Some(&shape))?])
}

/// Each dimension repeated as a whole: a dimension of extent 1 before it is expanded.
pub fn tile(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let repeats = c.integers(c.input(1)?, "the list of repeats")?;
    let repeats: Vec<usize> =
        repeats.iter().map(|&v| size(v, "a number of repeats")).collect::<Result<_, _>>()?;
    if repeats.len() != shape.len() {
        return Err(Fault::new(
            format!("{} repeats are given for {} dimensions", repeats.len(), shape.len()),
            "give one for each",
        ));
    }
    let with = |extra: &[usize]| -> Vec<usize> {
        extra.iter().zip(&shape).flat_map(|(&r, &extent)| [r, extent]).collect()
    };
    let narrow = c.reshape(x, &with(&vec![1; shape.len()]))?;
    let wide = c.shaped(Op::Expand, &[narrow], Some(&with(&repeats)))?;
    let out: Vec<usize> =
        repeats.iter().zip(&shape).map(|(&r, &extent)| r.saturating_mul(extent)).collect();
    Ok(vec![c.reshape(wide, &out)?])
}

pub fn pad(c: &mut Context) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let rank = shape.len();
    let mode = c.text("mode", "constant");
    let attribute = c.float("value", 0.0);
    let list = match (c.ints("pads"), c.optional(1)) {
        (Some(list), _) => list,
        (None, Some(id)) => c.integers(id, "the padding")?,
        (None, None) => return Err(Fault::new("its padding is missing", "give it")),
    };
    let value = match c.optional(2) {
        Some(id) => match c.tensor(id).dtype {
            Dtype::F32 => c.numbers(id, "the value")?.first().copied().unwrap_or(0.0),
            _ => c.integers(id, "the value")?.first().map_or(0.0, |&v| v as f32),
        },
        None => attribute,
    };
    let axes: Vec<usize> = match c.optional(3) {
        Some(id) => c
            .integers(id, "the list of axes")?
            .iter()
            .map(|&axis| c.axis(axis, rank))
            .collect::<Result<_, _>>()?,
        None => (0..rank).collect(),
    };
    if list.len() != 2 * axes.len() {
        return Err(Fault::new(
            format!("its padding has {} numbers for {} axes", list.len(), axes.len()),
            "give two for each",
        ));
    }
    if c.tensor(x).dtype == Dtype::I8 {
        return Err(Fault::new(
            "it pads bytes",
            "put it between DequantizeLinear and QuantizeLinear",
        ));
    }
    let padding = match mode.as_str() {
        "constant" => Padding::Constant(value),
        "edge" => Padding::Edge,
        "reflect" => Padding::Reflect,
        "wrap" => Padding::Wrap,
        other => {
            return Err(Fault::new(
                format!("its attribute `mode` is `{other}`, which does not exist"),
                "allowed: constant, edge, reflect, wrap",
            ));
        }
    };
    // Negative padding cuts first.
    let (mut starts, mut cut) = (vec![0; rank], shape.clone());
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (i, &d) in axes.iter().enumerate() {
        let (b, a) = (list[i], list[axes.len() + i]);
        let away = |v: i64| usize::try_from(v.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        starts[d] = away(b).min(shape[d]);
        cut[d] = shape[d].saturating_sub(away(b)).saturating_sub(away(a));
        before[d] = size(b.max(0), "padding")?;
        after[d] = size(a.max(0), "padding")?;
    }
    let x = if cut == shape {
        x
    } else {
        c.shaped(Op::Slice { starts, steps: vec![1; rank] }, &[x], Some(&cut))?
    };
    let empty = (0..rank).any(|d| cut[d] == 0 && before[d] + after[d] > 0);
    if empty && !matches!(padding, Padding::Constant(_)) {
        return Err(Fault::new("it repeats elements of an empty operand", "correct the padding"));
    }
    c.op(Op::Pad { before, after, padding }, &[x])
}

/// DepthToSpace and SpaceToDepth: views around a transposition.
pub fn blocks(c: &mut Context, to_space: bool) -> Made {
    let x = c.input(0)?;
    let block = c.int("blocksize", 0);
    let mode = if to_space { c.text("mode", "DCR") } else { "DCR".to_owned() };
    let block = usize::try_from(block).ok().filter(|&b| b > 0);
    let &[n, channels, h, w] = c.shape(x).as_slice() else {
        return Err(Fault::new("its operand has not 4 dimensions", "give it [N][C][H][W]"));
    };
    let fits = |b: &usize| {
        let area = b.checked_mul(*b);
        match to_space {
            true => area.is_some_and(|area| channels % area == 0),
            false => h % b == 0 && w % b == 0,
        }
    };
    let b = block
        .filter(fits)
        .ok_or_else(|| Fault::new("its `blocksize` does not divide its operand", "correct it"))?;
    let (split, order, out) = match (to_space, mode.as_str()) {
        (true, "DCR") => {
            let inner = channels / (b * b);
            (vec![n, b, b, inner, h, w], vec![0, 3, 4, 1, 5, 2], [n, inner, h * b, w * b])
        }
        (true, _) => {
            let inner = channels / (b * b);
            (vec![n, inner, b, b, h, w], vec![0, 1, 4, 2, 5, 3], [n, inner, h * b, w * b])
        }
        (false, _) => (
            vec![n, channels, h / b, b, w / b, b],
            vec![0, 3, 5, 1, 2, 4],
            [n, channels * b * b, h / b, w / b],
        ),
    };
    let split = c.reshape(x, &split)?;
    let turned = c.one(Op::Transpose { order }, &[split])?;
    Ok(vec![c.reshape(turned, &out)?])
}
