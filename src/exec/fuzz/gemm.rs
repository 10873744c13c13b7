//! Random launches of GEMM: convolutions on random maps, with everything that can be added to one.

use super::case::{Kept, Launch};
use super::extent::Window;
use super::rng::Rng;
use super::window::Windows;
use crate::arith::float::is_scale;
use crate::design::Design;
use crate::isa::Field;
use crate::isa::table::gemm::{
    self, Function, kc, kh, kw, n, obuf, oh, out, out_block, out_stride, ow, pad, param, quant,
    res, res_block, res_clamp, res_offset, res_scale_a, res_scale_b, res_stride, w, window_x,
    window_y, x,
};

type Values = Vec<(Field, i64)>;

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Sizes of the convolution.
struct Sizes {
    ow: i64,
    oh: i64,
    kernel: [i64; 2],
    blocks: i64,
    outs: i64,
}

/// A random launch; `kept` is what an accumulation may add to.
pub fn launch(design: &Design, windows: &Windows, kept: &Kept, rng: &mut Rng) -> Option<Launch> {
    let function = rng.pick(&[0, 0, 0, 1, 2]);
    let function = Function::from_number(function)?;
    let act = function == Function::Act;
    let [source, target] = windows.ibuf.split(rng);
    let tile = number(design.segment_rows());
    let mut flags = Vec::new();
    let mut values = Vec::new();
    let accumulate = !kept.is_empty() && rng.chance(60);
    let keep = rng.chance(20);
    let vectors = if accumulate {
        let (mut start, mut length) = rng.pick(kept);
        if rng.chance(40) {
            // A part of what is kept: other accumulators than those of the launch before.
            let skipped = rng.between(0, length - 1);
            start += skipped;
            length = rng.between(1, length - skipped);
        }
        flags.push((gemm::ACCUMULATE, 1));
        let (ow, oh) =
            if length % 2 == 0 && rng.chance(50) { (length / 2, 2) } else { (length, 1) };
        values.push((obuf::ADDR, start));
        [ow, oh]
    } else {
        let (ow, oh) = (rng.between(1, 9), rng.between(1, 5));
        values.push((obuf::ADDR, windows.obuf.fit(rng, &[(ow * oh, 1)], 1)?));
        [ow, oh]
    };
    if keep {
        flags.push((gemm::KEEP, 1));
    }
    let sizes = Sizes {
        ow: vectors[0],
        oh: vectors[1],
        kernel: [rng.pick(&[1, 1, 2, 3]), rng.pick(&[1, 1, 2, 3])],
        blocks: rng.between(1, 3),
        outs: if keep || accumulate { 1 } else { rng.between(1, windows.pbuf.len().min(4)) },
    };
    let passes = sizes.kernel[0] * sizes.kernel[1] * sizes.blocks;
    let weights = windows.wbuf.fit(rng, &[(passes * sizes.outs, tile)], tile)?;
    values.extend([
        (w::ADDR, weights),
        (param::ADDR, windows.pbuf.fit(rng, &[(sizes.outs, 1)], 1)?),
        (n::COUNT, sizes.outs),
    ]);
    values.extend(input(design, source, &sizes, rng)?);
    let (low, high) = range(design);
    values.extend(clamp([quant::ZERO, quant::MIN, quant::MAX], low, high, rng));
    let cols = number(design.cols());
    let (target, word) =
        if act { (target, number(design.rows())) } else { (windows.vmem, number(design.lanes())) };
    values.extend(tensor(
        [out::ADDR, out::FIRST, out_stride::OW, out_stride::OH, out_block::STRIDE],
        [cols, word],
        target,
        &sizes,
        rng,
    )?);
    if act && design.residual() && rng.chance(50) {
        flags.push((gemm::RESIDUAL, 1));
        values.extend(tensor(
            [res::ADDR, res::FIRST, res_stride::OW, res_stride::OH, res_block::STRIDE],
            [cols, number(design.rows())],
            source,
            &sizes,
            rng,
        )?);
        let limits = [res_clamp::MIN, res_clamp::MAX];
        let scales = [res_scale_a::VALUE, res_scale_b::VALUE];
        let offset = [res_offset::VALUE, res_offset::INNER];
        values.extend(sum(limits, scales, offset, (low, high), rng));
    }
    if act && design.tables() > 0 && rng.chance(40) {
        let table = rng.between(0, windows.table.len() / 64 - 1);
        flags.extend([(gemm::LOOKUP, 1), (gemm::TABLE, table)]);
    }
    Some(Launch::new(function, values, flags))
}

/// Smallest and largest activation.
pub fn range(design: &Design) -> (i64, i64) {
    let half = 1_i64 << (design.activation_bits() - 1);
    (-half, half - 1)
}

/// Zero point and clamp; often the whole range.
pub fn clamp([zero, min, max]: [Field; 3], low: i64, high: i64, rng: &mut Rng) -> Values {
    let zero_point = rng.between(low, high);
    let limits = limits(zero_point, (low, high), rng);
    vec![(zero, zero_point), (min, limits.0), (max, limits.1)]
}

/// Limits around, at or anywhere beside a value.
fn limits(value: i64, (low, high): (i64, i64), rng: &mut Rng) -> (i64, i64) {
    match rng.between(0, 2) {
        0 => (low, high),
        1 => (value, high),
        _ => {
            let a = rng.between(low, high);
            (a, rng.between(a, high))
        }
    }
}

/// Fields of a residual addition: limits, scales, offset. Often exact halves or sums that cancel.
pub fn sum(
    [min, max]: [Field; 2],
    scales: [Field; 2],
    [offset, inner]: [Field; 2],
    range: (i64, i64),
    rng: &mut Rng,
) -> Values {
    let any = |rng: &mut Rng| rng.between(range.0, range.1) as f32;
    let powers = rng.chance(30);
    let [a, b] = [(); 2].map(|()| match powers {
        true => f32::from_bits(rng.scale() & 0xff80_0000),
        false => f32::from_bits(rng.scale()),
    });
    let begin = match rng.between(0, 4) {
        0 => any(rng) + 0.5,
        1 => any(rng) - a * any(rng) - b * any(rng),
        2 => -(b * any(rng)),
        3 => -(a * any(rng) + b * any(rng)),
        _ => f32::from_bits(rng.scale()),
    };
    let begin = if is_scale(begin) { begin } else { 0.0 };
    let bounds = limits(rng.between(range.0, range.1), range, rng);
    vec![
        (min, bounds.0),
        (max, bounds.1),
        (scales[0], i64::from(a.to_bits())),
        (scales[1], i64::from(b.to_bits())),
        (offset, i64::from(begin.to_bits())),
        (inner, rng.between(0, 1)),
    ]
}

/// The input map: blocks of channels of `height` x `width` words, or strides without meaning.
fn input(design: &Design, source: Window, sizes: &Sizes, rng: &mut Rng) -> Option<Values> {
    let (low, high) = range(design);
    let [kh_count, kw_count] = sizes.kernel;
    let mut values = vec![
        (ow::COUNT, sizes.ow),
        (oh::COUNT, sizes.oh),
        (kc::COUNT, sizes.blocks),
        (kw::COUNT, kw_count),
        (kh::COUNT, kh_count),
        (pad::VALUE, rng.between(low, high)),
    ];
    if rng.chance(30) {
        // Any strides, without a window.
        let strides = [rng.between(-2, 3), rng.between(-9, 9), rng.between(0, 9)];
        let [s_ow, s_oh, s_kc] = strides;
        let (s_kw, s_kh) = (rng.between(-2, 3), rng.between(-5, 9));
        let s_n = if rng.chance(30) { rng.between(-3, 9) } else { 0 };
        let nest = [
            (sizes.ow, s_ow),
            (sizes.oh, s_oh),
            (sizes.blocks, s_kc),
            (kw_count, s_kw),
            (kh_count, s_kh),
            (sizes.outs, s_n),
        ];
        values.extend([
            (x::ADDR, source.fit(rng, &nest, 1)?),
            (ow::STRIDE, s_ow),
            (oh::STRIDE, s_oh),
            (kc::STRIDE, s_kc),
            (kw::STRIDE, s_kw),
            (kh::STRIDE, s_kh),
            (n::STRIDE, s_n),
        ]);
        return Some(values);
    }
    let (stride_y, stride_x) = (rng.between(1, 2), rng.between(1, 2));
    let (dilation_y, dilation_x) = (rng.between(1, 2), rng.between(1, 2));
    let (pad_y, pad_x) = (rng.between(0, 2), rng.between(0, 2));
    let reach = |outputs: i64, stride: i64, kernel: i64, dilation: i64, padding: i64, r: i64| {
        ((outputs - 1) * stride + (kernel - 1) * dilation + 1 - padding - r).max(1)
    };
    let (short_y, short_x) = (rng.between(0, pad_y), rng.between(0, pad_x));
    let height = reach(sizes.oh, stride_y, kh_count, dilation_y, pad_y, short_y);
    let width = reach(sizes.ow, stride_x, kw_count, dilation_x, pad_x, short_x);
    let base = source.fit(rng, &[(sizes.blocks * height * width, 1)], 1)?;
    values.extend([
        (x::ADDR, (base - pad_y * width - pad_x).rem_euclid(1 << 24)),
        (ow::STRIDE, stride_x),
        (oh::STRIDE, stride_y * width),
        (kc::STRIDE, height * width),
        (kw::STRIDE, dilation_x),
        (kh::STRIDE, dilation_y * width),
        (window_y::START, -pad_y),
        (window_y::LIMIT, height),
        (window_y::STEP_OH, stride_y),
        (window_y::STEP_KH, dilation_y),
        (window_x::START, -pad_x),
        (window_x::LIMIT, width),
        (window_x::STEP_OW, stride_x),
        (window_x::STEP_KW, dilation_x),
    ]);
    Some(values)
}

/// A tensor of the output's shape: address, first element and strides.
fn tensor(
    [addr, first, ow_stride, oh_stride, block_stride]: [Field; 5],
    [cols, word]: [i64; 2],
    window: Window,
    sizes: &Sizes,
    rng: &mut Rng,
) -> Option<Values> {
    let parts = if word > cols { word / cols } else { 1 };
    let start = rng.between(0, parts - 1) * cols;
    let blocks = (start + sizes.outs * cols + word - 1) / word;
    let mut strides = [1, sizes.ow, sizes.ow * sizes.oh];
    if rng.chance(30) {
        strides = match rng.between(0, 2) {
            // Blocks innermost, as NHWC has them.
            0 => [blocks, blocks * sizes.ow, 1],
            1 => [1, sizes.ow + rng.between(0, 3), sizes.oh * (sizes.ow + 3) + rng.between(0, 5)],
            _ => [-1, sizes.ow, sizes.ow * sizes.oh],
        };
    }
    let nest = [(sizes.ow, strides[0]), (sizes.oh, strides[1]), (blocks, strides[2])];
    Some(vec![
        (addr, window.fit(rng, &nest, 1)?),
        (first, start),
        (ow_stride, strides[0]),
        (oh_stride, strides[1]),
        (block_stride, strides[2]),
    ])
}
