//! GEMM against the formulas of its section, element by element, and against a convolution.

use super::*;
use crate::exec::Cause;
use crate::isa::table::gemm::{ACCUMULATE, Function, KEEP, LOOKUP, RESIDUAL, TABLE, *};

/// What the registers say of a residual addition: scales, offset, order, limits.
const RESIDUAL_FIELDS: [Field; 6] = [
    res_scale_a::VALUE,
    res_scale_b::VALUE,
    res_offset::VALUE,
    res_offset::INNER,
    res_clamp::MIN,
    res_clamp::MAX,
];

/// One lane of post-processing, written from its section.
pub fn lane(
    memory: &Memory,
    [acc, bias, scale]: [i32; 3],
    q: [i64; 3],
    residual: Option<(i32, [i64; 6])>,
    table: Option<i64>,
) -> i32 {
    let t = (i64::from(acc) + i64::from(bias)) as i32;
    let f = t as f32 * f32::from_bits(scale as u32);
    let round = |f: f32| {
        let below = f64::from(f).floor();
        let rest = f64::from(f) - below;
        let odd = below.rem_euclid(2.0) == 1.0;
        let whole = if rest > 0.5 || rest == 0.5 && odd { below + 1.0 } else { below };
        whole.clamp(-2_147_483_648.0, 2_147_483_647.0) as i64
    };
    let mut y = (round(f) + q[0]).clamp(q[1], q[2]);
    if let Some((skip, r)) = residual {
        let [scale_a, scale_b, offset] = [r[0], r[1], r[2]].map(|bits| f32::from_bits(bits as u32));
        let (a, b) = (y as f32, skip as f32);
        let s = match r[3] {
            0 => a.mul_add(scale_a, b.mul_add(scale_b, offset)),
            _ => b.mul_add(scale_b, a.mul_add(scale_a, offset)),
        };
        y = round(s).clamp(r[4], r[5]);
    }
    if let Some(table) = table {
        let entry = memory.table[(table * 256 + y.rem_euclid(256)) as usize];
        let unused = 8 - memory.shape.activation_bits.min(8);
        y = i64::from((entry << unused) as i8 >> unused);
    }
    y as i32
}

/// The section's formulas. False when an address leaves its buffer.
fn reference(memory: &mut Memory, v: &[(Field, i64)], f: &[(Field, i64)], func: Function) -> bool {
    let r = registers(Engine::Gemm, v);
    let f = flags(f);
    let g = |field| r.get(field);
    let s = memory.shape;
    let (rows, cols) = (s.rows, s.cols);
    let passes = g(kh::COUNT) * g(kw::COUNT) * g(kc::COUNT);
    let k = if func == Function::Act { rows } else { s.lanes } as i64;
    let before = memory.clone();
    for i_n in 0..g(n::COUNT) {
        let mut pass = 0;
        for i_kh in 0..g(kh::COUNT) {
            for i_kw in 0..g(kw::COUNT) {
                for i_kc in 0..g(kc::COUNT) {
                    for i_oh in 0..g(oh::COUNT) {
                        for i_ow in 0..g(ow::COUNT) {
                            let m = i_oh * g(ow::COUNT) + i_ow;
                            let y = g(window_y::START)
                                + i_oh * g(window_y::STEP_OH)
                                + i_kh * g(window_y::STEP_KH);
                            let x = g(window_x::START)
                                + i_ow * g(window_x::STEP_OW)
                                + i_kw * g(window_x::STEP_KW);
                            let at = g(x::ADDR)
                                + i_n * g(n::STRIDE)
                                + i_kh * g(kh::STRIDE)
                                + i_kw * g(kw::STRIDE)
                                + i_kc * g(kc::STRIDE)
                                + i_oh * g(oh::STRIDE)
                                + i_ow * g(ow::STRIDE);
                            let at = at.rem_euclid(1 << 24) as usize;
                            let inside = (0..g(window_y::LIMIT)).contains(&y)
                                && (0..g(window_x::LIMIT)).contains(&x);
                            if inside && at >= s.ibuf_words {
                                return false;
                            }
                            for c in 0..cols {
                                let mut dot = 0_i64;
                                for row in 0..rows {
                                    let a = if inside {
                                        i64::from(before.ibuf[at * rows + row])
                                    } else {
                                        g(pad::VALUE)
                                    };
                                    let (seg, t) = (row / s.segment_rows, row % s.segment_rows);
                                    let tile = (i_n * passes + pass) as usize;
                                    let word = g(w::ADDR) as usize + tile * s.segment_rows + t;
                                    let word = word % s.wbuf_words * s.segments * cols;
                                    dot += a * i64::from(before.wbuf[word + seg * cols + c]);
                                }
                                let at = (g(obuf::ADDR) + m) as usize * cols + c;
                                let old = if pass == 0 && !f.has(ACCUMULATE) {
                                    0
                                } else {
                                    memory.obuf[at]
                                };
                                memory.obuf[at] = (dot + i64::from(old)) as i32;
                            }
                        }
                    }
                    pass += 1;
                }
            }
        }
        if f.has(KEEP) {
            return true;
        }
        for i_oh in 0..g(oh::COUNT) {
            for i_ow in 0..g(ow::COUNT) {
                for c in 0..cols {
                    let m = (i_oh * g(ow::COUNT) + i_ow + g(obuf::ADDR)) as usize;
                    let word = (g(param::ADDR) + i_n) as usize;
                    if word >= s.pbuf_words {
                        return false;
                    }
                    let bias = memory.pbuf[word * 2 * cols + c];
                    let scale = memory.pbuf[word * 2 * cols + cols + c];
                    let acc = memory.obuf[m * cols + c];
                    let e = g(out::FIRST) + i_n * cols as i64 + c as i64;
                    let at = g(out::ADDR)
                        + e / k * g(out_block::STRIDE)
                        + i_oh * g(out_stride::OH)
                        + i_ow * g(out_stride::OW);
                    let at = at.rem_euclid(1 << 24) as usize * k as usize + (e % k) as usize;
                    if func == Function::Act {
                        let e = g(res::FIRST) + i_n * cols as i64 + c as i64;
                        let rows = rows as i64;
                        let from = g(res::ADDR)
                            + e / rows * g(res_block::STRIDE)
                            + i_oh * g(res_stride::OH)
                            + i_ow * g(res_stride::OW);
                        let from = from.rem_euclid(1 << 24) * rows + e % rows;
                        let residual = f.has(RESIDUAL).then(|| {
                            before
                                .ibuf
                                .get(from as usize)
                                .map(|&skip| (i32::from(skip), RESIDUAL_FIELDS.map(g)))
                        });
                        if residual == Some(None) || at >= memory.ibuf.len() {
                            return false;
                        }
                        let q = [quant::ZERO, quant::MIN, quant::MAX].map(g);
                        let table = f.has(LOOKUP).then(|| f.get(TABLE));
                        let y = lane(memory, [acc, bias, scale], q, residual.flatten(), table);
                        memory.ibuf[at] = y as i16;
                    } else {
                        if at >= memory.vmem.len() {
                            return false;
                        }
                        let t = acc.wrapping_add(bias);
                        let wide = t as f32 * f32::from_bits(scale as u32);
                        let int = func == Function::Int32;
                        memory.vmem[at] = if int { t } else { wide.to_bits() as i32 };
                    }
                }
            }
        }
    }
    true
}

type Settings = Vec<(Field, i64)>;

/// A random launch whose reads of IBUF end below half of it and whose writes begin there.
fn launch(s: &crate::golden::Shape, rng: &mut Rng) -> (Settings, Settings, Function) {
    let function = Function::ALL[rng.below(3) as usize];
    let act = function == Function::Act;
    let half = s.ibuf_words as i64 / 2;
    let mut b = |low, high| between(rng, low, high);
    let (ows, ohs) = (b(1, 5), b(1, 4));
    let kept = b(0, 3);
    let mut f = Vec::new();
    if kept == 1 {
        f.push((KEEP, 1));
    } else if kept == 2 {
        f.push((ACCUMULATE, 1));
    }
    let ns = if kept == 1 || kept == 2 { 1 } else { b(1, 3) };
    let (low, high) = s.activation_range();
    let (z, min, max) = (b(low, high), b(low, 0), b(1, high));
    let mut v = vec![
        (x::ADDR, b(0, 20)),
        (ow::COUNT, ows),
        (ow::STRIDE, b(0, 3)),
        (oh::COUNT, ohs),
        (oh::STRIDE, b(0, 9)),
        (kc::COUNT, b(1, 3)),
        (kc::STRIDE, b(0, 40)),
        (kw::COUNT, b(1, 3)),
        (kw::STRIDE, b(0, 3)),
        (kh::COUNT, b(1, 3)),
        (kh::STRIDE, b(0, 9)),
        (n::COUNT, ns),
        (n::STRIDE, b(0, 1) * b(0, 5)),
        (window_y::START, b(-2, 2)),
        (window_y::LIMIT, b(0, 6)),
        (window_y::STEP_OH, b(0, 2)),
        (window_y::STEP_KH, b(0, 2)),
        (window_x::START, b(-2, 2)),
        (window_x::LIMIT, b(0, 6)),
        (window_x::STEP_OW, b(0, 2)),
        (window_x::STEP_KW, b(0, 2)),
        (pad::VALUE, b(low, high)),
        (w::ADDR, b(0, 2 * s.wbuf_words as i64)),
        (obuf::ADDR, b(0, 20)),
        (param::ADDR, b(0, 3)),
        (quant::ZERO, z),
        (quant::MIN, min),
        (quant::MAX, max),
    ];
    let k = if act { s.rows } else { s.lanes };
    let parts = if k > s.cols { (k / s.cols) as i64 } else { 1 };
    let base = if act { half } else { 0 };
    v.extend([
        (out::ADDR, base + b(0, 4)),
        (out::FIRST, b(0, parts - 1) * s.cols as i64),
        (out_stride::OW, b(1, 2)),
        (out_stride::OH, b(5, 12)),
        (out_block::STRIDE, b(24, 30)),
    ]);
    if act && b(0, 1) == 1 && s.residual {
        f.push((RESIDUAL, 1));
        let parts = if s.rows > s.cols { (s.rows / s.cols) as i64 } else { 1 };
        v.extend([
            (res::ADDR, b(0, 40)),
            (res::FIRST, b(0, parts - 1) * s.cols as i64),
            (res_stride::OW, b(0, 2)),
            (res_stride::OH, b(0, 12)),
            (res_block::STRIDE, b(0, 10)),
            (res_clamp::MIN, b(low, 0)),
            (res_clamp::MAX, b(1, high)),
            (res_offset::INNER, b(0, 1)),
        ]);
        v.push((res_scale_a::VALUE, i64::from(a_scale(rng))));
        v.push((res_scale_b::VALUE, i64::from(a_scale(rng))));
        v.push((res_offset::VALUE, i64::from(an_offset(rng, (low, high)))));
    }
    if act && s.tables > 0 && rng.chance(40) {
        f.extend([(LOOKUP, 1), (TABLE, between(rng, 0, s.tables as i64 - 1))]);
    }
    (v, f, function)
}

#[test]
fn launches_equal_the_formulas() {
    let mut rng = Rng::new(6);
    let mut executed = 0;
    for design in shapes() {
        for round in 0..25 {
            let mut machine = machine(&design, &mut rng);
            let shape = *machine.shape();
            let (v, f, function) = launch(&shape, &mut rng);
            let mut expected = machine.memory().clone();
            let result = execute(&mut machine, function, &v, &f);
            let legal = reference(&mut expected, &v, &f, function);
            if let Err(stop) = result {
                assert_eq!(stop.cause, Cause::BufferRange);
                assert!(!legal, "{} round {round}: {stop:?}", design.canonical());
                continue;
            }
            assert!(legal);
            executed += 1;
            if !f.contains(&(KEEP, 1)) {
                // Only what `keep` leaves in OBUF is defined.
                expected.obuf.clone_from(&machine.memory().obuf);
            }
            let what = format!("{} round {round} {function:?} {f:?} {v:?}", design.canonical());
            same(machine.memory(), &expected, &what);
        }
    }
    assert!(executed > 250, "{executed} of 325");
}

/// A whole convolution with padding, stride and dilation on blocked tensors, against one on dense
/// tensors that knows nothing of words and tiles.
#[test]
fn convolution() {
    let mut rng = Rng::new(7);
    for design in shapes() {
        for (kernel, stride, dilation, padding) in
            [(3, 1, 1, 1), (3, 2, 1, 1), (1, 1, 1, 0), (2, 1, 2, 1), (5, 2, 1, 2)]
        {
            let mut machine = machine(&design, &mut rng);
            let s = *machine.shape();
            let (r, c) = (s.rows as i64, s.cols as i64);
            let (h, wd, blocks, outs) = (6_i64, 5_i64, 2_i64, 2_i64);
            let size = |n: i64| (n + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
            let (h_out, w_out) = (size(h), size(wd));
            let out_at = 2 * blocks * h * wd;
            let zero = 3;
            let v = [
                (x::ADDR, (-padding * (wd + 1)).rem_euclid(1 << 24)),
                (ow::COUNT, w_out),
                (ow::STRIDE, stride),
                (oh::COUNT, h_out),
                (oh::STRIDE, stride * wd),
                (kc::COUNT, blocks),
                (kc::STRIDE, h * wd),
                (kw::COUNT, kernel),
                (kw::STRIDE, dilation),
                (kh::COUNT, kernel),
                (kh::STRIDE, dilation * wd),
                (n::COUNT, outs),
                (window_y::START, -padding),
                (window_y::LIMIT, h),
                (window_y::STEP_OH, stride),
                (window_y::STEP_KH, dilation),
                (window_x::START, -padding),
                (window_x::LIMIT, wd),
                (window_x::STEP_OW, stride),
                (window_x::STEP_KW, dilation),
                (pad::VALUE, zero),
                (out::ADDR, out_at),
                (out_stride::OH, w_out),
                (out_block::STRIDE, h_out * w_out),
                (quant::MIN, s.activation_range().0),
                (quant::MAX, s.activation_range().1),
            ];
            let tiles = outs * kernel * kernel * blocks;
            let before = machine.memory().clone();
            execute(&mut machine, Function::Act, &v, &[]).unwrap();
            let input = |y: i64, x: i64, ch: i64| {
                if (0..h).contains(&y) && (0..wd).contains(&x) {
                    let word = (ch / r * h + y) * wd + x;
                    i64::from(before.ibuf[(word * r + ch % r) as usize])
                } else {
                    zero
                }
            };
            let weight = |o: i64, ky: i64, kx: i64, ch: i64| {
                let tile = ((o / c * kernel + ky) * kernel + kx) * blocks + ch / r;
                assert!(tile < tiles);
                let (seg, t) = (ch % r / s.segment_rows as i64, ch % r % s.segment_rows as i64);
                let word = (tile * s.segment_rows as i64 + t) % s.wbuf_words as i64;
                let at = (word * s.segments as i64 + seg) * c + o % c;
                i64::from(before.wbuf[at as usize])
            };
            for o in 0..outs * c {
                for y in 0..h_out {
                    for x in 0..w_out {
                        let mut acc = 0;
                        for ky in 0..kernel {
                            for kx in 0..kernel {
                                for ch in 0..blocks * r {
                                    let iy = y * stride + ky * dilation - padding;
                                    let ix = x * stride + kx * dilation - padding;
                                    acc += input(iy, ix, ch) * weight(o, ky, kx, ch);
                                }
                            }
                        }
                        let word = (o / c) as usize * 2 * s.cols + (o % c) as usize;
                        let (bias, scale) = (before.pbuf[word], before.pbuf[word + s.cols]);
                        let (low, high) = s.activation_range();
                        let q = [0, low, high];
                        let expected = lane(&before, [acc as i32, bias, scale], q, None, None);
                        let word = out_at + o / r * h_out * w_out + y * w_out + x;
                        let got = machine.memory().ibuf[(word * r + o % r) as usize];
                        assert_eq!(i32::from(got), expected, "{} {o} {y} {x}", design.canonical());
                    }
                }
            }
        }
    }
}

#[test]
fn packed_cells_refuse_their_most_negative_weight() {
    let mut rng = Rng::new(8);
    for packed in ["true", "false"] {
        let design = design(&[("array.packed", packed)]);
        let mut machine = machine(&design, &mut rng);
        machine.memory_mut().wbuf.iter_mut().for_each(|w| *w = (*w).max(-127));
        let v = [(w::ADDR, 8), (n::COUNT, 2), (out::ADDR, 100), (out_block::STRIDE, 1)];
        execute(&mut machine, Function::Act, &v, &[]).unwrap();
        machine.memory_mut().wbuf[14 * 4 + 3] = -128;
        let result = execute(&mut machine, Function::Act, &v, &[]);
        let stop = Stop { cause: Cause::PackedWeight, address: 14 };
        assert_eq!(result.err(), (packed == "true").then_some(stop));
        // A tile the launch does not load is its own affair.
        machine.memory_mut().wbuf[16 * 4] = -128;
        machine.memory_mut().wbuf[14 * 4 + 3] = 0;
        execute(&mut machine, Function::Act, &v, &[]).unwrap();
    }
}

#[test]
fn illegal_launches_stop() {
    let mut rng = Rng::new(9);
    let mut machine = machine(&design(&[]), &mut rng);
    let depth = machine.shape().obuf_words as i64;
    let act = Function::Act;
    let cases: [(Function, Settings, Settings); 15] = [
        (act, vec![(ow::COUNT, 0)], vec![]),
        (act, vec![(oh::COUNT, 0)], vec![]),
        (act, vec![(kc::COUNT, 0)], vec![]),
        (act, vec![(kw::COUNT, 0)], vec![]),
        (act, vec![(kh::COUNT, 0)], vec![]),
        (act, vec![(n::COUNT, 0)], vec![]),
        (act, vec![(n::COUNT, 2)], vec![(KEEP, 1)]),
        (act, vec![(n::COUNT, 2)], vec![(ACCUMULATE, 1)]),
        (act, vec![(ow::COUNT, depth), (obuf::ADDR, 1)], vec![]),
        (act, vec![(quant::MIN, -129)], vec![]),
        (act, vec![(res_clamp::MAX, 128)], vec![(RESIDUAL, 1)]),
        (act, vec![], vec![(LOOKUP, 1), (TABLE, 2)]),
        (Function::Int32, vec![], vec![(LOOKUP, 1)]),
        (Function::Float32, vec![], vec![(RESIDUAL, 1)]),
        (act, vec![(quant::MAX, 200)], vec![(KEEP, 1)]),
    ];
    for (function, v, f) in cases {
        let stop = execute(&mut machine, function, &v, &f).unwrap_err();
        assert_eq!(stop.cause, Cause::Configuration, "{v:?} {f:?}");
    }
    execute(&mut machine, act, &[(ow::COUNT, depth), (out_stride::OW, 0)], &[]).unwrap();
    let beyond =
        [vec![(x::ADDR, 1 << 20)], vec![(out::ADDR, 1 << 20)], vec![(param::ADDR, 1 << 12)]];
    for v in beyond {
        let stop = execute(&mut machine, act, &v, &[]).unwrap_err();
        assert_eq!(stop.cause, Cause::BufferRange, "{v:?}");
        assert_eq!(stop.address, v[0].1 as u64);
    }
}
