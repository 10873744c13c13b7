//! `npugen graph`: what the compiler sees in an ONNX file.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use ndarray::{ArrayD, IxDyn};
use ndarray_npy::NpzWriter;

use super::inputs::{self, Inputs};
use super::{print, say};
use crate::error::Error;
use crate::files;
use crate::graph::import::{self, Options};
use crate::graph::{Elements, Fault, Graph, Problem, Problems, Tensor, eval, passes, show};
use crate::onnx::Model;

/// Show what the compiler sees in an ONNX file, and compute it with the reference.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen graph tests/data/digits_int8.onnx                 operators, shapes, quantization, MACs
  npugen graph tests/data/digits_int8.onnx --pass import   the graph before all passes
  npugen graph tests/data/digits_int8.onnx --format dot > digits.dot
  npugen graph tests/data/digits_int8.onnx --format json > digits.json
  npugen graph tests/data/digits_int8.onnx --shape input=1x1x8x8

With --input, a NumPy archive that holds each input by its name, the network is computed by the
reference, and --output takes every tensor by its ONNX name. An input with one dimension more than
the model has is a list of inputs; the outputs are lists then.

docs/graph.md lists the passes, and `npugen operators` what is supported.")]
pub struct Args {
    /// The ONNX file.
    model: PathBuf,
    /// Shape of an input, or extent of a dimension that the model names. May be given again.
    #[arg(long, value_name = "NAME=1x3x224x224")]
    shape: Vec<String>,
    /// Stop after this pass; `import` stops before the first.
    #[arg(long, value_name = "NAME")]
    pass: Option<String>,
    /// How the graph is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Inputs to compute the network with.
    #[arg(long, value_name = "FILE.npz")]
    input: Option<PathBuf>,
    /// Where to put the tensors computed.
    #[arg(long, value_name = "FILE.npz", requires = "input")]
    output: Option<PathBuf>,
    /// Tensors to put there, by their names; left out, all but constants.
    #[arg(long, value_name = "NAME", requires = "output")]
    tensor: Vec<String>,
}

/// How a graph is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line per operator.
    Table,
    /// Everything but the elements of constants.
    Json,
    /// A drawing for Graphviz.
    Dot,
    /// Nothing.
    None,
}

fn data(fault: Fault) -> Error {
    Error::Data { message: fault.message, remedy: fault.remedy }
}

/// Reads a model and runs the passes.
pub fn open(path: &Path, shapes: &[String], last: Option<&str>) -> Result<Graph, Error> {
    let file = path.display().to_string();
    let problems = |problems| Error::Graph(Box::new(Problems { file: file.clone(), problems }));
    let model = Model::from_bytes(&files::read(path, files::DATA_LIMIT)?).map_err(|error| {
        let remedy = "check the file with `onnx.checker.check_model`";
        problems(vec![Problem::new("the file", error.to_string(), remedy)])
    })?;
    let mut options = Options::default();
    for text in shapes {
        options.add(&model, text).map_err(|fault| Error::Usage {
            message: format!("--shape: {}", fault.message),
            remedy: fault.remedy,
        })?;
    }
    let mut graph = import::graph(&model, &options).map_err(problems)?;
    passes::run(&mut graph, last).map_err(data)?;
    let remaining = if last.is_none() { passes::remaining(&graph) } else { Vec::new() };
    if remaining.is_empty() { Ok(graph) } else { Err(problems(remaining)) }
}

/// Prints and computes.
pub fn run(args: &Args) -> Result<(), Error> {
    if let Some(name) = &args.pass {
        // Before a long file is read.
        passes::run(&mut Graph::default(), Some(name)).or_else(|fault| {
            let known = passes::ALL.iter().any(|pass| pass.name == name) || name == passes::IMPORT;
            if known { Ok(()) } else { Err(usage(fault)) }
        })?;
    }
    let graph = open(&args.model, &args.shape, args.pass.as_deref())?;
    let inputs = args.input.as_deref().map(|path| inputs::archive(path, &graph)).transpose()?;
    match args.format {
        Format::Table => print(&show::table(&graph))?,
        Format::Json => print(&format!("{:#}\n", show::json(&graph)))?,
        Format::Dot => print(&show::dot(&graph))?,
        Format::None => {}
    }
    match inputs {
        Some(inputs) => compute(args, &graph, &inputs),
        None => Ok(()),
    }
}

fn usage(fault: Fault) -> Error {
    Error::Usage { message: fault.message, remedy: fault.remedy }
}

/// Computes all inputs and writes what was asked for.
fn compute(args: &Args, graph: &Graph, inputs: &Inputs) -> Result<(), Error> {
    let names =
        |tensor: &Tensor| [std::slice::from_ref(&tensor.name), tensor.aliases.as_slice()].concat();
    let uses = graph.uses();
    let wanted: Vec<(crate::graph::TensorId, String)> = graph
        .tensors()
        .filter(|(id, _)| uses.producer(*id).is_some() || uses.is_output(*id))
        .flat_map(|(id, tensor)| names(tensor).into_iter().map(move |name| (id, name)))
        .filter(|(_, name)| args.tensor.is_empty() || args.tensor.contains(name))
        .collect();
    if let Some(missing) = args.tensor.iter().find(|name| !wanted.iter().any(|w| w.1 == **name)) {
        return Err(Error::Usage {
            message: format!("the graph computes no tensor `{missing}`"),
            remedy: "`--format json` lists them, or see it before fusion with `--pass import`"
                .into(),
        });
    }
    let mut found: Vec<Vec<Elements>> = vec![Vec::new(); wanted.len()];
    for run in &inputs.runs {
        let values = eval::run(graph, run).map_err(|problem| Error::Data {
            message: problem.to_string(),
            remedy: problem.remedy,
        })?;
        if args.output.is_none() {
            continue;
        }
        for (list, (id, _)) in found.iter_mut().zip(&wanted) {
            if let Some(value) = values.get(id) {
                list.push(value.as_ref().clone());
            }
        }
    }
    let Some(path) = &args.output else {
        say("computed; `--output FILE.npz` takes the tensors");
        return Ok(());
    };
    let failed = |error: String| Error::write(path, std::io::Error::other(error));
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = NpzWriter::new(&mut bytes);
    let mut written = std::collections::HashSet::new();
    for ((id, name), runs) in wanted.iter().zip(&found) {
        if !written.insert(name) {
            continue;
        }
        let tensor = graph.tensor(*id);
        let mut shape = tensor.shape.clone();
        if inputs.list {
            shape.insert(0, runs.len());
        }
        put(&mut writer, name, &shape, runs, tensor.unsigned).map_err(failed)?;
    }
    writer.finish().map_err(|error| failed(error.to_string()))?;
    files::write(path, &bytes.into_inner())
}

/// Writes the results of all runs as one array.
fn put(
    writer: &mut NpzWriter<&mut Cursor<Vec<u8>>>,
    name: &str,
    shape: &[usize],
    runs: &[Elements],
    unsigned: bool,
) -> Result<(), String> {
    macro_rules! write {
        ($variant:ident, $convert:expr) => {{
            let mut all = Vec::new();
            for run in runs {
                if let Elements::$variant(values) = run {
                    all.extend(values.iter().copied().map($convert));
                }
            }
            let array = ArrayD::from_shape_vec(IxDyn(shape), all).map_err(|e| e.to_string())?;
            writer.add_array(name, &array).map_err(|e| e.to_string())
        }};
    }
    match runs.first() {
        Some(Elements::F32(_)) => write!(F32, |v: f32| v),
        Some(Elements::I8(_)) if unsigned => write!(I8, |v: i8| v.cast_unsigned() ^ 0x80),
        Some(Elements::I8(_)) => write!(I8, |v: i8| v),
        Some(Elements::I32(_)) => write!(I32, |v: i32| v),
        Some(Elements::I64(_)) => write!(I64, |v: i64| v),
        Some(Elements::Bool(_)) => write!(Bool, |v: bool| v),
        None => Ok(()),
    }
}
