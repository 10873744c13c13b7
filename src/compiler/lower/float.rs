//! Operators on real numbers: on rows of channels, in binary32, and what stands between them and
//! activations.

use super::{Known, Lowered, Lowering, Real, Refusal};
use crate::compiler::net::{Kind, Layer, RowKind, RowsLayer, Value, ValueId};
use crate::compiler::view::{Axis, View};
use crate::graph::{Binary, Elements, Node, ReduceKind, Tensor, TensorId, Unary, show};
use crate::kernels::rows::Arithmetic;

/// What a layer on rows makes.
pub(super) struct Made<'n> {
    /// Its name.
    pub name: String,
    /// The node whose work it does.
    pub node: Option<&'n Node>,
    /// What it computes.
    pub kind: RowKind,
    /// Factor of a quantized result.
    pub factor: f32,
    /// Scale and zero point; none for binary32.
    pub quant: Option<(f32, i32)>,
}

impl<'n> Made<'n> {
    /// The whole of a node, with its result in binary32.
    pub fn by(node: &'n Node, kind: RowKind) -> Made<'n> {
        Made { name: node.name.clone(), node: Some(node), kind, factor: 1.0, quant: None }
    }
}

impl Real {
    /// The numbers that a map has or stands for.
    pub fn plain(view: View) -> Real {
        Real { view, gamma: None, beta: None, factor: 1.0 }
    }

    pub fn is_plain(&self) -> bool {
        self.gamma.is_none() && self.beta.is_none() && self.factor == 1.0
    }
}

impl Lowering<'_> {
    /// Whether a node computes in binary32 on the machine.
    pub(super) fn is_real(&self, node: &Node) -> bool {
        !self.tensor(node.output).is_quantized()
    }

    /// The real numbers that an operand is.
    pub(super) fn real(&mut self, node: &Node, index: usize) -> Lowered<Real> {
        let Some(&id) = node.inputs.get(index) else {
            return Err(Refusal::new(format!("operand {index} is missing"), "check the model"));
        };
        match self.known.get(&id) {
            Some(Known::Map(view)) => Ok(Real::plain(view.clone())),
            Some(Known::Real(real)) => Ok(real.clone()),
            Some(Known::Host) => self.float_port(id),
            Some(Known::Largest(_) | Known::Above(_) | Known::Sum(_)) => Err(Refusal::new(
                format!("operand `{}` is a part of a softmax", self.tensor(id).name),
                "the largest of a row is subtracted from that row only, and the sum divided by",
            )),
            Some(Known::Ids) => Err(Refusal::new(
                format!("operand `{}` has integers", self.tensor(id).name),
                "only a Gather from a constant table takes integers; compute it before the network",
            )),
            None => Err(Refusal::new(
                format!("operand `{}` is a constant", self.tensor(id).name),
                "only weights, biases and parameters may be constants",
            )),
        }
    }

    /// Makes a tensor of real numbers an input of the program.
    pub(super) fn float_port(&mut self, id: TensorId) -> Lowered<Real> {
        let tensor = self.tensor(id);
        /// A mask of keys, for all heads and queries.
        const KEYS: &[&[Axis]] = &[&[], &[], &[], &[Axis::C]];
        let (dims, [height, width, channels]) = match *tensor.shape.as_slice() {
            [1, 1, 1, keys] => (KEYS, [1, 1, keys]),
            _ => self.extents(id)?,
        };
        let (scale, zero, tensors) = (1.0, 0, Vec::new());
        let value = Value { tensors, height, width, channels, scale, zero, float: true };
        let value = self.net.add(value);
        let view = View::new(value, dims, [height, width, channels]);
        self.port(&tensor.name, tensor, &view, true);
        let real = Real::plain(view);
        self.known.insert(id, Known::Real(real.clone()));
        Ok(real)
    }

    /// Adds a layer on rows whose result lies as `like` does.
    pub(super) fn rows(&mut self, made: Made<'_>, inputs: Vec<ValueId>, like: &View) -> View {
        let [height, width, channels] = self.net.value(like.value).shape();
        let ((scale, zero), float) = (made.quant.unwrap_or((1.0, 0)), made.quant.is_none());
        let tensors = Vec::new();
        let value = Value { tensors, height, width, channels, scale, zero, float };
        let output = self.net.add(value);
        let limits = made.node.and_then(|node| node.clamp).unwrap_or([-128, 127]);
        let layer = RowsLayer { kind: made.kind, factor: made.factor, limits };
        self.net.layers.push(Layer {
            name: made.name,
            nodes: made.node.map(|node| node.origin.clone()).unwrap_or_default(),
            kind: Kind::Rows(Box::new(layer)),
            inputs,
            output,
            macs: made.node.map_or(0, |node| show::macs(self.graph, node)),
        });
        like.of(output, [height, width, channels])
    }

    /// Factors and summands of numbers that are still to be computed.
    fn affine(&self, real: &Real, factor: f32) -> RowKind {
        let channels = self.net.value(real.view.value).channels;
        let times = |list: &Option<Vec<f32>>, default: f32| match list {
            Some(list) => list.iter().map(|x| x * factor).collect(),
            None => vec![default * factor; channels],
        };
        RowKind::Affine { gamma: times(&real.gamma, 1.0), beta: times(&real.beta, 0.0) }
    }

    /// An operand as a map, of activations or of binary32.
    fn operand(&mut self, node: &Node, index: usize) -> Lowered<View> {
        let real = self.real(node, index)?;
        Ok(if real.is_plain() { real.view } else { self.computed(node, index, &real) })
    }

    /// An operand as a map of binary32.
    fn wide(&mut self, node: &Node, index: usize) -> Lowered<View> {
        let real = self.real(node, index)?;
        let float = self.net.value(real.view.value).float;
        Ok(if real.is_plain() && float { real.view } else { self.computed(node, index, &real) })
    }

    fn computed(&mut self, node: &Node, index: usize, real: &Real) -> View {
        let name = format!("{}, operand {index}", node.name);
        let view = self.materialised(name, real);
        if let Some(&id) = node.inputs.get(index) {
            self.known.insert(id, Known::Real(Real::plain(view.clone())));
        }
        view
    }

    /// Emits what is still to be computed of real numbers.
    pub(super) fn materialised(&mut self, name: String, real: &Real) -> View {
        let kind = self.affine(real, real.factor);
        let made = Made { name, node: None, kind, factor: 1.0, quant: None };
        self.rows(made, vec![real.view.value], &real.view)
    }

    /// Refuses rows that are not channels.
    fn check_rows(view: &View) -> Lowered<()> {
        match view.dims.last().map(Vec::as_slice) {
            Some([Axis::C]) => Ok(()),
            _ => Err(Refusal::new(
                "its last dimension is not that of channels, or only part of it",
                "transpose the operand so that it works on the last dimension",
            )),
        }
    }

    /// A constant of real numbers.
    fn numbers(&self, node: &Node, index: usize) -> Option<(&Tensor, &[f32])> {
        let tensor = self.tensor(*node.inputs.get(index)?);
        match tensor.value.as_deref() {
            Some(Elements::F32(values)) => Some((tensor, values)),
            _ => None,
        }
    }

    /// The largest number or the sum of each row, for what is computed with it.
    pub(super) fn row_reduction(
        &mut self,
        node: &Node,
        kind: ReduceKind,
        axes: &[usize],
    ) -> Lowered<Known> {
        let view = self.operand(node, 0)?;
        if *axes != [self.tensor(node.inputs[0]).shape.len() - 1] {
            let message = format!("it is over dimensions {axes:?}, not the last one");
            return Err(Refusal::new(message, "transpose its operand"));
        }
        Self::check_rows(&view)?;
        Ok(if kind == ReduceKind::Max { Known::Largest(view) } else { Known::Sum(view) })
    }

    /// What is computed with the largest number or the sum of a row.
    fn with_row(&mut self, node: &Node, op: Binary) -> Lowered<Option<Known>> {
        let second = node.inputs.get(1).and_then(|id| self.known.get(id)).cloned();
        match (op, second) {
            (Binary::Sub, Some(Known::Largest(of))) => {
                let view = self.operand(node, 0)?;
                if view != of {
                    let remedy = "subtract it from the row that it is of";
                    return Err(Refusal::new("it takes off the largest of another row", remedy));
                }
                Ok(Some(Known::Above(view)))
            }
            (Binary::Div, Some(Known::Sum(of))) => self.divide_by_sum(node, &of).map(Some),
            _ => Ok(None),
        }
    }

    /// Whole rows over the sums of others; where the rows are groups of channels, those of a group
    /// are a row of pixels of the other operand.
    fn divide_by_sum(&mut self, node: &Node, of: &View) -> Lowered<Known> {
        let view = self.wide(node, 0)?;
        let [of_height, of_width, _] = self.net.value(of.value).shape();
        let [height, width, channels] = self.net.value(view.value).shape();
        let rows = |view: &View| view.dims.split_last().map(|(_, outer)| outer.to_vec());
        let groups = match view.dims.last().map(Vec::as_slice) {
            Some([Axis::C]) if rows(&view) == rows(of) => Some(1),
            // Groups lie in the other operand as rows, and rows as pixels.
            Some([Axis::Member(groups)]) => {
                let renamed = rows(&view).map(|dims| {
                    let axis = |axis: Axis| match axis {
                        Axis::Group(_) => Axis::H,
                        Axis::H => Axis::W,
                        other => other,
                    };
                    dims.into_iter().map(|dim| dim.into_iter().map(axis).collect()).collect()
                });
                let fits = renamed == rows(of)
                    && [of_height, of_width] == [*groups, height]
                    && width == 1
                    && channels.is_multiple_of(*groups);
                fits.then_some(*groups)
            }
            _ => None,
        };
        let Some(groups) = groups else {
            return Err(Refusal::new(
                "the rows it divides lie otherwise than those of the sum",
                "make both as products of two activations do",
            ));
        };
        let made = Made::by(node, RowKind::DivideBySum(groups));
        let of = self.widened(format!("{}, operand 1", node.name), of);
        Ok(Known::Real(Real::plain(self.rows(made, vec![view.value, of.value], &view))))
    }

    /// A map as one of binary32.
    fn widened(&mut self, name: String, view: &View) -> View {
        match self.net.value(view.value).float {
            true => view.clone(),
            false => self.materialised(name, &Real::plain(view.clone())),
        }
    }

    pub(super) fn float_binary(&mut self, node: &Node, op: Binary) -> Lowered<Known> {
        if let Some(known) = self.with_row(node, op)? {
            return Ok(known);
        }
        let arithmetic = match op {
            Binary::Add => Arithmetic::Add,
            Binary::Sub => Arithmetic::Sub,
            Binary::Mul => Arithmetic::Mul,
            Binary::Min => Arithmetic::Min,
            Binary::Max => Arithmetic::Max,
            _ => {
                return Err(Refusal::new(
                    "no kernel on real numbers is compiled for it",
                    "add, sub, mul, min and max are",
                ));
            }
        };
        let order = match [self.numbers(node, 0).is_some(), self.numbers(node, 1).is_some()] {
            [false, false] => return self.two_maps(node, arithmetic),
            [false, true] => [0, 1],
            _ if op != Binary::Sub => [1, 0],
            _ => {
                let remedy = "negate the operand and add the constant";
                return Err(Refusal::new("its first operand is a constant", remedy));
            }
        };
        self.with_constant(node, arithmetic, order)
    }

    fn two_maps(&mut self, node: &Node, arithmetic: Arithmetic) -> Lowered<Known> {
        let (a, b) = (self.operand(node, 0)?, self.wide(node, 1)?);
        let shape = |view: &View| self.net.value(view.value).shape();
        // One row, the same for all of the other operand: a mask of keys.
        let [.., channels] = shape(&a);
        let row = shape(&b) == [1, 1, channels]
            && a.dims.last() == b.dims.last()
            && a.dims.last().is_some_and(|dim| *dim == [Axis::C])
            && self.tensor(node.inputs[0]).len() == self.tensor(node.output).len();
        if !row && (a.dims != b.dims || shape(&a) != shape(&b)) {
            return Err(Refusal::new(
                "its operands lie in different orders, or one is broadcast",
                "give both the same shape, made in the same way",
            ));
        }
        let made = Made::by(node, RowKind::Binary(arithmetic));
        Ok(Known::Real(Real::plain(self.rows(made, vec![a.value, b.value], &a))))
    }

    fn with_constant(
        &mut self,
        node: &Node,
        arithmetic: Arithmetic,
        [operand, constant]: [usize; 2],
    ) -> Lowered<Known> {
        let mut real = self.real(node, operand)?;
        let Some((tensor, values)) = self.numbers(node, constant) else {
            return Err(Refusal::new("its constant is not of real numbers", "check the model"));
        };
        let channels = self.net.value(real.view.value).channels;
        let out = &self.tensor(node.output).shape;
        let trimmed = |shape: &[usize]| {
            let ones = shape.iter().take_while(|&&extent| extent == 1).count();
            shape[ones..].to_vec()
        };
        let (part, whole) = (trimmed(&tensor.shape), trimmed(out));
        let grows = self.tensor(node.inputs[operand]).len() != self.tensor(node.output).len();
        let per_channel = real.view.dims.last().is_some_and(|dim| *dim == [Axis::C]);
        let list = match (values, part.as_slice()) {
            (&[one], _) => Some(vec![one; channels]),
            (values, [_]) if per_channel && values.len() == channels => Some(values.to_vec()),
            _ => None,
        };
        let values = values.to_vec();
        if grows {
            return Err(Refusal::new("it repeats its operand", "expand the operand before it"));
        }
        if let (&[one], Arithmetic::Mul) = (values.as_slice(), arithmetic) {
            real.factor *= one;
            return Ok(Known::Real(real));
        }
        if let (Some(list), Arithmetic::Add | Arithmetic::Sub | Arithmetic::Mul) =
            (list.as_ref(), arithmetic)
        {
            let product = arithmetic == Arithmetic::Mul;
            let free = real.beta.is_none() && real.factor == 1.0;
            if !free || (product && real.gamma.is_some()) {
                real = Real::plain(self.computed(node, operand, &real));
            }
            match arithmetic {
                Arithmetic::Mul => real.gamma = Some(list.clone()),
                Arithmetic::Sub => real.beta = Some(list.iter().map(|x| -x).collect()),
                _ => real.beta = Some(list.clone()),
            }
            return Ok(Known::Real(real));
        }
        let in_order = real.view.dims.concat() == View::all(&self.net, real.view.value);
        if list.is_none() && !(in_order && whole.ends_with(&part) && per_channel) {
            return Err(Refusal::new(
                format!("its constant of shape {:?} does not lie as its operand", tensor.shape),
                "give it a number for each channel, the last dimension, or all of the result",
            ));
        }
        let view = self.operand(node, operand)?;
        let made = Made::by(node, RowKind::Constant(arithmetic, list.unwrap_or(values)));
        Ok(Known::Real(Real::plain(self.rows(made, vec![view.value], &view))))
    }

    pub(super) fn float_unary(&mut self, node: &Node, function: Unary) -> Lowered<Known> {
        let operand = node.inputs.first().and_then(|id| self.known.get(id));
        if let (Unary::Exp, Some(Known::Above(view))) = (function, operand) {
            let (made, view) = (Made::by(node, RowKind::Above), view.clone());
            return Ok(Known::Real(Real::plain(self.rows(made, vec![view.value], &view))));
        }
        let name = match function {
            Unary::Identity => return Ok(Known::Real(self.real(node, 0)?)),
            Unary::Gelu => "gelu",
            Unary::GeluTanh => "gelu_tanh",
            Unary::Sigmoid => "sigmoid",
            Unary::Tanh => "tanh",
            Unary::Erf => "erf",
            Unary::HardSwish => "hardswish",
            Unary::Softplus => "softplus",
            Unary::Silu { slope: 1.0 } => "silu",
            _ => {
                return Err(Refusal::new(
                    "no table of it is compiled for real numbers",
                    "quantize its operand and its result: of activations any function is possible",
                ));
            }
        };
        let view = self.operand(node, 0)?;
        let made = Made::by(node, RowKind::Function(name));
        Ok(Known::Real(Real::plain(self.rows(made, vec![view.value], &view))))
    }

    pub(super) fn layer_norm(&mut self, node: &Node, axis: usize, epsilon: f32) -> Lowered<Known> {
        let view = self.operand(node, 0)?;
        let rank = self.tensor(node.output).shape.len();
        if axis + 1 != rank {
            let message = format!("it normalises from dimension {axis} on, not the last one");
            return Err(Refusal::new(message, "normalise the last dimension"));
        }
        Self::check_rows(&view)?;
        let channels = self.net.value(view.value).channels;
        let vector = |index: usize, default: f32| match node.inputs.get(index) {
            None => Ok(vec![default; channels]),
            Some(_) => match self.numbers(node, index) {
                Some((_, values)) if values.len() == channels => Ok(values.to_vec()),
                _ => Err(Refusal::new(
                    format!("its parameter {index} is no constant with a number a channel"),
                    "make it one",
                )),
            },
        };
        let (gamma, beta) = (vector(1, 1.0)?, vector(2, 0.0)?);
        self.finished(node, RowKind::LayerNorm { epsilon, gamma, beta }, &view)
    }

    pub(super) fn softmax(&mut self, node: &Node, axis: usize) -> Lowered<Known> {
        let view = self.operand(node, 0)?;
        if axis + 1 != self.tensor(node.output).shape.len() {
            let message = format!("it is over dimension {axis}, not the last one");
            return Err(Refusal::new(message, "transpose its operand"));
        }
        Self::check_rows(&view)?;
        let known = self.finished(node, RowKind::Softmax, &view)?;
        // Of activations onnxruntime gives out whole parts, see docs/numerics.md.
        let activations = self.tensor(node.inputs[0]).is_quantized();
        if let (Known::Map(to), true, Some(layer)) =
            (&known, activations, self.net.layers.last_mut())
            && let Kind::Rows(rows) = &mut layer.kind
        {
            let scale = self.net.values[to.value.0].scale;
            rows.factor = (1.0 / scale).floor() * scale;
        }
        Ok(known)
    }

    /// Adds the layer of a node whose result is quantized or not.
    fn finished(&mut self, node: &Node, kind: RowKind, view: &View) -> Lowered<Known> {
        let quantized = self.tensor(node.output).is_quantized();
        let quant = quantized.then(|| self.quant(self.tensor(node.output))).transpose()?;
        let made = Made { quant, ..Made::by(node, kind) };
        let view = self.rows(made, vec![view.value], view);
        Ok(if quantized { Known::Map(view) } else { Known::Real(Real::plain(view)) })
    }

    /// The quantization of what the machine has computed in binary32.
    pub(super) fn quantize_real(&mut self, node: &Node) -> Lowered<Known> {
        let real = self.real(node, 0)?;
        let quant = self.quant(self.tensor(node.output))?;
        let value = real.view.value;
        if real.is_plain()
            && self.is_quantized_only(value)
            && let Some(producer) = self.net.producer(value)
        {
            // The layer that makes the numbers quantizes them, where it makes whole rows.
            let layer = &mut self.net.layers[producer];
            if let Kind::Rows(rows) = &mut layer.kind
                && !matches!(rows.kind, RowKind::DivideBySum(2..))
            {
                rows.limits = node.clamp.unwrap_or([-128, 127]);
                layer.nodes.extend(node.origin.iter().cloned());
                let value = &mut self.net.values[value.0];
                (value.float, (value.scale, value.zero)) = (false, quant);
                value.tensors.clear();
                return Ok(Known::Map(real.view));
            }
        }
        let kind = self.affine(&real, 1.0);
        let made = Made { factor: real.factor, quant: Some(quant), ..Made::by(node, kind) };
        Ok(Known::Map(self.rows(made, vec![value], &real.view)))
    }

    /// Whether a map of binary32 has one reader in the graph, the one that is looked at.
    fn is_quantized_only(&self, value: ValueId) -> bool {
        let of = |known: &Known| match known {
            Known::Map(view) | Known::Largest(view) | Known::Above(view) | Known::Sum(view) => {
                view.value == value
            }
            Known::Real(real) => real.view.value == value,
            Known::Host | Known::Ids => false,
        };
        let mut tensors = self.known.iter().filter(|(_, known)| of(known));
        self.net.value(value).float
            && tensors.all(|(id, _)| self.uses.is_single(*id))
            && self.net.readers(value).next().is_none()
    }
}
