//! VECTOR: one operation over a loop nest, with reductions. `depthwise` has its own module.

use super::Stop;
use super::depthwise;
use super::lanes::{Lanes, Operation, Reduction};
use super::memory::Memory;
use super::nest::{Nest, address, inside, to_index, wrap};
use super::post::{Format, Post, PostFields};
use super::writes::Writes;
use crate::isa::levels::vector as levels;
use crate::isa::table::vector::{
    self, Function, bias, dst, pad, param, quant, res_clamp, res_offset, res_scale_a, res_scale_b,
    scale, src1, src2, window_x, window_y,
};
use crate::isa::{Flags, Registers};

const POST: PostFields = PostFields {
    quant: [quant::ZERO, quant::MIN, quant::MAX],
    res_clamp: [res_clamp::MIN, res_clamp::MAX],
    res_scales: [res_scale_a::VALUE, res_scale_b::VALUE],
    res_offset: [res_offset::VALUE, res_offset::INNER],
};

/// Where an operand comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Immediate,
    Ibuf,
    Vmem,
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
    fn new(
        memory: &Memory,
        registers: &Registers,
        operation: Operation<'_>,
        flags: Flags,
    ) -> Result<Common, Stop> {
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
            post: Post::new(&memory.shape, registers, &POST, format, residual, table)?
                .of_float(operation.gives_float()),
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
    operation: Operation<'_>,
    flags: Flags,
    writes: &mut Writes,
) -> Result<(), Stop> {
    let common = Common::new(memory, registers, operation, flags)?;
    if matches!(operation, Operation::Table(Function::Depthwise)) {
        return depthwise::execute(memory, registers, flags, &common, writes);
    }
    let operands = Operands::new(memory, registers, operation, flags)?;
    let lanes = Lanes::new(&memory.shape, registers, operation)?;
    let reduction = Reduction::new(&memory.shape, registers, operation, flags, &common.counts)?;
    for outer in Nest::new(reduction.outer)? {
        // One accumulator for each iteration of loop0 that is free.
        let mut acc: Vec<Vec<i32>> = Vec::new();
        let mut skip: Vec<Vec<i32>> = Vec::new();
        for inner in Nest::new(reduction.inner)? {
            for free in 0..reduction.free {
                let mut index: [i64; 6] = std::array::from_fn(|l| outer[l] + inner[l]);
                index[0] += free;
                let (a, b) = operands.fetch(memory, &common, &index)?;
                let (seen, at) = (if operands.residual { &[][..] } else { &b[..] }, to_index(free));
                let values: Vec<i32> = a
                    .iter()
                    .enumerate()
                    .map(|(lane, &a)| lanes.operate(memory, a, seen.get(lane).copied()))
                    .collect();
                match acc.get_mut(at) {
                    Some(sums) => reduction.join(sums, &values),
                    None => acc.push(values),
                }
                match skip.get_mut(at) {
                    Some(last) => *last = b,
                    None => skip.push(b),
                }
            }
        }
        for (free, (mut result, skip)) in acc.into_iter().zip(skip).enumerate() {
            let mut index = outer;
            index[0] += i64::try_from(free).unwrap_or(0);
            reduction.across(&mut result);
            let offset = address(0, &index, &common.dst);
            let skip = if operands.residual { skip } else { Vec::new() };
            common.finish(memory, &result, &skip, outer[5], offset, writes)?;
        }
    }
    Ok(())
}

/// The operands of a launch other than `depthwise`.
struct Operands {
    from_vmem: bool,
    second: Source,
    residual: bool,
    padding: Vec<i32>,
    a_addr: i64,
    b_addr: i64,
}

impl Operands {
    fn new(
        memory: &Memory,
        registers: &Registers,
        operation: Operation<'_>,
        flags: Flags,
    ) -> Result<Operands, Stop> {
        let shape = &memory.shape;
        let second = match flags.get(vector::SRC2) {
            0 => Source::Immediate,
            1 => Source::Ibuf,
            2 => Source::Vmem,
            _ => return Err(Stop::configuration()),
        };
        let residual = flags.has(vector::RESIDUAL);
        if !operation.exists(shape) || residual && second != Source::Ibuf {
            return Err(Stop::configuration());
        }
        Ok(Operands {
            from_vmem: flags.has(vector::SRC1),
            second,
            residual,
            padding: vec![low32(registers.get(pad::VALUE)); shape.lanes],
            a_addr: registers.get(src1::ADDR),
            b_addr: registers.get(src2::ADDR),
        })
    }

    /// a, and b unless it is the immediate.
    fn fetch(
        &self,
        memory: &Memory,
        common: &Common,
        index: &[i64; 6],
    ) -> Result<(Vec<i32>, Vec<i32>), Stop> {
        let word = |vmem: bool, at: i64| -> Result<Vec<i32>, Stop> {
            let at = wrap(at);
            Ok(if vmem {
                memory.vmem_word(at)?.to_vec()
            } else {
                memory.lane_word(at)?.iter().map(|&value| i32::from(value)).collect()
            })
        };
        let a = if common.inside(index) {
            word(self.from_vmem, address(self.a_addr, index, &common.a))?
        } else {
            self.padding.clone()
        };
        let b_at = address(self.b_addr, index, &common.b);
        let b = match self.second {
            Source::Immediate => Vec::new(),
            Source::Ibuf => word(false, b_at)?,
            Source::Vmem => word(true, b_at)?,
        };
        Ok((a, b))
    }
}

/// The low 32 bits of a register.
pub fn low32(value: i64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
