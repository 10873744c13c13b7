//! Footprints against a reference that walks every index tuple as the manual tells it.

use super::*;
use crate::isa::levels::{unit as unit_levels, vector as levels};
use crate::isa::table::{gemm, load, store, unit, vector};
use crate::isa::{Field, Home};
use proptest::prelude::*;
use std::collections::BTreeSet;

type Set = BTreeSet<(Space, i64)>;

#[derive(Debug, Default, PartialEq)]
struct Touched {
    reads: Set,
    writes: Set,
}

const UNITS: &str = "extensions:
  units:
    - {name: one, operands: 1, states: [], outputs: [{name: p, value: count}]}
    - {name: two, operands: 2, states: [], outputs: [{name: p, value: count}, {name: q, value: lane}]}
";

fn design(rows: usize, cols: usize, lanes: usize) -> Design {
    let text = format!(
        "name: t\narray: {{rows: {rows}, cols: {cols}, cell: generic}}\nvector: {{lanes: {lanes}, float: true, segments: 40}}\n{UNITS}"
    );
    Design::from_yaml(&text, &[]).unwrap()
}

/// All index tuples of loops with these counts, the first innermost.
fn tuples(counts: &[i64]) -> Vec<Vec<i64>> {
    let mut tuples = vec![vec![]];
    for &count in counts.iter().rev() {
        tuples = tuples
            .into_iter()
            .flat_map(|outer: Vec<i64>| {
                (0..count).map(move |index| [&[index], outer.as_slice()].concat())
            })
            .collect();
    }
    tuples
}

fn dot(indices: &[i64], factors: &[i64]) -> i64 {
    indices.iter().zip(factors).map(|(a, b)| a * b).sum()
}

struct Reference<'a> {
    design: &'a Design,
    registers: &'a Registers,
    flags: Flags,
    touched: Touched,
}

impl Reference<'_> {
    fn get(&self, field: Field) -> i64 {
        self.registers.get(field)
    }

    fn all<const N: usize>(&self, fields: [Field; N]) -> [i64; N] {
        fields.map(|field| self.get(field))
    }

    /// All addresses of a word.
    fn word(&self, space: Space, address: i64) -> Vec<(Space, i64)> {
        let modulus = if space == Space::Wbuf { self.design.wbuf().words as i64 } else { 1 << 24 };
        let size = space.per_word(self.design);
        let word = address.rem_euclid(modulus);
        (word * size..(word + 1) * size).map(|address| (space, address)).collect()
    }

    fn lane_word(&self, space: Space, address: i64) -> Vec<(Space, i64)> {
        let lanes = self.design.lanes() as i64;
        let word = address.rem_euclid(1 << 24);
        (word * lanes..(word + 1) * lanes).map(|address| (space, address)).collect()
    }

    fn transfer(&mut self, into: bool, space: Space, word_bytes: usize) {
        use load as l;
        use store as s;
        let pick = |a: Field, b: Field| self.get(if into { a } else { b });
        let counts = [
            pick(l::loop0::COUNT, s::loop0::COUNT),
            pick(l::loop1::COUNT, s::loop1::COUNT),
            pick(l::loop2::COUNT, s::loop2::COUNT),
            pick(l::loop3::COUNT, s::loop3::COUNT),
        ];
        let strides = [
            pick(l::loop0::STRIDE, s::loop0::STRIDE),
            pick(l::loop1::STRIDE, s::loop1::STRIDE),
            pick(l::loop2::STRIDE, s::loop2::STRIDE),
            pick(l::loop3::STRIDE, s::loop3::STRIDE),
        ];
        let word_counts = [
            pick(l::word0::COUNT, s::word0::COUNT),
            pick(l::word1::COUNT, s::word1::COUNT),
            pick(l::word2::COUNT, s::word2::COUNT),
        ];
        let word_strides = [
            pick(l::word0::STRIDE, s::word0::STRIDE),
            pick(l::word1::STRIDE, s::word1::STRIDE),
            pick(l::word2::STRIDE, s::word2::STRIDE),
            pick(l::word3::STRIDE, s::word3::STRIDE),
        ];
        let offset = pick(l::dram::OFFSET, s::dram::OFFSET);
        let run = pick(l::shape::RUN_BYTES, s::shape::RUN_BYTES);
        let group = pick(l::shape::GROUP_BYTES, s::shape::GROUP_BYTES);
        let first = pick(l::dst::ADDR, s::src::ADDR);
        let clip = into && self.flags.has(load::CLIP);
        let mut bytes = Set::new();
        let mut total = 0;
        for index in tuples(&counts) {
            for byte in 0..run {
                total += 1;
                if clip {
                    let steps_y = [l::step_y::S0, l::step_y::S1, l::step_y::S2, l::step_y::S3];
                    let steps_x = [l::step_x::S0, l::step_x::S1, l::step_x::S2, l::step_x::S3];
                    let y = self.get(l::clip_y::START) + dot(&index, &self.all(steps_y));
                    let x = self.get(l::clip_x::START) + dot(&index, &self.all(steps_x)) + byte;
                    let inside = (0..self.get(l::clip_y::LIMIT)).contains(&y)
                        && (0..self.get(l::clip_x::LIMIT)).contains(&x);
                    if !inside {
                        continue;
                    }
                }
                bytes.insert((Space::Dram(0), offset + dot(&index, &strides) + byte));
            }
        }
        // Byte by byte, starting a word with each group and each time a word is full.
        let mut words = 0;
        for byte in 0..total {
            if (byte % group) % word_bytes as i64 == 0 {
                words += 1;
            }
        }
        let mut addresses = Set::new();
        let outer = 1 + words / word_counts.iter().product::<i64>();
        let nest = tuples(&[word_counts[0], word_counts[1], word_counts[2], outer]);
        for index in nest.iter().take(words as usize) {
            addresses.extend(self.word(space, first + dot(index, &word_strides)));
        }
        let (reads, writes) = if into { (bytes, addresses) } else { (addresses, bytes) };
        self.touched = Touched { reads, writes };
    }

    fn gemm(&mut self, function: gemm::Function) {
        use gemm::*;
        let (r, c) = (self.design.rows() as i64, self.design.cols() as i64);
        let counts = self.all([ow::COUNT, oh::COUNT, kc::COUNT, kw::COUNT, kh::COUNT, n::COUNT]);
        let strides =
            self.all([ow::STRIDE, oh::STRIDE, kc::STRIDE, kw::STRIDE, kh::STRIDE, n::STRIDE]);
        let [wy, ly, soh, skh] =
            self.all([window_y::START, window_y::LIMIT, window_y::STEP_OH, window_y::STEP_KH]);
        let [wx, lx, sow, skw] =
            self.all([window_x::START, window_x::LIMIT, window_x::STEP_OW, window_x::STEP_KW]);
        let act = function == Function::Act;
        let (space, k) =
            if act { (Space::Ibuf, r) } else { (Space::Vmem, self.design.lanes() as i64) };
        let mut tile = 0;
        for n in 0..counts[5] {
            for _ in 0..counts[4] * counts[3] * counts[2] {
                for step in 0..self.design.segment_rows() as i64 {
                    let address =
                        self.get(w::ADDR) + tile * self.design.segment_rows() as i64 + step;
                    let word = self.word(Space::Wbuf, address);
                    self.touched.reads.extend(word);
                }
                tile += 1;
            }
            for i in tuples(&counts[..5]) {
                let y = wy + i[1] * soh + i[4] * skh;
                let x_at = wx + i[0] * sow + i[3] * skw;
                if (0..ly).contains(&y) && (0..lx).contains(&x_at) {
                    let address = self.get(x::ADDR) + dot(&i, &strides[..5]) + n * strides[5];
                    let word = self.word(Space::Ibuf, address);
                    self.touched.reads.extend(word);
                }
            }
            for i in tuples(&counts[..2]) {
                let m = i[1] * counts[0] + i[0];
                self.touched.writes.insert((Space::Obuf, self.get(obuf::ADDR) + m));
                if self.flags.has(KEEP) {
                    continue;
                }
                self.touched.reads.insert((Space::Pbuf, self.get(param::ADDR) + n));
                for column in 0..c {
                    let element = |first: i64, base: i64, block: i64, pixel: [i64; 2], k: i64| {
                        let e = first + n * c + column;
                        let word = base + (e / k) * block + i[0] * pixel[0] + i[1] * pixel[1];
                        word.rem_euclid(1 << 24) * k + e % k
                    };
                    let pixel = self.all([out_stride::OW, out_stride::OH]);
                    let [base, first, block] = self.all([out::ADDR, out::FIRST, out_block::STRIDE]);
                    self.touched.writes.insert((space, element(first, base, block, pixel, k)));
                    if act && self.flags.has(RESIDUAL) {
                        let pixel = self.all([res_stride::OW, res_stride::OH]);
                        let [base, first, block] =
                            self.all([res::ADDR, res::FIRST, res_block::STRIDE]);
                        self.touched
                            .reads
                            .insert((Space::Ibuf, element(first, base, block, pixel, r)));
                    }
                }
            }
        }
        if act && self.flags.has(LOOKUP) && !self.flags.has(KEEP) {
            self.table(self.flags.get(TABLE));
        }
    }

    fn table(&mut self, index: i64) {
        let words = 64 * index..64 * (index + 1);
        self.touched.reads.extend(words.map(|word| (Space::Table, word)));
    }

    fn vector(&mut self, function: vector::Function) {
        use vector::*;
        let counts = self.all(levels::LOOPS.map(|(count, _)| count));
        let strides = self.all(levels::LOOPS.map(|(_, stride)| stride));
        let [b, d] = [self.all(levels::SRC2), self.all(levels::DST)];
        let [sy, sx] = [self.all(levels::STEP_Y), self.all(levels::STEP_X)];
        let depthwise = function == Function::Depthwise;
        let space = |vmem: bool| if vmem { Space::Vmem } else { Space::Ibuf };
        let a_space = if depthwise { Space::Ibuf } else { space(self.flags.has(SRC1)) };
        let taps = self.design.taps() as i64;
        for i in tuples(&counts) {
            let y = self.get(window_y::START) + dot(&i, &sy);
            let x = self.get(window_x::START) + dot(&i, &sx);
            let inside = (0..self.get(window_y::LIMIT)).contains(&y)
                && (0..self.get(window_x::LIMIT)).contains(&x);
            if inside {
                let word = self.lane_word(a_space, self.get(src1::ADDR) + dot(&i, &strides));
                self.touched.reads.extend(word);
            }
            if self.flags.has(CHANNEL) {
                let param = self.get(param::ADDR) + 2 * i[5];
                for word in [param, param + 1] {
                    let word = self.lane_word(Space::Vmem, word);
                    self.touched.reads.extend(word);
                }
            }
            if depthwise {
                for t in 0..taps {
                    let outer = dot(&i[1..], &b[1..]) + t * self.get(taps::TAP_STRIDE);
                    let word = self.lane_word(Space::Ibuf, self.get(src2::ADDR) + outer);
                    self.touched.reads.extend(word);
                }
                let late = i[0] - (taps - 1);
                if late >= 0 && late % self.get(taps::STRIDE) == 0 {
                    let o = late / self.get(taps::STRIDE) * self.get(taps::OUT_STRIDE);
                    self.result(self.get(dst::ADDR) + dot(&i[3..], &d[3..]) + o);
                }
                continue;
            }
            if self.flags.has(SRC2) {
                let word = self.lane_word(
                    space(self.flags.get(SRC2) == 2),
                    self.get(src2::ADDR) + dot(&i, &b),
                );
                self.touched.reads.extend(word);
            }
            let reduced =
                if self.flags.has(REDUCE) { 1 + self.flags.get(LEVELS) as usize } else { 0 };
            // With interleaving loop0 is free and the loops above it are reduced.
            let free = usize::from(self.get(reduction::INTERLEAVE) == 1);
            let kept = |l: usize| l < free || l >= free + reduced;
            let offset: i64 = (0..6).filter(|&l| kept(l)).map(|l| i[l] * d[l]).sum();
            self.result(self.get(dst::ADDR) + offset);
        }
        if function == Function::Function {
            let size = match self.get(function::MODE) {
                4 => 2 * ((self.get(function::OCTAVES) << self.get(function::BITS)) + 2),
                _ => 1 << self.get(function::BITS),
            };
            let all = self.design.function_segments() as i64;
            for segment in 0..size {
                let number = (self.get(function::BASE) + segment) % 65536;
                let exists = if number < all { number } else { 0 };
                let words = 4 * exists..4 * exists + 4;
                self.touched.reads.extend(words.map(|word| (Space::Coeff, word)));
            }
        }
        if self.flags.has(LOOKUP) {
            self.table(self.flags.get(TABLE));
        }
    }

    fn unit(&mut self, index: u8) {
        use unit::*;
        let counts = self.all(unit_levels::LOOPS.map(|(count, _)| count));
        let strides = self.all(unit_levels::LOOPS.map(|(_, stride)| stride));
        let [b, d] = [self.all(unit_levels::SRC2), self.all(unit_levels::DST)];
        let space = |vmem: bool| if vmem { Space::Vmem } else { Space::Ibuf };
        let outside = self.flags.get(GROUP) as usize;
        for i in tuples(&counts) {
            let word = self.get(src1::ADDR) + dot(&i, &strides);
            let word = self.lane_word(space(self.flags.has(SRC1)), word);
            self.touched.reads.extend(word);
            if index == 1 {
                let word = self.get(src2::ADDR) + dot(&i, &b);
                let word = self.lane_word(space(self.flags.has(SRC2)), word);
                self.touched.reads.extend(word);
            }
            let group = self.get(dst::ADDR) + dot(&i[outside..], &d[outside..]);
            for output in 0..=i64::from(index) {
                let word = group + output * self.get(dst::NEXT);
                let word = self.lane_word(space(self.flags.has(DST)), word);
                self.touched.writes.extend(word);
            }
        }
    }

    fn result(&mut self, address: i64) {
        let (rows, steps) = (self.design.rows() as i64, self.design.segment_rows() as i64);
        let tiles = self.design.wbuf().words as i64 / steps;
        let row = address.rem_euclid(rows * tiles);
        let (tile, j) = (row / rows, row % rows);
        let written = match self.flags.get(vector::DST) {
            0 => self.lane_word(Space::Ibuf, address),
            1 => self.lane_word(Space::Vmem, address),
            2 => vec![(Space::Wbuf, tile * steps + j % steps)],
            _ => (0..steps).map(|step| (Space::Wbuf, tile * steps + step)).collect(),
        };
        self.touched.writes.extend(written);
    }
}

fn collected(footprint: &Footprint) -> Touched {
    let set = |accesses: &[Access]| {
        let addresses = |access: &Access| {
            let space = access.space;
            access.spans.addresses().map(move |address| (space, address)).collect::<Vec<_>>()
        };
        accesses.iter().flat_map(addresses).collect()
    };
    Touched { reads: set(&footprint.reads), writes: set(&footprint.writes) }
}

fn reference(design: &Design, call: Call, flags: Flags, registers: &Registers) -> Touched {
    let mut reference = Reference { design, registers, flags, touched: Touched::default() };
    match call.engine {
        Engine::Load => {
            let (space, bytes) = [
                (Space::Ibuf, design.ibuf().word_bytes),
                (Space::Wbuf, design.wbuf().word_bytes),
                (Space::Pbuf, design.cols() * 8),
                (Space::Vmem, design.vmem().word_bytes),
                (Space::Table, 4),
                (Space::Coeff, 4),
            ][usize::from(call.function)];
            reference.transfer(true, space, bytes);
        }
        Engine::Store if call.function == 0 => {
            reference.transfer(false, Space::Ibuf, design.ibuf().word_bytes);
        }
        Engine::Store => reference.transfer(false, Space::Vmem, design.vmem().word_bytes),
        Engine::Gemm => reference.gemm(gemm::Function::from_number(call.function).unwrap()),
        Engine::Vector => reference.vector(vector::Function::from_number(call.function).unwrap()),
        Engine::Unit => reference.unit(call.function),
        Engine::Ctrl => {}
    }
    reference.touched
}

/// A small value for a field, mostly positive; windows sometimes cut something off.
fn small(field: &Field, seed: u64) -> i64 {
    let pick = |low: i64, high: i64| low + (seed % (high - low + 1) as u64) as i64;
    match field.name {
        "count" => pick(1, 3),
        "stride" if field.unit.is_empty() => pick(1, 3),
        "run_bytes" => pick(1, 9),
        "group_bytes" => pick(1, 40),
        "limit" => pick(1, 8),
        "offset" => pick(200, 300),
        "base" if field.unit == "segments" => [0, 7, 39, 40, 65530][seed as usize % 5],
        "base" => 0,
        _ if field.unit == "binary32" => field.reset,
        _ if field.signed => pick(-3, 6).clamp(field.min(), field.max()),
        _ => pick(0, 9).clamp(field.min(), field.max()),
    }
}

prop_compose! {
    fn launches()(
        shape in prop::sample::select(vec![(4, 4, 4), (8, 4, 4), (4, 8, 2), (32, 8, 8), (8, 8, 2), (1, 1, 1)]),
        engine in prop::sample::select(Engine::QUEUED.to_vec()),
        function in any::<prop::sample::Index>(),
        flags in any::<u64>(),
        seeds in prop::collection::vec(any::<u64>(), 200),
        zeroed in any::<u32>(),
        first in 0..4i64,
    ) -> (Design, Call, Flags, Registers) {
        let (rows, cols, lanes) = shape;
        let design = design(rows, cols, lanes);
        let spec = engine.spec();
        let function = match engine {
            Engine::Unit => function.index(2) as u8,
            _ => function.get(spec.functions).number,
        };
        let mut flags = Flags::from_bits((flags & spec.flag_mask()) as u32);
        if engine == Engine::Vector && !(rows == cols && rows == lanes) && flags.get(vector::DST) > 1 {
            flags = flags.with(vector::DST, 0).unwrap();
        }
        if engine == Engine::Vector && flags.get(vector::SRC2) == 3 {
            flags = flags.with(vector::SRC2, 2).unwrap();
        }
        let mut registers = Registers::new(engine);
        let mut seeds = seeds.into_iter();
        for register in spec.registers {
            let plain = zeroed.rotate_left(register.number.into()) & 1 == 0;
            for field in register.fields {
                let seed = seeds.next().unwrap();
                let keep = plain && (register.name.starts_with("step") || register.name.starts_with("window"));
                if !keep && !matches!(field.name, "first") {
                    registers.set(*field, small(field, seed)).unwrap();
                }
                assert_ne!(field.home, Home::Launch);
            }
        }
        if engine == Engine::Gemm {
            let k = if function == 0 { rows } else { lanes };
            let position = |k: usize| if cols >= k { 0 } else { first * cols as i64 % k as i64 };
            registers.set(gemm::out::FIRST, position(k)).unwrap();
            registers.set(gemm::res::FIRST, position(rows)).unwrap();
        }
        if engine == Engine::Vector && function == vector::Function::Depthwise.number() {
            registers.set(vector::loop0::COUNT, 3 + first).unwrap();
        }
        (design, Call { engine, function }, flags, registers)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn footprints_are_those_of_the_manual((design, call, flags, registers) in launches()) {
        let expected = reference(&design, call, flags, &registers);
        let exact = of(&design, call, flags, &registers, Detail::Exact);
        prop_assert!(exact.reads.iter().chain(&exact.writes).all(|access| access.spans.is_exact()));
        let found = collected(&exact);
        prop_assert_eq!(&found, &expected);
        // The coarse form leaves nothing out, and says where it claims too much.
        let coarse = of(&design, call, flags, &registers, Detail::Coarse);
        let claimed = collected(&coarse);
        prop_assert!(claimed.reads.is_superset(&expected.reads));
        prop_assert!(claimed.writes.is_superset(&expected.writes));
        if coarse.reads.iter().chain(&coarse.writes).all(|access| access.spans.is_exact()) {
            prop_assert_eq!(&claimed, &expected);
        }
    }

    #[test]
    fn spans_are_sets(
        parts in prop::collection::vec((-20..20i64, 0..8i64), 0..4),
        copies in prop::collection::vec((1..5i64, -9..9i64), 0..4),
        other in prop::collection::vec((-20..20i64, 0..8i64), 0..4),
        limit in 1..20usize,
    ) {
        let intervals = |parts: &[(i64, i64)]| parts.iter().map(|(start, size)| (*start, start + size)).collect();
        let mut spans = Spans::from_intervals(intervals(&parts));
        let mut set: BTreeSet<i64> = parts.iter().flat_map(|(start, size)| *start..start + size).collect();
        let mut limited = spans.clone();
        for (count, stride) in copies {
            spans = spans.repeated(count, stride, 1 << 20);
            limited = limited.repeated(count, stride, limit);
            set = set.iter().flat_map(|address| (0..count).map(move |copy| address + copy * stride)).collect();
        }
        prop_assert!(spans.addresses().eq(set.iter().copied()));
        prop_assert!(spans.intervals().windows(2).all(|pair| pair[0].1 < pair[1].0));
        prop_assert_eq!(spans.count(), set.len() as i64);
        // A superset has the same ends, so that range checks hold.
        prop_assert_eq!(limited.hull(), spans.hull());
        prop_assert!(set.is_subset(&limited.addresses().collect()));
        prop_assert!(!limited.is_exact() || limited == spans);
        let other = Spans::from_intervals(intervals(&other));
        let common = spans.addresses().find(|address| other.addresses().any(|o| o == *address));
        prop_assert_eq!(spans.overlap(&other).is_some(), common.is_some());
        if let Some((start, end)) = spans.overlap(&other) {
            prop_assert!(start < end && (start..end).all(|address| set.contains(&address)));
        }
        let wrapped: BTreeSet<i64> = set.iter().map(|address| address.rem_euclid(16)).collect();
        prop_assert!(spans.wrapped(16).addresses().eq(wrapped));
    }
}

#[test]
fn many_intervals_collapse_and_few_do_not() {
    let design = design(16, 16, 16);
    let mut registers = Registers::new(Engine::Gemm);
    // A stride-two convolution reads every other pixel of every other row.
    for (field, value) in [
        (gemm::ow::COUNT, 28),
        (gemm::ow::STRIDE, 2),
        (gemm::oh::COUNT, 28),
        (gemm::oh::STRIDE, 112),
        (gemm::kc::COUNT, 4),
        (gemm::kc::STRIDE, 3136),
    ] {
        registers.set(field, value).unwrap();
    }
    let call = gemm::Function::Act.into();
    let read = |detail| of(&design, call, Flags::NONE, &registers, detail).reads.remove(0).spans;
    assert_eq!(read(Detail::Fine).intervals().len(), 28 * 28 * 4);
    assert_eq!(read(Detail::Fine).count(), 28 * 28 * 4 * 16);
    assert!(read(Detail::Coarse).intervals().len() <= 64);
    assert_eq!(read(Detail::Coarse).hull(), read(Detail::Exact).hull());
}
