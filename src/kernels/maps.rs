//! Element by element and pixel by pixel on feature maps: addition, product, requantization, table,
//! unfused batch norm, upsampling, and copies of parts. One word a cycle; a product needs one more
//! pass for each operand whose zero point is not 0.

use super::conv::{Requant, Residual};
use super::transfer::load_words;
use super::vector::{lane_word, requantize, signed};
use super::weights::lane_params;
use super::{Emitter, Fmap, KernelError};
use crate::isa::Engine;
use crate::isa::levels::vector::{DST, LOOPS, SRC2};
use crate::isa::table::{load, vector};

/// Lane words of an operand: its first one and its strides over columns, rows, slices of an IBUF
/// word and blocks of channels.
#[derive(Debug, Clone, Copy)]
struct Place {
    addr: i64,
    strides: [usize; 4],
}

/// Loops that the four dimensions of [`Place`] take; that of blocks carries parameters.
const LEVELS: [usize; 4] = [0, 1, 2, 5];

/// Of a map, from a pixel and a block on.
fn place(e: &Emitter, map: &Fmap, [y, x]: [usize; 2], block: usize) -> Place {
    let slices = e.geometry.slices;
    let start = Fmap { addr: map.addr + block * map.block_stride(), ..*map };
    let [y, x] = [y, x].map(signed);
    let addr = lane_word(e, &start, y, x, 0);
    Place { addr, strides: [slices, map.width * slices, 1, map.block_stride() * slices] }
}

/// The only pixel of a map, for all pixels of another.
fn broadcast(e: &Emitter, map: &Fmap) -> Place {
    let place = place(e, map, [0, 0], 0);
    Place { strides: [0, 0, place.strides[2], place.strides[3]], ..place }
}

/// Sets the loops and the addresses; resets everything else.
fn nest(e: &mut Emitter, counts: [usize; 4], a: Place, b: Option<Place>, dst: Place) {
    e.reset(Engine::Vector);
    e.set(vector::src1::ADDR, a.addr);
    e.set(vector::dst::ADDR, dst.addr);
    for (dimension, level) in LEVELS.into_iter().enumerate() {
        e.set(LOOPS[level].0, counts[dimension] as u64);
        e.set(LOOPS[level].1, a.strides[dimension] as u64);
        e.set(DST[level], dst.strides[dimension] as u64);
    }
    if let Some(b) = b {
        e.set(vector::src2::ADDR, b.addr);
        for (dimension, level) in LEVELS.into_iter().enumerate() {
            e.set(SRC2[level], b.strides[dimension] as u64);
        }
    }
}

/// Extent of a map in the order of [`Place`].
fn extent(e: &Emitter, map: &Fmap) -> [usize; 4] {
    [map.width, map.height, e.geometry.slices, map.blocks(&e.geometry)]
}

/// A number that is requantized: zero point and scale of the source over that of the result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Zero point of the source.
    pub zero: i32,
    /// Scale of the source over that of the result.
    pub ratio: f32,
    /// Result.
    pub output: Requant,
}

impl Change {
    /// None: values stay as they are.
    pub fn none(activation_bits: usize) -> Change {
        Change { zero: 0, ratio: 1.0, output: Requant::full(0, activation_bits) }
    }

    fn set(self, e: &mut Emitter) {
        e.set(vector::bias::VALUE, -i64::from(self.zero));
        e.set(vector::scale::VALUE, self.ratio.to_bits());
        requantize(e, self.output);
    }
}

/// Part of a map that is copied to a part of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy {
    /// First pixel and block of channels read.
    pub from: ([usize; 2], usize),
    /// First pixel and block of channels written.
    pub to: ([usize; 2], usize),
    /// Height, width and blocks.
    pub size: [usize; 3],
}

/// Emits a copy of a part, requantized: slices, and concatenation of rows, columns or whole blocks
/// of channels.
pub fn copy(
    e: &mut Emitter,
    part: &Copy,
    change: Change,
    input: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let [height, width, blocks] = part.size;
    let a = place(e, input, part.from.0, part.from.1);
    let dst = place(e, output, part.to.0, part.to.1);
    nest(e, [width, height, e.geometry.slices, blocks], a, None, dst);
    change.set(e);
    e.launch(vector::Function::Move, &[])
}

/// Emits `clamp(rint((x - zero) * ratio) + output.zero)` of all values; limits of the clamp make it
/// a ReLU, a ReLU6 or a clip.
pub fn change(
    e: &mut Emitter,
    change: Change,
    input: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let size = [input.height, input.width, input.blocks(&e.geometry)];
    copy(e, &Copy { from: ([0; 2], 0), to: ([0; 2], 0), size }, change, input, output)
}

/// Brings 256 entries into lookup table `number`; the entry of activation x is at x mod 256.
pub fn load_lookup(e: &mut Emitter, number: u8, dram: (u8, usize)) -> Result<(), KernelError> {
    load_words(e, load::Function::Table, dram, 256, 64 * usize::from(number))
}

/// Emits a lookup of all values in a table that is on chip.
pub fn lookup(e: &mut Emitter, number: u8, input: &Fmap, output: &Fmap) -> Result<(), KernelError> {
    let counts = extent(e, input);
    let (a, dst) = (place(e, input, [0; 2], 0), place(e, output, [0; 2], 0));
    nest(e, counts, a, None, dst);
    Change::none(e.geometry.activation_bits).set(e);
    e.launch(vector::Function::Move, &[(vector::LOOKUP, 1), (vector::TABLE, number.into())])
}

/// Emits the addition of two maps of the same shape: `a` with zero point `zero_a` plays the part of
/// the requantized result of [`Residual`].
pub fn add(
    e: &mut Emitter,
    residual: &Residual,
    zero_a: i32,
    a: &Fmap,
    b: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let counts = extent(e, output);
    let [first, second, dst] = [a, b, output].map(|map| place(e, map, [0; 2], 0));
    nest(e, counts, first, Some(second), dst);
    // The first stage leaves the stored value as it is, but within the clamp, whose limits are all
    // an activation can be.
    let identity = Requant::full(zero_a, e.geometry.activation_bits);
    Change { zero: zero_a, ratio: 1.0, output: identity }.set(e);
    e.set(vector::res_clamp::MIN, residual.sum.min);
    e.set(vector::res_clamp::MAX, residual.sum.max);
    e.set(vector::res_scale_a::VALUE, residual.scale_a.to_bits());
    e.set(vector::res_scale_b::VALUE, residual.scale_b.to_bits());
    e.set(vector::res_offset::VALUE, residual.offset(zero_a).to_bits());
    e.set(vector::res_offset::INNER, u64::from(residual.a_is_second));
    e.launch(vector::Function::Move, &[(vector::SRC2, 1), (vector::RESIDUAL, 1)])
}

/// A product of two maps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    /// Zero points of the factors.
    pub zeros: [i32; 2],
    /// Product of their scales over that of the result.
    pub scale: f32,
    /// Result.
    pub output: Requant,
}

/// Emits `clamp(rint((a - zero_a) (b - zero_b) * scale) + output.zero)`. `b` has the shape of `a`, or
/// one pixel that is a factor of each channel.
pub fn multiply(
    e: &mut Emitter,
    product: &Product,
    a: &Fmap,
    b: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let [width, height, slices, blocks] = extent(e, a);
    let row = width * slices * blocks;
    // Differences to zero points go through VMEM, some rows at a time.
    let total = e.geometry.vmem_words;
    let used = product.zeros.iter().filter(|&&zero| zero != 0).count();
    let full = KernelError::VmemFull { words: used * row, total };
    let rows = total.checked_div(used * row).map_or(height, |rows| rows.min(height));
    if rows == 0 {
        return Err(full);
    }
    let space = used * rows * row;
    let start = e.vmem.take(space, &[]).ok_or(full)?;
    for first in (0..height).step_by(rows) {
        let counts = [width, rows.min(height - first), slices, blocks];
        let at = [first, 0];
        let mut free = start;
        let single = b.height * b.width == 1;
        let second = if single { broadcast(e, b) } else { place(e, b, at, 0) };
        let mut operands = [place(e, a, at, 0), second];
        for (index, &zero) in product.zeros.iter().enumerate() {
            if zero == 0 {
                continue;
            }
            let strides = [1, width, width * counts[1], width * counts[1] * slices];
            let wide = Place { addr: signed(free), strides };
            nest(e, counts, operands[index], None, wide);
            e.set(vector::bias::VALUE, -i64::from(zero));
            e.launch(vector::Function::Move, &[(vector::DST, 1), (vector::FORMAT, 1)])?;
            operands[index] = wide;
            free += rows * row;
        }
        // IBUF and VMEM are 0 and 1 for the first operand, 1 and 2 for the second.
        let [first_from, second_from] = product.zeros.map(|zero| i64::from(zero != 0));
        let dst = place(e, output, at, 0);
        nest(e, counts, operands[0], Some(operands[1]), dst);
        e.set(vector::scale::VALUE, product.scale.to_bits());
        requantize(e, product.output);
        let flags = [(vector::SRC1, first_from), (vector::SRC2, 1 + second_from)];
        e.launch(vector::Function::Mul, &flags)?;
    }
    e.vmem.give(start, space);
    Ok(())
}

/// A batch norm of activations that is not folded into a convolution:
/// `y = (x - zero) * factor[c] + summand[c]`, in steps of the output's scale.
#[derive(Debug, Clone)]
pub struct Affine<'a> {
    /// Zero point of the input.
    pub zero: i32,
    /// Steps of the output for a step of the input, per channel; not 0.
    pub factors: &'a [f32],
    /// Steps of the output, per channel.
    pub summands: &'a [f32],
    /// Output.
    pub output: Requant,
}

/// Constants of an [`Affine`] on chip.
#[derive(Debug)]
pub struct AffineConstants {
    /// Bits by which activations are shifted, so that summands have a fraction.
    shift: u32,
    /// First VMEM word and number of words for each slice.
    params: Vec<(usize, usize)>,
}

impl AffineConstants {
    /// Brings the constants of all channels into VMEM.
    pub fn load(e: &mut Emitter, affine: &Affine) -> Result<AffineConstants, KernelError> {
        let geometry = e.geometry;
        let steps = |(factor, summand): (&f32, &f32)| {
            f64::from(*summand) / f64::from(*factor) - f64::from(affine.zero)
        };
        let offsets: Vec<f64> = affine.factors.iter().zip(affine.summands).map(steps).collect();
        let largest = offsets.iter().fold(256.0_f64, |largest, value| largest.max(value.abs()));
        // Sums stay below 2^30.
        let shift = (0..=16).rev().find(|&shift| libm::ldexp(largest, shift) < 1e9);
        let Some(shift) = shift else {
            return Err(KernelError::Unsupported {
                kernel: "batch norm of activations",
                what: "summand over factor, in steps of the input",
                value: largest as usize,
                limit: "at most 10^9: give channels with such small factors a constant".into(),
            });
        };
        let bias: Vec<i32> =
            offsets.iter().map(|&value| libm::rint(libm::ldexp(value, shift)) as i32).collect();
        let scales: Vec<f32> =
            affine.factors.iter().map(|&factor| factor * libm::ldexpf(1.0, -shift)).collect();
        let mut params = Vec::new();
        for slice in 0..geometry.slices {
            let bytes = lane_params(&geometry, &bias, &scales, slice, geometry.slices);
            let words = bytes.len() / (4 * geometry.lanes);
            let full = KernelError::VmemFull { words, total: geometry.vmem_words };
            let addr = e.vmem.take(words, &[]).ok_or(full)?;
            let dram = e.constants(&bytes);
            load_words(e, load::Function::Vmem, dram, bytes.len(), addr)?;
            params.push((addr, words));
        }
        Ok(AffineConstants { shift: shift.unsigned_abs(), params })
    }

    /// Gives their space back.
    pub fn release(self, e: &mut Emitter) {
        for (start, words) in self.params {
            e.vmem.give(start, words);
        }
    }
}

/// Emits an unfused batch norm of a map.
pub fn affine(
    e: &mut Emitter,
    layer: &Affine,
    constants: &AffineConstants,
    input: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let [width, height, _, blocks] = extent(e, input);
    for (slice, &(param, _)) in constants.params.iter().enumerate() {
        let at = |place: Place| Place { addr: place.addr + signed(slice), ..place };
        let (a, dst) = (place(e, input, [0; 2], 0), place(e, output, [0; 2], 0));
        nest(e, [width, height, 1, blocks], at(a), None, at(dst));
        e.set(vector::imm::VALUE, constants.shift);
        e.set(vector::param::ADDR, param as u64);
        requantize(e, layer.output);
        e.launch(vector::Function::Shl, &[(vector::CHANNEL, 1)])?;
    }
    Ok(())
}

/// Emits nearest-neighbour upsampling by whole factors: every pixel becomes a rectangle.
pub fn upsample(
    e: &mut Emitter,
    [fy, fx]: [usize; 2],
    input: &Fmap,
    output: &Fmap,
) -> Result<(), KernelError> {
    let slices = e.geometry.slices;
    let (a, dst) = (place(e, input, [0; 2], 0), place(e, output, [0; 2], 0));
    let [col, row, _, block] = dst.strides;
    for slice in 0..slices {
        e.reset(Engine::Vector);
        e.set(vector::src1::ADDR, a.addr + signed(slice));
        e.set(vector::dst::ADDR, dst.addr + signed(slice));
        let counts = [fx, input.width, fy, input.height, 1, input.blocks(&e.geometry)];
        let from = [0, a.strides[0], 0, a.strides[1], 0, a.strides[3]];
        let to = [col, fx * col, row, fy * row, 0, block];
        for level in 0..6 {
            e.set(LOOPS[level].0, counts[level] as u64);
            e.set(LOOPS[level].1, from[level] as u64);
            e.set(DST[level], to[level] as u64);
        }
        Change::none(e.geometry.activation_bits).set(e);
        e.launch(vector::Function::Move, &[])?;
    }
    Ok(())
}
