//! Products of two activations, and an attention head made of them.
//!
//! The stationary operand of a product is on its way into WBUF by VECTOR: where its maps hold what a
//! tile's *rows* are (values: a pixel is a key, its channels the outputs) the words go as they lie,
//! where they hold its *columns* (keys: a pixel is an output) they go through the transposer.

use super::conv::Requant;
use super::rows::{RowOp, Tile};
use super::transfer::load_words;
use super::weights::channel_params;
use super::wide::Wide;
use super::{Emitter, Fmap, KernelError};
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
    let (passes, blocks) = (inner / size, outer / size);
    e.count_macs(rows * inner * outer);
    let tiles = e.wbuf(passes * blocks * geometry.segment_rows)?;
    stationary(e, b, tiles / geometry.segment_rows, [passes, blocks])?;

    let scale = match product {
        Product::Wide(_, scale) | Product::Map(_, scale, _) => scale,
    };
    let params = channel_params(&geometry, &vec![0; outer], &vec![scale; outer]);
    let param = e.pbuf(blocks)?;
    let dram = e.constants(&params);
    load_words(e, load::Function::Pbuf, dram, params.len(), param)?;

    // As many rows at a time as there are accumulators.
    let depth = geometry.obuf_depth;
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
            Product::Wide(wide, _) => (gemm::Function::Float32, wide.addr, wide.rows),
            Product::Map(map, _, quant) => {
                e.set(gemm::quant::ZERO, quant.zero);
                e.set(gemm::quant::MIN, quant.min);
                e.set(gemm::quant::MAX, quant.max);
                (gemm::Function::Act, map.addr, map.block_stride())
            }
        };
        e.set(gemm::out::ADDR, (addr + start) as u64);
        e.set(gemm::out_stride::OW, 1);
        e.set(gemm::out_block::STRIDE, block as u64);
        e.launch(function, &[])?;
    }
    Ok(())
}

/// Brings the stationary operand into WBUF, tile after tile in the order GEMM takes them.
fn stationary(
    e: &mut Emitter,
    b: Stationary<'_>,
    first: usize,
    [passes, blocks]: [usize; 2],
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
    let places = [1, size, passes * size];
    for level in 0..3 {
        e.set(LOOPS[level].0, counts[level] as u64);
        e.set(LOOPS[level].1, strides[level] as u64);
        e.set(DST[level], places[level] as u64);
    }
    e.set(vector::src1::ADDR, map.addr as u64);
    e.set(vector::dst::ADDR, (first * size) as u64);
    // A packed cell does not take the lowest number.
    e.set(vector::quant::MIN, 1 - half);
    e.set(vector::quant::MAX, half - 1);
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
