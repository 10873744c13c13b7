//! Pooling and reduction.

use super::linear::{Cube, spatial, three};
use super::walk::{positions, strides};
use crate::graph::op::Window;

/// Makes every output of the elements of its window that lie in the picture, and of the number of
/// elements the window has with padding counted.
pub fn windows<T: Copy, R>(
    x: (&[usize], &[T]),
    window: &Window,
    out: &[usize],
    mut found: impl FnMut(&[T], usize) -> R,
) -> Vec<R> {
    let cube = Cube::new(window);
    let after = three(&window.after, 0);
    let (input, output) = (spatial(x.0), spatial(out));
    // The windows of a dimension: the elements of each, and how many count with padding.
    let spans = |d: usize| -> Vec<(Vec<usize>, usize)> {
        let end = input[d] + cube.before[d] + after[d];
        let span = |o: usize| {
            let under = (0..cube.kernel[d]).filter_map(|k| cube.under(d, o, k, input[d]));
            let begins = o * cube.strides[d];
            let counts = |k: &usize| begins + k * cube.dilations[d] < end;
            (under.collect(), (0..cube.kernel[d]).filter(counts).count())
        };
        (0..output[d]).map(span).collect()
    };
    let [deep, high, wide] = [spans(0), spans(1), spans(2)];
    let plane: usize = input.iter().product();
    let mut result = Vec::with_capacity(out.iter().product());
    let mut inside = Vec::new();
    for picture in 0..out[0] * out[1] {
        let values = &x.1[picture * plane..][..plane];
        for (ds, dc) in &deep {
            for (hs, hc) in &high {
                for (ws, wc) in &wide {
                    inside.clear();
                    for d in ds {
                        for h in hs {
                            let row = (d * input[1] + h) * input[2];
                            inside.extend(ws.iter().map(|w| values[row + w]));
                        }
                    }
                    result.push(found(&inside, dc * hc * wc));
                }
            }
        }
    }
    result
}

/// Makes every output of a reduction of the elements it is made of.
pub fn reduced<T: Copy, R>(
    x: (&[usize], &[T]),
    axes: &[usize],
    mut found: impl FnMut(&[T]) -> R,
) -> Vec<R> {
    let own = strides(x.0);
    let pick = |inside: bool| -> (Vec<usize>, Vec<isize>) {
        let chosen = (0..x.0.len()).filter(|d| axes.contains(d) == inside);
        chosen.map(|d| (x.0[d], own[d])).unzip()
    };
    let ((outer, outer_strides), (inner, inner_strides)) = (pick(false), pick(true));
    let offsets: Vec<usize> = positions(&inner, &inner_strides, 0).collect();
    let mut elements = Vec::with_capacity(offsets.len());
    positions(&outer, &outer_strides, 0)
        .map(|start| {
            elements.clear();
            elements.extend(offsets.iter().map(|offset| x.1[start + offset]));
            found(&elements)
        })
        .collect()
}
