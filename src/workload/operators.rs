//! Every operator of the lanes that can be run, measured and checked by its name: one table.

use std::borrow::Cow;

use super::Workload;
use super::maps;
use super::vector::{self, Masked};
use crate::design::Design;
use crate::functions::Function;
use crate::kernels::KernelError;
use crate::kernels::rearrange::Axis;
use crate::kernels::rows::Arithmetic;

/// Sizes of a benchmark.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'d> {
    /// Machine.
    pub design: &'d Design,
    /// Sizes of the input, the channels last.
    pub shape: &'d [usize],
    /// Whether results of binary32 operators are rounded to activations.
    pub quantized: bool,
    /// Whether binary32 operators read activations.
    pub activations: bool,
    /// Height and width of a pooling window.
    pub kernel: usize,
    /// Step of a pooling window, or factor of upsampling.
    pub stride: usize,
    /// Padding of a pooling window on all sides.
    pub pad: usize,
    /// Seed of the data.
    pub seed: u64,
}

impl Setup<'_> {
    /// Channels.
    pub fn channels(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Product of all other sizes.
    pub fn rows(&self) -> usize {
        self.shape.split_last().map_or(1, |(_, rows)| rows.iter().product())
    }
}

/// What values an operator works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Binary32; results may be rounded to activations.
    Binary32,
    /// Activations.
    Int8,
}

impl Form {
    /// Name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Form::Binary32 => "binary32",
            Form::Int8 => "int8",
        }
    }
}

type Make = fn(&Setup<'_>) -> Result<Workload, KernelError>;

/// An operator.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    /// Name on the command line.
    pub name: &'static str,
    /// Values.
    pub form: Form,
    /// What it computes.
    pub about: &'static str,
    make: Make,
}

const fn binary32(name: &'static str, about: &'static str, make: Make) -> Operator {
    Operator { name, form: Form::Binary32, about, make }
}

const fn int8(name: &'static str, about: &'static str, make: Make) -> Operator {
    Operator { name, form: Form::Int8, about, make }
}

/// All operators but the functions of [`Function::ALL`].
pub const OPERATORS: &[Operator] = &[
    binary32("softmax", "softmax over the channels of a row", |s| vector::softmax(s, Masked::No)),
    binary32("softmax_causal", "the same of scores that see no later keys", |s| {
        vector::softmax(s, Masked::Causal)
    }),
    binary32("softmax_keys", "the same after a number is added to each key's scores", |s| {
        vector::softmax(s, Masked::Keys)
    }),
    binary32("softmax_scores", "the same after a number is added to each score of a head", |s| {
        vector::softmax(s, Masked::Scores)
    }),
    binary32("layernorm", "layer norm over the channels of a row", vector::layer_norm),
    binary32("rmsnorm", "RMS norm over the channels of a row", vector::rms_norm),
    binary32("batchnorm", "x * gamma[c] + beta[c]", vector::batch_norm),
    binary32("exp", "e^x", vector::exp),
    binary32("add", "sum of two tensors", |s| vector::binary(s, Arithmetic::Add)),
    binary32("sub", "difference of two tensors", |s| vector::binary(s, Arithmetic::Sub)),
    binary32("mul", "product of two tensors", |s| vector::binary(s, Arithmetic::Mul)),
    binary32("min", "smaller of two tensors", |s| vector::binary(s, Arithmetic::Min)),
    binary32("max", "larger of two tensors", |s| vector::binary(s, Arithmetic::Max)),
    binary32("div", "quotient of two tensors", vector::divide),
    int8("max_pool", "largest of a window", maps::max_pool),
    int8("average_pool", "mean of a window, padding counted", maps::average_pool),
    int8("average_pool_inside", "mean of a window, padding not counted", maps::average_inside),
    int8("global_average", "mean of each channel", maps::global_average),
    int8("add_int8", "sum of two tensors", maps::add),
    int8("mul_int8", "product of two tensors", maps::multiply),
    int8("mul_channels_int8", "product with a factor for each channel", maps::multiply_channels),
    int8("requantize", "change of scale and zero point", maps::requantize),
    int8("batchnorm_int8", "x * gamma[c] + beta[c]", maps::batch_norm),
    int8("upsample", "each pixel becomes a square", maps::upsample),
    int8("concat_channels", "two tensors, channels side by side", |s| {
        maps::concat(s, Axis::Channels)
    }),
    int8("concat_rows", "two tensors, one below the other", |s| maps::concat(s, Axis::Rows)),
    int8("slice", "[1::2, ::-1, c/3:]", maps::slice),
    int8("transpose_021", "each row's columns and channels exchanged", |s| {
        maps::transpose(s, [0, 2, 1])
    }),
    int8("transpose_102", "rows and columns exchanged", |s| maps::transpose(s, [1, 0, 2])),
    int8("transpose_120", "rows last", |s| maps::transpose(s, [1, 2, 0])),
    int8("transpose_201", "channels first", |s| maps::transpose(s, [2, 0, 1])),
    int8("transpose_210", "order of dimensions reversed", |s| maps::transpose(s, [2, 1, 0])),
    int8("gather", "rows of a table by indices", maps::gather),
];

/// Ending of the name of a function by a lookup table.
const LOOKUP: &str = "_int8";

/// An operator by its name.
#[derive(Debug, Clone)]
pub enum Op {
    /// One of [`OPERATORS`].
    Named(&'static Operator),
    /// A function of binary32 values.
    Function(Cow<'static, Function>),
    /// A function of activations, from a lookup table.
    Lookup(Cow<'static, Function>),
}

impl Op {
    /// Every operator.
    pub fn all() -> Vec<Op> {
        let functions = Function::ALL.iter();
        let lookups = functions.clone().filter(|function| function.is_whole());
        OPERATORS
            .iter()
            .map(Op::Named)
            .chain(functions.map(|function| Op::Function(Cow::Borrowed(function))))
            .chain(lookups.map(|function| Op::Lookup(Cow::Borrowed(function))))
            .collect()
    }

    /// Name on the command line.
    pub fn name(&self) -> String {
        match self {
            Op::Named(operator) => operator.name.to_owned(),
            Op::Function(function) => function.name.to_string(),
            Op::Lookup(function) => format!("{}{LOOKUP}", function.name),
        }
    }

    /// Values it works on.
    pub fn form(&self) -> Form {
        match self {
            Op::Named(operator) => operator.form,
            Op::Function(_) => Form::Binary32,
            Op::Lookup(_) => Form::Int8,
        }
    }

    /// What it computes.
    pub fn about(&self) -> &str {
        match self {
            Op::Named(operator) => operator.about,
            Op::Function(function) | Op::Lookup(function) => &function.formula,
        }
    }

    /// The program with random data, from DRAM to DRAM.
    pub fn workload(&self, setup: &Setup<'_>) -> Result<Workload, KernelError> {
        match self {
            Op::Named(operator) => (operator.make)(setup),
            Op::Function(function) => vector::function(setup, function),
            Op::Lookup(function) => maps::lookup(setup, function),
        }
    }
}

impl Op {
    /// The operator with this name, or one of the design's own functions; else all names.
    pub fn find(design: &Design, name: &str) -> Result<Op, String> {
        let all = Op::all();
        if let Some(op) = all.iter().find(|op| op.name() == name) {
            return Ok(op.clone());
        }
        let lookup = name.strip_suffix(LOOKUP);
        if let Some(function) = Function::of(design, name) {
            return Ok(Op::Function(function));
        }
        if let Some(function) = lookup.and_then(|name| Function::of(design, name)) {
            return Ok(Op::Lookup(function));
        }
        let own = design.functions().iter().map(|function| function.name.clone());
        Err(all.iter().map(Op::name).chain(own).collect::<Vec<_>>().join(", "))
    }
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

/// The list of operators, for help texts.
pub fn list() -> String {
    let mut text = String::from("Operators:\n");
    for op in Op::all() {
        text += &format!("  {:<22} {:<9} {}\n", op.name(), op.form().name(), op.about());
    }
    text
}
