//! Resize and Upsample to the nearest neighbour: whole factors become an enlargement, everything
//! else a choice of rows and columns.

use super::context::{Context, Made};
use super::nn::indices;
use crate::graph::Fault;
use crate::graph::op::Op;

/// The sizes asked for: factors, and extents where they are given.
fn sizes(
    c: &Context,
    shape: &[usize],
    upsample: bool,
    version: i64,
) -> Result<(Vec<f64>, Vec<usize>), Fault> {
    let input = if upsample || version < 11 { 1 } else { 2 };
    let given = |index: usize| c.optional(index).filter(|&id| !c.tensor(id).is_empty());
    if let Some(id) = given(input) {
        let scales: Vec<f64> =
            c.numbers(id, "the list of scales")?.into_iter().map(f64::from).collect();
        return from_scales(shape, scales);
    }
    let Some(id) = given(3).filter(|_| version >= 11) else {
        return Err(Fault::new("it has neither scales nor sizes", "give one of them"));
    };
    let list = c.integers(id, "the list of sizes")?;
    let list: Option<Vec<usize>> = list.iter().map(|&v| usize::try_from(v).ok()).collect();
    let list = list.filter(|list| list.len() == shape.len()).ok_or_else(|| {
        Fault::new("its sizes do not fit its operand", "give one for each dimension")
    })?;
    let scales = list.iter().zip(shape).map(|(&o, &i)| o as f64 / i.max(1) as f64).collect();
    Ok((scales, list))
}

fn from_scales(shape: &[usize], scales: Vec<f64>) -> Result<(Vec<f64>, Vec<usize>), Fault> {
    if scales.len() != shape.len() || scales.iter().any(|&s| !(s > 0.0 && s <= 65536.0)) {
        return Err(Fault::new(
            format!("its scales {scales:?} do not fit its operand {shape:?}"),
            "give one positive number for each dimension",
        ));
    }
    let out = shape.iter().zip(&scales).map(|(&i, s)| (i as f64 * s).floor() as usize).collect();
    Ok((scales, out))
}

pub fn resize(c: &mut Context, upsample: bool) -> Made {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let version = if upsample { 9 } else { c.version };
    let mode = c.text("mode", "nearest");
    if mode != "nearest" {
        return Err(Fault::new(
            format!("its attribute `mode` is `{mode}`, but only `nearest` is supported"),
            "export it with `nearest`, or as a ConvTranspose with the weights of the interpolation",
        ));
    }
    // Versions up to 10 know one way only.
    let old = version < 11;
    let place =
        c.text("coordinate_transformation_mode", if old { "asymmetric" } else { "half_pixel" });
    let rounding = c.text("nearest_mode", if old { "floor" } else { "round_prefer_floor" });
    c.float("cubic_coeff_a", -0.75);
    c.int("exclude_outside", 0);
    c.float("extrapolation_value", 0.0);
    c.only("antialias", 0)?;
    if c.has("axes") || c.text("keep_aspect_ratio_policy", "stretch") != "stretch" {
        return Err(Fault::new(
            "it has `axes` or `keep_aspect_ratio_policy`",
            "give scales or sizes for all dimensions",
        ));
    }
    let (scales, out) = match c.floats("scales") {
        Some(list) => from_scales(&shape, list.into_iter().map(f64::from).collect())?,
        None => sizes(c, &shape, upsample, version)?,
    };
    if out.iter().any(|&extent| extent > 1 << 24) {
        return Err(Fault::new(format!("its result {out:?} is too large"), "make it smaller"));
    }
    let mut sources = Vec::new();
    for (d, &extent) in out.iter().enumerate() {
        let list: Result<Vec<usize>, Fault> = (0..extent)
            .map(|o| source(o, scales[d], shape[d], extent, &place, &rounding))
            .collect();
        sources.push(list?);
    }
    let factor = |d: usize| {
        let factor = out[d].checked_div(shape[d]).unwrap_or(0).max(1);
        let whole = shape[d] * factor == out[d];
        (whole && sources[d].iter().enumerate().all(|(o, &i)| i == o / factor)).then_some(factor)
    };
    let factors: Option<Vec<usize>> = (0..shape.len()).map(factor).collect();
    if let Some(factors) = factors {
        return c.op(Op::Upsample { factors }, &[x]);
    }
    let mut result = x;
    for (axis, list) in sources.into_iter().enumerate() {
        if list.iter().copied().eq(0..shape[axis]) {
            continue;
        }
        let list = indices(c, list.into_iter().map(|i| i as i64).collect());
        result = c.one(Op::Gather { axis }, &[result, list])?;
    }
    Ok(vec![result])
}

/// The element of the operand that output `o` shows.
fn source(
    o: usize,
    scale: f64,
    extent: usize,
    outputs: usize,
    place: &str,
    rounding: &str,
) -> Result<usize, Fault> {
    let x = o as f64;
    let last = |n: usize| n.saturating_sub(1) as f64;
    let at = match place {
        "half_pixel" => (x + 0.5) / scale - 0.5,
        "half_pixel_symmetric" => {
            let adjusted = outputs as f64 / (scale * extent as f64);
            let centre = extent as f64 / 2.0;
            centre * (1.0 - adjusted) + (x + 0.5) / scale - 0.5
        }
        "pytorch_half_pixel" if outputs > 1 => (x + 0.5) / scale - 0.5,
        "pytorch_half_pixel" => 0.0,
        "align_corners" if outputs > 1 => x * last(extent) / last(outputs),
        "align_corners" => 0.0,
        "asymmetric" => x / scale,
        other => {
            return Err(Fault::new(
                format!(
                    "its attribute `coordinate_transformation_mode` is `{other}`, which is not supported"
                ),
                "allowed: half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric",
            ));
        }
    };
    let nearest = match rounding {
        "round_prefer_floor" => (at - 0.5).ceil(),
        "round_prefer_ceil" => (at + 0.5).floor(),
        "floor" => at.floor(),
        "ceil" => at.ceil(),
        other => {
            return Err(Fault::new(
                format!("its attribute `nearest_mode` is `{other}`, which does not exist"),
                "allowed: round_prefer_floor, round_prefer_ceil, floor, ceil",
            ));
        }
    };
    // A float-to-integer cast saturates at 0.
    Ok((nearest as usize).min(extent.saturating_sub(1)))
}
