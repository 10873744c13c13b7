//! Inputs of a network from NumPy files.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use ndarray_npy::{NpzReader, ReadNpyExt, ReadNpzError, ReadableElement};

use crate::error::Error;
use crate::files;
use crate::graph::{Dtype, Elements, Graph, Tensor};

/// Inputs for one computation or several.
pub struct Inputs {
    /// Elements of each input, for each computation.
    pub runs: Vec<Vec<Elements>>,
    /// Whether outputs are lists.
    pub list: bool,
}

fn refused(path: &Path, message: String, remedy: &str) -> Error {
    Error::Data { message: format!("`{}`: {message}", path.display()), remedy: remedy.to_owned() }
}

/// Where arrays come from.
enum Source<'b> {
    Archive(NpzReader<Cursor<&'b [u8]>>),
    /// The one array of a file, which is the network's one input.
    Array(&'b [u8]),
}

impl Source<'_> {
    /// An array, if it is of this type.
    fn read<T: ReadableElement>(&mut self, name: &str) -> Option<(Vec<usize>, Vec<T>)> {
        let array: ArrayD<T> = match self {
            Source::Archive(archive) => {
                let prefixed = format!("input/{name}");
                archive.by_name(name).or_else(|_| archive.by_name(&prefixed)).ok()?
            }
            Source::Array(bytes) => ArrayD::read_npy(Cursor::new(*bytes)).ok()?,
        };
        Some((array.shape().to_vec(), array.into_iter().collect()))
    }

    /// An array in the type of a tensor.
    fn tensor(&mut self, tensor: &Tensor) -> Option<(Vec<usize>, Elements)> {
        let name = &tensor.name;
        Some(match tensor.dtype {
            Dtype::F32 => self.read(name).map(|(shape, v)| (shape, Elements::F32(v)))?,
            Dtype::I8 if tensor.unsigned => {
                let (shape, values) = self.read::<u8>(name)?;
                let shifted = values.into_iter().map(|v| (v ^ 0x80).cast_signed()).collect();
                (shape, Elements::I8(shifted))
            }
            Dtype::I8 => self.read(name).map(|(shape, v)| (shape, Elements::I8(v)))?,
            Dtype::I32 => self.read(name).map(|(shape, v)| (shape, Elements::I32(v)))?,
            Dtype::I64 => self.read(name).map(|(shape, v)| (shape, Elements::I64(v)))?,
            Dtype::Bool => self.read(name).map(|(shape, v)| (shape, Elements::Bool(v)))?,
        })
    }
}

/// The element type of the file.
fn type_of(tensor: &Tensor) -> &'static str {
    if tensor.unsigned { "uint8" } else { tensor.dtype.name() }
}

/// The arrays of an archive that are the network's inputs, by their names or `input/NAME`.
pub fn archive(path: &Path, graph: &Graph) -> Result<Inputs, Error> {
    let bytes = files::read(path, files::DATA_LIMIT)?;
    let broken =
        |error: ReadNpzError| refused(path, error.to_string(), "save it with `numpy.savez`");
    let mut archive = NpzReader::new(Cursor::new(bytes.as_slice())).map_err(broken)?;
    let names = archive.names().map_err(broken)?;
    let mut source = Source::Archive(archive);
    inputs(path, graph, &mut source, &format!("there are: {}", names.join(", ")))
}

/// The inputs in an archive, in a file with one array, or in all such files of a folder, in the
/// order of their names.
pub fn all(path: &Path, graph: &Graph) -> Result<Inputs, Error> {
    if !path.is_dir() {
        return one(path, graph);
    }
    let entries = std::fs::read_dir(path).map_err(|error| Error::read(path, error))?;
    let mut found: Vec<PathBuf> = entries
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::read(path, error))?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "npz" || end == "npy"))
        .collect();
    found.sort();
    if found.is_empty() {
        let message = "the folder has no `.npz` and no `.npy` file".to_owned();
        return Err(refused(path, message, "put some there, saved with `numpy.savez`"));
    }
    let mut all = Inputs { runs: Vec::new(), list: true };
    for path in &found {
        all.runs.extend(one(path, graph)?.runs);
    }
    Ok(all)
}

fn one(path: &Path, graph: &Graph) -> Result<Inputs, Error> {
    if path.extension().is_none_or(|end| end != "npy") {
        return archive(path, graph);
    }
    if graph.inputs.len() != 1 {
        let names: Vec<&str> = graph.inputs.iter().map(|&id| &*graph.tensor(id).name).collect();
        let message = format!("it has one array, but the network has {} inputs", names.len());
        let remedy = format!("save an archive with {}", names.join(", "));
        return Err(refused(path, message, &remedy));
    }
    let bytes = files::read(path, files::DATA_LIMIT)?;
    inputs(path, graph, &mut Source::Array(&bytes), "save it with `numpy.save`")
}

/// One array for each input; lists have one dimension more.
fn inputs(path: &Path, graph: &Graph, source: &mut Source, there: &str) -> Result<Inputs, Error> {
    let mut all = Vec::new();
    for &id in &graph.inputs {
        let tensor = graph.tensor(id);
        let Some((shape, elements)) = source.tensor(tensor) else {
            let message = format!("no array `{}` of type {}", tensor.name, type_of(tensor));
            return Err(refused(path, message, there));
        };
        let list = shape.len() == tensor.shape.len() + 1 && shape[1..] == tensor.shape;
        if shape != tensor.shape && !list {
            return Err(refused(
                path,
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
        let message = "its lists have different lengths".to_owned();
        return Err(refused(path, message, "make them equal"));
    }
    let part = |(list, elements, n): &(bool, Elements, usize), run: usize| {
        if *list { elements.pick(run * n..(run + 1) * n) } else { elements.clone() }
    };
    let runs = (0..count).map(|run| all.iter().map(|input| part(input, run)).collect()).collect();
    Ok(Inputs { runs, list })
}
