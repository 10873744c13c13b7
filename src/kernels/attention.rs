//! Products of two activations, and an attention head made of them.
//!
//! The stationary operand of a product is on its way into WBUF by VECTOR: where its maps hold what a
//! tile's *rows* are (values: a pixel is a key, its channels the outputs) the words go as they lie,
//! where they hold its *columns* (keys: a pixel is an output) they go through the transposer.

use super::conv::Requant;
use super::maps::{self, Change, Copy};
use super::rows::{RowOp, Tile};
use super::transfer::{load_words, store_pixels};
use super::weights::channel_params;
use super::wide::Wide;
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::isa::Engine;
use crate::isa::levels::vector::{DST, LOOPS};
use crate::isa::table::{gemm, load, vector};

/// The stationary operand.
#[derive(Debug, Clone, Copy)]
pub enum Stationary<'a> {
    /// B: a pixel is a step of the reduction, its channels are the outputs.
    AsItLies(&'a Fmap),
    /// B transposed: a pixel is an output, its channels are the steps of the reduction.
    Transposed(&'a Fmap),
}

/// Where a product goes.
#[derive(Debug, Clone, Copy)]
pub enum Product<'a> {
    /// Times a scale, as binary32.
    Wide(&'a Wide, f32),
    /// The same, stored with the channels from the number on of a tensor of binary32; the words of
    /// VMEM, first and number, are for the way there.
    Dram(&'a DramTensor, usize, [usize; 2], f32),
    /// Times a scale, requantized.
    Map(&'a Fmap, f32, Requant),
}

/// Emits A times B for A with zero point 0 and symmetric B: a pixel of A is a row of the product.
pub fn matmul(
    e: &mut Emitter,
    a: &Fmap,
    b: Stationary<'_>,
    product: Product<'_>,
) -> Result<(), KernelError> {
    multiply(e, a, b, &[Part::Own], product)
}

/// What stands in steps of the reduction in the stationary operand's rows.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// Its numbers; the lowest one, which a packed cell does not take, is one more.
    Own,
    /// -1 where the lowest one was, else 0.
    Lowest,
    /// A constant.
    Constant(i32),
}

/// Numbers of 8 bits whose sum is `-zero`; none for 0. Those of a packed cell are at least -127.
fn opposite(zero: i32) -> Vec<i32> {
    match -zero {
        0 => Vec::new(),
        128 => vec![64, 64],
        other => vec![other],
    }
}

/// Emits `(A - zero of A) (B - zero of B)`: where a zero point is not 0, steps of the reduction with
/// constants take it off, of A in columns next to its own, of B in rows below its own. Further rows
/// make up for the lowest number, so that the product is exact.
pub fn matmul_with(
    e: &mut Emitter,
    a: &Fmap,
    b: Stationary<'_>,
    [zero_a, zero_b]: [i32; 2],
    product: Product<'_>,
) -> Result<(), KernelError> {
    let columns: Vec<Option<i32>> =
        std::iter::once(None).chain(opposite(zero_a).into_iter().map(Some)).collect();
    let mut rows = vec![Part::Own];
    rows.extend(e.geometry.packed.then_some(Part::Lowest));
    rows.extend(opposite(zero_b).into_iter().map(Part::Constant));
    if columns.len() * rows.len() == 1 {
        return multiply(e, a, b, &rows, product);
    }
    // All pairs of what stands in A and what stands in B.
    let blocks = a.blocks(&e.geometry);
    let parts = columns.len() * rows.len();
    let wide = e.fmap([a.height, a.width, blocks * e.geometry.rows * parts], &[a])?;
    let pairs = rows.iter().flat_map(|row| columns.iter().map(move |column| (*row, *column)));
    let mut stationary = Vec::new();
    for (index, (row, column)) in pairs.enumerate() {
        let part = Copy {
            from: ([0; 2], 0),
            to: ([0; 2], index * blocks),
            size: [a.height, a.width, blocks],
        };
        let keep = Change::none(e.geometry.activation_bits);
        let output = column.map_or(keep.output, |x| Requant { zero: 0, min: x, max: x });
        maps::copy(e, &part, Change { output, ..keep }, a, &wide)?;
        stationary.push(row);
    }
    multiply(e, &wide, b, &stationary, product)?;
    e.release(&wide);
    Ok(())
}

/// Emits A times the parts of the stationary operand one below the other: B itself, or a constant.
fn multiply(
    e: &mut Emitter,
    a: &Fmap,
    b: Stationary<'_>,
    parts: &[Part],
    product: Product<'_>,
) -> Result<(), KernelError> {
    let geometry = e.geometry;
    let (Stationary::AsItLies(map) | Stationary::Transposed(map)) = b;
    let pixels = map.height * map.width;
    let (inner, outer) = match b {
        Stationary::AsItLies(_) => (pixels, map.channels),
        Stationary::Transposed(_) => (map.channels, pixels),
    };
    if geometry.slices > 1 || geometry.rows != geometry.cols || !geometry.rows.is_power_of_two() {
        return Err(KernelError::Unsupported {
            kernel: "product of two activations",
            what: "rows of the array",
            value: geometry.rows,
            limit: "rows, columns and lanes must be the same power of two".into(),
        });
    }
    let size = geometry.rows;
    let rows = a.height * a.width;
    let unfit = if !inner.is_multiple_of(size) { Some(inner) } else { None };
    let unfit = unfit.or((!outer.is_multiple_of(size)).then_some(outer));
    if let Some(value) = unfit {
        return Err(KernelError::Unsupported {
            kernel: "product of two activations",
            what: "size of the stationary operand",
            value,
            limit: format!("it must be a multiple of the {size} rows of the array"),
        });
    }
    let (own, blocks) = (inner / size, outer / size);
    let passes = own * parts.len();
    e.count_macs(rows * inner * outer);
    let tiles = e.wbuf(passes * blocks * geometry.segment_rows)?;
    for (index, &part) in parts.iter().enumerate() {
        let first = tiles / geometry.segment_rows + index * own;
        stationary(e, b, part, first, [own, blocks, passes])?;
    }

    let scale = match product {
        Product::Wide(_, scale) | Product::Map(_, scale, _) => scale,
        Product::Dram(.., scale) => scale,
    };
    let params = channel_params(&geometry, &vec![0; outer], &vec![scale; outer]);
    let param = e.pbuf(blocks)?;
    let dram = e.constants(&params);
    load_words(e, load::Function::Pbuf, dram, params.len(), param)?;

    // As many rows at a time as there are accumulators.
    let depth = match product {
        Product::Dram(_, _, [_, words], _) => geometry.obuf_depth.min(words / blocks),
        _ => geometry.obuf_depth,
    };
    if depth == 0 {
        return Err(KernelError::VmemFull { words: blocks, total: geometry.vmem_words });
    }
    for start in (0..rows).step_by(depth) {
        let count = depth.min(rows - start);
        e.reset(Engine::Gemm);
        e.set(gemm::x::ADDR, (a.addr + start) as u64);
        e.set(gemm::ow::COUNT, count as u64);
        e.set(gemm::ow::STRIDE, 1);
        e.set(gemm::kc::COUNT, passes as u64);
        e.set(gemm::kc::STRIDE, a.block_stride() as u64);
        e.set(gemm::n::COUNT, blocks as u64);
        e.set(gemm::w::ADDR, tiles as u64);
        e.set(gemm::param::ADDR, param as u64);
        let (function, addr, block) = match product {
            Product::Wide(wide, _) => (gemm::Function::Float32, wide.addr + start, wide.rows),
            Product::Dram(_, _, [addr, _], _) => (gemm::Function::Float32, addr, count),
            Product::Map(map, _, quant) => {
                e.set(gemm::quant::ZERO, quant.zero);
                e.set(gemm::quant::MIN, quant.min);
                e.set(gemm::quant::MAX, quant.max);
                (gemm::Function::Act, map.addr + start, map.block_stride())
            }
        };
        e.set(gemm::out::ADDR, addr as u64);
        e.set(gemm::out_stride::OW, 1);
        e.set(gemm::out_block::STRIDE, block as u64);
        e.launch(function, &[])?;
        if let Product::Dram(tensor, channel, ..) = product {
            let part = Fmap { addr, channels: outer, height: 1, width: count };
            // As a column of pixels.
            let column = DramTensor { height: 1, width: tensor.height * tensor.width, ..*tensor };
            store_pixels(e, &part, &column, [0, start], channel)?;
        }
    }
    Ok(())
}

/// Brings a part of the stationary operand into WBUF, tile after tile in the order
/// GEMM takes them; tiles of consecutive blocks are `distance` tiles apart.
fn stationary(
    e: &mut Emitter,
    b: Stationary<'_>,
    part: Part,
    first: usize,
    [passes, blocks, distance]: [usize; 3],
) -> Result<(), KernelError> {
    let size = e.geometry.rows;
    let half = 1 << (e.geometry.activation_bits - 1);
    e.reset(Engine::Vector);
    // Loops: words of a tile, passes, blocks of outputs.
    let (map, strides, target) = match b {
        Stationary::AsItLies(map) => (map, [1, size, map.block_stride()], 2),
        Stationary::Transposed(map) => (map, [1, map.block_stride(), size], 3),
    };
    let counts = [size, passes, blocks];
    let places = [1, size, distance * size];
    for level in 0..3 {
        e.set(LOOPS[level].0, counts[level] as u64);
        e.set(LOOPS[level].1, strides[level] as u64);
        e.set(DST[level], places[level] as u64);
    }
    e.set(vector::src1::ADDR, map.addr as u64);
    e.set(vector::dst::ADDR, (first * size) as u64);
    // A packed cell does not take the lowest number.
    let lowest = i32::from(e.geometry.packed) - half;
    let (min, max) = match part {
        Part::Own => (lowest, half - 1),
        Part::Lowest => (-1, 0),
        Part::Constant(x) => (x, x),
    };
    if let Part::Lowest = part {
        e.set(vector::bias::VALUE, half - 1);
    }
    e.set(vector::quant::MIN, min);
    e.set(vector::quant::MAX, max);
    e.launch(vector::Function::Move, &[(vector::DST, target)])
}

/// Scales of an attention head; all zero points are 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    /// Of queries.
    pub query: f32,
    /// Of keys.
    pub key: f32,
    /// Of values.
    pub value: f32,
    /// Of probabilities.
    pub probability: f32,
    /// Of the result.
    pub output: f32,
}

/// Emits one attention head, `softmax(Q K^T / sqrt(channels)) V`, all operands on chip. `softmax` is
/// a [`RowOp::Softmax`] with scale 1 and the head's mask.
pub fn head(
    e: &mut Emitter,
    softmax: &RowOp<'_>,
    [query, key, value]: [&Fmap; 3],
    scales: &Scales,
    output: &Fmap,
) -> Result<(), KernelError> {
    let rows = query.height * query.width;
    let keys = key.height * key.width;
    let tile = Tile::new(e, rows, keys.div_ceil(e.geometry.lanes))?;
    let scores = tile.data();
    let factor = scales.query * scales.key / (query.channels as f32).sqrt();
    e.note("scores");
    matmul(e, query, Stationary::Transposed(key), Product::Wide(&scores, factor))?;
    e.note("softmax");
    let probabilities = e.fmap([query.height, query.width, keys], &[value, output])?;
    let ready = softmax.load(e)?;
    let bits = e.geometry.activation_bits;
    let symmetric = Requant { min: 0, ..Requant::full(0, bits) };
    tile.run(e, softmax, &ready, keys, (&probabilities, 1.0 / scales.probability, symmetric))?;
    e.note("context");
    let factor = scales.probability * scales.value / scales.output;
    let quant = Requant::full(0, bits);
    matmul(e, &probabilities, Stationary::AsItLies(value), Product::Map(output, factor, quant))?;
    e.release(&probabilities);
    tile.release(e);
    Ok(())
}
