//! Launches of LOAD and STORE: the frame of a program, and random ones.

use super::case::{DATA, DUMP, Launch, SCRATCH};
use super::extent::Window;
use super::rng::Rng;
use super::window::{Blob, SCRATCH_BYTES, Windows, weight_byte};
use crate::design::Design;
use crate::isa::Field;
use crate::isa::table::{load, store};

type Values = Vec<(Field, i64)>;

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Bytes of a word of each destination of LOAD.
fn word_bytes(design: &Design, function: load::Function) -> i64 {
    match function {
        load::Function::Ibuf => number(design.ibuf().word_bytes),
        load::Function::Wbuf => number(design.wbuf().word_bytes),
        load::Function::Pbuf => 8 * number(design.cols()),
        load::Function::Vmem => 4 * number(design.lanes()),
        load::Function::Table | load::Function::Coeff => 4,
    }
}

/// Loads the first content of every window.
pub fn fill(design: &Design, windows: &Windows) -> Vec<Launch> {
    use load::Function;
    let one = |function, blob: Blob, window: Window| {
        let values = vec![
            (load::dram::BASE, i64::from(DATA)),
            (load::dram::OFFSET, blob.offset),
            (load::shape::RUN_BYTES, blob.bytes),
            (load::shape::GROUP_BYTES, word_bytes(design, function)),
            (load::dst::ADDR, window.start),
            (load::word3::STRIDE, 1),
        ];
        (blob.bytes > 0)
            .then(|| Launch { frame: true, ..Launch::new(function, values, Vec::new()) })
    };
    [
        one(Function::Ibuf, windows.ibuf_data, windows.ibuf),
        one(Function::Wbuf, windows.wbuf_data, windows.wbuf),
        one(Function::Pbuf, windows.pbuf_data, windows.pbuf),
        one(Function::Vmem, windows.vmem_data, windows.vmem),
        one(Function::Vmem, windows.parameter_data, windows.parameters),
        one(Function::Table, windows.table_data, windows.table),
        one(Function::Coeff, windows.coefficient_data, windows.coefficients),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Stores the final content of IBUF and VMEM; returns the bytes they take as well.
pub fn dump(design: &Design, windows: &Windows) -> (Vec<Launch>, u64) {
    let vmem = Window::new(windows.parameters.start, windows.vmem.end);
    let parts = [
        (store::Function::Ibuf, windows.ibuf, number(design.ibuf().word_bytes)),
        (store::Function::Vmem, vmem, number(design.vmem().word_bytes)),
    ];
    let mut offset = 0;
    let mut launches = Vec::new();
    for (function, window, word) in parts {
        let bytes = window.len() * word;
        let values = vec![
            (store::dram::BASE, i64::from(DUMP)),
            (store::dram::OFFSET, offset),
            (store::shape::RUN_BYTES, bytes),
            (store::shape::GROUP_BYTES, word),
            (store::src::ADDR, window.start),
            (store::word3::STRIDE, 1),
        ];
        launches.push(Launch { frame: true, ..Launch::new(function, values, Vec::new()) });
        offset += bytes;
    }
    (launches, offset.unsigned_abs())
}

/// Counts and strides of a nest over words, the endless level last.
struct WordNest {
    nest: [(i64, i64); 4],
}

impl WordNest {
    /// A nest for `words` words.
    fn random(rng: &mut Rng, words: i64) -> WordNest {
        let counts = if rng.chance(50) {
            [1; 3]
        } else {
            [rng.between(1, 5), rng.between(1, 3), rng.between(1, 2)]
        };
        let inner: i64 = counts.iter().product();
        let outer = words.div_euclid(inner) + i64::from(words.rem_euclid(inner) > 0);
        let mut stride = [1, counts[0], counts[0] * counts[1], inner];
        if rng.chance(40) {
            for stride in &mut stride {
                *stride += rng.between(-1, 3);
            }
        }
        if rng.chance(20) {
            stride[0] = -stride[0];
        }
        let [a, b, c] = counts;
        WordNest { nest: [(a, stride[0]), (b, stride[1]), (c, stride[2]), (outer, stride[3])] }
    }
}

/// Runs of a transfer: bytes of each, and the nest of their addresses.
struct Runs {
    bytes: i64,
    nest: [(i64, i64); 4],
}

impl Runs {
    fn random(rng: &mut Rng) -> Runs {
        let bytes = match rng.between(0, 3) {
            0 => rng.between(1, 8),
            1 => 1 << rng.between(0, 7),
            _ => rng.between(1, 150),
        };
        let most = (1200 / bytes).clamp(1, 6);
        let counts = [
            rng.between(1, most),
            rng.between(1, most.min(3)),
            rng.between(1, most.min(2)),
            rng.between(1, most.min(2)),
        ];
        let mut apart = bytes + if rng.chance(50) { 0 } else { rng.between(0, 70) };
        let nest = counts.map(|count| {
            let stride = if rng.chance(15) { -apart } else { apart };
            apart *= count;
            (count, stride)
        });
        Runs { bytes, nest }
    }

    /// Runs that overlap or repeat, as those of a lowered convolution do. For loads only.
    fn overlapping(mut self, rng: &mut Rng) -> Runs {
        for (_, stride) in &mut self.nest {
            if rng.chance(60) {
                *stride = rng.between(-self.bytes, self.bytes);
            }
        }
        self
    }

    fn total(&self) -> i64 {
        self.bytes * self.nest.iter().map(|&(count, _)| count).product::<i64>()
    }
}

/// Group sizes: whole words, pixels with a rest, anything.
fn group(rng: &mut Rng, word: i64, run: i64) -> i64 {
    match rng.between(0, 3) {
        0 => word * rng.between(1, 3),
        1 => run,
        _ => rng.between(1, 3 * word),
    }
}

fn words_of(total: i64, group: i64, word: i64) -> i64 {
    let up = |bytes: i64| (bytes + word - 1).div_euclid(word);
    total.div_euclid(group) * up(group) + up(total.rem_euclid(group))
}

/// A random load.
pub fn load(design: &Design, windows: &Windows, rng: &mut Rng) -> Option<Launch> {
    match rng.between(0, 9) {
        0 => parameters(design, load::Function::Pbuf, windows.pbuf, windows.pbuf_data, rng),
        1 => {
            let blob = windows.parameter_data;
            parameters(design, load::Function::Vmem, windows.parameters, blob, rng)
        }
        2 if windows.coefficients.len() > 0 && rng.chance(50) => {
            stream(design, windows, load::Function::Coeff, windows.coefficients, rng)
        }
        2 => stream(design, windows, load::Function::Table, windows.table, rng),
        3 | 4 => stream(design, windows, load::Function::Wbuf, windows.wbuf, rng),
        5 | 6 => stream(design, windows, load::Function::Vmem, windows.vmem, rng),
        _ => stream(design, windows, load::Function::Ibuf, windows.ibuf, rng),
    }
}

/// Some words of biases and scales, whole, cut into runs that follow each other.
fn parameters(
    design: &Design,
    function: load::Function,
    window: Window,
    blob: Blob,
    rng: &mut Rng,
) -> Option<Launch> {
    // A unit is biases and scales together: one word of PBUF, two of VMEM.
    let word = word_bytes(design, function);
    let unit = if function == load::Function::Pbuf { word } else { 2 * word };
    let per_unit = unit / word;
    let units = rng.between(1, window.len() / per_unit);
    if blob.bytes < units * unit || units < 1 {
        return None;
    }
    let from = rng.between(0, blob.bytes / unit - units);
    let to = rng.between(0, window.len() / per_unit - units);
    let total = units * unit;
    let pieces = rng.pick(&[1, 2, 4, 8]);
    let piece = total / pieces;
    let values = vec![
        (load::dram::BASE, i64::from(DATA)),
        (load::dram::OFFSET, blob.offset + from * unit),
        (load::shape::RUN_BYTES, piece),
        (load::shape::GROUP_BYTES, word * rng.between(1, 2)),
        (load::loop0::COUNT, pieces),
        (load::loop0::STRIDE, piece),
        (load::dst::ADDR, window.start + to * per_unit),
        (load::word3::STRIDE, 1),
    ];
    Some(Launch::new(function, values, Vec::new()))
}

/// Runs of bytes into a buffer that takes any.
fn stream(
    design: &Design,
    windows: &Windows,
    function: load::Function,
    window: Window,
    rng: &mut Rng,
) -> Option<Launch> {
    let word = word_bytes(design, function);
    let weights = function == load::Function::Wbuf;
    let mut runs = Runs::random(rng);
    if rng.chance(30) {
        runs = runs.overlapping(rng);
    }
    let group = group(rng, word, runs.bytes);
    let words = words_of(runs.total(), group, word);
    let nest = WordNest::random(rng, words);
    let addr = window.fit(rng, &nest.nest, 1)?;
    let (base, source) = if weights {
        let blob = windows.wbuf_data;
        (DATA, Window::new(blob.offset, blob.offset + blob.bytes))
    } else if rng.chance(40) {
        (SCRATCH, Window::new(0, SCRATCH_BYTES))
    } else {
        (DATA, Window::new(0, windows.data_bytes()))
    };
    let mut offset = source.fit(rng, &runs.nest, runs.bytes)?;
    let mut flags = Vec::new();
    let [n0, n1, n2, n3] = runs.nest;
    let [w0, w1, w2, w3] = nest.nest;
    let (packed, bits) = (design.packed() && weights, design.weight_bits());
    let fill = [weight_byte(packed, bits, rng), weight_byte(packed, bits, rng)];
    let mut values: Values = vec![
        (load::dram::BASE, i64::from(base)),
        (load::shape::RUN_BYTES, runs.bytes),
        (load::shape::GROUP_BYTES, group),
        (load::dst::ADDR, addr),
        (load::fill::VALUE, i64::from(u16::from_le_bytes(fill))),
        (load::loop0::COUNT, n0.0),
        (load::loop0::STRIDE, n0.1),
        (load::loop1::COUNT, n1.0),
        (load::loop1::STRIDE, n1.1),
        (load::loop2::COUNT, n2.0),
        (load::loop2::STRIDE, n2.1),
        (load::loop3::COUNT, n3.0),
        (load::loop3::STRIDE, n3.1),
        (load::word0::COUNT, w0.0),
        (load::word0::STRIDE, w0.1),
        (load::word1::COUNT, w1.0),
        (load::word1::STRIDE, w1.1),
        (load::word2::COUNT, w2.0),
        (load::word2::STRIDE, w2.1),
        (load::word3::STRIDE, w3.1),
    ];
    if rng.chance(45) {
        flags.push((load::CLIP, 1));
        values.extend(clip(rng, runs.bytes));
        if !weights && rng.chance(20) {
            // May leave the region where everything is clipped.
            offset += rng.between(-40, 40);
        }
    }
    values.push((load::dram::OFFSET, offset));
    Some(Launch::new(function, values, flags))
}

fn clip(rng: &mut Rng, run: i64) -> Values {
    use load::{clip_x, clip_y, step_x, step_y};
    let limit = rng.between(0, 2 * run);
    let mut values = vec![
        (clip_y::START, rng.between(-2, 2)),
        (clip_y::LIMIT, rng.between(0, 6)),
        (clip_x::START, rng.between(-run, run)),
        (clip_x::LIMIT, limit),
    ];
    for field in [step_y::S0, step_y::S1, step_y::S2, step_y::S3] {
        values.push((field, rng.between(-1, 2)));
    }
    for field in [step_x::S0, step_x::S1, step_x::S2, step_x::S3] {
        values.push((field, rng.between(-9, 9)));
    }
    values
}

/// A random store into the scratch region.
pub fn store(design: &Design, windows: &Windows, rng: &mut Rng) -> Option<Launch> {
    let (function, window, word) = if rng.chance(60) {
        (store::Function::Ibuf, windows.ibuf, number(design.ibuf().word_bytes))
    } else {
        let all = Window::new(windows.parameters.start, windows.vmem.end);
        (store::Function::Vmem, all, number(design.vmem().word_bytes))
    };
    let runs = Runs::random(rng);
    let group = group(rng, word, runs.bytes);
    let words = words_of(runs.total(), group, word);
    let nest = WordNest::random(rng, words);
    let [n0, n1, n2, n3] = runs.nest;
    let [w0, w1, w2, w3] = nest.nest;
    let values = vec![
        (store::dram::BASE, i64::from(SCRATCH)),
        (store::dram::OFFSET, Window::new(0, SCRATCH_BYTES).fit(rng, &runs.nest, runs.bytes)?),
        (store::shape::RUN_BYTES, runs.bytes),
        (store::shape::GROUP_BYTES, group),
        (store::src::ADDR, window.fit(rng, &nest.nest, 1)?),
        (store::loop0::COUNT, n0.0),
        (store::loop0::STRIDE, n0.1),
        (store::loop1::COUNT, n1.0),
        (store::loop1::STRIDE, n1.1),
        (store::loop2::COUNT, n2.0),
        (store::loop2::STRIDE, n2.1),
        (store::loop3::COUNT, n3.0),
        (store::loop3::STRIDE, n3.1),
        (store::word0::COUNT, w0.0),
        (store::word0::STRIDE, w0.1),
        (store::word1::COUNT, w1.0),
        (store::word1::STRIDE, w1.1),
        (store::word2::COUNT, w2.0),
        (store::word2::STRIDE, w2.1),
        (store::word3::STRIDE, w3.1),
    ];
    Some(Launch::new(function, values, Vec::new()))
}
