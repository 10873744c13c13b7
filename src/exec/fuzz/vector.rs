//! Random launches of VECTOR.

use super::case::Launch;
use super::extent::Window;
use super::gemm::{clamp, range, sum};
use super::rng::Rng;
use super::window::Windows;
use crate::design::Design;
use crate::isa::levels::vector as levels;
use crate::isa::table::vector::{
    self, Function, bias, dst, function as unit, imm, pad, param, quant, reduction, res_clamp,
    res_offset, res_scale_a, res_scale_b, scale, src1, src2, taps, window_x, window_y,
};
use crate::isa::{Call, Field, Needs};

type Values = Vec<(Field, i64)>;

/// A launch under construction.
struct Draft<'a> {
    design: &'a Design,
    windows: &'a Windows,
    /// Where operands in IBUF lie, in lane words.
    source: Window,
    /// Where results in IBUF go, in lane words.
    target: Window,
    /// The same for VMEM, in words.
    wide_source: Window,
    wide_target: Window,
    values: Values,
    flags: Values,
}

/// A random launch.
pub fn launch(design: &Design, windows: &Windows, rng: &mut Rng) -> Option<Launch> {
    let parts = i64::try_from(design.rows() / design.lanes()).unwrap_or(1);
    let [source, target] = windows.ibuf.split(rng);
    let [wide_source, wide_target] = windows.vmem.split(rng);
    let mut draft = Draft {
        design,
        windows,
        source: source.scaled(parts),
        target: target.scaled(parts),
        wide_source,
        wide_target,
        values: Vec::new(),
        flags: Vec::new(),
    };
    let function = match rng.between(0, 9) {
        0 | 1 => Function::Depthwise,
        2 if tiles_exist(design) => {
            draft.tiles(rng)?;
            return Some(Launch::new(Function::Move, draft.values, draft.flags));
        }
        _ if !design.vector_ops().is_empty() && rng.chance(30) => {
            let last = i64::try_from(design.vector_ops().len()).ok()? - 1;
            let index = usize::try_from(rng.between(0, last)).ok()?;
            draft.operation(design.vector_ops().get(index)?.float, rng)?;
            return Some(Launch::new(Call::of_custom(index)?, draft.values, draft.flags));
        }
        _ => {
            let exists = |function: &&Function| match function.needs() {
                Needs::Nothing => **function != Function::Depthwise,
                Needs::Float => design.float(),
                Needs::FunctionUnit => design.function_segments() > 0,
            };
            let all: Vec<Function> = Function::ALL.iter().filter(exists).copied().collect();
            if design.function_segments() > 0 && rng.chance(15) {
                Function::Function
            } else {
                let index = rng.between(0, i64::try_from(all.len()).ok()? - 1);
                *all.get(usize::try_from(index).ok()?)?
            }
        }
    };
    if function == Function::Depthwise {
        draft.depthwise(rng)?;
    } else {
        if function == Function::Function {
            draft.function_unit(rng);
        }
        draft.operation(function.gives_float(), rng)?;
    }
    Some(Launch::new(function, draft.values, draft.flags))
}

/// Whether VECTOR can write weights: where activations are as wide as weights, so that clamping
/// the one keeps the other legal.
fn tiles_exist(design: &Design) -> bool {
    let rows = design.rows();
    rows == design.cols()
        && rows == design.lanes()
        && rows.is_power_of_two()
        && design.activation_bits() == design.weight_bits()
}

impl Draft<'_> {
    fn strides(&mut self, fields: [Field; 6], strides: [i64; 6]) {
        self.values.extend(fields.into_iter().zip(strides));
    }

    fn counts(&mut self, counts: [i64; 6], strides: [i64; 6]) {
        for (l, (count, stride)) in levels::LOOPS.into_iter().enumerate() {
            self.values.extend([(count, counts[l]), (stride, strides[l])]);
        }
    }

    /// Flags and registers after the operation; returns the window the results go to.
    fn finish(&mut self, rng: &mut Rng, outer: i64) -> Window {
        let (low, high) = range(self.design);
        let format = rng.pick(&[0, 0, 0, 1, 2]);
        self.flags.extend([(vector::FORMAT, format), (vector::DST, i64::from(format > 0))]);
        self.values.extend(clamp([quant::ZERO, quant::MIN, quant::MAX], low, high, rng));
        let pairs = self.windows.parameters.len() / 2;
        if rng.chance(35) && outer <= pairs {
            let first = rng.between(0, pairs - outer);
            self.flags.push((vector::CHANNEL, 1));
            self.values.push((param::ADDR, self.windows.parameters.start + 2 * first));
        } else {
            let shift = rng.between(0, 31);
            let value = rng.bits().cast_signed() >> 32 >> shift;
            self.values.extend([(bias::VALUE, value), (scale::VALUE, i64::from(rng.scale()))]);
        }
        if format == 0 && self.design.tables() > 0 && rng.chance(25) {
            let table = rng.between(0, self.windows.table.len() / 64 - 1);
            self.flags.extend([(vector::LOOKUP, 1), (vector::TABLE, table)]);
        }
        if format == 0 { self.target } else { self.wide_target }
    }

    /// Sometimes a window outside which operand a is `pad`.
    fn clip(&mut self, rng: &mut Rng) {
        let (low, high) = range(self.design);
        let wide = rng.chance(30);
        let padding =
            if wide { rng.between(-1 << 31, (1 << 31) - 1) } else { rng.between(low, high) };
        self.values.push((pad::VALUE, padding));
        if rng.chance(50) {
            return;
        }
        self.values.extend([
            (window_y::START, rng.between(-2, 1)),
            (window_y::LIMIT, rng.between(0, 7)),
            (window_x::START, rng.between(-2, 1)),
            (window_x::LIMIT, rng.between(0, 7)),
        ]);
        for fields in [levels::STEP_Y, levels::STEP_X] {
            for field in fields {
                self.values.push((field, rng.between(-1, 2)));
            }
        }
    }

    fn operation(&mut self, gives_float: bool, rng: &mut Rng) -> Option<()> {
        let counts = small_counts(rng, 160);
        let mut reduce = if rng.chance(40) { rng.between(1, 3) } else { 0 };
        let depth = rng.between(0, 3);
        let fits = usize::try_from(counts[0]).is_ok_and(|count| count <= self.design.acc_depth());
        let float_sum = reduce == 1 && gives_float;
        let interleave = self.design.float() && reduce > 0 && fits && (float_sum || rng.chance(40));
        if float_sum && !interleave {
            reduce = 2;
        }
        if interleave || rng.chance(20) {
            self.values.push((reduction::INTERLEAVE, i64::from(interleave)));
        }
        if reduce > 0 && self.design.float() && rng.chance(50) {
            self.values.push((reduction::ACROSS, 1));
        }
        // The reduced loops are loop0 and up or, with interleaving, loop1 and up.
        let free = usize::from(interleave);
        let reduced = if reduce == 0 { 0 } else { usize::try_from(depth).unwrap_or(0) + 1 };
        self.flags.extend([(vector::REDUCE, reduce), (vector::LEVELS, depth)]);
        let target = self.finish(rng, counts[5]);
        let second = rng.between(0, 2);
        let residual = self.flags.contains(&(vector::FORMAT, 0))
            && second == 1
            && self.design.residual()
            && rng.chance(50);
        self.flags.push((vector::SRC2, second));
        if residual {
            let (low, high) = range(self.design);
            self.flags.push((vector::RESIDUAL, 1));
            let limits = [res_clamp::MIN, res_clamp::MAX];
            let scales = [res_scale_a::VALUE, res_scale_b::VALUE];
            let offset = [res_offset::VALUE, res_offset::INNER];
            self.values.extend(sum(limits, scales, offset, (low, high), rng));
        }
        let first = rng.between(0, 1);
        self.flags.push((vector::SRC1, first));
        let a = some_strides(rng, &counts);
        self.counts(counts, a);
        let window = if first == 0 { self.source } else { self.wide_source };
        self.values.push((src1::ADDR, window.fit(rng, &nest(&counts, &a), 1)?));
        let b = some_strides(rng, &counts);
        self.strides(levels::SRC2, b);
        if second > 0 {
            let window = if second == 1 { self.source } else { self.wide_source };
            self.values.push((src2::ADDR, window.fit(rng, &nest(&counts, &b), 1)?));
        }
        let shift = rng.between(0, 31);
        self.values.push((imm::VALUE, rng.bits().cast_signed() >> 32 >> shift));
        let mut outer = counts;
        for count in outer.iter_mut().skip(free).take(reduced) {
            *count = 1;
        }
        let d = dense(rng, &outer);
        self.strides(levels::DST, d);
        self.values.push((dst::ADDR, target.fit(rng, &nest(&outer, &d), 1)?));
        self.clip(rng);
        Some(())
    }

    /// Any argument, any table; sometimes segments that do not exist.
    fn function_unit(&mut self, rng: &mut Rng) {
        let segments = i64::try_from(self.design.function_segments()).unwrap_or(0);
        let bits = if rng.chance(10) { 12 } else { rng.between(0, 5) };
        let base = if rng.chance(10) { 65535 } else { rng.between(0, segments) };
        self.values.extend([
            (unit::MODE, rng.between(0, 4)),
            (unit::BASE, base),
            (unit::BITS, bits),
            (unit::LOW, rng.between(100, 128)),
            (unit::OCTAVES, rng.between(0, 12)),
        ]);
    }

    fn depthwise(&mut self, rng: &mut Rng) -> Option<()> {
        let window = i64::try_from(self.design.taps()).ok()?;
        let depth = i64::try_from(self.design.acc_depth()).ok()?;
        let stride = rng.between(1, 3);
        let outputs = rng.between(1, depth.min(9));
        let positions = window + (outputs - 1) * stride + rng.between(0, stride - 1);
        let counts = [
            positions,
            rng.between(1, 2),
            rng.between(1, 3),
            rng.between(1, 2),
            rng.between(1, 2),
            rng.pick(&[1, 1, 2]),
        ];
        let [_, segments, rows, n3, n4, n5] = counts;
        let target = self.finish(rng, n5);
        // Segments of a kernel row are `window` positions apart; rows and the rest as they come.
        let a = [1, window, rng.between(0, positions), 0, 1, rng.between(0, 4)];
        self.counts(counts, a);
        self.values.push((src1::ADDR, self.source.fit(rng, &nest(&counts, &a), 1)?));
        let tap = rng.between(-1, 2);
        let b = [0, window, rng.between(0, 4), rng.between(0, 2), 1, rng.between(0, 2)];
        let weights =
            [(segments, b[1]), (rows, b[2]), (n3, b[3]), (n4, b[4]), (n5, b[5]), (window, tap)];
        self.strides(levels::SRC2, b);
        self.values.push((src2::ADDR, self.source.fit(rng, &weights, 1)?));
        let out: i64 = rng.pick(&[1, 1, 2, -1]);
        let apart = outputs * out.abs();
        let d = [rng.between(-5, 5), rng.between(-5, 5), 7, apart, apart * n3, apart * n3 * n4];
        self.strides(levels::DST, d);
        let results = [(n3, d[3]), (n4, d[4]), (n5, d[5]), (outputs, out)];
        self.values.push((dst::ADDR, target.fit(rng, &results, 1)?));
        self.values.extend([
            (taps::STRIDE, stride),
            (taps::TAP_STRIDE, tap),
            (taps::OUT_STRIDE, out),
        ]);
        self.clip(rng);
        Some(())
    }

    /// Whole weight tiles, by rows or by columns.
    fn tiles(&mut self, rng: &mut Rng) -> Option<()> {
        let size = i64::try_from(self.design.rows()).ok()?;
        let step = i64::try_from(self.design.segment_rows()).ok()?;
        let ring = i64::try_from(self.design.wbuf().words).ok()?;
        let tiles = rng.between(1, 2);
        // Tiles whose words all lie in the window, which may run over the end of the ring.
        let first = (self.windows.wbuf.start + step - 1) / step;
        let last = self.windows.wbuf.end / step - tiles;
        if first > last {
            return None;
        }
        let tile = rng.between(first, last) % (ring / step);
        let (low, high) = range(self.design);
        let low = low + i64::from(self.design.packed());
        self.values.extend(clamp([quant::ZERO, quant::MIN, quant::MAX], low, high, rng));
        self.values.push((scale::VALUE, i64::from(rng.scale())));
        self.flags.push((vector::DST, rng.between(2, 3)));
        let a = [rng.between(0, 2), rng.between(0, 2 * size), 0, 0, 0, 0];
        let counts = [size, tiles, 1, 1, 1, 1];
        self.counts(counts, a);
        self.values.push((src1::ADDR, self.source.fit(rng, &nest(&counts, &a), 1)?));
        self.strides(levels::DST, [1, size, 0, 0, 0, 0]);
        self.values.push((dst::ADDR, tile * size));
        Some(())
    }
}

/// Counts whose product is at most `most`, with most loops of one iteration.
fn small_counts(rng: &mut Rng, most: i64) -> [i64; 6] {
    let mut counts = [1; 6];
    let mut product = 1;
    for (l, count) in counts.iter_mut().enumerate() {
        let limit = if l == 0 { 12 } else { 4 };
        if rng.chance(60) {
            *count = rng.between(1, limit.min(most / product));
        }
        product *= *count;
    }
    counts
}

fn nest(counts: &[i64; 6], strides: &[i64; 6]) -> [(i64, i64); 6] {
    std::array::from_fn(|l| (counts[l], strides[l]))
}

/// Strides of an operand: dense, broadcast, or anything small.
fn some_strides(rng: &mut Rng, counts: &[i64; 6]) -> [i64; 6] {
    match rng.between(0, 2) {
        0 => dense(rng, counts),
        1 => {
            let broadcast = rng.between(0, 5);
            let mut strides = dense(rng, counts);
            if let Some(stride) = usize::try_from(broadcast).ok().and_then(|l| strides.get_mut(l)) {
                *stride = 0;
            }
            strides
        }
        _ => std::array::from_fn(|_| rng.between(-2, 4)),
    }
}

/// Strides that give every index tuple an address of its own, in a random order of the loops.
fn dense(rng: &mut Rng, counts: &[i64; 6]) -> [i64; 6] {
    let mut order = [0, 1, 2, 3, 4, 5];
    if rng.chance(50) {
        for i in (1..6).rev() {
            let j = usize::try_from(rng.between(0, i64::try_from(i).unwrap_or(0))).unwrap_or(0);
            order.swap(i, j);
        }
    }
    let mut strides = [0; 6];
    let mut apart = 1;
    for l in order {
        strides[l] = apart;
        apart *= counts[l];
    }
    strides
}
