//! Footprints, engine by engine.

use super::nest::{self, Loop, Window};
use super::spans::Spans;
use super::{Footprint, SEGMENT_WORDS, Space, TABLE_WORDS, WORD_MODULUS, signed};
use crate::arith::function::{Mode, Unit};
use crate::design::Design;
use crate::isa::levels::{unit as unit_levels, vector as levels};
use crate::isa::table::{gemm, load, store, unit, vector};
use crate::isa::{Field, Flags, Registers};

/// A launch and where it runs.
pub(super) struct Launch<'a> {
    pub(super) design: &'a Design,
    pub(super) function: u8,
    pub(super) flags: Flags,
    pub(super) registers: &'a Registers,
    pub(super) limit: usize,
}

impl Launch<'_> {
    fn get(&self, field: Field) -> i64 {
        self.registers.get(field)
    }

    pub(super) fn load(&self) -> Footprint {
        use load::*;
        let (space, word_bytes) = match Function::from_number(self.function) {
            Some(Function::Ibuf) | None => (Space::Ibuf, self.design.ibuf().word_bytes),
            Some(Function::Wbuf) => (Space::Wbuf, self.design.wbuf().word_bytes),
            Some(Function::Pbuf) => (Space::Pbuf, self.design.cols() * 8),
            Some(Function::Vmem) => (Space::Vmem, self.design.vmem().word_bytes),
            Some(Function::Table) => (Space::Table, 4),
            Some(Function::Coeff) => (Space::Coeff, 4),
        };
        let counts = [loop0::COUNT, loop1::COUNT, loop2::COUNT, loop3::COUNT];
        let strides = [loop0::STRIDE, loop1::STRIDE, loop2::STRIDE, loop3::STRIDE];
        let steps_y = [step_y::S0, step_y::S1, step_y::S2, step_y::S3];
        let steps_x = [step_x::S0, step_x::S1, step_x::S2, step_x::S3];
        let runs = self.loops(&counts, &strides, Some((&steps_y, &steps_x)));
        let window = self.flags.has(CLIP).then(|| Window {
            start_y: self.get(clip_y::START),
            limit_y: self.get(clip_y::LIMIT),
            start_x: self.get(clip_x::START),
            limit_x: self.get(clip_x::LIMIT),
        });
        let run_bytes = self.get(shape::RUN_BYTES);
        let source =
            nest::addresses(&runs, run_bytes, window, self.limit).shifted(self.get(dram::OFFSET));
        let words =
            words_of_groups(&runs, run_bytes, self.get(shape::GROUP_BYTES), signed(word_bytes));
        let nest = self.loops(
            &[word0::COUNT, word1::COUNT, word2::COUNT],
            &[word0::STRIDE, word1::STRIDE, word2::STRIDE, word3::STRIDE],
            None,
        );
        let mut footprint = Footprint::default();
        footprint.read(Space::Dram(base(self.get(dram::BASE))), "dram", source);
        footprint.write(space, "dst", self.words(space, self.get(dst::ADDR), words, &nest));
        footprint
    }

    pub(super) fn store(&self) -> Footprint {
        use store::*;
        let (space, word_bytes) = match Function::from_number(self.function) {
            Some(Function::Vmem) => (Space::Vmem, self.design.vmem().word_bytes),
            Some(Function::Ibuf) | None => (Space::Ibuf, self.design.ibuf().word_bytes),
        };
        let counts = [loop0::COUNT, loop1::COUNT, loop2::COUNT, loop3::COUNT];
        let strides = [loop0::STRIDE, loop1::STRIDE, loop2::STRIDE, loop3::STRIDE];
        let runs = self.loops(&counts, &strides, None);
        let run_bytes = self.get(shape::RUN_BYTES);
        let target =
            nest::addresses(&runs, run_bytes, None, self.limit).shifted(self.get(dram::OFFSET));
        let words =
            words_of_groups(&runs, run_bytes, self.get(shape::GROUP_BYTES), signed(word_bytes));
        let nest = self.loops(
            &[word0::COUNT, word1::COUNT, word2::COUNT],
            &[word0::STRIDE, word1::STRIDE, word2::STRIDE, word3::STRIDE],
            None,
        );
        let mut footprint = Footprint::default();
        footprint.read(space, "src", self.words(space, self.get(src::ADDR), words, &nest));
        footprint.write(Space::Dram(base(self.get(dram::BASE))), "dram", target);
        footprint
    }

    /// The first `count` words of a nest of words whose outermost loop has no end.
    fn words(&self, space: Space, base: i64, count: i64, nest: &[Loop]) -> Spans {
        // A count that no buffer holds: everything, which the range check refuses.
        if count > WORD_MODULUS {
            return Spans::range(0, WORD_MODULUS * space.per_word(self.design)).approximate();
        }
        let spans = nest::first(count, nest, self.limit).shifted(base);
        match space {
            Space::Wbuf => spans.wrapped(signed(self.design.wbuf().words)),
            _ => spans.wrapped(WORD_MODULUS).scaled(space.per_word(self.design)),
        }
    }

    fn loops(
        &self,
        counts: &[Field],
        strides: &[Field],
        steps: Option<(&[Field], &[Field])>,
    ) -> Vec<Loop> {
        let value = |fields: &[Field], index: usize, default| {
            fields.get(index).map_or(default, |field| self.get(*field))
        };
        let one = |index: usize| Loop {
            count: value(counts, index, 1),
            stride: value(strides, index, 0),
            step_y: steps.map_or(0, |(y, _)| value(y, index, 0)),
            step_x: steps.map_or(0, |(_, x)| value(x, index, 0)),
        };
        (0..strides.len()).map(one).collect()
    }

    pub(super) fn gemm(&self) -> Footprint {
        use gemm::*;
        let rows = signed(self.design.rows());
        let dim = |count, stride, step_y, step_x| Loop { count, stride, step_y, step_x };
        let loops = [
            dim(self.get(ow::COUNT), self.get(ow::STRIDE), 0, self.get(window_x::STEP_OW)),
            dim(self.get(oh::COUNT), self.get(oh::STRIDE), self.get(window_y::STEP_OH), 0),
            dim(self.get(kc::COUNT), self.get(kc::STRIDE), 0, 0),
            dim(self.get(kw::COUNT), self.get(kw::STRIDE), 0, self.get(window_x::STEP_KW)),
            dim(self.get(kh::COUNT), self.get(kh::STRIDE), self.get(window_y::STEP_KH), 0),
            dim(self.get(n::COUNT), self.get(n::STRIDE), 0, 0),
        ];
        let window = Window {
            start_y: self.get(window_y::START),
            limit_y: self.get(window_y::LIMIT),
            start_x: self.get(window_x::START),
            limit_x: self.get(window_x::LIMIT),
        };
        let activations = nest::addresses(&loops, 1, Some(window), self.limit);
        let activations = activations.shifted(self.get(x::ADDR)).wrapped(WORD_MODULUS).scaled(rows);

        let tiles = nest::tuples(&[loops[2], loops[3], loops[4], loops[5]]);
        let ring = signed(self.design.wbuf().words);
        let steps = tiles.saturating_mul(signed(self.design.segment_rows())).min(ring);
        let weights = Spans::range(0, steps).shifted(self.get(w::ADDR)).wrapped(ring);

        let vectors = nest::tuples(&[loops[0], loops[1]]);
        let obuf = Spans::range(0, vectors).shifted(self.get(obuf::ADDR));
        let mut footprint = Footprint::default();
        footprint.read(Space::Ibuf, "x", activations);
        footprint.read(Space::Wbuf, "w", weights);
        footprint.write(Space::Obuf, "obuf", obuf);
        if self.flags.has(KEEP) {
            return footprint;
        }
        let blocks = self.get(n::COUNT);
        let param = self.get(param::ADDR);
        footprint.read(Space::Pbuf, "param", Spans::range(param, param + blocks));
        let pixels = |ow_stride: Field, oh_stride: Field| {
            [
                Loop::new(loops[0].count, self.get(ow_stride)),
                Loop::new(loops[1].count, self.get(oh_stride)),
            ]
        };
        let activation = Function::from_number(self.function) == Some(Function::Act);
        let space = if activation { Space::Ibuf } else { Space::Vmem };
        let place = Blocks {
            base: self.get(out::ADDR),
            first: self.get(out::FIRST),
            stride: self.get(out_block::STRIDE),
            elements: blocks * signed(self.design.cols()),
        };
        footprint.write(
            space,
            "out",
            self.channels(space, &place, &pixels(out_stride::OW, out_stride::OH)),
        );
        if activation && self.flags.has(RESIDUAL) {
            let place = Blocks {
                base: self.get(res::ADDR),
                first: self.get(res::FIRST),
                stride: self.get(res_block::STRIDE),
                ..place
            };
            let spans = self.channels(Space::Ibuf, &place, &pixels(res_stride::OW, res_stride::OH));
            footprint.read(Space::Ibuf, "res", spans);
        }
        if activation && self.flags.has(LOOKUP) {
            footprint.read(Space::Table, "table", table(self.flags.get(TABLE)));
        }
        footprint
    }

    /// Elements of a tensor that GEMM writes or adds: whole words, but for those of the first and
    /// the last channels.
    fn channels(&self, space: Space, place: &Blocks, pixels: &[Loop]) -> Spans {
        let size = space.per_word(self.design);
        let end = place.first + place.elements;
        let part = |block: i64, count: i64, low: i64, high: i64| {
            let loops = [pixels, &[Loop::new(count, place.stride)]].concat();
            let scaled: Vec<Loop> =
                loops.iter().map(|one| Loop { stride: one.stride * size, ..*one }).collect();
            nest::addresses(&scaled, high - low, None, self.limit)
                .shifted((place.base + block * place.stride) * size + low)
        };
        let (first_block, last_block) = (place.first / size, (end - 1) / size);
        let low = place.first - first_block * size;
        let high = end - last_block * size;
        let spans = if first_block == last_block {
            part(first_block, 1, low, high)
        } else {
            // Partial words only where the channels do not begin or end with a word.
            let full_from = first_block + i64::from(low > 0);
            let full_to = last_block + i64::from(high == size);
            let mut spans = part(full_from, full_to - full_from, 0, size);
            if full_from == full_to {
                spans = Spans::empty();
            }
            if low > 0 {
                spans = spans.union(part(first_block, 1, low, size));
            }
            if high < size {
                spans = spans.union(part(last_block, 1, 0, high));
            }
            spans
        };
        spans.wrapped(WORD_MODULUS * size)
    }

    pub(super) fn vector(&self) -> Footprint {
        use vector::*;
        let counts = levels::LOOPS.map(|(count, _)| count);
        let strides = levels::LOOPS.map(|(_, stride)| stride);
        let a = self.loops(&counts, &strides, Some((&levels::STEP_Y, &levels::STEP_X)));
        let mut b = self.loops(&counts, &levels::SRC2, None);
        let mut d = self.loops(&counts, &levels::DST, None);
        let window = Window {
            start_y: self.get(window_y::START),
            limit_y: self.get(window_y::LIMIT),
            start_x: self.get(window_x::START),
            limit_x: self.get(window_x::LIMIT),
        };
        let depthwise = Function::from_number(self.function) == Some(Function::Depthwise);
        let (mut a_space, mut b_space) = (
            ibuf_or_vmem(self.flags.has(SRC1)),
            match self.flags.get(SRC2) {
                0 => None,
                source => Some(ibuf_or_vmem(source == 2)),
            },
        );
        let mut reduced = if self.flags.has(REDUCE) { 1 + self.flags.get(LEVELS) } else { 0 };
        if depthwise {
            (a_space, b_space, reduced) = (Space::Ibuf, Some(Space::Ibuf), 3);
            let taps = signed(self.design.taps());
            let outputs = (self.get(loop0::COUNT) - taps) / self.get(taps::STRIDE).max(1) + 1;
            if let Some(inner) = b.first_mut() {
                *inner = Loop::new(taps, self.get(taps::TAP_STRIDE));
            }
            d.push(Loop::new(outputs, self.get(taps::OUT_STRIDE)));
        }
        // With interleaving loop0 stays and the loops above it are reduced.
        let free = usize::from(!depthwise && self.get(reduction::INTERLEAVE) != 0);
        d.drain(free..(free + usize::try_from(reduced).unwrap_or(0)).min(d.len()));

        let mut footprint = Footprint::default();
        footprint.read(a_space, "src1", self.lane_words(src1::ADDR, &a, Some(window)));
        if let Some(space) = b_space {
            footprint.read(space, "src2", self.lane_words(src2::ADDR, &b, None));
        }
        if self.flags.has(CHANNEL) {
            let pairs = Loop::new(self.get(loop5::COUNT) * 2, 1);
            footprint.read(Space::Vmem, "param", self.lane_words(param::ADDR, &[pairs], None));
        }
        if self.flags.has(LOOKUP) {
            footprint.read(Space::Table, "table", table(self.flags.get(TABLE)));
        }
        if Function::from_number(self.function) == Some(Function::Function) {
            footprint.read(Space::Coeff, "function", self.segments());
        }
        match self.flags.get(DST) {
            0 => footprint.write(Space::Ibuf, "dst", self.lane_words(dst::ADDR, &d, None)),
            1 => footprint.write(Space::Vmem, "dst", self.lane_words(dst::ADDR, &d, None)),
            destination => {
                footprint.write(Space::Wbuf, "dst", self.tile_rows(&d, destination == 3))
            }
        }
        footprint
    }

    pub(super) fn unit(&self) -> Footprint {
        use unit::*;
        let counts = unit_levels::LOOPS.map(|(count, _)| count);
        let a = self.loops(&counts, &unit_levels::LOOPS.map(|(_, stride)| stride), None);
        let b = self.loops(&counts, &unit_levels::SRC2, None);
        let mut d = self.loops(&counts, &unit_levels::DST, None);
        let group = usize::try_from(self.flags.get(GROUP)).unwrap_or(0);
        d.drain(..group.min(d.len()));
        let mut footprint = Footprint::default();
        let Some(unit) = self.design.units().get(usize::from(self.function)) else {
            return footprint;
        };
        d.push(Loop::new(signed(unit.outputs.len()), self.get(dst::NEXT)));
        let space = |flag: Field| ibuf_or_vmem(self.flags.has(flag));
        footprint.read(space(SRC1), "src1", self.lane_words(src1::ADDR, &a, None));
        if unit.second {
            footprint.read(space(SRC2), "src2", self.lane_words(src2::ADDR, &b, None));
        }
        footprint.write(space(DST), "dst", self.lane_words(dst::ADDR, &d, None));
        footprint
    }

    /// Words of the segments a function may read.
    fn segments(&self) -> Spans {
        use vector::function::{BASE, BITS, LOW, MODE, OCTAVES};
        let small = |field| u32::try_from(self.get(field)).unwrap_or(0);
        let unit = Unit {
            mode: Mode::from_number(small(MODE)).unwrap_or(Mode::Mantissa),
            base: usize::try_from(self.get(BASE)).unwrap_or(0),
            bits: small(BITS).min(Unit::MAX_BITS),
            low: small(LOW),
            octaves: small(OCTAVES),
            segments: self.design.function_segments(),
        };
        let words = |from: usize, to: usize| {
            Spans::range(signed(from) * SEGMENT_WORDS, signed(to) * SEGMENT_WORDS)
        };
        let (end, all) = (unit.base + unit.size(), unit.segments);
        if end <= all {
            return words(unit.base, end);
        }
        // What does not exist is segment 0; numbers beyond 16 bits begin anew.
        let again = end.saturating_sub(1 << 16).clamp(1, all.max(1));
        words(unit.base.min(all), all).union(words(0, again))
    }

    /// Words of V values, in IBUF or VMEM: the address times V is the element's.
    fn lane_words(&self, base: Field, loops: &[Loop], window: Option<Window>) -> Spans {
        let spans = nest::addresses(loops, 1, window, self.limit);
        spans.shifted(self.get(base)).wrapped(WORD_MODULUS).scaled(signed(self.design.lanes()))
    }

    /// WBUF words of rows or columns of weight tiles: row j of tile t is in word t T + j mod T, and a
    /// column in all words of the tile.
    fn tile_rows(&self, loops: &[Loop], columns: bool) -> Spans {
        let (rows, steps) = (signed(self.design.rows()), signed(self.design.segment_rows()));
        let tiles = signed(self.design.wbuf().words) / steps.max(1);
        let addresses = nest::addresses(loops, 1, None, self.limit)
            .shifted(self.get(vector::dst::ADDR))
            .wrapped((rows * tiles).max(1));
        let exact = addresses.is_exact();
        let words = addresses.intervals().iter().flat_map(|&(start, end)| {
            (start / rows..(end - 1) / rows + 1).flat_map(move |tile| {
                let (low, high) = ((start - tile * rows).max(0), (end - tile * rows).min(rows));
                let all = (tile * steps, (tile + 1) * steps);
                // A range of rows that goes beyond one segment comes round to the first steps.
                match columns || low / steps != (high - 1) / steps {
                    true => [all, (0, 0)],
                    false => [(all.0 + low % steps, all.0 + (high - 1) % steps + 1), (0, 0)],
                }
            })
        });
        let spans = Spans::from_intervals(words.collect());
        if exact { spans } else { spans.approximate() }
    }
}

/// A tensor's channel blocks.
#[derive(Clone, Copy)]
struct Blocks {
    base: i64,
    first: i64,
    stride: i64,
    elements: i64,
}

fn ibuf_or_vmem(vmem: bool) -> Space {
    if vmem { Space::Vmem } else { Space::Ibuf }
}

fn table(index: i64) -> Spans {
    Spans::range(index * TABLE_WORDS, (index + 1) * TABLE_WORDS)
}

fn base(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// Words that the bytes of all runs fill, cut into groups that start with a word.
fn words_of_groups(runs: &[Loop], run_bytes: i64, group_bytes: i64, word_bytes: i64) -> i64 {
    let bytes = nest::tuples(runs).saturating_mul(run_bytes);
    let (group_bytes, word_bytes) = (group_bytes.max(1), word_bytes.max(1));
    let group_words = group_bytes.saturating_add(word_bytes - 1) / word_bytes;
    let rest_words = (bytes % group_bytes).saturating_add(word_bytes - 1) / word_bytes;
    (bytes / group_bytes).saturating_mul(group_words).saturating_add(rest_words)
}
