//! GEMM: convolution and matrix product with post-processing.
//!
//! The loops are turned around for speed: per output vector the activations of all passes are
//! gathered once and multiplied with weights laid out column by column. Sums of 32 bits that wrap
//! do not depend on their order, so the result is that of the loops in docs/machine.md.

use super::Stop;
use super::memory::{Memory, narrow};
use super::nest::{Nest, address, inside, to_index, wrap};
use super::post::{Format, Post, PostFields};
use super::shape::Shape;
use super::writes::{Place, Writes};
use crate::exec::Cause;
use crate::isa::table::gemm::{
    self, Function, kc, kh, kw, n, obuf, oh, out, out_block, out_stride, ow, pad, param, quant,
    res, res_block, res_clamp, res_offset, res_scale_a, res_scale_b, res_stride, w, window_x,
    window_y, x,
};
use crate::isa::{Flags, Registers};

const POST: PostFields = PostFields {
    quant: [quant::ZERO, quant::MIN, quant::MAX],
    res_clamp: [res_clamp::MIN, res_clamp::MAX],
    res_scales: [res_scale_a::VALUE, res_scale_b::VALUE],
    res_offset: [res_offset::VALUE, res_offset::INNER],
};

/// A tensor that is written or added: where the elements of a vector lie.
struct Tensor {
    addr: i64,
    first: usize,
    ow: i64,
    oh: i64,
    block: i64,
    /// Elements of a word, K.
    word: usize,
}

impl Tensor {
    /// Word and position of element `e` of a pixel.
    fn at(&self, e: usize, ow: i64, oh: i64) -> (usize, usize) {
        let e = e + self.first;
        let block = i64::try_from(e / self.word).unwrap_or(0);
        let pixel = self.addr + oh * self.oh + ow * self.ow;
        (wrap(pixel + block * self.block), e % self.word)
    }
}

/// The registers, read once.
struct Plan {
    vectors: usize,
    passes: usize,
    blocks: i64,
    accumulate: bool,
    keep: bool,
    obuf: usize,
    param: usize,
    weights: i64,
    format: Format,
    post: Post,
    out: Tensor,
    res: Tensor,
}

/// Executes one launch.
pub fn execute(
    memory: &mut Memory,
    registers: &Registers,
    function: Function,
    flags: Flags,
    writes: &mut Writes,
) -> Result<(), Stop> {
    let plan = plan(&memory.shape, registers, function, flags)?;
    let n_stride = registers.get(n::STRIDE);
    let mut gathered = gather(memory, registers, &plan, 0)?;
    let mut weights = Vec::new();
    for block in 0..plan.blocks {
        if block > 0 && n_stride != 0 {
            gathered = gather(memory, registers, &plan, block * n_stride)?;
        }
        load_tiles(memory, &plan, block, &mut weights)?;
        run_block(memory, registers, &plan, block, &gathered, &weights, writes)?;
    }
    Ok(())
}

fn plan(
    shape: &Shape,
    registers: &Registers,
    function: Function,
    flags: Flags,
) -> Result<Plan, Stop> {
    let get = |field| registers.get(field);
    let counts = [ow::COUNT, oh::COUNT, kc::COUNT, kw::COUNT, kh::COUNT, n::COUNT].map(get);
    if counts.iter().any(|&count| count < 1) {
        return Err(Stop::configuration());
    }
    let [ow_count, oh_count, kc_count, kw_count, kh_count, blocks] = counts;
    let (accumulate, keep) = (flags.has(gemm::ACCUMULATE), flags.has(gemm::KEEP));
    let vectors = to_index(ow_count * oh_count);
    let obuf = to_index(get(obuf::ADDR));
    if (accumulate || keep) && blocks != 1 || obuf + vectors > shape.obuf_words {
        return Err(Stop::configuration());
    }
    let (format, word) = match function {
        Function::Act => (Format::Activation, shape.rows),
        Function::Int32 => (Format::Int32, shape.lanes),
        Function::Float32 => (Format::Float32, shape.lanes),
    };
    if !keep
        && (!begins_block(get(out::FIRST), shape.cols, word)
            || flags.has(gemm::RESIDUAL) && !begins_block(get(res::FIRST), shape.cols, shape.rows))
    {
        return Err(Stop::configuration());
    }
    let table = flags.has(gemm::LOOKUP).then(|| flags.get(gemm::TABLE));
    Ok(Plan {
        vectors,
        passes: to_index(kc_count * kw_count * kh_count),
        blocks,
        accumulate,
        keep,
        obuf,
        param: to_index(get(param::ADDR)),
        weights: get(w::ADDR),
        format,
        post: Post::new(shape, registers, &POST, format, flags.has(gemm::RESIDUAL), table)?,
        out: Tensor {
            addr: get(out::ADDR),
            first: to_index(get(out::FIRST)),
            ow: get(out_stride::OW),
            oh: get(out_stride::OH),
            block: get(out_block::STRIDE),
            word,
        },
        res: Tensor {
            addr: get(res::ADDR),
            first: to_index(get(res::FIRST)),
            ow: get(res_stride::OW),
            oh: get(res_stride::OH),
            block: get(res_block::STRIDE),
            word: shape.rows,
        },
    })
}

/// Whether `first` is where a block of `cols` channels may begin in a word of `word` elements.
fn begins_block(first: i64, cols: usize, word: usize) -> bool {
    let first = to_index(first);
    first == 0 || first < word && first.is_multiple_of(cols)
}

/// The activations of every vector, all passes one after the other.
fn gather(
    memory: &Memory,
    registers: &Registers,
    plan: &Plan,
    offset: i64,
) -> Result<Vec<i16>, Stop> {
    let get = |field| registers.get(field);
    let rows = memory.shape.rows;
    let value = i32::try_from(get(pad::VALUE)).unwrap_or(0);
    let padding = vec![narrow(value, memory.shape.activation_bits); rows];
    let mut gathered = Vec::with_capacity(plan.vectors * plan.passes * rows);
    let base = get(x::ADDR) + offset;
    let strides = [kc::STRIDE, kw::STRIDE, kh::STRIDE].map(get);
    let pixels = Nest::new([ow::COUNT, oh::COUNT].map(get))?;
    let passes = Nest::new([kc::COUNT, kw::COUNT, kh::COUNT].map(get))?;
    let (step_oh, step_kh) = (get(window_y::STEP_OH), get(window_y::STEP_KH));
    let (step_ow, step_kw) = (get(window_x::STEP_OW), get(window_x::STEP_KW));
    let (limit_y, limit_x) = (get(window_y::LIMIT), get(window_x::LIMIT));
    let pixel_strides = [ow::STRIDE, oh::STRIDE].map(get);
    for [i_ow, i_oh] in pixels {
        let base = address(base, &[i_ow, i_oh], &pixel_strides);
        let y = get(window_y::START) + i_oh * step_oh;
        let x = get(window_x::START) + i_ow * step_ow;
        for [i_kc, i_kw, i_kh] in passes.clone() {
            let seen = inside(y + i_kh * step_kh, limit_y) && inside(x + i_kw * step_kw, limit_x);
            gathered.extend_from_slice(if seen {
                memory.ibuf_word(wrap(address(base, &[i_kc, i_kw, i_kh], &strides)))?
            } else {
                &padding
            });
        }
    }
    Ok(gathered)
}

/// The weights of a block, column by column: all rows of all passes of column 0, then column 1.
fn load_tiles(
    memory: &Memory,
    plan: &Plan,
    block: i64,
    weights: &mut Vec<i16>,
) -> Result<(), Stop> {
    let shape = memory.shape;
    let depth = plan.passes * shape.rows;
    let most_negative = narrow(1 << (shape.weight_bits - 1), shape.weight_bits);
    weights.clear();
    weights.resize(depth * shape.cols, 0);
    let first = plan.weights + block * i64::try_from(plan.passes * shape.segment_rows).unwrap_or(0);
    for pass in 0..plan.passes {
        for row in 0..shape.rows {
            let (segment, step) = (row / shape.segment_rows, row % shape.segment_rows);
            let at = i64::try_from(pass * shape.segment_rows + step).unwrap_or(0);
            let address = wrap(first + at);
            let word = memory.wbuf_word(address)?;
            let columns = word.iter().skip(segment * shape.cols).take(shape.cols);
            let places = weights.iter_mut().skip(pass * shape.rows + row).step_by(depth);
            for (&weight, place) in columns.zip(places) {
                if shape.packed && weight == most_negative {
                    let address = address % shape.wbuf_words;
                    return Err(Stop::new(Cause::PackedWeight, address));
                }
                *place = weight;
            }
        }
    }
    Ok(())
}

/// All vectors of one block of output channels.
fn run_block(
    memory: &mut Memory,
    registers: &Registers,
    plan: &Plan,
    block: i64,
    gathered: &[i16],
    weights: &[i16],
    writes: &mut Writes,
) -> Result<(), Stop> {
    let shape = memory.shape;
    let (cols, depth) = (shape.cols, plan.passes * shape.rows);
    let param = wrap(i64::try_from(plan.param).unwrap_or(0) + block);
    let (bias, scale) = if plan.keep {
        (vec![0; cols], vec![0; cols])
    } else {
        let (bias, scale) = memory.pbuf_word(param)?;
        (bias.to_vec(), scale.to_vec())
    };
    let pixels = Nest::new([registers.get(ow::COUNT), registers.get(oh::COUNT)])?;
    let mut acc = vec![0; cols];
    let mut result = vec![0; cols];
    for (m, ([i_ow, i_oh], vector)) in pixels.zip(gathered.chunks_exact(depth)).enumerate() {
        let kept = (plan.obuf + m) * cols;
        if plan.accumulate {
            acc.copy_from_slice(memory.obuf.get(kept..kept + cols).unwrap_or(&result));
        } else {
            acc.fill(0);
        }
        multiply(vector, weights, &mut acc);
        if plan.keep {
            if let Some(place) = memory.obuf.get_mut(kept..kept + cols) {
                place.copy_from_slice(&acc);
            }
            writes.push(Place::Obuf, plan.obuf + m, 1);
            continue;
        }
        let first = to_index(block) * cols;
        for (c, result) in result.iter_mut().enumerate() {
            let skip = if plan.post.has_residual() {
                let (word, position) = plan.res.at(first + c, i_ow, i_oh);
                memory.ibuf_word(word)?.get(position).copied().unwrap_or(0)
            } else {
                0
            };
            *result = plan.post.apply(memory, acc[c], bias[c], scale[c], i32::from(skip));
        }
        let mut c = 0;
        while c < cols {
            let (word, position) = plan.out.at(first + c, i_ow, i_oh);
            let end = (c + plan.out.word - position).min(cols);
            let part = result.get(c..end).unwrap_or(&[]);
            if plan.format == Format::Activation {
                memory.write_ibuf(word, position, part, writes)?;
            } else {
                memory.write_vmem(word, position, part, writes)?;
            }
            c = end;
        }
    }
    Ok(())
}

/// Adds the product of one vector with each column.
fn multiply(vector: &[i16], weights: &[i16], acc: &mut [i32]) {
    let depth = vector.len();
    let mut columns = weights.chunks_exact(4 * depth);
    let mut sums = acc.chunks_exact_mut(4);
    for (four, sum) in (&mut columns).zip(&mut sums) {
        let (a, rest) = four.split_at(depth);
        let (b, rest) = rest.split_at(depth);
        let (c, d) = rest.split_at(depth);
        let mut dots = [0_i32; 4];
        for ((((&x, &a), &b), &c), &d) in vector.iter().zip(a).zip(b).zip(c).zip(d) {
            let x = i32::from(x);
            dots[0] = dots[0].wrapping_add(x * i32::from(a));
            dots[1] = dots[1].wrapping_add(x * i32::from(b));
            dots[2] = dots[2].wrapping_add(x * i32::from(c));
            dots[3] = dots[3].wrapping_add(x * i32::from(d));
        }
        for (sum, dot) in sum.iter_mut().zip(dots) {
            *sum = sum.wrapping_add(dot);
        }
    }
    for (column, sum) in columns.remainder().chunks_exact(depth).zip(sums.into_remainder()) {
        let dot = vector
            .iter()
            .zip(column)
            .fold(0_i32, |dot, (&x, &w)| dot.wrapping_add(i32::from(x) * i32::from(w)));
        *sum = sum.wrapping_add(dot);
    }
}
