//! Layers that stream from DRAM to DRAM: operators on rows in binary32, and products of two maps.

use super::net::{Heads, Kind, Layer, Net, ProductLayer, RowKind, RowsLayer, Value, ValueId};
use crate::design::Design;
use crate::functions::Function;
use crate::graph::Problem;
use crate::kernels::attention::{self, Stationary, matmul_with};
use crate::kernels::conv::Requant;
use crate::kernels::rows::{DramRows, Input, Mask, Output, RowOp};
use crate::kernels::stream::from_dram;
use crate::kernels::transfer::{load_channels, load_rows, store_rows};
use crate::kernels::{DramTensor, Emitter, Fmap, KernelError};

/// A map in DRAM at the end of a layer on rows.
pub struct Rows<'n> {
    /// The map.
    pub value: &'n Value,
    /// Where it is; one of binary32 has four times the channels.
    pub tensor: DramTensor,
}

impl Rows<'_> {
    fn float(&self) -> DramRows {
        let DramTensor { base, offset, .. } = self.tensor;
        let Value { height, width, channels, .. } = *self.value;
        DramRows::dense((base, offset), height * width, channels)
    }
}

/// Makes a network one that the design can run: concatenations whose operands do not begin at whole
/// words of IBUF stream; softmax of activations that do not fill the lanes
/// takes binary32 numbers. Without binary32 on the lanes its layers are refused.
pub fn adapt(net: &mut Net, design: &Design) -> Result<(), Vec<Problem>> {
    let (values, rows) = (&net.values, design.rows());
    for layer in &mut net.layers {
        let Kind::Concat(concat) = &mut layer.kind else { continue };
        let before = layer.inputs.split_last().map_or(&[][..], |(_, before)| before);
        concat.streams = before.iter().any(|id| !values[id.0].channels.is_multiple_of(rows));
    }
    let float = |layer: &&Layer| matches!(layer.kind, Kind::Rows(_));
    if !design.float() || design.function_segments() == 0 {
        let key = if design.float() { "vector.segments" } else { "vector.float" };
        let problem = |layer: &Layer| {
            Problem::new(
                format!("`{}` ({})", layer.name, layer.kind.name()),
                format!("it computes in binary32 on the lanes, but the design has no `{key}`"),
                format!("set `{key}`, or quantize the operator"),
            )
        };
        let problems: Vec<Problem> = net.layers.iter().filter(float).map(problem).collect();
        return if problems.is_empty() { Ok(()) } else { Err(problems) };
    }
    let mut at = 0;
    while at < net.layers.len() {
        let layer = &net.layers[at];
        let softmax = match &layer.kind {
            Kind::Rows(rows) => matches!(rows.kind, RowKind::Softmax | RowKind::Above),
            _ => false,
        };
        if let Some(&input) = layer.inputs.first().filter(|_| softmax) {
            let value = net.value(input);
            if !value.float && !value.channels.is_multiple_of(design.lanes()) {
                let name = format!("{}, operand 0", layer.name);
                let channels = value.channels;
                let wide = Value { tensors: Vec::new(), float: true, ..value.clone() };
                let output = net.add(wide);
                net.layers[at].inputs[0] = output;
                net.layers.insert(at, dequantize(name, input, output, channels));
                at += 1;
            }
        }
        at += 1;
    }
    Ok(())
}

fn dequantize(name: String, input: ValueId, output: ValueId, channels: usize) -> Layer {
    let kind = RowKind::Affine { gamma: vec![1.0; channels], beta: vec![0.0; channels] };
    let rows = RowsLayer { kind, factor: 1.0, limits: [-128, 127] };
    let kind = Kind::Rows(Box::new(rows));
    Layer { name, nodes: Vec::new(), kind, inputs: vec![input], output, macs: 0 }
}

/// Emits an operator on rows; the second operand, where there is one, is of binary32.
pub(super) fn rows(
    e: &mut Emitter,
    design: &Design,
    layer: &RowsLayer,
    operands: &[Rows],
    output: &Rows,
) -> Result<(), KernelError> {
    let missing = || KernelError::Unsupported {
        kernel: "operator on rows",
        what: "operands in DRAM",
        value: operands.len(),
        limit: "another number is needed".to_owned(),
    };
    let first = operands.first().ok_or_else(missing)?;
    let second = || operands.get(1).map(Rows::float).ok_or_else(missing);
    let table = |name: &str, together: usize| {
        let segments = design.function_segments() / together;
        let table = Function::of(design, name).and_then(|function| function.table(segments));
        table.ok_or(KernelError::NoTable { name: name.to_owned(), segments })
    };
    let channels = first.value.channels;
    let input_rows = first.float();
    let input = match first.value.float {
        true => Input::Float(&input_rows),
        false => Input::Quantized(&first.tensor, first.value.scale, first.value.zero),
    };
    let output_rows = output.float();
    let [min, max] = layer.limits;
    let output = match output.value.float {
        true => Output::Float(&output_rows),
        false => {
            let factor = layer.factor / output.value.scale;
            Output::Quantized(&output.tensor, factor, Requant { zero: output.value.zero, min, max })
        }
    };
    match &layer.kind {
        RowKind::Affine { gamma, beta } => {
            let (gamma, beta) = (e.floats(gamma), e.floats(beta));
            from_dram(e, &RowOp::Affine { gamma, beta }, &input, &output)
        }
        RowKind::Softmax => {
            let (exp2, reciprocal) = (table("exp2", 2)?, table("reciprocal", 2)?);
            let mask = Mask::None;
            let op = RowOp::Softmax { scale: 1.0, mask, exp2: &exp2, reciprocal: &reciprocal };
            from_dram(e, &op, &input, &output)
        }
        RowKind::Above => {
            let exp2 = table("exp2", 1)?;
            from_dram(e, &RowOp::Above { exp2: &exp2 }, &input, &output)
        }
        RowKind::DivideBySum(groups) => {
            let (of, reciprocal) = (second()?, table("reciprocal", 1)?);
            if *groups <= 1 {
                let op = RowOp::DivideBySum { of, reciprocal: &reciprocal };
                return from_dram(e, &op, &input, &output);
            }
            for group in 0..*groups {
                let part = |all: &DramRows, channels: usize| DramRows {
                    offset: all.offset + 4 * group * channels,
                    channels,
                    ..*all
                };
                let rows = input_rows.rows;
                let of = DramRows { offset: of.offset + group * rows * of.pitch, rows, ..of };
                let from = part(&input_rows, channels / groups);
                let to = part(&output_rows, channels / groups);
                let op = RowOp::DivideBySum { of, reciprocal: &reciprocal };
                from_dram(e, &op, &Input::Float(&from), &Output::Float(&to))?;
            }
            Ok(())
        }
        RowKind::LayerNorm { epsilon, gamma, beta } => {
            let rsqrt = table("rsqrt", 1)?;
            let (gamma, beta) = (e.floats(gamma), e.floats(beta));
            let op = RowOp::LayerNorm { epsilon: *epsilon, gamma, beta, rsqrt: &rsqrt };
            from_dram(e, &op, &input, &output)
        }
        RowKind::Function(name) => {
            let table = table(name, 1)?;
            from_dram(e, &RowOp::Function { table: &table }, &input, &output)
        }
        RowKind::Binary(op) => {
            let with = second()?;
            from_dram(e, &RowOp::Binary { op: *op, with }, &input, &output)
        }
        RowKind::Constant(op, values) => {
            let with = DramRows::dense(e.floats(values), values.len() / channels.max(1), channels);
            from_dram(e, &RowOp::Binary { op: *op, with }, &input, &output)
        }
    }
}

/// A product of two matrices on chip.
struct Head<'l> {
    layer: &'l ProductLayer,
    number: usize,
    left: Fmap,
    right: Fmap,
}

/// Emits the products of all heads; a head's operands come from DRAM and its result goes there.
/// Results in binary32 go by way of VMEM, heads by one half and the other in turn.
pub(super) fn product(
    e: &mut Emitter,
    layer: &ProductLayer,
    [a, b]: [&DramTensor; 2],
    to: &Rows,
) -> Result<(), KernelError> {
    let total = e.geometry.vmem_words;
    let vmem = match to.value.float {
        true => Some(e.vmem.take(total, &[]).ok_or(KernelError::VmemFull { words: total, total })?),
        false => None,
    };
    let [place_a, place_b, _] = layer.places;
    let mut before: Vec<Fmap> = Vec::new();
    for number in 0..layer.heads {
        let left = bring(e, a, place_a, layer.heads, number, &before)?;
        let mut now = vec![left];
        let right = bring(e, b, place_b, layer.heads, number, &now)?;
        now.push(right);
        let head = Head { layer, number, left, right };
        match vmem {
            Some(start) => {
                head.to_binary32(e, to, [start + number % 2 * (total / 2), total / 2])?
            }
            None => now.push(head.to_activations(e, &to.tensor)?),
        }
        // Space of this head is not that of the next, which is loaded meanwhile.
        for map in std::mem::replace(&mut before, now) {
            e.release(&map);
        }
    }
    for map in before {
        e.release(&map);
    }
    if let Some(start) = vmem {
        e.vmem.give(start, total);
    }
    Ok(())
}

impl Head<'_> {
    fn emit(&self, e: &mut Emitter, to: attention::Product) -> Result<(), KernelError> {
        let stationary = match self.layer.transposed {
            true => Stationary::Transposed(&self.right),
            false => Stationary::AsItLies(&self.right),
        };
        matmul_with(e, &self.left, stationary, self.layer.zeros, to)
    }

    /// Stores the result as activations; the map that it was in.
    fn to_activations(&self, e: &mut Emitter, to: &DramTensor) -> Result<Fmap, KernelError> {
        let (layer, [.., place]) = (self.layer, self.layer.places);
        let shape = match place {
            Heads::One => [to.height, to.width, to.channels],
            Heads::Channels => [to.height, to.width, to.channels / layer.heads],
            Heads::Rows => [1, to.width, to.channels],
        };
        let map = e.fmap(shape, &[&self.left, &self.right])?;
        self.emit(e, attention::Product::Map(&map, layer.scale, layer.output))?;
        let (corner, channel) = match place {
            Heads::One => ([0, 0], 0),
            Heads::Channels => ([0, 0], self.number * map.channels),
            Heads::Rows => ([self.number, 0], 0),
        };
        store_rows(e, &map, 0..map.height, to, corner, channel)?;
        Ok(map)
    }

    /// Stores the result as binary32, by way of some words of VMEM.
    fn to_binary32(&self, e: &mut Emitter, to: &Rows, vmem: [usize; 2]) -> Result<(), KernelError> {
        let Value { height, width, channels, .. } = *to.value;
        let all = DramTensor { height, width, channels, ..to.tensor };
        let [.., place] = self.layer.places;
        let (tensor, channel) = match place {
            Heads::One => (all, 0),
            Heads::Channels => (all, self.number * channels / self.layer.heads),
            Heads::Rows => {
                let offset = all.offset + 4 * self.number * width * channels;
                (DramTensor { offset, height: 1, ..all }, 0)
            }
        };
        self.emit(e, attention::Product::Dram(&tensor, channel, vmem, self.layer.scale))
    }
}

/// Brings a head's matrix.
fn bring(
    e: &mut Emitter,
    tensor: &DramTensor,
    place: Heads,
    heads: usize,
    head: usize,
    apart: &[Fmap],
) -> Result<Fmap, KernelError> {
    let apart: Vec<&Fmap> = apart.iter().collect();
    let DramTensor { height, width, channels, .. } = *tensor;
    match place {
        Heads::One => {
            let map = e.fmap([height, width, channels], &apart)?;
            load_rows(e, tensor, 0..height, &map, 0)?;
            Ok(map)
        }
        Heads::Rows => {
            let map = e.fmap([1, width, channels], &apart)?;
            load_rows(e, tensor, head..head + 1, &map, 0)?;
            Ok(map)
        }
        Heads::Channels => {
            let map = e.fmap([height, width, channels / heads], &apart)?;
            load_channels(e, tensor, 0..height, head * map.channels, &map)?;
            Ok(map)
        }
    }
}
