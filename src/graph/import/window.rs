//! The window of convolutions and pools.

use super::context::Context;
use crate::graph::Fault;
use crate::graph::op::Window;

/// Largest extent, stride, dilation and padding of a window.
const LARGEST: i64 = 1 << 16;

/// Reads kernel, strides, padding and dilations; `kernel` is that of the weights where the
/// attribute is left out. `ceil` matters for padding that is chosen by size.
pub fn window(
    c: &mut Context,
    spatial: &[usize],
    kernel: Option<&[usize]>,
) -> Result<Window, Fault> {
    let rank = spatial.len();
    if !(1..=3).contains(&rank) {
        return Err(Fault::new(
            format!("its operand has {rank} spatial dimensions, but 1 to 3 are supported"),
            "give it a shape [N][C][H][W]",
        ));
    }
    let kernel = match (c.ints("kernel_shape"), kernel) {
        (Some(list), _) => sizes(&list, rank, "kernel_shape", 1)?,
        (None, Some(kernel)) => kernel.to_vec(),
        (None, None) => {
            return Err(Fault::new("its attribute `kernel_shape` is missing", "give it one"));
        }
    };
    let mut list = |name, default: i64, least| -> Result<Vec<usize>, Fault> {
        let list = c.ints(name).unwrap_or_else(|| vec![default; rank]);
        sizes(&list, rank, name, least)
    };
    let strides = list("strides", 1, 1)?;
    let dilations = list("dilations", 1, 1)?;
    let pads = c.ints("pads");
    let automatic = c.text("auto_pad", "NOTSET");
    let (before, after) = match automatic.as_str() {
        "NOTSET" | "" => {
            let pads = sizes(&pads.unwrap_or_else(|| vec![0; 2 * rank]), 2 * rank, "pads", 0)?;
            (pads[..rank].to_vec(), pads[rank..].to_vec())
        }
        "VALID" => (vec![0; rank], vec![0; rank]),
        "SAME_UPPER" | "SAME_LOWER" => {
            let total = |d: usize| {
                let outputs = spatial[d].div_ceil(strides[d]);
                let reach = (kernel[d] - 1) * dilations[d] + 1;
                (outputs.saturating_sub(1) * strides[d] + reach).saturating_sub(spatial[d])
            };
            let small: Vec<usize> = (0..rank).map(|d| total(d) / 2).collect();
            let large: Vec<usize> = (0..rank).map(|d| total(d).div_ceil(2)).collect();
            if automatic == "SAME_UPPER" { (small, large) } else { (large, small) }
        }
        other => {
            return Err(Fault::new(
                format!("its attribute `auto_pad` is `{other}`, which does not exist"),
                "allowed: NOTSET, VALID, SAME_UPPER, SAME_LOWER",
            ));
        }
    };
    Ok(Window { kernel, strides, before, after, dilations })
}

/// Attribute values as sizes.
pub fn sizes(list: &[i64], count: usize, name: &str, least: i64) -> Result<Vec<usize>, Fault> {
    if list.len() != count {
        return Err(Fault::new(
            format!("its attribute `{name}` has {} values, but {count} are needed", list.len()),
            "give one for each dimension (of padding two)",
        ));
    }
    let size = |&value: &i64| {
        usize::try_from(value).ok().filter(|_| (least..=LARGEST).contains(&value)).ok_or_else(
            || {
                Fault::new(
                    format!(
                        "its attribute `{name}` is {list:?}, but {least} to {LARGEST} is allowed"
                    ),
                    "correct it; cut with Slice instead of negative padding",
                )
            },
        )
    };
    list.iter().map(size).collect()
}
