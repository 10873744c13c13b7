//! The arguments that choose a program, its machine and its data.

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};

use super::rtl_args::failed;
use crate::design::Design;
use crate::error::Error;
use crate::exec::compare::Input;
use crate::exec::tensor::{self, Values};
use crate::exec::{Executor, border};
use crate::files;
use crate::program::{Dtype, FileError, Program, Target, Tensor, asm};

/// Which program, on which machine, with which data.
#[derive(Debug, Clone, clap::Args)]
pub struct ProgramArgs {
    /// Program file, or assembly text (.npuasm).
    pub program: PathBuf,
    /// Configuration of the machine; left out, the one the program was made for.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Content of an input tensor, a NumPy file. May be given again.
    #[arg(short, long, value_name = "TENSOR=FILE.npy")]
    pub input: Vec<String>,
}

fn usage(message: String, remedy: &str) -> Error {
    Error::Usage { message, remedy: remedy.to_owned() }
}

/// `name=path`
fn pair(text: &str) -> Result<(&str, &Path), Error> {
    text.split_once('=').map(|(name, path)| (name, Path::new(path))).ok_or_else(|| {
        usage(format!("`{text}` is not of the form TENSOR=FILE.npy"), "see `--help`")
    })
}

impl ProgramArgs {
    /// Reads the program and the design it runs on.
    pub fn open(&self) -> Result<(Program, Design), Error> {
        open(&self.program, self.config.as_deref())
    }

    /// The inputs' bytes.
    pub fn inputs(&self, program: &Program) -> Result<Vec<Input>, Error> {
        self.input
            .iter()
            .map(|text| {
                let (name, path) = pair(text)?;
                let tensor = find(program, name)?;
                let values = border::store(tensor, &read_values(path)?).map_err(failed)?;
                let bytes = tensor::to_bytes(tensor, &values).map_err(failed)?;
                Ok(Input { region: tensor.region, offset: tensor.offset, bytes })
            })
            .collect()
    }
}

/// Reads a program file. Of another kind of file only the start is read.
pub fn read(path: &Path) -> Result<Program, Error> {
    let failed = |error| Error::Program { path: path.to_owned(), error };
    match Program::from_bytes(&files::start(path, 64)?) {
        Err(error @ (FileError::Empty | FileError::Foreign { .. } | FileError::Version { .. })) => {
            Err(failed(error))
        }
        _ => Program::from_bytes(&files::read(path, files::PROGRAM_LIMIT)?).map_err(failed),
    }
}

/// Reads a program, and the design given or else the one it was made for.
pub fn open(path: &Path, config: Option<&Path>) -> Result<(Program, Design), Error> {
    let design = config.map(design).transpose()?;
    let is_text = path.extension().is_some_and(|extension| extension == "npuasm");
    let program = if is_text {
        let text = files::read_text(path, files::DATA_LIMIT)?;
        let target = design.as_ref().map(Target::of);
        asm::assemble(&path.display().to_string(), &text, target.as_ref())
            .map_err(Error::Assembly)?
    } else {
        read(path)?
    };
    let design = match design {
        Some(design) => design,
        None => Design::from_text(&program.target.name, &program.target.config, &[])?,
    };
    Ok((program, design))
}

/// The design of a configuration file or preset.
pub fn design(config: &Path) -> Result<Design, Error> {
    let config = config.to_owned();
    super::DesignArgs { config: Some(config), rows: None, cols: None, set: Vec::new() }.design()
}

fn find<'p>(program: &'p Program, name: &str) -> Result<&'p Tensor, Error> {
    program.tensor(name).ok_or_else(|| {
        let known: Vec<&str> = program.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        usage(
            format!("the program has no tensor `{name}`"),
            &format!("it has: {}", if known.is_empty() { "none".into() } else { known.join(", ") }),
        )
    })
}

/// Tensors to be written, with their files; found before the run, so that a slip in a name does
/// not cost one.
pub fn outputs<'a>(
    program: &'a Program,
    outputs: &'a [String],
) -> Result<Vec<(&'a Tensor, &'a Path)>, Error> {
    outputs
        .iter()
        .map(|text| {
            let (name, path) = pair(text)?;
            Ok((find(program, name)?, path))
        })
        .collect()
}

/// Writes tensors after a run.
pub fn write_outputs(executor: &dyn Executor, outputs: &[(&Tensor, &Path)]) -> Result<(), Error> {
    for (tensor, path) in outputs {
        let stored = tensor::read(executor, tensor).map_err(failed)?;
        let values = border::restore(tensor, &stored);
        let shape: Vec<usize> = border::shape(tensor)
            .iter()
            .map(|&n| usize::try_from(n).unwrap_or(usize::MAX))
            .collect();
        files::write(path, &npy(path, &values, tensor.dtype, &shape)?)?;
    }
    Ok(())
}

fn read_as<T: ndarray_npy::ReadableElement>(bytes: &[u8]) -> Option<Vec<T>> {
    ArrayD::<T>::read_npy(bytes).ok().map(|array| array.into_iter().collect())
}

fn read_values(path: &Path) -> Result<Values, Error> {
    let bytes = files::read(path, files::DATA_LIMIT)?;
    let bytes = bytes.as_slice();
    let refused = |message: String| Error::Data {
        message,
        remedy: "known: float32, int8, uint8, int16, int32, int64, saved by numpy.save".to_owned(),
    };
    if elements_promised(bytes).is_none_or(|elements| elements > bytes.len() as u128) {
        return Err(refused(format!(
            "`{}` is not a NumPy array, or a part of one",
            path.display()
        )));
    }
    let wide = |values: Vec<i64>| Values::Int(values);
    read_as::<f32>(bytes)
        .map(Values::Float)
        .or_else(|| read_as::<i8>(bytes).map(|v| wide(v.into_iter().map(i64::from).collect())))
        .or_else(|| read_as::<u8>(bytes).map(|v| wide(v.into_iter().map(i64::from).collect())))
        .or_else(|| read_as::<i16>(bytes).map(|v| wide(v.into_iter().map(i64::from).collect())))
        .or_else(|| read_as::<i32>(bytes).map(|v| wide(v.into_iter().map(i64::from).collect())))
        .or_else(|| read_as::<i64>(bytes).map(wide))
        .ok_or_else(|| {
            refused(format!("`{}` is not a NumPy array of a known type", path.display()))
        })
}

/// Number of elements in the header of a NumPy array. Memory is set aside for as many before any is
/// read, so the number must be believable.
fn elements_promised(bytes: &[u8]) -> Option<u128> {
    let start = bytes.strip_prefix(b"\x93NUMPY")?;
    let header = start.get(..start.len().min(1 << 12))?;
    let header = String::from_utf8_lossy(header);
    let (_, shape) = header.split_once("'shape': (")?;
    let (shape, _) = shape.split_once(')')?;
    let extents = shape.split(',').map(str::trim).filter(|extent| !extent.is_empty());
    extents.map(|extent| extent.parse::<u128>().ok()).try_fold(1, |product: u128, extent| {
        // An empty array may have extents of any size beside the zero.
        product.checked_mul(extent?.max(1))
    })
}

/// The bytes of a NumPy file.
fn npy(path: &Path, values: &Values, dtype: Dtype, shape: &[usize]) -> Result<Vec<u8>, Error> {
    match (values, dtype) {
        (Values::Float(values), _) => encode(path, shape, values, |v| v),
        (Values::Int(values), Dtype::Int4 | Dtype::Int8) => {
            encode(path, shape, values, |v| v as i8)
        }
        (Values::Int(values), Dtype::Uint8) => encode(path, shape, values, |v| v as u8),
        (Values::Int(values), Dtype::Int16) => encode(path, shape, values, |v| v as i16),
        (Values::Int(values), Dtype::Int32 | Dtype::Float32) => {
            encode(path, shape, values, |v| v as i32)
        }
    }
}

fn encode<From: Copy, To: ndarray_npy::WritableElement>(
    path: &Path,
    shape: &[usize],
    values: &[From],
    convert: impl Fn(From) -> To,
) -> Result<Vec<u8>, Error> {
    let failed = |error: String| Error::write(path, std::io::Error::other(error));
    let values: Vec<To> = values.iter().map(|&value| convert(value)).collect();
    let array =
        ArrayD::from_shape_vec(IxDyn(shape), values).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).map_err(|error| failed(error.to_string()))?;
    Ok(bytes)
}
