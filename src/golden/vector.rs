//! VECTOR: one operation over a loop nest, with reductions. `depthwise` has its own module.

use super::Stop;
use super::depthwise;
use super::memory::Memory;
use super::nest::{Nest, address, inside, to_index, wrap};
use super::post::{Format, Post, PostFields};
use super::writes::Writes;
use crate::arith::int;
use crate::isa::levels::vector as levels;
use crate::isa::table::vector::{
    self, Function, bias, dst, imm, pad, param, quant, res_quant, res_scale_a, res_scale_b, scale,
    src1, src2, window_x, window_y,
};
use crate::isa::{Flags, Registers};

const POST: PostFields = PostFields {
    quant: [quant::ZERO, quant::MIN, quant::MAX],
    res_quant: [res_quant::ZERO, res_quant::MIN, res_quant::MAX],
    res_scales: [res_scale_a::VALUE, res_scale_b::VALUE],
    res_zero: res_scale_b::ZERO,
};

/// Where an operand comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Immediate,
    Ibuf,
    Vmem,
}

/// How the innermost loops are reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reduce {
    None,
    Sum,
    Max,
    Min,
}

/// Where results go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Ibuf,
    Vmem,
    TileRow,
    TileColumn,
}

/// The part of a launch that all functions share.
pub struct Common {
    /// Counts of the loops, innermost first.
    pub counts: [i64; 6],
    /// Strides of a.
    pub a: [i64; 6],
    /// Strides of b.
    pub b: [i64; 6],
    /// Strides of the result.
    pub dst: [i64; 6],
    window: [i64; 4],
    step_y: [i64; 6],
    step_x: [i64; 6],
    post: Post,
    channel: bool,
    bias: i32,
    scale: i32,
    param: i64,
    target: Target,
    dst_addr: i64,
}

impl Common {
    fn new(memory: &Memory, registers: &Registers, flags: Flags) -> Result<Common, Stop> {
        let get = |field| registers.get(field);
        let counts = levels::LOOPS.map(|(count, _)| get(count));
        if counts.iter().any(|&count| count < 1) {
            return Err(Stop::configuration());
        }
        let target = match flags.get(vector::DST) {
            0 => Target::Ibuf,
            1 => Target::Vmem,
            2 => Target::TileRow,
            _ => Target::TileColumn,
        };
        let format = match flags.get(vector::FORMAT) {
            0 => Format::Activation,
            1 => Format::Int32,
            2 => Format::Float32,
            _ => return Err(Stop::configuration()),
        };
        let tiles = matches!(target, Target::TileRow | Target::TileColumn);
        if tiles && !memory.shape.dynamic_weights
            || (format == Format::Activation) == (target == Target::Vmem)
        {
            return Err(Stop::configuration());
        }
        let table = flags.has(vector::LOOKUP).then(|| flags.get(vector::TABLE));
        let residual = flags.has(vector::RESIDUAL);
        Ok(Common {
            counts,
            a: levels::LOOPS.map(|(_, stride)| get(stride)),
            b: levels::SRC2.map(get),
            dst: levels::DST.map(get),
            window: [window_y::START, window_y::LIMIT, window_x::START, window_x::LIMIT].map(get),
            step_y: levels::STEP_Y.map(get),
            step_x: levels::STEP_X.map(get),
            post: Post::new(&memory.shape, registers, &POST, format, residual, table)?,
            channel: flags.has(vector::CHANNEL),
            bias: low32(get(bias::VALUE)),
            scale: low32(get(scale::VALUE)),
            param: get(param::ADDR),
            target,
            dst_addr: get(dst::ADDR),
        })
    }

    /// Whether a of this index tuple is inside both windows.
    pub fn inside(&self, index: &[i64; 6]) -> bool {
        let [start_y, limit_y, start_x, limit_x] = self.window;
        inside(address(start_y, index, &self.step_y), limit_y)
            && inside(address(start_x, index, &self.step_x), limit_x)
    }

    /// Post-processes a word of accumulators and writes it `offset` words from `dst.addr`.
    /// `channel` is the index of loop5.
    pub fn finish(
        &self,
        memory: &mut Memory,
        acc: &[i32],
        skip: &[i32],
        channel: i64,
        offset: i64,
        writes: &mut Writes,
    ) -> Result<(), Stop> {
        let (mut biases, mut scales) = (Vec::new(), Vec::new());
        if self.channel {
            biases = memory.vmem_word(wrap(self.param + 2 * channel))?.to_vec();
            scales = memory.vmem_word(wrap(self.param + 2 * channel + 1))?.to_vec();
        }
        let at =
            |values: &[i32], lane: usize, scalar: i32| values.get(lane).copied().unwrap_or(scalar);
        let results: Vec<i32> = acc
            .iter()
            .enumerate()
            .map(|(lane, &acc)| {
                let (bias, scale) = (at(&biases, lane, self.bias), at(&scales, lane, self.scale));
                self.post.apply(memory, acc, bias, scale, at(skip, lane, 0))
            })
            .collect();
        let address = self.dst_addr + offset;
        match self.target {
            Target::Ibuf => memory.write_lane_word(wrap(address), &results, writes),
            Target::Vmem => memory.write_vmem(wrap(address), 0, &results, writes),
            Target::TileRow => memory.write_tile_row(address, &results, writes),
            Target::TileColumn => memory.write_tile_column(address, &results, writes),
        }
    }
}

/// Executes one launch.
pub fn execute(
    memory: &mut Memory,
    registers: &Registers,
    function: Function,
    flags: Flags,
    writes: &mut Writes,
) -> Result<(), Stop> {
    let common = Common::new(memory, registers, flags)?;
    if function == Function::Depthwise {
        return depthwise::execute(memory, registers, flags, &common, writes);
    }
    let get = |field| registers.get(field);
    let from_vmem = flags.has(vector::SRC1);
    let second = match flags.get(vector::SRC2) {
        0 => Source::Immediate,
        1 => Source::Ibuf,
        2 => Source::Vmem,
        _ => return Err(Stop::configuration()),
    };
    let residual = flags.has(vector::RESIDUAL);
    if residual && second != Source::Ibuf {
        return Err(Stop::configuration());
    }
    let reduce = match flags.get(vector::REDUCE) {
        0 => Reduce::None,
        1 => Reduce::Sum,
        2 => Reduce::Max,
        _ => Reduce::Min,
    };
    let levels = if reduce == Reduce::None { 0 } else { to_index(flags.get(vector::LEVELS)) + 1 };
    let immediate = low32(get(imm::VALUE));
    let padding = vec![low32(get(pad::VALUE)); memory.shape.lanes];
    let (mut inner, mut outer) = ([1; 6], common.counts);
    for level in 0..levels {
        inner[level] = std::mem::replace(&mut outer[level], 1);
    }
    let fetch = |memory: &Memory, vmem: bool, at: i64| -> Result<Vec<i32>, Stop> {
        let at = wrap(at);
        Ok(if vmem {
            memory.vmem_word(at)?.to_vec()
        } else {
            memory.lane_word(at)?.iter().map(|&value| i32::from(value)).collect()
        })
    };
    for outer_index in Nest::new(outer)? {
        let mut acc: Option<Vec<i32>> = None;
        let mut skip = Vec::new();
        for inner_index in Nest::new(inner)? {
            let index: [i64; 6] = std::array::from_fn(|l| outer_index[l] + inner_index[l]);
            let a = if common.inside(&index) {
                fetch(memory, from_vmem, address(get(src1::ADDR), &index, &common.a))?
            } else {
                padding.clone()
            };
            let b_at = address(get(src2::ADDR), &index, &common.b);
            let mut b = match second {
                Source::Immediate => Vec::new(),
                Source::Ibuf => fetch(memory, false, b_at)?,
                Source::Vmem => fetch(memory, true, b_at)?,
            };
            if residual {
                skip = std::mem::take(&mut b);
            }
            let values = a.iter().enumerate().map(|(lane, &a)| {
                operate(function, a, b.get(lane).copied().unwrap_or(immediate), immediate)
            });
            acc = Some(match acc {
                None => values.collect(),
                Some(sum) => {
                    sum.iter().zip(values).map(|(&sum, v)| combine(reduce, sum, v)).collect()
                }
            });
        }
        let offset = address(0, &outer_index, &common.dst);
        common.finish(memory, &acc.unwrap_or_default(), &skip, outer_index[5], offset, writes)?;
    }
    Ok(())
}

fn combine(reduce: Reduce, sum: i32, value: i32) -> i32 {
    match reduce {
        Reduce::None => value,
        Reduce::Sum => int::add(sum, value),
        Reduce::Max => sum.max(value),
        Reduce::Min => sum.min(value),
    }
}

fn operate(function: Function, a: i32, b: i32, immediate: i32) -> i32 {
    match function {
        Function::Move | Function::Depthwise => a,
        Function::Add => int::add(a, b),
        Function::Sub => int::sub(a, b),
        Function::Mul => int::mul(a, b),
        Function::Max => a.max(b),
        Function::Min => a.min(b),
        Function::Abs => int::abs(a),
        Function::Neg => int::neg(a),
        Function::And => a & b,
        Function::Or => a | b,
        Function::Xor => a ^ b,
        Function::Not => !a,
        Function::Shl => int::shl(a, b),
        Function::Shr => int::shr(a, b),
        Function::Shru => int::shru(a, b),
        Function::Eq => int::truth(a == b),
        Function::Lt => int::truth(a < b),
        Function::Le => int::truth(a <= b),
        Function::Select => {
            if a != 0 {
                b
            } else {
                immediate
            }
        }
    }
}

/// The low 32 bits of a register.
fn low32(value: i64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
