//! Operators on feature maps outside the array: pooling, sums, products, functions, enlargement,
//! concatenation.

use super::conv::{Plane, plane};
use super::{Known, Lowered, Lowering, Refusal};
use crate::compiler::net::{ConcatLayer, Kind, Layer, PoolLayer, Value, ValueId};
use crate::compiler::view::{Axis, PICTURE};
use crate::graph::eval::quantized;
use crate::graph::{Binary, Node, Op, PoolKind, Unary, Window};
use crate::kernels::conv::{Requant, Residual};
use crate::kernels::maps::{Change, Product};
use crate::kernels::vector::Pool;

/// The table of a function, in the order the machine looks up: entry x at position x mod 256.
fn entries(table: &[i8]) -> Box<[u8; 256]> {
    let mut entries = Box::new([0; 256]);
    for (value, &entry) in (-128_i32..).zip(table) {
        entries[usize::from(value.to_le_bytes()[0])] = entry.cast_unsigned();
    }
    entries
}

impl Lowering<'_> {
    pub(super) fn pool(
        &mut self,
        node: &Node,
        kind: PoolKind,
        window: &Window,
        ceil: bool,
    ) -> Lowered<Known> {
        let (view, [height, width, channels]) = self.picture(node)?;
        let Plane { kernel, strides, pads, dilations } = plane(window)?;
        if dilations != [1, 1] {
            return Err(Refusal::new("its window has gaps", "remove `dilations`"));
        }
        let (from, to) = (self.quant(self.tensor(node.inputs[0]))?, self.requant(node)?);
        let (scale, _) = self.quant(self.tensor(node.output))?;
        let [top, left, bottom, right] = pads;
        let count = (kernel[0] * kernel[1]) as f32;
        let kind = match kind {
            PoolKind::Max if from == (scale, to.zero) => Pool::Max,
            PoolKind::Max => {
                let remedy = "give both the same scale and zero point";
                return Err(Refusal::new(
                    "its operand and result are quantized differently",
                    remedy,
                ));
            }
            PoolKind::Average => Pool::AverageInside {
                input_zero: from.1,
                input_scale: from.0,
                output_scale: scale,
                output: to,
            },
            PoolKind::AveragePadded if ceil => {
                let remedy = "export it without `ceil_mode`, or without `count_include_pad`";
                return Err(Refusal::new("its last windows end behind the padding", remedy));
            }
            PoolKind::AveragePadded => {
                Pool::Average { input_zero: from.1, scale: from.0 / (scale * count), output: to }
            }
        };
        if kind == Pool::Max && [to.min, to.max] != [-128, 127] {
            return Err(Refusal::new("limits on its result", "put the ReLU before it"));
        }
        let sized = Window {
            kernel: kernel.to_vec(),
            strides: strides.to_vec(),
            before: vec![top, left],
            after: vec![bottom, right],
            dilations: vec![1, 1],
        };
        let size = |axis: usize, extent: usize| sized.outputs(axis, extent, ceil);
        let (Some(out_height), Some(out_width)) = (size(0, height), size(1, width)) else {
            return Err(Refusal::new("its window is larger than the picture", "check the model"));
        };
        let shape = [out_height, out_width, channels];
        let layer = Kind::Pool(PoolLayer { kind, kernel, strides, pads: [top, left] });
        let dims = self.picture_dims(node);
        self.layer(node, layer, vec![view.value], shape, dims)
    }

    pub(super) fn global_average(&mut self, node: &Node, axes: &[usize]) -> Lowered<Known> {
        let view = self.map(node, 0)?.clone();
        let [height, width, channels] = self.net.value(view.value).shape();
        let (from, to) = (self.quant(self.tensor(node.inputs[0]))?, self.requant(node)?);
        let (scale, _) = self.quant(self.tensor(node.output))?;
        let reduced = |at: &usize| axes.contains(at);
        let of = |wanted: bool| {
            let dims = view.dims.iter().enumerate().filter(move |(at, _)| reduced(at) == wanted);
            dims.flat_map(|(_, dim)| dim.iter().copied()).collect::<Vec<Axis>>()
        };
        if of(true).contains(&Axis::C) || of(false).iter().any(|axis| *axis != Axis::C) {
            return Err(Refusal::new(
                format!("it averages dimensions {axes:?}, which are not just height and width"),
                "average whole pictures",
            ));
        }
        let kind = Pool::Average {
            input_zero: from.1,
            scale: from.0 / (scale * (height * width) as f32),
            output: to,
        };
        let kernel = [height, width];
        let layer = Kind::Pool(PoolLayer { kind, kernel, strides: [1, 1], pads: [0, 0] });
        let rank = self.tensor(node.output).shape.len();
        let kept = rank == view.dims.len();
        let dims = view.dims.iter().enumerate().filter(|(at, _)| kept || !reduced(at));
        let dims: Vec<&[Axis]> = dims.map(|(_, dim)| dim.as_slice()).collect();
        self.layer(node, layer, vec![view.value], [1, 1, channels], &dims)
    }

    pub(super) fn unary(&mut self, node: &Node, function: Unary) -> Lowered<Known> {
        let view = self.map(node, 0)?.clone();
        let (x, y) = (self.tensor(node.inputs[0]), self.tensor(node.output));
        self.quant(y)?;
        let (Some(from), Some(to)) = (&x.quant, &y.quant) else {
            return Err(Refusal::new("it is not quantized", "quantize it"));
        };
        let table = quantized::table(function, node.clamp, from, to);
        let shape = self.net.value(view.value).shape();
        let dims: Vec<&[Axis]> = view.dims.iter().map(Vec::as_slice).collect();
        self.layer(node, Kind::Lookup(entries(&table)), vec![view.value], shape, &dims)
    }

    /// Two operands that are seen in the same way.
    fn pair(&self, node: &Node) -> Lowered<[(ValueId, (f32, i32)); 2]> {
        let (a, b) = (self.map(node, 0)?, self.map(node, 1)?);
        let quants = [0, 1].map(|index| self.quant(self.tensor(node.inputs[index])));
        let [first, second] = quants;
        let shape = self.net.value(a.value).shape();
        let other = self.net.value(b.value).shape();
        let single = other[0] * other[1] == 1 && other[2] == shape[2];
        let same = shape == other && a.dims == b.dims;
        let rank = self.tensor(node.output).shape.len();
        if same || (single && matches!(node.op, Op::Binary(Binary::Mul)) && b.dims.len() == rank) {
            return Ok([(a.value, first?), (b.value, second?)]);
        }
        Err(Refusal::new(
            format!("its operands are maps of {shape:?} and {other:?}, which must be the same"),
            "only products are broadcast, over all pixels: put the larger operand first",
        ))
    }

    pub(super) fn add(&mut self, node: &Node) -> Lowered<Known> {
        let [(a, qa), (b, qb)] = self.pair(node)?;
        let view = self.map(node, 0)?.clone();
        let (scale, _) = self.quant(self.tensor(node.output))?;
        let residual = Residual {
            scale_a: qa.0 / scale,
            scale_b: qb.0 / scale,
            zero_b: qb.1,
            a_is_second: false,
            sum: self.requant(node)?,
        };
        let shape = self.net.value(a).shape();
        let dims: Vec<&[Axis]> = view.dims.iter().map(Vec::as_slice).collect();
        self.layer(node, Kind::Add(residual), vec![a, b], shape, &dims)
    }

    pub(super) fn multiply(&mut self, node: &Node) -> Lowered<Known> {
        let [(a, qa), (b, qb)] = self.pair(node)?;
        let view = self.map(node, 0)?.clone();
        let (scale, _) = self.quant(self.tensor(node.output))?;
        let product = Product {
            zeros: [qa.1, qb.1],
            scale: qa.0 * qb.0 / scale,
            output: self.requant(node)?,
        };
        let shape = self.net.value(a).shape();
        let dims: Vec<&[Axis]> = view.dims.iter().map(Vec::as_slice).collect();
        self.layer(node, Kind::Multiply(product), vec![a, b], shape, &dims)
    }

    pub(super) fn upsample(&mut self, node: &Node, factors: &[usize]) -> Lowered<Known> {
        let (view, [height, width, channels]) = self.picture(node)?;
        let &[1, 1, fy, fx] = factors else {
            let remedy = "enlarge height and width of a picture";
            return Err(Refusal::new(format!("its factors are {factors:?}"), remedy));
        };
        let shape = [height * fy, width * fx, channels];
        self.layer(node, Kind::Upsample([fy, fx]), vec![view.value], shape, &PICTURE)
    }

    pub(super) fn concat(&mut self, node: &Node, axis: usize) -> Lowered<Known> {
        let (scale, zero) = self.quant(self.tensor(node.output))?;
        let first = self.map(node, 0)?.clone();
        let [height, width, _] = self.net.value(first.value).shape();
        let mut inputs = Vec::new();
        let mut channels = 0;
        for index in 0..node.inputs.len() {
            let view = self.map(node, index)?.clone();
            let value = self.net.value(view.value);
            let along = |at: usize, dim: &Vec<Axis>| {
                let others = at != axis && !dim.contains(&Axis::C);
                others || (at == axis && dim.iter().all(|axis| *axis == Axis::C))
            };
            let whole = view.dims.iter().enumerate().all(|(at, dim)| along(at, dim));
            if !whole || [value.height, value.width] != [height, width] {
                return Err(Refusal::new(
                    format!("it joins dimension {axis}, which is not that of channels"),
                    "join channels of maps of the same height and width",
                ));
            }
            channels += value.channels;
            let source = self.tensor(node.inputs[index]);
            let same = self.quant(source)? == (scale, zero);
            inputs.push(if same { view.value } else { self.requantized(node, index, view.value)? });
        }
        let keep = Change::none(8);
        let [min, max] = node.clamp.unwrap_or([-128, 127]);
        let change = Change { output: Requant { min, max, ..keep.output }, ..keep };
        let kind =
            Kind::Concat(ConcatLayer { changes: vec![change; inputs.len()], streams: false });
        let mut dims: Vec<&[Axis]> = first.dims.iter().map(Vec::as_slice).collect();
        if let Some(dim) = dims.get_mut(axis) {
            *dim = &[Axis::C];
        }
        self.layer(node, kind, inputs, [height, width, channels], &dims)
    }

    /// An operand of a concatenation in the quantization of its result.
    fn requantized(&mut self, node: &Node, index: usize, value: ValueId) -> Lowered<ValueId> {
        let (x, y) = (self.tensor(node.inputs[index]), self.tensor(node.output));
        let (Some(from), Some(to)) = (&x.quant, &y.quant) else {
            return Err(Refusal::new("it is not quantized", "quantize it"));
        };
        let table = quantized::table(Unary::Identity, None, from, to);
        let (scale, zero) = self.quant(y)?;
        let output = self.net.add(Value {
            tensors: Vec::new(),
            scale,
            zero,
            ..self.net.value(value).clone()
        });
        self.net.layers.push(Layer {
            name: format!("{}, operand {index}", node.name),
            nodes: Vec::new(),
            kind: Kind::Lookup(entries(&table)),
            inputs: vec![value],
            output,
            macs: 0,
        });
        Ok(output)
    }
}
