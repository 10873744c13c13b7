//! What a launch reads and writes, as ranges of every memory it touches.
//!
//! Exact for everything the kernels emit. Where an access pattern has too many pieces to list, its
//! ranges are widened, never narrowed: a footprint may claim more than a launch touches.

use std::ops::Range;

use crate::design::Design;
use crate::isa::levels::vector::{DST, LOOPS, SRC2, STEP_X, STEP_Y};
use crate::isa::table::{gemm, load, store, vector};
use crate::isa::{Call, Engine, Field, Flags, Registers};

/// A memory, with the unit in which its ranges count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// IBUF, in activations: element e of word w is w * rows + e.
    Ibuf,
    /// WBUF, in words.
    Wbuf,
    /// OBUF, in vectors.
    Obuf,
    /// PBUF, in words.
    Pbuf,
    /// VMEM, in 32-bit values: element e of word w is w * lanes + e.
    Vmem,
    /// Lookup tables, in words.
    Table,
    /// The DRAM region of a base register, in bytes.
    Dram(u8),
}

/// Ranges a launch touches; per space ascending and disjoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Words it reads.
    pub reads: Vec<(Space, Range<u64>)>,
    /// Words it writes.
    pub writes: Vec<(Space, Range<u64>)>,
}

/// Most pieces a set keeps before it is widened.
const MOST_PIECES: usize = 1 << 14;

/// A set of integers as ascending, disjoint, non-adjacent ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set(Vec<Range<i64>>);

impl Set {
    fn range(start: i64, length: i64) -> Set {
        Set(vec![start..start + length.max(0)])
    }

    fn from_unsorted(mut ranges: Vec<Range<i64>>) -> Set {
        ranges.retain(|range| range.start < range.end);
        ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<i64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Set(merged)
    }

    fn union(sets: impl IntoIterator<Item = Set>) -> Set {
        Set::from_unsorted(sets.into_iter().flat_map(|set| set.0).collect())
    }

    /// All elements moved by each of the offsets.
    fn shifted(&self, offsets: &[i64]) -> Set {
        let base = if self.0.len().saturating_mul(offsets.len()) > MOST_PIECES {
            &self.hull()
        } else {
            self
        };
        let mut offsets = offsets.to_vec();
        offsets.sort_unstable();
        offsets.dedup();
        if base.0.len().saturating_mul(offsets.len()) > MOST_PIECES {
            let (first, last) =
                (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
            let hull = base.hull();
            return Set(hull.0.iter().map(|range| range.start + first..range.end + last).collect());
        }
        let moved = |range: &Range<i64>, by: i64| range.start + by..range.end + by;
        Set::from_unsorted(
            offsets
                .iter()
                .flat_map(|&by| base.0.iter().map(move |range| moved(range, by)))
                .collect(),
        )
    }

    /// All elements repeated `count` times at distance `stride`.
    fn repeated(&self, count: i64, stride: i64) -> Set {
        if count <= 1 || stride == 0 {
            return self.clone();
        }
        if let [only] = self.0.as_slice()
            && stride.abs() <= only.end - only.start
        {
            let reach = stride * (count - 1);
            return Set(vec![only.start + reach.min(0)..only.end + reach.max(0)]);
        }
        if count > 1 << 16 {
            let hull = self.hull();
            let reach = stride * (count - 1);
            return Set(hull
                .0
                .iter()
                .map(|range| range.start + reach.min(0)..range.end + reach.max(0))
                .collect());
        }
        let offsets: Vec<i64> = (0..count).map(|index| index * stride).collect();
        self.shifted(&offsets)
    }

    fn hull(&self) -> Set {
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) => Set(vec![first.start..last.end]),
            _ => Set(Vec::new()),
        }
    }

    /// The elements times `scale`, each widened to `scale` consecutive ones.
    fn scaled(&self, scale: i64) -> Set {
        Set(self.0.iter().map(|range| range.start * scale..range.end * scale).collect())
    }

    /// Modulo `modulus`, as ranges of addresses.
    fn wrapped(&self, modulus: i64) -> Vec<Range<u64>> {
        let mut pieces = Vec::new();
        for range in &self.0 {
            if range.end - range.start >= modulus {
                return vec![0..modulus.unsigned_abs()];
            }
            let start = range.start.rem_euclid(modulus);
            let end = start + (range.end - range.start);
            pieces.push(start..end.min(modulus));
            if end > modulus {
                pieces.push(0..end - modulus);
            }
        }
        let merged = Set::from_unsorted(pieces);
        merged.0.iter().map(|range| range.start.unsigned_abs()..range.end.unsigned_abs()).collect()
    }
}

/// Addresses of a loop nest: levels of (count, stride) from `base`.
fn nest(base: i64, length: i64, levels: &[(i64, i64)]) -> Set {
    let mut order: Vec<(i64, i64)> = levels.to_vec();
    // Small strides first: they merge into one range.
    order.sort_by_key(|(_, stride)| stride.abs());
    order
        .into_iter()
        .fold(Set::range(base, length), |set, (count, stride)| set.repeated(count, stride))
}

/// One coordinate of a window: start, limit, and for each loop it follows (count, step, stride).
struct Axis {
    start: i64,
    limit: i64,
    levels: Vec<(i64, i64, i64)>,
}

impl Axis {
    /// Address offsets of the index tuples whose coordinate is inside.
    fn offsets(&self) -> Vec<i64> {
        let mut points = vec![(self.start, 0_i64)];
        for &(count, step, stride) in &self.levels {
            points = points
                .iter()
                .flat_map(|&(at, offset)| {
                    (0..count).map(move |index| (at + index * step, offset + index * stride))
                })
                .collect();
            points.sort_unstable();
            points.dedup();
        }
        points.retain(|(at, _)| (0..self.limit).contains(at));
        points.into_iter().map(|(_, offset)| offset).collect()
    }
}

/// The first `total` addresses of a nest whose outermost level has no end.
fn prefix(base: i64, total: i64, levels: &[(i64, i64)], outer_stride: i64) -> Set {
    let per_outer: i64 = levels.iter().map(|(count, _)| (*count).max(1)).product();
    let full = total / per_outer;
    let rest = total % per_outer;
    let mut sets = Vec::new();
    if full > 0 {
        let mut all = levels.to_vec();
        all.push((full, outer_stride));
        sets.push(nest(base, 1, &all));
    }
    if rest > 0 {
        let base = base + full * outer_stride;
        match levels.split_last() {
            Some((&(_, stride), inner)) => sets.push(prefix(base, rest, inner, stride)),
            None => sets.push(Set::range(base, 1)),
        }
    }
    Set::union(sets)
}

/// Addresses of the machine's buffers are computed modulo this.
const ADDRESS_SPACE: i64 = 1 << 24;

/// What a launch with these registers and flags reads and writes.
pub fn of(design: &Design, call: Call, flags: Flags, registers: &Registers) -> Footprint {
    let launch = Launch { design, flags, registers };
    match call.engine {
        Engine::Ctrl => Footprint::default(),
        Engine::Load => launch.load(call.function),
        Engine::Gemm => launch.gemm(call.function),
        Engine::Vector => launch.vector(call.function),
        Engine::Store => launch.store(call.function),
    }
}

struct Launch<'a> {
    design: &'a Design,
    flags: Flags,
    registers: &'a Registers,
}

fn int(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn tagged(space: Space, ranges: Vec<Range<u64>>) -> impl Iterator<Item = (Space, Range<u64>)> {
    ranges.into_iter().map(move |range| (space, range))
}

impl Launch<'_> {
    fn get(&self, field: Field) -> i64 {
        self.registers.get(field)
    }

    fn load(&self, function: u8) -> Footprint {
        let run = self.get(load::shape::RUN_BYTES);
        let loops = [
            (self.get(load::loop0::COUNT), self.get(load::loop0::STRIDE)),
            (self.get(load::loop1::COUNT), self.get(load::loop1::STRIDE)),
            (self.get(load::loop2::COUNT), self.get(load::loop2::STRIDE)),
            (self.get(load::loop3::COUNT), self.get(load::loop3::STRIDE)),
        ];
        let offset = self.get(load::dram::OFFSET);
        let source = if self.flags.has(load::CLIP) {
            self.clipped(offset, run, &loops)
        } else {
            nest(offset, run, &loops)
        };
        let runs: i64 = loops.iter().map(|(count, _)| *count).product();
        let group = self.get(load::shape::GROUP_BYTES).max(1);
        let (space, word, unit) = self.destination(function);
        let total = runs * run;
        let words = total / group * ((group + word - 1) / word) + (total % group + word - 1) / word;
        let levels = [
            (self.get(load::word0::COUNT), self.get(load::word0::STRIDE)),
            (self.get(load::word1::COUNT), self.get(load::word1::STRIDE)),
            (self.get(load::word2::COUNT), self.get(load::word2::STRIDE)),
        ];
        let set = prefix(self.get(load::dst::ADDR), words, &levels, self.get(load::word3::STRIDE));
        let modulus =
            if space == Space::Wbuf { int(self.design.wbuf().words) } else { ADDRESS_SPACE };
        let base = u8::try_from(self.get(load::dram::BASE)).unwrap_or(0);
        Footprint {
            reads: tagged(Space::Dram(base), source.wrapped(i64::MAX)).collect(),
            writes: tagged(space, set.scaled(unit).wrapped(modulus * unit)).collect(),
        }
    }

    /// Space, bytes in a word and units in a word of a LOAD function's buffer.
    fn destination(&self, function: u8) -> (Space, i64, i64) {
        let design = self.design;
        match load::Function::from_number(function) {
            Some(load::Function::Wbuf) => (Space::Wbuf, int(design.wbuf().word_bytes), 1),
            Some(load::Function::Pbuf) => (Space::Pbuf, 8 * int(design.cols()), 1),
            Some(load::Function::Vmem) => {
                (Space::Vmem, int(design.vmem().word_bytes), int(design.lanes()))
            }
            Some(load::Function::Table) => (Space::Table, 4, 1),
            Some(load::Function::Ibuf) | None => {
                (Space::Ibuf, int(design.ibuf().word_bytes), int(design.rows()))
            }
        }
    }

    /// Bytes fetched by runs with a clip window.
    fn clipped(&self, offset: i64, run: i64, loops: &[(i64, i64); 4]) -> Set {
        let step_y = [load::step_y::S0, load::step_y::S1, load::step_y::S2, load::step_y::S3]
            .map(|f| self.get(f));
        let step_x = [load::step_x::S0, load::step_x::S1, load::step_x::S2, load::step_x::S3]
            .map(|f| self.get(f));
        let (limit_y, limit_x) = (self.get(load::clip_y::LIMIT), self.get(load::clip_x::LIMIT));
        let runs: i64 = loops.iter().map(|(count, _)| *count).product();
        if runs > 1 << 20 {
            return nest(offset, run, loops);
        }
        let mut ranges = Vec::new();
        for index in 0..runs {
            let mut rest = index;
            let (mut at, mut y, mut x) =
                (offset, self.get(load::clip_y::START), self.get(load::clip_x::START));
            for (level, (count, stride)) in loops.iter().enumerate() {
                let step = rest % count;
                rest /= count;
                at += step * stride;
                y += step * step_y[level];
                x += step * step_x[level];
            }
            if (0..limit_y).contains(&y) {
                let (first, last) = ((-x).clamp(0, run), (limit_x - x).clamp(0, run));
                if first < last {
                    ranges.push(at + first..at + last);
                }
            }
        }
        Set::from_unsorted(ranges)
    }

    fn store(&self, function: u8) -> Footprint {
        let run = self.get(store::shape::RUN_BYTES);
        let loops = [
            (self.get(store::loop0::COUNT), self.get(store::loop0::STRIDE)),
            (self.get(store::loop1::COUNT), self.get(store::loop1::STRIDE)),
            (self.get(store::loop2::COUNT), self.get(store::loop2::STRIDE)),
            (self.get(store::loop3::COUNT), self.get(store::loop3::STRIDE)),
        ];
        let target = nest(self.get(store::dram::OFFSET), run, &loops);
        let (space, word, unit) = match store::Function::from_number(function) {
            Some(store::Function::Vmem) => {
                (Space::Vmem, int(self.design.vmem().word_bytes), int(self.design.lanes()))
            }
            Some(store::Function::Ibuf) | None => {
                (Space::Ibuf, int(self.design.ibuf().word_bytes), int(self.design.rows()))
            }
        };
        let total: i64 = run * loops.iter().map(|(count, _)| *count).product::<i64>();
        let group = self.get(store::shape::GROUP_BYTES).max(1);
        let words = total / group * ((group + word - 1) / word) + (total % group + word - 1) / word;
        let levels = [
            (self.get(store::word0::COUNT), self.get(store::word0::STRIDE)),
            (self.get(store::word1::COUNT), self.get(store::word1::STRIDE)),
            (self.get(store::word2::COUNT), self.get(store::word2::STRIDE)),
        ];
        let set =
            prefix(self.get(store::src::ADDR), words, &levels, self.get(store::word3::STRIDE));
        let base = u8::try_from(self.get(store::dram::BASE)).unwrap_or(0);
        Footprint {
            reads: tagged(space, set.scaled(unit).wrapped(ADDRESS_SPACE * unit)).collect(),
            writes: tagged(Space::Dram(base), target.wrapped(i64::MAX)).collect(),
        }
    }

    fn gemm(&self, function: u8) -> Footprint {
        let design = self.design;
        let (rows, cols) = (int(design.rows()), int(design.cols()));
        let [ow, oh, kc, kw, kh, n] = [
            (gemm::ow::COUNT, gemm::ow::STRIDE),
            (gemm::oh::COUNT, gemm::oh::STRIDE),
            (gemm::kc::COUNT, gemm::kc::STRIDE),
            (gemm::kw::COUNT, gemm::kw::STRIDE),
            (gemm::kh::COUNT, gemm::kh::STRIDE),
            (gemm::n::COUNT, gemm::n::STRIDE),
        ]
        .map(|(count, stride)| (self.get(count), self.get(stride)));
        let y = Axis {
            start: self.get(gemm::window_y::START),
            limit: self.get(gemm::window_y::LIMIT),
            levels: vec![
                (oh.0, self.get(gemm::window_y::STEP_OH), oh.1),
                (kh.0, self.get(gemm::window_y::STEP_KH), kh.1),
            ],
        };
        let x = Axis {
            start: self.get(gemm::window_x::START),
            limit: self.get(gemm::window_x::LIMIT),
            levels: vec![
                (ow.0, self.get(gemm::window_x::STEP_OW), ow.1),
                (kw.0, self.get(gemm::window_x::STEP_KW), kw.1),
            ],
        };
        let input = Set::range(self.get(gemm::x::ADDR), 1)
            .shifted(&x.offsets())
            .shifted(&y.offsets())
            .repeated(kc.0, kc.1)
            .repeated(n.0, n.1);
        let mut reads: Vec<_> =
            tagged(Space::Ibuf, input.scaled(rows).wrapped(ADDRESS_SPACE * rows)).collect();
        let mut writes = Vec::new();

        let tiles = n.0 * kh.0 * kw.0 * kc.0;
        let weights = Set::range(self.get(gemm::w::ADDR), tiles * int(design.segment_rows()));
        reads.extend(tagged(Space::Wbuf, weights.wrapped(int(design.wbuf().words))));
        let vectors = Set::range(self.get(gemm::obuf::ADDR), ow.0 * oh.0).wrapped(ADDRESS_SPACE);
        if self.flags.has(gemm::ACCUMULATE) {
            reads.extend(tagged(Space::Obuf, vectors.clone()));
        }
        writes.extend(tagged(Space::Obuf, vectors));
        if self.flags.has(gemm::KEEP) {
            return Footprint { reads, writes };
        }

        let params = Set::range(self.get(gemm::param::ADDR), n.0).wrapped(ADDRESS_SPACE);
        reads.extend(tagged(Space::Pbuf, params));
        let pixels = |stride_ow: Field, stride_oh: Field| {
            [(ow.0, self.get(stride_ow)), (oh.0, self.get(stride_oh))]
        };
        let wide = gemm::Function::from_number(function) != Some(gemm::Function::Act);
        let (space, word) =
            if wide { (Space::Vmem, int(design.lanes())) } else { (Space::Ibuf, rows) };
        let out = Channels {
            addr: self.get(gemm::out::ADDR),
            first: self.get(gemm::out::FIRST),
            block: self.get(gemm::out_block::STRIDE),
            count: n.0 * cols,
            word,
        };
        let pieces = out.pieces(&pixels(gemm::out_stride::OW, gemm::out_stride::OH));
        writes.extend(tagged(space, pieces.wrapped(ADDRESS_SPACE * word)));
        if self.flags.has(gemm::RESIDUAL) {
            let skip = Channels {
                addr: self.get(gemm::res::ADDR),
                first: self.get(gemm::res::FIRST),
                block: self.get(gemm::res_block::STRIDE),
                count: n.0 * cols,
                word: rows,
            };
            let pieces = skip.pieces(&pixels(gemm::res_stride::OW, gemm::res_stride::OH));
            reads.extend(tagged(Space::Ibuf, pieces.wrapped(ADDRESS_SPACE * rows)));
        }
        if self.flags.has(gemm::LOOKUP) {
            reads.extend(self.table(self.flags.get(gemm::TABLE)));
        }
        Footprint { reads, writes }
    }

    fn table(&self, number: i64) -> impl Iterator<Item = (Space, Range<u64>)> {
        tagged(Space::Table, Set::range(number * 64, 64).wrapped(ADDRESS_SPACE))
    }

    fn vector(&self, function: u8) -> Footprint {
        let design = self.design;
        let (rows, lanes) = (int(design.rows()), int(design.lanes()));
        let flag = |field: Field| self.flags.get(field);
        let depthwise =
            vector::Function::from_number(function) == Some(vector::Function::Depthwise);
        let loops = LOOPS.map(|(count, stride)| (self.get(count), self.get(stride)));
        let counts = loops.map(|(count, _)| count);
        let src2 = SRC2.map(|field| self.get(field));
        let dst = DST.map(|field| self.get(field));
        let mut reads = Vec::new();
        let mut writes = Vec::new();
        let ibuf = |set: Set| set.scaled(lanes).wrapped(ADDRESS_SPACE * lanes);

        let a = self.windowed(&loops);
        let a_space = if !depthwise && flag(vector::SRC1) == 1 { Space::Vmem } else { Space::Ibuf };
        reads.extend(tagged(a_space, ibuf(a)));

        let outer = |from: usize, strides: &[i64; 6]| -> Vec<(i64, i64)> {
            (from..6).map(|level| (counts[level], strides[level])).collect()
        };
        let base2 = self.get(vector::src2::ADDR);
        if depthwise {
            let mut levels = outer(1, &src2);
            levels.push((int(design.taps()), self.get(vector::taps::TAP_STRIDE)));
            reads.extend(tagged(Space::Ibuf, ibuf(nest(base2, 1, &levels))));
        } else if flag(vector::SRC2) > 0 {
            let space = if flag(vector::SRC2) == 1 { Space::Ibuf } else { Space::Vmem };
            reads.extend(tagged(space, ibuf(nest(base2, 1, &outer(0, &src2)))));
        }
        if flag(vector::CHANNEL) == 1 {
            let params = Set::range(self.get(vector::param::ADDR), 2 * counts[5]);
            reads.extend(tagged(Space::Vmem, ibuf(params)));
        }
        if flag(vector::LOOKUP) == 1 {
            reads.extend(self.table(flag(vector::TABLE)));
        }

        let base = self.get(vector::dst::ADDR);
        let results = if depthwise {
            let outputs =
                (counts[0] - int(design.taps())) / self.get(vector::taps::STRIDE).max(1) + 1;
            let mut levels = outer(3, &dst);
            levels.push((outputs, self.get(vector::taps::OUT_STRIDE)));
            nest(base, 1, &levels)
        } else {
            let reduced = if flag(vector::REDUCE) > 0 { flag(vector::LEVELS) + 1 } else { 0 };
            nest(base, 1, &outer(usize::try_from(reduced).unwrap_or(0), &dst))
        };
        match flag(vector::DST) {
            0 => writes.extend(tagged(Space::Ibuf, ibuf(results))),
            1 => writes.extend(tagged(Space::Vmem, ibuf(results))),
            _ => {
                // A weight row or column belongs to a tile of `segment_rows` words.
                let words = int(design.segment_rows());
                let tiles = results.0.iter().map(|range| {
                    range.start.div_euclid(rows) * words
                        ..((range.end - 1).div_euclid(rows) + 1) * words
                });
                let set = Set::from_unsorted(tiles.collect());
                writes.extend(tagged(Space::Wbuf, set.wrapped(int(design.wbuf().words))));
            }
        }
        Footprint { reads, writes }
    }

    /// Words of operand a inside the windows.
    fn windowed(&self, loops: &[(i64, i64); 6]) -> Set {
        let step_y = STEP_Y.map(|field| self.get(field));
        let step_x = STEP_X.map(|field| self.get(field));
        let mut set = Set::range(self.get(vector::src1::ADDR), 1);
        let mut axes = [
            Axis {
                start: self.get(vector::window_y::START),
                limit: self.get(vector::window_y::LIMIT),
                levels: vec![],
            },
            Axis {
                start: self.get(vector::window_x::START),
                limit: self.get(vector::window_x::LIMIT),
                levels: vec![],
            },
        ];
        let mut free = Vec::new();
        for (level, &(count, stride)) in loops.iter().enumerate() {
            match (step_y[level], step_x[level]) {
                (0, 0) => free.push((count, stride)),
                (step, 0) => axes[0].levels.push((count, step, stride)),
                (0, step) => axes[1].levels.push((count, step, stride)),
                // A loop that moves both coordinates: every word it can reach.
                _ => free.push((count, stride)),
            }
        }
        for axis in &axes[..] {
            let pieces: i64 = axis.levels.iter().map(|(count, ..)| *count).product();
            if pieces > 1 << 20 {
                let levels: Vec<_> =
                    axis.levels.iter().map(|&(count, _, stride)| (count, stride)).collect();
                free.extend(levels);
            } else {
                set = set.shifted(&axis.offsets());
            }
        }
        free.sort_by_key(|(_, stride)| stride.abs());
        free.into_iter().fold(set, |set, (count, stride)| set.repeated(count, stride))
    }
}

/// Output channels of a tensor whose words hold `word` elements.
struct Channels {
    addr: i64,
    first: i64,
    block: i64,
    count: i64,
    word: i64,
}

impl Channels {
    /// Elements of all channels at all pixels.
    fn pieces(&self, pixels: &[(i64, i64); 2]) -> Set {
        let end = self.first + self.count;
        let mut sets = Vec::new();
        let first_whole = (self.first + self.word - 1) / self.word;
        let last_whole = end / self.word;
        if first_whole <= last_whole && first_whole < last_whole {
            let blocks = [(last_whole - first_whole, self.block), pixels[0], pixels[1]];
            sets.push(nest(self.addr + first_whole * self.block, 1, &blocks).scaled(self.word));
        }
        for (start, stop) in [
            (self.first, end.min(first_whole * self.word)),
            (self.first.max(last_whole * self.word), end),
        ] {
            let partial = start % self.word != 0 || (stop - start) < self.word;
            if start < stop && partial {
                let block = start / self.word;
                let strides = pixels.map(|(count, stride)| (count, stride * self.word));
                let base = (self.addr + block * self.block) * self.word + start % self.word;
                sets.push(nest(base, stop - start, &strides));
            }
        }
        Set::union(sets)
    }
}
