//! A node on its way into the graph: its operands and attributes, and the operators it becomes.

use std::collections::HashSet;

use super::{Import, Known, elements, label};
use crate::graph::eval::{self, Operand};
use crate::graph::infer;
use crate::graph::op::{Binary, Op, Unary};
use crate::graph::tensor::{Dtype, Elements, Quantization, Tensor};
use crate::graph::{Fault, Node, TensorId};
use crate::onnx::proto::{AttributeProto, NodeProto};

/// Most elements of all constants that are computed at import.
const MOST_FOLDED: usize = 1 << 26;

/// A node with the graph it goes into.
pub struct Context<'i, 'm> {
    import: &'i mut Import<'m>,
    node: &'m NodeProto,
    /// Name for messages and provenance.
    label: String,
    /// Version of the operator set.
    pub version: i64,
    read: HashSet<&'static str>,
    /// Operators made so far, for their names.
    made: usize,
}

/// What operators of the graph a node became: one tensor per output.
pub type Made = Result<Vec<TensorId>, Fault>;

impl<'i, 'm> Context<'i, 'm> {
    pub fn new(
        import: &'i mut Import<'m>,
        node: &'m NodeProto,
        index: usize,
        domain: &str,
    ) -> Context<'i, 'm> {
        let version = import.model.opsets.get(domain).copied().unwrap_or(1);
        let label = label(node, index);
        Context { import, node, label, version, read: HashSet::new(), made: 0 }
    }

    /// Binds the tensors made to the names of the outputs.
    pub fn outputs(&mut self, made: &[TensorId]) -> Result<(), Fault> {
        for (index, name) in self.node.output.iter().enumerate() {
            if name.is_empty() {
                continue;
            }
            match made.get(index) {
                Some(&id) => {
                    let tensor = self.import.graph.tensor_mut(id);
                    // A node that became nothing passes its operand on.
                    if tensor.name.starts_with(UNNAMED) {
                        tensor.name.clone_from(name);
                    } else {
                        tensor.aliases.push(name.clone());
                    }
                    self.import.names.insert(name.clone(), Known::Tensor(id));
                }
                None if self.import.read.contains(name.as_str()) => {
                    return Err(Fault::new(
                        format!(
                            "its output {index} (`{name}`) is used, but only {} is computed",
                            made.len()
                        ),
                        "remove what uses it",
                    ));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn attribute(&mut self, name: &'static str) -> Option<&'m AttributeProto> {
        self.read.insert(name);
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    /// Refuses attributes that nobody asked for: they mean something that would not be done.
    pub fn all_attributes_read(&self) -> Result<(), Fault> {
        match self.node.attribute.iter().find(|a| !self.read.contains(a.name.as_str())) {
            Some(attribute) => Err(Fault::new(
                format!("its attribute `{}` is not understood", attribute.name),
                "remove the attribute, or express the operator by others",
            )),
            None => Ok(()),
        }
    }

    pub fn int(&mut self, name: &'static str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    pub fn flag(&mut self, name: &'static str, default: bool) -> bool {
        self.int(name, default.into()) != 0
    }

    pub fn float(&mut self, name: &'static str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |a| a.f)
    }

    pub fn has(&mut self, name: &'static str) -> bool {
        self.attribute(name).is_some()
    }

    pub fn ints(&mut self, name: &'static str) -> Option<Vec<i64>> {
        self.attribute(name).map(|a| a.ints.clone())
    }

    pub fn floats(&mut self, name: &'static str) -> Option<Vec<f32>> {
        self.attribute(name).map(|a| a.floats.clone())
    }

    pub fn text(&mut self, name: &'static str, default: &str) -> String {
        self.attribute(name)
            .map_or_else(|| default.to_owned(), |a| String::from_utf8_lossy(&a.s).into_owned())
    }

    /// A tensor attribute.
    pub fn tensor_attribute(&mut self, name: &'static str) -> Result<Option<Tensor>, Fault> {
        let Some(proto) = self.attribute(name).and_then(|a| a.t.as_ref()) else {
            return Ok(None);
        };
        let tensor = crate::onnx::Tensor::from_proto(proto)
            .map_err(|error| Fault::new(format!("`{name}`: {error}"), "save the model again"))?;
        Ok(Some(super::constant(&tensor.name, &tensor.dims, &tensor.data)))
    }

    /// An attribute that must have this value.
    pub fn only(&mut self, name: &'static str, allowed: i64) -> Result<(), Fault> {
        match self.int(name, allowed) {
            value if value == allowed => Ok(()),
            value => Err(Fault::new(
                format!("its attribute `{name}` is {value}, but only {allowed} is supported"),
                "export the model with that value",
            )),
        }
    }

    /// Number of operands, those left out in between included.
    pub fn count(&self) -> usize {
        self.node.input.len()
    }

    pub fn output_count(&self) -> usize {
        self.node.output.len()
    }

    pub fn optional(&self, index: usize) -> Option<TensorId> {
        let name = self.node.input.get(index)?;
        match self.import.names.get(name.as_str()) {
            Some(Known::Tensor(id)) if !name.is_empty() => Some(*id),
            _ => None,
        }
    }

    pub fn input(&self, index: usize) -> Result<TensorId, Fault> {
        self.optional(index)
            .ok_or_else(|| Fault::new(format!("its input {index} is missing"), "give it one"))
    }

    pub fn tensor(&self, id: TensorId) -> &Tensor {
        self.import.graph.tensor(id)
    }

    pub fn shape(&self, id: TensorId) -> Vec<usize> {
        self.tensor(id).shape.clone()
    }

    /// An axis that may count from the end.
    pub fn axis(&self, value: i64, rank: usize) -> Result<usize, Fault> {
        let from_end = if value < 0 { value.saturating_add_unsigned(rank as u64) } else { value };
        usize::try_from(from_end).ok().filter(|&axis| axis < rank).ok_or_else(|| {
            Fault::new(
                format!("its axis {value} is not one of {rank} dimensions"),
                format!("give -{rank} to {}", rank.saturating_sub(1)),
            )
        })
    }

    fn not_constant(&self, id: TensorId, what: &str) -> Fault {
        Fault::new(
            format!("{what} (`{}`) is not a constant", self.tensor(id).name),
            "it must be known when the program is made: fold constants (onnxsim), fix the shapes with `--shape`, or export the model so",
        )
    }

    /// Integers of a constant.
    pub fn integers(&self, id: TensorId, what: &str) -> Result<Vec<i64>, Fault> {
        let value = elements(self.tensor(id)).ok_or_else(|| self.not_constant(id, what))?;
        value.integers().ok_or_else(|| {
            let kind = value.dtype().name();
            Fault::new(format!("{what} is of type {kind}, but must be integers"), "change its type")
        })
    }

    /// binary32 numbers of a constant.
    pub fn numbers(&self, id: TensorId, what: &str) -> Result<Vec<f32>, Fault> {
        let value = elements(self.tensor(id)).ok_or_else(|| self.not_constant(id, what))?;
        value.floats().map(<[f32]>::to_vec).ok_or_else(|| {
            let kind = value.dtype().name();
            Fault::new(format!("{what} is of type {kind}, but must be float"), "change its type")
        })
    }

    /// Adds a constant.
    pub fn constant(&mut self, shape: &[usize], value: Elements) -> TensorId {
        let name = self.unnamed();
        self.import.graph.add(Tensor::constant(name, shape, value))
    }

    /// Adds a number.
    pub fn number(&mut self, value: f32) -> TensorId {
        self.constant(&[], Elements::F32(vec![value]))
    }

    /// Adds a constant made from a tensor.
    pub fn add(&mut self, tensor: Tensor) -> TensorId {
        let name = self.unnamed();
        self.import.graph.add(Tensor { name, ..tensor })
    }

    /// Names of tensors between the operators of a node; those of outputs are replaced.
    fn unnamed(&mut self) -> String {
        self.made += 1;
        format!("{UNNAMED}{}/{}", self.label, self.made)
    }

    /// Adds an operator whose result has the type and quantization of its first operand.
    pub fn op(&mut self, op: Op, inputs: &[TensorId]) -> Made {
        self.shaped(op, inputs, None).map(|id| vec![id])
    }

    /// The same, giving the one result.
    pub fn one(&mut self, op: Op, inputs: &[TensorId]) -> Result<TensorId, Fault> {
        self.shaped(op, inputs, None)
    }

    pub fn unary(&mut self, function: Unary) -> Made {
        let x = self.input(0)?;
        self.op(Op::Unary(function), &[x])
    }

    pub fn binary(&mut self, function: Binary) -> Made {
        let operands = [self.input(0)?, self.input(1)?];
        self.op(Op::Binary(function), &operands)
    }

    /// A view of another shape.
    pub fn reshape(&mut self, x: TensorId, shape: &[usize]) -> Result<TensorId, Fault> {
        if self.tensor(x).shape == shape {
            return Ok(x);
        }
        self.shaped(Op::Reshape, &[x], Some(shape))
    }

    /// Adds an operator; `wanted` is the shape of a view, an expansion or a slice.
    pub fn shaped(
        &mut self,
        op: Op,
        inputs: &[TensorId],
        wanted: Option<&[usize]>,
    ) -> Result<TensorId, Fault> {
        let operands: Vec<&Tensor> = inputs.iter().map(|&id| self.tensor(id)).collect();
        let (shape, dtype) = infer::result(&op, &operands, wanted)?;
        infer::types(&op, &operands)?;
        let first = match op {
            Op::Where => operands.get(1),
            _ => operands.first(),
        };
        let mut output = Tensor::new("", &shape, dtype);
        if let Some(first) = first.filter(|first| first.dtype == dtype) {
            output.unsigned = first.unsigned;
            output.quant = first.quant.clone().filter(|quant| quant.axis.is_none());
        }
        self.result(op, inputs, output)
    }

    /// Adds an operator with this result, which is computed at once if its operands are constant.
    pub fn result(
        &mut self,
        op: Op,
        inputs: &[TensorId],
        mut output: Tensor,
    ) -> Result<TensorId, Fault> {
        output.name = self.unnamed();
        let graph = &self.import.graph;
        let operands: Option<Vec<Operand>> = inputs
            .iter()
            .map(|&id| {
                let tensor = graph.tensor(id);
                Some(Operand { tensor, value: tensor.value.as_deref()? })
            })
            .collect();
        if let Some(operands) = operands
            && !matches!(op, Op::Dequantize)
        {
            let folded = self.import.folded.saturating_add(output.len());
            if folded > MOST_FOLDED {
                return Err(Fault::new(
                    format!(
                        "its constant result {:?} makes more than {MOST_FOLDED} elements of computed constants, the limit",
                        output.shape
                    ),
                    "make it smaller",
                ));
            }
            self.import.folded = folded;
            let value = eval::apply(&op, None, &operands, &output)
                .map_err(|fail| Fault::new(fail.message, "correct the constants it reads"))?;
            output.value = Some(std::sync::Arc::new(value));
            return Ok(self.import.graph.add(output));
        }
        let graph = &mut self.import.graph;
        let id = graph.add(output);
        let origin = vec![self.label.clone()];
        graph.nodes.push(Node {
            name: self.label.clone(),
            op,
            inputs: inputs.to_vec(),
            output: id,
            clamp: None,
            origin,
        });
        Ok(id)
    }

    /// States how integers stand for numbers. A constant that is used in two ways is copied.
    pub fn quantize(&mut self, id: TensorId, quant: Quantization) -> Result<TensorId, Fault> {
        let tensor = self.import.graph.tensor_mut(id);
        match &tensor.quant {
            Some(known) if *known == quant => Ok(id),
            None => {
                tensor.quant = Some(quant);
                Ok(id)
            }
            Some(_) if tensor.is_constant() => {
                let copy = Tensor { quant: Some(quant), ..tensor.clone() };
                Ok(self.import.graph.add(copy))
            }
            Some(known) => {
                let text =
                    |q: &Quantization| format!("scale {:e}, zero point {}", q.at(0).0, q.at(0).1);
                Err(Fault::new(
                    format!(
                        "`{}` is read with {}, but elsewhere with {}",
                        tensor.name,
                        text(&quant),
                        text(known)
                    ),
                    "quantize it once, with one scale and zero point",
                ))
            }
        }
    }

    /// Elements of another type.
    pub fn cast(&mut self, x: TensorId, dtype: Dtype) -> Result<TensorId, Fault> {
        if self.tensor(x).dtype == dtype {
            return Ok(x);
        }
        let output = Tensor::new("", &self.shape(x), dtype);
        self.result(Op::Cast, &[x], output)
    }
}

/// Begins the names of tensors that have none in the file.
pub const UNNAMED: &str = "%";
