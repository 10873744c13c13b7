//! From an ONNX file to a graph: every node becomes operators, shapes become static, and what
//! depends on constants alone is computed at once. All that cannot be taken is reported together.
//!
//! uint8 tensors become int8 ones, 128 less, and so do their zero points. Quantized constants are
//! not dequantized here, so that a later pass finds their bytes.

mod context;
mod math;
mod movement;
mod nn;
mod quant;
mod resize;
mod table;
mod window;

pub use table::{Row, rows};

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use self::context::Context;
use super::infer::MOST_ELEMENTS;
use super::tensor::{Dtype, Elements, Tensor};
use super::{Fault, Graph, Problem, TensorId};
use crate::onnx::proto::{NodeProto, ValueInfoProto};
use crate::onnx::tensor::type_name;
use crate::onnx::{Data, Model};

/// Versions of the standard operator set that are understood: those onnx 1.23 defines. A later
/// version's new attributes are refused where they occur.
pub const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// What the user says about a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Shapes of inputs, by name.
    pub shapes: IndexMap<String, Vec<usize>>,
    /// Extents, by the name of the dimension.
    pub extents: IndexMap<String, usize>,
}

impl Options {
    /// Takes `input=1x3x224x224` or `dimension=8`, as `--shape` does.
    pub fn add(&mut self, model: &Model, text: &str) -> Result<(), Fault> {
        let form = || {
            Fault::new(
                format!("`{text}` is not of the form NAME=1x3x224x224 or DIMENSION=8"),
                "give extents of at least 1 with `x` between them",
            )
        };
        let (name, list) = text.rsplit_once('=').ok_or_else(form)?;
        let extents: Vec<usize> = match list {
            "" => Vec::new(),
            list => {
                list.split('x').map(str::parse).collect::<Result<_, _>>().map_err(|_| form())?
            }
        };
        if extents.contains(&0) {
            return Err(form());
        }
        if model.inputs.iter().any(|input| input.name == name) {
            self.shapes.insert(name.to_owned(), extents);
            return Ok(());
        }
        let known: IndexMap<&str, ()> = model
            .inputs
            .iter()
            .flat_map(|input| dims(input).unwrap_or_default())
            .map(|(_, name)| (name, ()))
            .filter(|(name, ())| !name.is_empty())
            .collect();
        match extents.as_slice() {
            &[extent] if known.contains_key(name) => {
                self.extents.insert(name.to_owned(), extent);
                Ok(())
            }
            _ => {
                let inputs: Vec<&str> =
                    model.inputs.iter().map(|input| input.name.as_str()).collect();
                let dimensions: Vec<&str> = known.keys().copied().collect();
                Err(Fault::new(
                    format!("the model has no input `{name}`, nor a dimension of that name"),
                    format!("inputs: {}; dimensions: {}", listed(&inputs), listed(&dimensions)),
                ))
            }
        }
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The dimensions of an input, as number and name; none when it has no shape.
fn dims(value: &ValueInfoProto) -> Option<Vec<(i64, &str)>> {
    let shape = value.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    Some(shape.dim.iter().map(|d| (d.dim_value, d.dim_param.as_str())).collect())
}

/// Whether a tensor has a name in the file, and does not lie between operators that one node of the
/// file became.
pub fn is_named(tensor: &Tensor) -> bool {
    !tensor.name.starts_with(context::UNNAMED)
}

/// What a name of the ONNX graph stands for.
#[derive(Debug, Clone, Copy)]
enum Known {
    Tensor(TensorId),
    /// Its node could not be taken; what depends on it is not reported again.
    Lost,
}

/// A graph in the making.
struct Import<'m> {
    model: &'m Model,
    graph: Graph,
    names: HashMap<String, Known>,
    /// Names that a node reads or the network puts out.
    read: HashSet<&'m str>,
    problems: Vec<Problem>,
    /// Elements of constants computed so far.
    folded: usize,
}

/// Makes a graph of a model.
pub fn graph(model: &Model, options: &Options) -> Result<Graph, Vec<Problem>> {
    let inputs = model.nodes.iter().flat_map(|node| &node.input);
    let outputs = model.outputs.iter().map(|output| &output.name);
    let mut import = Import {
        model,
        graph: Graph::default(),
        names: HashMap::new(),
        read: inputs.chain(outputs).map(String::as_str).collect(),
        problems: Vec::new(),
        folded: 0,
    };
    import.opsets();
    let mut seen = HashSet::new();
    for input in &model.inputs {
        if !seen.insert(input.name.as_str()) {
            import.problems.push(Problem::new(
                format!("input `{}`", input.name),
                "there are two inputs of this name",
                "rename one of them",
            ));
        }
        import.input(input, options);
    }
    for tensor in model.constants.values() {
        let constant = constant(&tensor.name, &tensor.dims, &tensor.data);
        let id = import.graph.add(constant);
        import.names.insert(tensor.name.clone(), Known::Tensor(id));
    }
    for index in import.order() {
        import.node(index);
    }
    for output in &model.outputs {
        match import.names.get(&output.name) {
            Some(Known::Tensor(id)) => import.graph.outputs.push(*id),
            Some(Known::Lost) => {}
            None => import.problems.push(Problem::new(
                format!("output `{}`", output.name),
                "nothing computes it",
                "correct its name",
            )),
        }
    }
    if model.outputs.is_empty() {
        import.problems.push(Problem::new("the network", "it has no outputs", "give it some"));
    }
    if import.problems.is_empty() { Ok(import.graph) } else { Err(import.problems) }
}

/// A constant of the file as one of the graph: uint8 less 128, binary64 rounded to binary32.
fn constant(name: &str, dims: &[usize], data: &Data) -> Tensor {
    let value = match data {
        Data::F32(v) => Elements::F32(v.clone()),
        Data::F64(v) => Elements::F32(v.iter().map(|&x| x as f32).collect()),
        Data::U8(v) => Elements::I8(v.iter().map(|&x| (x ^ 0x80).cast_signed()).collect()),
        Data::I8(v) => Elements::I8(v.clone()),
        Data::I32(v) => Elements::I32(v.clone()),
        Data::I64(v) => Elements::I64(v.clone()),
        Data::Bool(v) => Elements::Bool(v.clone()),
    };
    let unsigned = matches!(data, Data::U8(_));
    Tensor { unsigned, ..Tensor::constant(name, dims, value) }
}

/// An element type of ONNX, and whether it is uint8.
fn dtype(kind: i32) -> Result<(Dtype, bool), Fault> {
    Ok(match kind {
        1 => (Dtype::F32, false),
        2 => (Dtype::I8, true),
        3 => (Dtype::I8, false),
        6 => (Dtype::I32, false),
        7 => (Dtype::I64, false),
        9 => (Dtype::Bool, false),
        other => {
            return Err(Fault::new(
                format!(
                    "its element type is {}, but float, uint8, int8, int32, int64 and bool are allowed",
                    type_name(other)
                ),
                match other {
                    10 | 11 | 16 => "convert the model to float (binary32)",
                    _ => "change the type",
                },
            ));
        }
    })
}

impl<'m> Import<'m> {
    fn opsets(&mut self) {
        let version = self.model.opsets.get("").copied();
        if let Some(version) = version.filter(|version| !OPSETS.contains(version)) {
            self.problems.push(Problem::new(
                "the network",
                format!(
                    "it uses version {version} of the ONNX operators, but {} to {} are understood",
                    OPSETS.start(),
                    OPSETS.end()
                ),
                "convert it with `onnx.version_converter.convert_version(model, 17)`",
            ));
        }
    }

    fn input(&mut self, input: &ValueInfoProto, options: &Options) {
        let place = format!("input `{}`", input.name);
        let kind = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let taken = match kind {
            Some(kind) => dtype(kind.elem_type),
            None => Err(Fault::new("it is not a tensor", "only tensors can be inputs")),
        };
        let taken = taken.and_then(|kind| Ok((kind, shape(input, options)?)));
        match taken {
            Ok(((dtype, unsigned), shape)) => {
                let tensor = Tensor::new(input.name.clone(), &shape, dtype);
                let id = self.graph.add(Tensor { unsigned, ..tensor });
                self.graph.inputs.push(id);
                self.names.insert(input.name.clone(), Known::Tensor(id));
            }
            Err(fault) => {
                self.problems.push(fault.at(place));
                self.names.insert(input.name.clone(), Known::Lost);
            }
        }
    }

    /// The nodes in an order in which each comes after what it reads; a cycle is a problem.
    fn order(&mut self) -> Vec<usize> {
        let nodes = &self.model.nodes;
        let mut makers: HashMap<&str, usize> = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            for output in node.output.iter().filter(|name| !name.is_empty()) {
                let twice = makers.insert(output, index).is_some();
                if twice || self.names.contains_key(output.as_str()) {
                    self.problems.push(Problem::new(
                        place(node, index),
                        format!("`{output}` is made more than once"),
                        "rename one of them",
                    ));
                }
            }
        }
        let mut waiting = vec![0_usize; nodes.len()];
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            for input in &node.input {
                if let Some(&maker) = makers.get(input.as_str()) {
                    waiting[index] += 1;
                    readers[maker].push(index);
                }
            }
        }
        // In the order of the file wherever that is one.
        let mut ready: std::collections::BTreeSet<usize> =
            (0..nodes.len()).filter(|&index| waiting[index] == 0).collect();
        let mut order = Vec::with_capacity(nodes.len());
        while let Some(index) = ready.pop_first() {
            order.push(index);
            for &reader in &readers[index] {
                waiting[reader] -= 1;
                if waiting[reader] == 0 {
                    ready.insert(reader);
                }
            }
        }
        if let Some(first) = (0..nodes.len()).find(|&index| waiting[index] > 0) {
            let count = nodes.len() - order.len();
            self.problems.push(Problem::new(
                place(&nodes[first], first),
                format!("it reads what is computed from its own result ({count} nodes wait for each other)"),
                "a network must have no cycle; unroll it",
            ));
            for node in nodes.iter().enumerate().filter(|(index, _)| waiting[*index] > 0) {
                for output in &node.1.output {
                    self.names.insert(output.clone(), Known::Lost);
                }
            }
        }
        order
    }

    fn node(&mut self, index: usize) {
        let node = &self.model.nodes[index];
        let mut lost = false;
        for input in node.input.iter().filter(|name| !name.is_empty()) {
            match self.names.get(input.as_str()) {
                Some(Known::Tensor(_)) => {}
                Some(Known::Lost) => lost = true,
                None => {
                    lost = true;
                    self.problems.push(Problem::new(
                        place(node, index),
                        format!("it reads `{input}`, which nothing computes"),
                        "correct the name, or add it as an input",
                    ));
                }
            }
        }
        let domain = if node.domain == "ai.onnx" { "" } else { node.domain.as_str() };
        let made = match table::find(domain, &node.op_type) {
            None => Some(Err(unknown(domain, &node.op_type))),
            Some(_) if lost => None,
            Some(operator) => {
                let before = self.graph.nodes.len();
                let mut context = Context::new(self, node, index, domain);
                let made = (operator.import)(&mut context).and_then(|made| {
                    context.all_attributes_read()?;
                    context.outputs(&made)
                });
                if made.is_err() {
                    self.graph.nodes.truncate(before);
                }
                Some(made)
            }
        };
        if let Some(Err(fault)) = &made {
            self.problems.push(fault.clone().at(place(node, index)));
        }
        if !matches!(made, Some(Ok(()))) {
            for output in &node.output {
                self.names.insert(output.clone(), Known::Lost);
            }
        }
    }
}

/// How messages name a node.
pub fn place(node: &NodeProto, index: usize) -> String {
    if node.name.is_empty() {
        let output = node.output.first().map_or("nothing", String::as_str);
        format!("node {index} ({}, makes `{output}`)", node.op_type)
    } else {
        format!("node `{}` ({})", node.name, node.op_type)
    }
}

/// How provenance names a node.
fn label(node: &NodeProto, index: usize) -> String {
    if node.name.is_empty() { format!("{}#{index}", node.op_type) } else { node.name.clone() }
}

fn unknown(domain: &str, name: &str) -> Fault {
    let from = if domain.is_empty() { String::new() } else { format!(" of `{domain}`") };
    let remedy = match name {
        "If" | "Loop" | "Scan" => {
            "run onnxruntime's or onnxsim's simplification, which removes control flow that depends on constants"
        }
        "LSTM" | "GRU" | "RNN" => {
            "recurrent networks are not supported; unroll it into MatMul, Sigmoid and Tanh"
        }
        "DynamicQuantizeLinear" => {
            "quantize statically (`quantize_static`): scales must be constants"
        }
        _ => {
            "express it by supported operators (docs/graph.md lists them), or leave this part of the network to the host"
        }
    };
    Fault::new(format!("the operator `{name}`{from} is not supported"), remedy)
}

/// The shape of an input, as given or as the file has it.
fn shape(input: &ValueInfoProto, options: &Options) -> Result<Vec<usize>, Fault> {
    let declared = dims(input);
    let name = &input.name;
    let shape = if let Some(given) = options.shapes.get(name) {
        let fits = |(&given, &(number, _)): (&usize, &(i64, &str))| {
            number <= 0 || i64::try_from(given) == Ok(number)
        };
        if let Some(declared) = &declared
            && (declared.len() != given.len() || !given.iter().zip(declared).all(fits))
        {
            let texts: Vec<String> = declared.iter().map(|d| dimension(*d)).collect();
            return Err(Fault::new(
                format!("`--shape` gives it {given:?}, but the model has [{}]", texts.join(", ")),
                "give numbers only where the model leaves them open",
            ));
        }
        given.clone()
    } else {
        let declared = declared.ok_or_else(|| {
            Fault::new("it has no shape", format!("give one: `--shape '{name}=1x3x224x224'`"))
        })?;
        let extent = |d: &(i64, &str)| {
            usize::try_from(d.0)
                .ok()
                .filter(|&n| n > 0 || d.1.is_empty() && d.0 > 0)
                .or_else(|| options.extents.get(d.1).copied())
        };
        let extents: Option<Vec<usize>> = declared.iter().map(extent).collect();
        extents.ok_or_else(|| {
            let texts: Vec<String> = declared.iter().map(|d| dimension(*d)).collect();
            let example: Vec<String> =
                declared.iter().map(|d| extent(d).unwrap_or(1).to_string()).collect();
            Fault::new(
                format!(
                    "its shape [{}] is not fixed, but a program has one shape",
                    texts.join(", ")
                ),
                format!("fix it: `--shape '{name}={}'`", example.join("x")),
            )
        })?
    };
    let count = shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    match count {
        Some(count) if count <= MOST_ELEMENTS => Ok(shape),
        _ => Err(Fault::new(
            format!("its shape {shape:?} has more than {MOST_ELEMENTS} elements, the limit"),
            "make it smaller",
        )),
    }
}

fn dimension((number, name): (i64, &str)) -> String {
    match (number, name) {
        (1.., _) => number.to_string(),
        (_, "") => "?".to_owned(),
        (_, name) => name.to_owned(),
    }
}

/// Elements of a constant, shared.
fn elements(tensor: &Tensor) -> Option<&Arc<Elements>> {
    tensor.value.as_ref()
}
