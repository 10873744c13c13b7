//! `npugen graph`: what the compiler sees in an ONNX file.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use ndarray::{ArrayD, IxDyn};
use ndarray_npy::{NpzReader, NpzWriter, ReadNpzError};

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

docs/graph.md lists the passes and the operators that are supported.")]
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
    let inputs = args.input.as_deref().map(|path| read(path, &graph)).transpose()?;
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

/// Inputs for one computation or several.
struct Inputs {
    /// Elements of each input, for each computation.
    runs: Vec<Vec<Elements>>,
    /// Whether outputs are lists.
    list: bool,
}

/// The arrays of an archive that are the network's inputs.
fn read(path: &Path, graph: &Graph) -> Result<Inputs, Error> {
    let refused = |message: String, remedy: &str| Error::Data {
        message: format!("`{}`: {message}", path.display()),
        remedy: remedy.to_owned(),
    };
    let bytes = files::read(path, files::DATA_LIMIT)?;
    let broken = |error: ReadNpzError| refused(error.to_string(), "save it with `numpy.savez`");
    let mut archive = NpzReader::new(Cursor::new(bytes.as_slice())).map_err(broken)?;
    let mut all = Vec::new();
    for &id in &graph.inputs {
        let tensor = graph.tensor(id);
        let Some((shape, elements)) = array(&mut archive, tensor) else {
            let names = archive.names().unwrap_or_default().join(", ");
            return Err(refused(
                format!("no array `{}` of type {}", tensor.name, type_of(tensor)),
                &format!("there are: {names}"),
            ));
        };
        let list = shape.len() == tensor.shape.len() + 1 && shape[1..] == tensor.shape;
        if shape != tensor.shape && !list {
            return Err(refused(
                format!("array `{}` has shape {shape:?}, not {:?}", tensor.name, tensor.shape),
                "give it the shape the model has, or a list of such",
            ));
        }
        all.push((list, elements, tensor.len()));
    }
    let list = all.iter().any(|(list, ..)| *list);
    let counts: Vec<usize> =
        all.iter().filter(|a| a.0).map(|(_, e, n)| e.len().checked_div(*n).unwrap_or(0)).collect();
    let count = counts.iter().copied().min().unwrap_or(1);
    if counts.iter().any(|&other| other != count) {
        return Err(refused("its lists have different lengths".to_owned(), "make them equal"));
    }
    let part = |(list, elements, n): &(bool, Elements, usize), run: usize| {
        if *list { elements.pick(run * n..(run + 1) * n) } else { elements.clone() }
    };
    let runs = (0..count).map(|run| all.iter().map(|input| part(input, run)).collect()).collect();
    Ok(Inputs { runs, list })
}

/// The element type of the file.
fn type_of(tensor: &Tensor) -> &'static str {
    if tensor.unsigned { "uint8" } else { tensor.dtype.name() }
}

/// An array of an archive, in the type of a tensor.
fn array(
    archive: &mut NpzReader<Cursor<&[u8]>>,
    tensor: &Tensor,
) -> Option<(Vec<usize>, Elements)> {
    macro_rules! read {
        ($kind:ty) => {{
            let array: ArrayD<$kind> = archive.by_name(&tensor.name).ok()?;
            (array.shape().to_vec(), array.into_iter().collect::<Vec<$kind>>())
        }};
    }
    Some(match tensor.dtype {
        crate::graph::Dtype::F32 => {
            let (shape, values) = read!(f32);
            (shape, Elements::F32(values))
        }
        crate::graph::Dtype::I8 if tensor.unsigned => {
            let (shape, values) = read!(u8);
            let shifted = values.into_iter().map(|v| (v ^ 0x80).cast_signed()).collect();
            (shape, Elements::I8(shifted))
        }
        crate::graph::Dtype::I8 => {
            let (shape, values) = read!(i8);
            (shape, Elements::I8(values))
        }
        crate::graph::Dtype::I32 => {
            let (shape, values) = read!(i32);
            (shape, Elements::I32(values))
        }
        crate::graph::Dtype::I64 => {
            let (shape, values) = read!(i64);
            (shape, Elements::I64(values))
        }
        crate::graph::Dtype::Bool => {
            let (shape, values) = read!(bool);
            (shape, Elements::Bool(values))
        }
    })
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
