//! VECTOR against the formulas of its section.

use std::cell::OnceCell;

use super::gemm::lane;
use super::*;
use crate::exec::Cause;
use crate::isa::levels::vector as levels;
use crate::isa::table::vector::{
    CHANNEL, DST, FORMAT, Function, LEVELS, LOOKUP, REDUCE, RESIDUAL, SRC1, SRC2, TABLE, *,
};

type Settings = Vec<(Field, i64)>;

fn operation(function: Function, a: i32, b: i32, imm: i32) -> i32 {
    let (wide_a, wide_b) = (i64::from(a), i64::from(b));
    let amount = wide_b.rem_euclid(32);
    let wide = match function {
        Function::Move => wide_a,
        Function::Add => wide_a + wide_b,
        Function::Sub => wide_a - wide_b,
        Function::Mul => wide_a * wide_b,
        Function::Max => {
            if wide_a > wide_b {
                wide_a
            } else {
                wide_b
            }
        }
        Function::Min => {
            if wide_a > wide_b {
                wide_b
            } else {
                wide_a
            }
        }
        Function::Abs => {
            if wide_a < 0 {
                -wide_a
            } else {
                wide_a
            }
        }
        Function::Neg => -wide_a,
        Function::And => wide_a & wide_b,
        Function::Or => wide_a | wide_b,
        Function::Xor => wide_a ^ wide_b,
        Function::Not => -1 - wide_a,
        Function::Shl => wide_a << amount,
        Function::Shr => wide_a.div_euclid(1 << amount),
        Function::Shru => wide_a.rem_euclid(1 << 32) >> amount,
        Function::Eq => i64::from(a == b),
        Function::Lt => i64::from(a < b),
        Function::Le => i64::from(a <= b),
        Function::Select => i64::from(if a == 0 { imm } else { b }),
        _ => unreachable!(),
    };
    wide as i32
}

/// What the registers say of a residual addition: scales, offset, order, limits.
const RESIDUAL_FIELDS: [Field; 6] = [
    res_scale_a::VALUE,
    res_scale_b::VALUE,
    res_offset::VALUE,
    res_offset::INNER,
    res_clamp::MIN,
    res_clamp::MAX,
];

struct Launch {
    v: Settings,
    f: Settings,
    function: Function,
    /// What `v` comes to, once it is complete.
    r: OnceCell<Registers>,
}

impl Launch {
    fn get(&self, field: Field) -> i64 {
        self.r.get_or_init(|| registers(Engine::Vector, &self.v)).get(field)
    }

    fn flag(&self, field: Field) -> i64 {
        flags(&self.f).get(field)
    }

    fn tuples(&self) -> Vec<[i64; 6]> {
        let n = levels::LOOPS.map(|(count, _)| self.get(count));
        let mut all = Vec::new();
        for i in 0..n.iter().product::<i64>() {
            let mut rest = i;
            all.push(n.map(|n| {
                let index = rest % n;
                rest /= n;
                index
            }));
        }
        all
    }

    fn inside(&self, i: &[i64; 6]) -> bool {
        let coordinate = |start, steps: [Field; 6]| {
            self.get(start) + (0..6).map(|l| i[l] * self.get(steps[l])).sum::<i64>()
        };
        (0..self.get(window_y::LIMIT)).contains(&coordinate(window_y::START, levels::STEP_Y))
            && (0..self.get(window_x::LIMIT)).contains(&coordinate(window_x::START, levels::STEP_X))
    }

    /// Post-processes and writes one lane of a result.
    fn put(&self, m: &mut Memory, old: &Memory, lane_no: usize, r: (i64, i64), acc: i32, b: i32) {
        let (address, j) = r;
        let lanes = m.shape.lanes;
        let (mut bias_v, mut scale_v) =
            (self.get(bias::VALUE) as i32, self.get(scale::VALUE) as i32);
        if self.flag(CHANNEL) == 1 {
            let at = (self.get(param::ADDR) + 2 * j) as usize * lanes + lane_no;
            (bias_v, scale_v) = (old.vmem[at], old.vmem[at + lanes]);
        }
        let address = address as usize * lanes + lane_no;
        match self.flag(FORMAT) {
            0 => {
                let residual = (self.flag(RESIDUAL) == 1)
                    .then(|| (b, RESIDUAL_FIELDS.map(|field| self.get(field))));
                let q = [quant::ZERO, quant::MIN, quant::MAX].map(|f| self.get(f));
                let table = (self.flag(LOOKUP) == 1).then(|| self.flag(TABLE));
                m.ibuf[address] = lane(old, [acc, bias_v, scale_v], q, residual, table) as i16;
            }
            1 => m.vmem[address] = acc.wrapping_add(bias_v),
            _ => {
                let f = acc.wrapping_add(bias_v) as f32 * f32::from_bits(scale_v as u32);
                m.vmem[address] = f.to_bits() as i32;
            }
        }
    }

    fn reference(&self, m: &mut Memory) {
        let old = m.clone();
        let lanes = m.shape.lanes;
        let imm = self.get(imm::VALUE) as i32;
        let reduced = if self.flag(REDUCE) == 0 { 0 } else { self.flag(LEVELS) as usize + 1 };
        for lane_no in 0..lanes {
            let read = |vmem: bool, at: i64| {
                let at = at as usize * lanes + lane_no;
                if vmem { old.vmem[at] } else { i32::from(old.ibuf[at]) }
            };
            // Results by outer tuple, in order.
            let mut results: Vec<([i64; 6], i32, i32)> = Vec::new();
            for i in self.tuples() {
                let dot = |base, strides: [Field; 6]| {
                    self.get(base) + (0..6).map(|l| i[l] * self.get(strides[l])).sum::<i64>()
                };
                let a = if self.inside(&i) {
                    let at = dot(src1::ADDR, levels::LOOPS.map(|(_, stride)| stride));
                    read(self.flag(SRC1) == 1, at)
                } else {
                    self.get(pad::VALUE) as i32
                };
                let b = match self.flag(SRC2) {
                    0 => imm,
                    source => read(source == 2, dot(src2::ADDR, levels::SRC2)),
                };
                let seen = if self.flag(RESIDUAL) == 1 { imm } else { b };
                let v = operation(self.function, a, seen, imm);
                let mut outer = i;
                outer[..reduced].fill(0);
                match results.last_mut() {
                    Some((last, acc, skip)) if reduced > 0 && *last == outer => {
                        *acc = match self.flag(REDUCE) {
                            1 => (i64::from(*acc) + i64::from(v)) as i32,
                            2 => v.max(*acc),
                            _ => v.min(*acc),
                        };
                        *skip = b;
                    }
                    _ => results.push((outer, v, b)),
                }
            }
            for (outer, acc, b) in results {
                let at = self.get(dst::ADDR)
                    + (0..6).map(|l| outer[l] * self.get(levels::DST[l])).sum::<i64>();
                self.put(m, &old, lane_no, (at, outer[5]), acc, b);
            }
        }
    }

    fn depthwise_reference(&self, m: &mut Memory) {
        let old = m.clone();
        let (lanes, n) = (m.shape.lanes, m.shape.taps as i64);
        let bits = 32 - m.shape.activation_bits;
        let padding = (self.get(pad::VALUE) as i32) << bits >> bits;
        let [c0, c1, c2, c3, c4, c5] = levels::LOOPS.map(|(count, _)| self.get(count));
        let stride = self.get(taps::STRIDE);
        for lane_no in 0..lanes {
            for outer in 0..c3 * c4 * c5 {
                let (i3, i4, i5) = (outer % c3, outer / c3 % c4, outer / c3 / c4);
                for i in n - 1..c0 {
                    if (i - (n - 1)) % stride != 0 {
                        continue;
                    }
                    let o = (i - (n - 1)) / stride;
                    let mut acc = 0_i32;
                    for inner in 0..c1 * c2 {
                        let (i1, i2) = (inner % c1, inner / c1);
                        for t in 0..n {
                            let at = [i - (n - 1) + t, i1, i2, i3, i4, i5];
                            let a = if self.inside(&at) {
                                let word = self.get(src1::ADDR)
                                    + (0..6)
                                        .map(|l| at[l] * self.get(levels::LOOPS[l].1))
                                        .sum::<i64>();
                                i32::from(old.ibuf[word as usize * lanes + lane_no])
                            } else {
                                padding
                            };
                            let word = self.get(src2::ADDR)
                                + (1..6).map(|l| at[l] * self.get(levels::SRC2[l])).sum::<i64>()
                                + t * self.get(taps::TAP_STRIDE);
                            let w = i32::from(old.ibuf[word as usize * lanes + lane_no]);
                            acc = (i64::from(acc) + i64::from(a) * i64::from(w)) as i32;
                        }
                    }
                    let at = self.get(dst::ADDR)
                        + i3 * self.get(dst_23::S3)
                        + i4 * self.get(dst_45::S4)
                        + i5 * self.get(dst_45::S5)
                        + o * self.get(taps::OUT_STRIDE);
                    self.put(m, &old, lane_no, (at, i5), acc, 0);
                }
            }
        }
    }
}

/// Registers and flags of post-processing and of the target, which lies in the second half of its
/// buffer.
fn finish(s: &crate::golden::Shape, rng: &mut Rng, launch: &mut Launch) {
    let (low, high) = s.activation_range();
    let format = between(rng, 0, 2);
    let half = if format == 0 { s.lane_words() / 2 } else { s.vmem_words / 2 } as i64;
    launch.f.extend([(FORMAT, format), (DST, i64::from(format > 0))]);
    launch.v.extend([
        (dst::ADDR, half + between(rng, 0, 9)),
        (quant::ZERO, between(rng, low, high)),
        (quant::MIN, between(rng, low, 0)),
        (quant::MAX, between(rng, 1, high)),
        (bias::VALUE, between(rng, -200, 200)),
        (scale::VALUE, i64::from(a_scale(rng))),
    ]);
    if format == 0 && s.tables > 0 && rng.chance(30) {
        launch.f.extend([(LOOKUP, 1), (TABLE, between(rng, 0, s.tables as i64 - 1))]);
    }
}

fn windows(rng: &mut Rng, v: &mut Settings) {
    let mut b = |low, high| between(rng, low, high);
    v.extend([(window_y::START, b(-2, 1)), (window_y::LIMIT, b(1, 8))]);
    v.extend([(window_x::START, b(-2, 1)), (window_x::LIMIT, b(1, 8))]);
    v.extend(levels::STEP_Y.map(|field| (field, b(-1, 1))));
    v.extend(levels::STEP_X.map(|field| (field, b(-1, 1))));
    v.push((pad::VALUE, b(-99_999, 99_999)));
}

/// Puts legal scales where `channel` finds them.
fn parameters(machine: &mut Machine, launch: &mut Launch, rng: &mut Rng) {
    let lanes = machine.shape().lanes;
    let at = between(rng, 0, 9);
    launch.f.push((CHANNEL, 1));
    launch.v.push((param::ADDR, at));
    for j in 0..4 {
        for lane in 0..lanes {
            let word = (at as usize + 2 * j) * lanes + lane;
            machine.memory_mut().vmem[word] = between(rng, -300, 300) as i32;
            machine.memory_mut().vmem[word + lanes] = a_scale(rng);
        }
    }
}

#[test]
fn operations_and_reductions() {
    let mut rng = Rng::new(10);
    for design in shapes() {
        for round in 0..38 {
            let mut machine = machine(&design, &mut rng);
            let s = *machine.shape();
            let function = Function::ALL[round % 19];
            let mut launch = Launch { v: Vec::new(), f: Vec::new(), function, r: OnceCell::new() };
            finish(&s, &mut rng, &mut launch);
            for (l, (count, stride)) in levels::LOOPS.into_iter().enumerate() {
                let most = if l < 3 { 3 } else { 2 };
                launch.v.extend([
                    (count, between(&mut rng, 1, most)),
                    (stride, between(&mut rng, 0, 2)),
                    (levels::SRC2[l], between(&mut rng, 0, 2)),
                ]);
            }
            // Results that do not share a word, so that their order does not matter.
            let mut apart = 1;
            for l in 0..6 {
                launch.v.push((levels::DST[l], apart));
                apart *= registers(Engine::Vector, &launch.v).get(levels::LOOPS[l].0);
            }
            launch.v.push((imm::VALUE, i64::from(rng.bits() as i32 >> rng.below(30))));
            launch.v.extend([(src1::ADDR, 3), (src2::ADDR, 5)]);
            launch.f.push((SRC1, between(&mut rng, 0, 1)));
            if launch.flag(FORMAT) == 0 && s.residual && rng.chance(40) {
                let (low, high) = s.activation_range();
                launch.f.extend([(RESIDUAL, 1), (SRC2, 1)]);
                launch.v.extend([
                    (res_clamp::MIN, low),
                    (res_clamp::MAX, high),
                    (res_scale_a::VALUE, i64::from(a_scale(&mut rng))),
                    (res_scale_b::VALUE, i64::from(a_scale(&mut rng))),
                    (res_offset::VALUE, i64::from(an_offset(&mut rng, (low, high)))),
                    (res_offset::INNER, between(&mut rng, 0, 1)),
                ]);
            } else {
                launch.f.push((SRC2, between(&mut rng, 0, 2)));
            }
            if rng.chance(60) {
                launch.f.push((REDUCE, between(&mut rng, 1, 3)));
                launch.f.push((LEVELS, between(&mut rng, 0, 3)));
            }
            if rng.chance(50) {
                windows(&mut rng, &mut launch.v);
            }
            if rng.chance(40) {
                parameters(&mut machine, &mut launch, &mut rng);
            }
            let mut expected = machine.memory().clone();
            if let Err(stop) = execute(&mut machine, function, &launch.v, &launch.f) {
                assert_eq!(stop.cause, Cause::BufferRange, "{round} {:?}", launch.f);
                continue;
            }
            launch.reference(&mut expected);
            let what = format!("{} {round} {function:?} {:?}", design.canonical(), launch.f);
            same(machine.memory(), &expected, &what);
        }
    }
}

#[test]
fn depthwise() {
    let mut rng = Rng::new(11);
    let function = Function::Depthwise;
    for design in shapes() {
        for round in 0..20 {
            let mut machine = machine(&design, &mut rng);
            let s = *machine.shape();
            let mut launch = Launch { v: Vec::new(), f: Vec::new(), function, r: OnceCell::new() };
            finish(&s, &mut rng, &mut launch);
            let mut b = |low, high| between(&mut rng, low, high);
            // Kernel 5 takes two segments of three taps.
            let counts = [b(3, 12), b(1, 2), b(1, 3), b(1, 2), b(1, 2), b(1, 2)];
            let mut apart = 16;
            for (l, (count, stride)) in levels::LOOPS.into_iter().enumerate() {
                launch.v.extend([
                    (count, counts[l]),
                    (stride, b(0, 3)),
                    (levels::SRC2[l], b(0, 3)),
                    (levels::DST[l], if l < 3 { 77 } else { apart }),
                ]);
                apart *= if l < 3 { 1 } else { counts[l] };
            }
            launch.v.extend([
                (taps::STRIDE, b(1, 3)),
                (taps::TAP_STRIDE, b(0, 3)),
                (taps::OUT_STRIDE, 1),
                (src1::ADDR, b(0, 9)),
                (src2::ADDR, b(0, 9)),
            ]);
            if rng.chance(70) {
                windows(&mut rng, &mut launch.v);
            }
            if rng.chance(40) {
                parameters(&mut machine, &mut launch, &mut rng);
            }
            let mut expected = machine.memory().clone();
            if let Err(stop) = execute(&mut machine, function, &launch.v, &launch.f) {
                assert_eq!(stop.cause, Cause::BufferRange, "{:?}", launch.f);
                continue;
            }
            launch.depthwise_reference(&mut expected);
            let what = format!("{} {round} {:?} {:?}", design.canonical(), launch.f, launch.v);
            same(machine.memory(), &expected, &what);
        }
    }
}

#[test]
fn weight_tiles_by_row_and_by_column() {
    let mut rng = Rng::new(12);
    for size in [1, 4, 16, 32] {
        let design = shaped(size, size, size, 8, 8);
        for column in [false, true] {
            let mut machine = machine(&design, &mut rng);
            let mut expected = machine.memory().clone();
            let s = expected.shape;
            let v = [
                (loop0::COUNT, size as i64),
                (loop0::STRIDE, 1),
                (loop1::COUNT, 2),
                (loop1::STRIDE, size as i64),
                (dst_01::S0, 1),
                (dst_01::S1, size as i64),
                (dst::ADDR, 3 * size as i64),
                (src1::ADDR, 7),
            ];
            let f = [(DST, if column { 3 } else { 2 })];
            execute(&mut machine, Function::Move, &v, &f).unwrap();
            for tile in 0..2 {
                for row in 0..size {
                    for col in 0..size {
                        let (j, c) = if column { (col, row) } else { (row, col) };
                        let value = expected.ibuf[(7 + tile * size + j) * size + c];
                        let t = s.segment_rows;
                        let word = (3 + tile) * t + row % t;
                        let at = word * s.segments * size + row / t * size + col;
                        expected.wbuf[at] = value;
                    }
                }
            }
            same(machine.memory(), &expected, &format!("{size} {column}"));
        }
    }
}

#[test]
fn transposer_wants_columns_in_order() {
    let mut rng = Rng::new(13);
    let mut machine = machine(&shaped(4, 4, 4, 8, 8), &mut rng);
    let one = |machine: &mut Machine, at: i64| {
        execute(machine, Function::Move, &[(dst::ADDR, at)], &[(DST, 3)]).map(|_| ())
    };
    let out_of_order = |address| Err(Stop { cause: Cause::TransposerOrder, address });
    assert_eq!(one(&mut machine, 1), out_of_order(1));
    one(&mut machine, 0).unwrap();
    one(&mut machine, 1).unwrap();
    assert_eq!(one(&mut machine, 1), out_of_order(1));
    assert_eq!(one(&mut machine, 6), out_of_order(6));
    one(&mut machine, 2).unwrap();
    one(&mut machine, 3).unwrap();
    one(&mut machine, 4).unwrap();
}

#[test]
fn illegal_launches_stop() {
    let mut rng = Rng::new(14);
    let mut machine = machine(&shaped(4, 8, 4, 8, 8), &mut rng);
    let (add, depthwise) = (Function::Add, Function::Depthwise);
    let cases: [(Function, Settings, Settings); 16] = [
        (add, vec![(loop0::COUNT, 0)], vec![]),
        (add, vec![(loop5::COUNT, 0)], vec![]),
        (add, vec![], vec![(SRC2, 3)]),
        (add, vec![], vec![(FORMAT, 3), (DST, 1)]),
        (add, vec![], vec![(DST, 1)]),
        (add, vec![], vec![(FORMAT, 1)]),
        (add, vec![], vec![(DST, 2)]),
        (add, vec![], vec![(DST, 3)]),
        (add, vec![], vec![(RESIDUAL, 1)]),
        (add, vec![], vec![(RESIDUAL, 1), (SRC2, 2)]),
        (add, vec![], vec![(LOOKUP, 1), (TABLE, 2)]),
        (add, vec![], vec![(LOOKUP, 1), (FORMAT, 1), (DST, 1)]),
        (add, vec![(quant::MAX, 128)], vec![]),
        (depthwise, vec![(loop0::COUNT, 2)], vec![]),
        (depthwise, vec![(loop0::COUNT, 3), (taps::STRIDE, 0)], vec![]),
        (depthwise, vec![(loop0::COUNT, 67)], vec![]),
    ];
    for (function, v, f) in cases {
        let stop = execute(&mut machine, function, &v, &f).unwrap_err();
        assert_eq!(stop.cause, Cause::Configuration, "{v:?} {f:?}");
    }
    execute(&mut machine, depthwise, &[(loop0::COUNT, 66)], &[]).unwrap();
    let stop = execute(&mut machine, add, &[(src1::ADDR, 1 << 20)], &[]).unwrap_err();
    assert_eq!(stop, Stop { cause: Cause::BufferRange, address: 1 << 20 });
}
