//! Operators on rows of channels in binary32, as lists of passes over a tile of rows.
//!
//! What an operator computes is [`RowOp`]; how rows come from DRAM and go back is
//! [`super::stream`]. A tile on chip, as a part of a larger kernel, is a [`Tile`].
//!
//! Errors are those of the machine's roundings: a pass rounds each result once, a function adds the
//! error of its table ([`crate::functions`]). docs/kernels.md has the measured ones.

use super::conv::Requant;
use super::wide::{First, Join, LaneScales, Loaded, Pass, Result as To, Second, Wide, load_table};
use super::{DramTensor, Emitter, Fmap, KernelError};
use crate::arith::function::Table;
use crate::isa::table::vector::Function;

/// Added to a sum, or compared as the lowest number, these leave a binary32 value as it is.
const MINUS_ZERO: Second<'static> = Second::Bits(0x8000_0000);
const MINUS_INFINITY: Second<'static> = Second::Number(f32::NEG_INFINITY);

/// What stands in channels that do not exist: of softmax a number that loses against every other,
/// of sums a zero. LOAD fills 16 bits at a time.
const LOWEST_FILL: u64 = 0xff7f;

/// The upper twelve bits of a mantissa: a product of two such numbers is exact.
const UPPER_HALF: u32 = 0xffff_f000;

/// Dense binary32 values in DRAM, one a channel: base register and offset in bytes, as
/// [`Emitter::floats`] gives them.
pub type Vector = (u8, usize);

/// Which keys (channels) a query (row) of a softmax sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mask {
    /// All.
    #[default]
    None,
    /// Row r is query `r mod queries` and sees the keys up to this number plus `past`; of rows in
    /// DRAM the others are not even read. `queries + past` is at most the number of keys.
    Causal {
        /// Rows of a head.
        queries: usize,
        /// Keys before the one of the first query.
        past: usize,
    },
    /// A number is added to the scores of each key: 0, or one so low that nothing is left.
    Keys(Vector),
    /// A number is added to each score: row r takes row `r mod rows` of the mask.
    Scores(DramRows),
}

/// An operation on two binary32 numbers; one rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// a + b.
    Add,
    /// a - b.
    Sub,
    /// a * b.
    Mul,
    /// The smaller; beside a NaN the other.
    Min,
    /// The larger; beside a NaN the other.
    Max,
}

impl Arithmetic {
    fn function(self) -> Function {
        match self {
            Arithmetic::Add => Function::Fadd,
            Arithmetic::Sub => Function::Fsub,
            Arithmetic::Mul => Function::Fmul,
            Arithmetic::Min => Function::Fmin,
            Arithmetic::Max => Function::Fmax,
        }
    }
}

/// An operator on rows. Tables come from [`crate::functions`].
#[derive(Debug, Clone)]
pub enum RowOp<'a> {
    /// `exp(scale (x - max)) / sum exp(scale (x - max))` of what the mask lets through.
    Softmax {
        /// Factor of the operand.
        scale: f32,
        /// What a row does not see. Masks in DRAM are added before the factor.
        mask: Mask,
        /// 2^x.
        exp2: &'a Table,
        /// 1 / x.
        reciprocal: &'a Table,
    },
    /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`; the variance is that of the row.
    LayerNorm {
        /// Added to the variance.
        epsilon: f32,
        /// Factor of each channel.
        gamma: Vector,
        /// Summand of each channel.
        beta: Vector,
        /// 1 / sqrt(x).
        rsqrt: &'a Table,
    },
    /// `x / sqrt(mean of squares + epsilon) * gamma`.
    RmsNorm {
        /// Added to the mean of squares.
        epsilon: f32,
        /// Factor of each channel.
        gamma: Vector,
        /// 1 / sqrt(x).
        rsqrt: &'a Table,
    },
    /// `x * gamma + beta`, two roundings: a batch norm that is not folded into a convolution.
    Affine {
        /// Factor of each channel.
        gamma: Vector,
        /// Summand of each channel.
        beta: Vector,
    },
    /// `f(x)`.
    Function {
        /// f.
        table: &'a Table,
    },
    /// `e^x` of finite numbers. The argument's upper half times the upper half of log2 e is exact;
    /// the rest is a power of two of its own, so that the error does not grow with the argument.
    Exp {
        /// 2^x.
        exp2: &'a Table,
    },
    /// `e^(x - max)`: what a softmax divides by its sum.
    Above {
        /// 2^x.
        exp2: &'a Table,
    },
    /// `x * (1 / sum of y)` with a tensor of as many rows, of any number of channels: what a softmax
    /// divides by when it comes behind a product.
    DivideBySum {
        /// y.
        of: DramRows,
        /// 1 / x.
        reciprocal: &'a Table,
    },
    /// `x op y` with a tensor of the same shape.
    Binary {
        /// op.
        op: Arithmetic,
        /// y.
        with: DramRows,
    },
    /// `x * (1 / y)` with a tensor of the same shape; magnitudes of y are below 2^126, above which
    /// the reciprocal is subnormal and so zero.
    Divide {
        /// y.
        by: DramRows,
        /// 1 / x.
        reciprocal: &'a Table,
    },
}

/// An operator whose tables are on chip.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ready {
    first: Option<Loaded>,
    second: Option<Loaded>,
}

/// A tile of rows at work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub data: Wide,
    /// Space of the same size in other banks, where the operator has use for it.
    pub extra: [Wide; 2],
    /// Two columns for what belongs to a row.
    pub columns: [Wide; 2],
    /// Copy of beta and gamma in another bank than the data.
    pub params: LaneScales,
    /// Channels that exist: one for each, else zero.
    pub mask: LaneScales,
}

/// Rows of binary32 channels in DRAM; those of a row are dense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DramRows {
    /// Base register of their region.
    pub base: u8,
    /// Offset in the region, in bytes.
    pub offset: usize,
    /// Rows.
    pub rows: usize,
    /// Channels.
    pub channels: usize,
    /// Bytes from one row to the next.
    pub pitch: usize,
}

impl DramRows {
    /// Rows one behind the other.
    pub fn dense((base, offset): Vector, rows: usize, channels: usize) -> DramRows {
        DramRows { base, offset, rows, channels, pitch: 4 * channels }
    }
}

/// Where an operator's rows come from.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Binary32.
    Float(&'a DramRows),
    /// Activations of this scale and zero point: a pixel is a row. One more pass makes them binary32.
    Quantized(&'a DramTensor, f32, i32),
}

impl Input<'_> {
    /// Rows and channels.
    pub(super) fn size(&self) -> [usize; 2] {
        match self {
            Input::Float(rows) => [rows.rows, rows.channels],
            Input::Quantized(tensor, ..) => [tensor.height * tensor.width, tensor.channels],
        }
    }
}

/// Where an operator's results go.
#[derive(Debug, Clone, Copy)]
pub enum Output<'a> {
    /// Times the factor, requantized, to a tensor of as many pixels as there are rows.
    Quantized(&'a DramTensor, f32, Requant),
    /// As binary32.
    Float(&'a DramRows),
}

/// How far a pass reaches.
#[derive(Debug, Clone, Copy)]
enum Extent {
    /// All words.
    All,
    /// One word a row.
    Column,
    /// All words, joined to one a row.
    Join(Join),
}

/// A pass over a tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pass: Pass<'a>,
    extent: Extent,
}

impl Step<'_> {
    /// Emits the pass.
    pub fn emit(&self, e: &mut Emitter, data: &Wide) -> Result<(), KernelError> {
        match self.extent {
            Extent::All => self.pass.emit(e, data.rows, data.blocks),
            Extent::Column => self.pass.emit(e, data.rows, 1),
            Extent::Join(join) => {
                let blocks = match self.pass.a {
                    First::Wide(wide) => wide.blocks,
                    First::Map(_) => data.blocks,
                };
                self.pass.join(e, data.rows, blocks, join)
            }
        }
    }
}

fn all<'a>(function: Function, a: &'a Wide, b: Second<'a>, to: To<'a>) -> Step<'a> {
    Step { pass: Pass::new(function, First::Wide(a), b, to), extent: Extent::All }
}

fn column<'a>(function: Function, a: &'a Wide, b: Second<'a>, to: To<'a>) -> Step<'a> {
    Step { pass: Pass::new(function, First::Wide(a), b, to), extent: Extent::Column }
}

fn join<'a>(join: Join, function: Function, a: &'a Wide, b: Second<'a>, to: To<'a>) -> Step<'a> {
    Step { pass: Pass::new(function, First::Wide(a), b, to), extent: Extent::Join(join) }
}

/// A function of a tile; without the table, which [`RowOp::load`] brings, it is the operand.
fn function<'a>(table: Option<Loaded>, a: &'a Wide, to: To<'a>, extent: Extent) -> Step<'a> {
    let pass = match table {
        Some(table) => Pass::of(table, First::Wide(a), to),
        None => Pass::new(Function::Fadd, First::Wide(a), MINUS_ZERO, to),
    };
    Step { pass, extent }
}

impl RowOp<'_> {
    /// Brings the operator's tables into the function unit.
    pub fn load(&self, e: &mut Emitter) -> Result<Ready, KernelError> {
        let (first, second) = match self {
            RowOp::Softmax { exp2, reciprocal, .. } => (Some(exp2), Some(reciprocal)),
            RowOp::LayerNorm { rsqrt: table, .. }
            | RowOp::RmsNorm { rsqrt: table, .. }
            | RowOp::Function { table }
            | RowOp::Exp { exp2: table }
            | RowOp::Above { exp2: table }
            | RowOp::DivideBySum { reciprocal: table, .. }
            | RowOp::Divide { reciprocal: table, .. } => (Some(table), None),
            RowOp::Affine { .. } | RowOp::Binary { .. } => (None, None),
        };
        let tables: Vec<&Table> = first.iter().chain(&second).map(|table| **table).collect();
        e.make_room(&tables);
        let mut load = |table: Option<&&Table>| table.map(|table| load_table(e, table)).transpose();
        Ok(Ready { first: load(first)?, second: load(second)? })
    }

    /// Steps by which a second tile should lag behind the first: then its passes over columns, too
    /// short to cover the latency of the lanes, fall between passes that need not wait for each
    /// other.
    pub(super) fn delay(&self) -> usize {
        match self {
            RowOp::Softmax { .. } => 3,
            RowOp::Above { .. } => 1,
            RowOp::DivideBySum { .. } => 2,
            RowOp::LayerNorm { .. } | RowOp::RmsNorm { .. } => 2,
            _ => 0,
        }
    }

    /// Values of the channels: first words to add, then words to multiply with.
    pub(super) fn params(&self) -> [Option<Vector>; 2] {
        match *self {
            RowOp::LayerNorm { gamma, beta, .. } | RowOp::Affine { gamma, beta } => {
                [Some(beta), Some(gamma)]
            }
            RowOp::RmsNorm { gamma, .. } => [None, Some(gamma)],
            RowOp::Softmax { mask: Mask::Keys(mask), .. } => [Some(mask), None],
            _ => [None, None],
        }
    }

    /// The second tensor, which goes to the first extra space.
    pub(super) fn second(&self) -> Option<&DramRows> {
        match self {
            RowOp::Binary { with, .. } => Some(with),
            RowOp::Divide { by, .. } => Some(by),
            RowOp::DivideBySum { of, .. } => Some(of),
            RowOp::Softmax { mask: Mask::Scores(mask), .. } => Some(mask),
            _ => None,
        }
    }

    /// Extra spaces of the size of a tile.
    pub(super) fn extras(&self) -> usize {
        match self {
            RowOp::Exp { .. } => 2,
            _ => usize::from(self.second().is_some()),
        }
    }

    /// Queries of a head and keys before the first, where a row sees no later keys.
    pub(super) fn causal(&self) -> Option<(usize, usize)> {
        match *self {
            RowOp::Softmax { mask: Mask::Causal { queries, past }, .. } => Some((queries, past)),
            _ => None,
        }
    }

    pub(super) fn fill(&self) -> u64 {
        if self.compares() { LOWEST_FILL } else { 0 }
    }

    /// Whether it looks for the largest number of a row.
    pub(super) fn compares(&self) -> bool {
        matches!(self, RowOp::Softmax { .. } | RowOp::Above { .. })
    }

    /// Whether channels that do not exist must be cleared after the mean is subtracted.
    pub(super) fn needs_mask(&self, channels: usize, lanes: usize) -> bool {
        matches!(self, RowOp::LayerNorm { .. }) && !channels.is_multiple_of(lanes)
    }

    /// The passes over a tile of `channels` channels on a machine of `lanes` lanes.
    pub(super) fn steps<'s>(
        &self,
        ready: &Ready,
        slot: &'s Slot,
        [channels, lanes]: [usize; 2],
        last: To<'s>,
    ) -> Vec<Step<'s>> {
        use Function::{And, Fadd, Fmax, Fmul, Fsqr, Fsub};
        let (data, [one, two]) = (&slot.data, [&slot.columns[0], &slot.columns[1]]);
        let [more, rest] = [&slot.extra[0], &slot.extra[1]];
        let mean = 1.0 / channels as f32;
        let summand = Second::Block { addr: slot.params.addr, stride: 2 };
        let factor = Second::Block { addr: slot.params.addr + 1, stride: 2 };
        let kept = To::Bits(data);
        match self {
            RowOp::Softmax { scale, mask, .. } => {
                let added = match mask {
                    Mask::Keys(_) => Some(summand),
                    Mask::Scores(_) => Some(Second::Wide(more)),
                    Mask::None | Mask::Causal { .. } => None,
                };
                let factor = scale * std::f32::consts::LOG2_E;
                let mut steps: Vec<_> =
                    added.into_iter().map(|mask| all(Fadd, data, mask, kept)).collect();
                steps.extend([
                    join(Join::Max, Fmax, data, MINUS_INFINITY, To::Bits(one)),
                    all(Fsub, data, Second::Row(one), To::Scaled(data, factor)),
                    function(ready.first, data, kept, Extent::All),
                    join(Join::Sum, Fadd, data, MINUS_ZERO, To::Bits(one)),
                    function(ready.second, one, To::Bits(two), Extent::Column),
                    all(Fmul, data, Second::Row(two), last),
                ]);
                steps
            }
            RowOp::Above { .. } => vec![
                join(Join::Max, Fmax, data, MINUS_INFINITY, To::Bits(one)),
                all(Fsub, data, Second::Row(one), To::Scaled(data, std::f32::consts::LOG2_E)),
                function(ready.first, data, last, Extent::All),
            ],
            RowOp::DivideBySum { .. } => vec![
                join(Join::Sum, Fadd, more, MINUS_ZERO, To::Bits(one)),
                function(ready.first, one, To::Bits(two), Extent::Column),
                all(Fmul, data, Second::Row(two), last),
            ],
            RowOp::LayerNorm { epsilon, .. } => {
                let centred = match self.needs_mask(channels, lanes) {
                    true => To::PerChannel(data, slot.mask),
                    false => kept,
                };
                vec![
                    join(Join::Sum, Fadd, data, MINUS_ZERO, To::Scaled(one, mean)),
                    all(Fsub, data, Second::Row(one), centred),
                    join(Join::Sum, Fsqr, data, Second::Bits(0), To::Scaled(one, mean)),
                    column(Fadd, one, Second::Number(*epsilon), To::Bits(two)),
                    function(ready.first, two, To::Bits(one), Extent::Column),
                    all(Fmul, data, Second::Row(one), To::PerChannel(data, slot.params)),
                    all(Fadd, data, summand, last),
                ]
            }
            RowOp::RmsNorm { epsilon, .. } => vec![
                join(Join::Sum, Fsqr, data, Second::Bits(0), To::Scaled(one, mean)),
                column(Fadd, one, Second::Number(*epsilon), To::Bits(two)),
                function(ready.first, two, To::Bits(one), Extent::Column),
                all(Fmul, data, Second::Row(one), kept),
                all(Fmul, data, factor, last),
            ],
            RowOp::Affine { .. } => {
                vec![all(Fmul, data, factor, kept), all(Fadd, data, summand, last)]
            }
            RowOp::Function { .. } => vec![function(ready.first, data, last, Extent::All)],
            RowOp::Exp { .. } => {
                let (upper, lower) = log2_e();
                vec![
                    all(And, data, Second::Bits(UPPER_HALF), To::Bits(more)),
                    all(Fsub, data, Second::Wide(more), To::Scaled(data, upper + lower)),
                    all(Fmul, more, Second::Number(lower), To::Bits(rest)),
                    all(Fadd, data, Second::Wide(rest), kept),
                    all(Fmul, more, Second::Number(upper), To::Bits(more)),
                    function(ready.first, more, To::Bits(more), Extent::All),
                    function(ready.first, data, kept, Extent::All),
                    all(Fmul, data, Second::Wide(more), last),
                ]
            }
            RowOp::Binary { op, .. } => vec![all(op.function(), data, Second::Wide(more), last)],
            RowOp::Divide { .. } => vec![
                function(ready.first, more, To::Bits(more), Extent::All),
                all(Fmul, data, Second::Wide(more), last),
            ],
        }
    }
}

/// log2 e as a number of twelve bits and the rest.
fn log2_e() -> (f32, f32) {
    let whole = std::f64::consts::LOG2_E;
    let upper = f32::from_bits(std::f32::consts::LOG2_E.to_bits() & UPPER_HALF);
    (upper, (whole - f64::from(upper)) as f32)
}

/// One tile of rows in VMEM for an operator without constants, as a part of a larger kernel.
#[derive(Debug)]
pub struct Tile {
    slot: Slot,
}

impl Tile {
    /// Space for rows of `blocks` words and their columns, in different banks where there are any.
    pub fn new(e: &mut Emitter, rows: usize, blocks: usize) -> Result<Tile, KernelError> {
        let (words, total) = (rows * blocks, e.geometry.vmem_words);
        let full = |words| KernelError::VmemFull { words, total };
        let addr = e.vmem.take(words, &[]).ok_or(full(words))?;
        let columns = e.vmem.take(2 * rows, &[(addr, words)]).ok_or(full(2 * rows))?;
        let none = LaneScales { addr: 0 };
        let data = Wide { addr, rows, blocks };
        let columns = [columns, columns + rows].map(|addr| data.column(addr));
        Ok(Tile { slot: Slot { data, extra: [data; 2], columns, params: none, mask: none } })
    }

    /// The rows.
    pub fn data(&self) -> Wide {
        self.slot.data
    }

    /// Emits all passes of softmax or a function; results go to a map, times a factor. Masks go over
    /// rows that are the queries of one head.
    pub fn run(
        &self,
        e: &mut Emitter,
        op: &RowOp<'_>,
        ready: &Ready,
        channels: usize,
        (map, factor, quant): (&Fmap, f32, Requant),
    ) -> Result<(), KernelError> {
        let data = &self.slot.data;
        let mut op = op.clone();
        if let RowOp::Softmax { mask, .. } = &mut op {
            super::masks::apply(e, &std::mem::take(mask), data, channels)?;
        }
        if op.extras() > 0 || op.params() != [None; 2] {
            return Err(KernelError::Unsupported {
                kernel: "operator on a tile on chip",
                what: "further operands",
                value: 1,
                limit: "it must have none: softmax or a function".into(),
            });
        }
        let sizes = [channels, e.geometry.lanes];
        for step in op.steps(ready, &self.slot, sizes, To::Map(map, factor, quant)) {
            step.emit(e, data)?;
        }
        Ok(())
    }

    /// Gives the space back.
    pub fn release(self, e: &mut Emitter) {
        let Wide { addr, rows, .. } = self.slot.data;
        e.vmem.give(addr, self.slot.data.words());
        e.vmem.give(self.slot.columns[0].addr, 2 * rows);
    }
}
