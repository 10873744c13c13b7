//! From the graph to layers: every operator becomes a kernel's parameters, or a problem that says
//! what stands against it.

mod conv;
mod float;
mod maps;
mod product;
pub mod table;

use std::collections::HashMap;

use super::net::{Kind, Layer, Named, Net, Value, ValueId};
use super::view::{Axis, PICTURE, View};
use crate::graph::{Dtype, Elements, Graph, Node, Op, Problem, Tensor, TensorId, Uses, show};
use crate::kernels::conv::Requant;

/// What the compiler knows a tensor to be.
#[derive(Debug, Clone)]
enum Known {
    /// A feature map.
    Map(View),
    /// Real numbers, not all computed yet.
    Real(Real),
    /// Real numbers that the host has, and that the machine does not have yet.
    Host,
    /// Integers or truth values that the host has: tokens of a text.
    Ids,
    /// The largest number of each row of real numbers, to be subtracted from them.
    Largest(View),
    /// Real numbers less the largest of their row, to be exponents.
    Above(View),
    /// The sum of each row of real numbers, to divide by.
    Sum(View),
}

/// Real numbers: `(x * gamma + beta) * factor` of those that a map has or stands for, with a number
/// of gamma and beta for each channel.
#[derive(Debug, Clone)]
struct Real {
    view: View,
    gamma: Option<Vec<f32>>,
    beta: Option<Vec<f32>>,
    factor: f32,
}

/// Why an operator cannot be taken.
struct Refusal {
    message: String,
    remedy: String,
}

impl Refusal {
    fn new(message: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal { message: message.into(), remedy: remedy.into() }
    }
}

type Lowered<T> = Result<T, Refusal>;

struct Lowering<'g> {
    graph: &'g Graph,
    uses: Uses,
    net: Net,
    known: HashMap<TensorId, Known>,
}

/// The layers of a graph. All problems are reported, but for those that follow from others.
pub fn lower(graph: &Graph) -> Result<Net, Vec<Problem>> {
    let mut lowering =
        Lowering { graph, uses: graph.uses(), net: Net::default(), known: HashMap::new() };
    let mut problems = Vec::new();
    let place = |node: &Node| format!("`{}` ({})", node.name, node.op.name());
    for &id in &graph.inputs {
        if let Err(refusal) = lowering.input(id) {
            let place = format!("input `{}`", graph.tensor(id).name);
            problems.push(Problem::new(place, refusal.message, refusal.remedy));
        }
    }
    for node in &graph.nodes {
        let follows = node
            .inputs
            .iter()
            .any(|id| !graph.tensor(*id).is_constant() && !lowering.known.contains_key(id));
        if follows {
            continue;
        }
        match lowering.node(node) {
            Ok(known) => {
                lowering.name(node.output, &known);
                lowering.known.insert(node.output, known);
            }
            Err(refusal) => {
                problems.push(Problem::new(place(node), refusal.message, refusal.remedy));
            }
        }
    }
    for &id in &graph.outputs {
        let tensor = graph.tensor(id);
        let (view, float) = match lowering.known.get(&id).cloned() {
            Some(Known::Map(view)) => (view, false),
            Some(Known::Real(real)) if real.is_plain() => (real.view, true),
            Some(Known::Real(real)) => {
                (lowering.materialised(format!("output {}", tensor.name), &real), true)
            }
            Some(Known::Host | Known::Ids) => {
                let place = format!("output `{}`", tensor.name);
                let remedy = "remove it from the outputs";
                problems.push(Problem::new(place, "it is an input, unchanged", remedy));
                continue;
            }
            Some(Known::Largest(_) | Known::Above(_) | Known::Sum(_)) => {
                let place = format!("output `{}`", tensor.name);
                let message = "a part of a softmax is not computed by itself";
                problems.push(Problem::new(place, message, "remove it from the outputs"));
                continue;
            }
            None => continue,
        };
        let named = lowering.named(&tensor.name, tensor, &view, float);
        let value = view.value;
        lowering.net.outputs.push((value, named));
    }
    if lowering.net.layers.is_empty() && problems.is_empty() {
        problems.push(Problem::new("the network", "it has no operator", "compile another"));
    }
    if problems.is_empty() { Ok(lowering.net) } else { Err(problems) }
}

impl<'g> Lowering<'g> {
    fn tensor(&self, id: TensorId) -> &'g Tensor {
        self.graph.tensor(id)
    }

    fn input(&mut self, id: TensorId) -> Lowered<()> {
        let tensor = self.tensor(id);
        match tensor.dtype {
            Dtype::F32 => {
                self.known.insert(id, Known::Host);
            }
            Dtype::I64 | Dtype::I32 | Dtype::Bool => {
                self.known.insert(id, Known::Ids);
            }
            Dtype::I8 if tensor.is_quantized() => {
                let view = self.border(id)?;
                self.port(&tensor.name, tensor, &view, false);
                self.name(id, &Known::Map(view.clone()));
                self.known.insert(id, Known::Map(view));
            }
            other => {
                return Err(Refusal::new(
                    format!("its elements are {}, but must be float or int8", other.name()),
                    "quantize the model",
                ));
            }
        }
        Ok(())
    }

    /// A feature map that the host writes. Tensors of three dimensions are sequences of vectors
    /// unless a convolution reads them, those of four pictures with the channels first unless all
    /// readers move the channels there.
    fn extents(&self, id: TensorId) -> Lowered<(&'static [&'static [Axis]], [usize; 3])> {
        use Axis::{C, H, W};
        let tensor = self.tensor(id);
        let readers: Vec<&Op> = self
            .graph
            .nodes
            .iter()
            .filter(|node| node.inputs.contains(&id))
            .map(|node| &node.op)
            .collect();
        let moved = |op: &&Op| matches!(op, Op::Transpose { order } if *order == [0, 3, 1, 2]);
        let picture = |op: &&Op| matches!(op, Op::Conv { .. } | Op::Pool { .. });
        let shape = tensor.shape.as_slice();
        let found: (&[&[Axis]], [usize; 3]) = match *shape {
            [1, h, w, c] if readers.iter().all(moved) => (&[&[], &[H], &[W], &[C]], [h, w, c]),
            [1, c, h, w] => (&PICTURE, [h, w, c]),
            [1, c, w] if readers.iter().any(picture) => (&[&[], &[C], &[W]], [1, w, c]),
            [1, h, c] => (&[&[], &[H], &[C]], [h, 1, c]),
            [h, w, c] if !readers.iter().any(picture) => (&[&[H], &[W], &[C]], [h, w, c]),
            [h, c] => (&[&[H], &[C]], [h, 1, c]),
            [c] => (&[&[C]], [1, 1, c]),
            _ => {
                return Err(Refusal::new(
                    format!(
                        "its shape is {shape:?}, but at most four dimensions and a batch of 1 are possible"
                    ),
                    "fix the batch with `--shape`, and run the program once per picture",
                ));
            }
        };
        Ok(found)
    }

    fn border(&mut self, id: TensorId) -> Lowered<View> {
        let (dims, extents) = self.extents(id)?;
        let (scale, zero) = self.quant(self.tensor(id))?;
        let [height, width, channels] = extents;
        let (tensors, float) = (Vec::new(), false);
        let value = Value { tensors, height, width, channels, scale, zero, float };
        let value = self.net.add(value);
        Ok(View::new(value, dims, extents))
    }

    /// Makes a map an input of the program, under a name of its own.
    fn port(&mut self, name: &str, tensor: &Tensor, view: &View, float: bool) {
        let taken = self.net.inputs.iter().any(|(_, other)| other.name == name);
        let name = if taken { &tensor.name } else { name };
        let named = self.named(name, tensor, view, float);
        self.net.inputs.push((view.value, named));
    }

    fn named(&self, name: &str, tensor: &Tensor, view: &View, float: bool) -> Named {
        let border = view.border(self.net.value(view.value), &tensor.shape, float);
        Named { name: name.to_owned(), view: border, unsigned: tensor.unsigned && !float }
    }

    /// Remembers that a tensor is a map's content.
    fn name(&mut self, id: TensorId, known: &Known) {
        let (view, float) = match known {
            Known::Map(view) => (view, false),
            Known::Real(real) if real.is_plain() && self.net.value(real.view.value).float => {
                (&real.view, true)
            }
            _ => return,
        };
        let tensor = self.tensor(id);
        let names = std::iter::once(&tensor.name).chain(&tensor.aliases);
        let tensors: Vec<Named> = names.map(|name| self.named(name, tensor, view, float)).collect();
        self.net.values[view.value.0].tensors.extend(tensors);
    }

    /// Scale and zero point of a feature map.
    fn quant(&self, tensor: &Tensor) -> Lowered<(f32, i32)> {
        let quant =
            tensor.quant.as_ref().filter(|_| tensor.dtype == Dtype::I8).ok_or_else(|| {
                Refusal::new(
                    format!(
                        "`{}` is not quantized: its elements are {}",
                        tensor.name,
                        tensor.dtype.name()
                    ),
                    "quantize the model, activations too",
                )
            })?;
        quant.single().ok_or_else(|| {
            Refusal::new(
                format!("`{}` has a scale for each index of a dimension", tensor.name),
                "quantize activations per tensor",
            )
        })
    }

    /// The map that an operand is.
    fn map(&self, node: &Node, index: usize) -> Lowered<&View> {
        let Some(&id) = node.inputs.get(index) else {
            return Err(Refusal::new(format!("operand {index} is missing"), "check the model"));
        };
        match self.known.get(&id) {
            Some(Known::Map(view)) => Ok(view),
            Some(_) => Err(Refusal::new(
                format!("operand `{}` is float", self.tensor(id).name),
                "quantize the model: operators between activations of 8 bits run on the machine",
            )),
            None => Err(Refusal::new(
                format!("operand `{}` is a constant", self.tensor(id).name),
                "only weights, biases and parameters may be constants",
            )),
        }
    }

    /// A constant operand of int8.
    fn weights(&self, node: &Node, index: usize) -> Lowered<(&'g Tensor, &'g [i8])> {
        let tensor = node.inputs.get(index).map(|&id| self.tensor(id));
        match tensor.map(|tensor| (tensor, tensor.value.as_deref())) {
            Some((tensor, Some(Elements::I8(values)))) => Ok((tensor, values)),
            Some((tensor, _)) => Err(Refusal::new(
                format!("its operand `{}` is no constant of int8", tensor.name),
                "products of two activations are not compiled",
            )),
            None => Err(Refusal::new("it has no weights", "check the model")),
        }
    }

    /// The requantization of a node's result; nothing is done to one of binary32.
    fn requant(&self, node: &Node) -> Lowered<Requant> {
        if self.is_real(node) {
            return Ok(Requant { zero: 0, min: -128, max: 127 });
        }
        let (_, zero) = self.quant(self.tensor(node.output))?;
        let [min, max] = node.clamp.unwrap_or([-128, 127]);
        Ok(Requant { zero, min, max })
    }

    /// Adds a layer whose result has this shape and view.
    fn layer(
        &mut self,
        node: &Node,
        kind: Kind,
        inputs: Vec<ValueId>,
        shape: [usize; 3],
        dims: &[&[Axis]],
    ) -> Lowered<Known> {
        let float = self.is_real(node);
        let computes = matches!(kind, Kind::Conv(_) | Kind::Product(_));
        let (scale, zero) = match float && computes {
            true => (1.0, 0),
            false => self.quant(self.tensor(node.output))?,
        };
        let [height, width, channels] = shape;
        let tensors = Vec::new();
        let value = Value { tensors, height, width, channels, scale, zero, float };
        let output = self.net.add(value);
        self.net.layers.push(Layer {
            name: node.name.clone(),
            nodes: node.origin.clone(),
            kind,
            inputs,
            output,
            macs: show::macs(self.graph, node),
        });
        let view = View::new(output, dims, shape);
        Ok(if float { Known::Real(Real::plain(view)) } else { Known::Map(view) })
    }

    fn node(&mut self, node: &Node) -> Lowered<Known> {
        if let Some(known) = self.by_host(node)? {
            return Ok(known);
        }
        table::lower(self, node)
    }

    /// The numbers that activations stand for; what reads them takes the activations.
    fn dequantize(&mut self, node: &Node) -> Lowered<Known> {
        self.map(node, 0).cloned().map(|view| Known::Real(Real::plain(view)))
    }

    fn transpose(&self, node: &Node, order: &[usize]) -> Lowered<Known> {
        self.moved(node, |view| Some(view.transposed(order)))
    }

    /// What the host computes of its integers before a run.
    fn by_host(&self, node: &Node) -> Lowered<Option<Known>> {
        let ids = |id: &&TensorId| matches!(self.known.get(id), Some(Known::Ids));
        let inputs = || node.inputs.iter().filter(|id| !self.tensor(**id).is_constant());
        match inputs().filter(ids).count() {
            0 => Ok(None),
            count if count == inputs().count() => {
                let real = self.tensor(node.output).dtype == Dtype::F32;
                Ok(Some(if real { Known::Host } else { Known::Ids }))
            }
            _ => Err(Refusal::new(
                "it takes integers of the host beside what the machine computes",
                "compute it before the network, or replace it",
            )),
        }
    }

    fn quantize(&mut self, node: &Node) -> Lowered<Known> {
        let Some(&id) = node.inputs.first() else {
            return Err(Refusal::new("it has no operand", "check the model"));
        };
        let quantizes = |at: &usize| {
            self.graph.nodes.get(*at).is_some_and(|node| matches!(node.op, Op::Quantize))
        };
        let border = self.uses.readers(id).iter().all(quantizes) && !self.uses.is_output(id);
        match self.known.get(&id) {
            Some(Known::Host) if border => {
                let view = self.border(node.output)?;
                let name = &self.tensor(node.inputs[0]).name;
                self.port(name, self.tensor(node.output), &view, true);
                Ok(Known::Map(view))
            }
            _ => self.quantize_real(node),
        }
    }

    fn moved(&self, node: &Node, how: impl Fn(&View) -> Option<View>) -> Lowered<Known> {
        let refused = || {
            let shape = &self.tensor(node.output).shape;
            Refusal::new(
                format!("its result {shape:?} tears rows, pixels or channels apart"),
                "reorder the model so that channels stay together",
            )
        };
        match node.inputs.first().and_then(|id| self.known.get(id)) {
            Some(Known::Map(view)) => how(view).map(Known::Map).ok_or_else(refused),
            Some(Known::Real(real)) => {
                let view = how(&real.view).ok_or_else(refused)?;
                Ok(Known::Real(Real { view, ..real.clone() }))
            }
            _ => Err(Refusal::new(
                "it moves an input that is not quantized",
                "quantize the input first",
            )),
        }
    }

    fn reshape(&mut self, node: &Node) -> Lowered<Known> {
        let shape = &self.tensor(node.output).shape;
        self.moved(node, |view| view.reshaped(&self.net, shape))
    }
}
