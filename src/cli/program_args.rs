//! The arguments that choose a program, its machine and its data.

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use ndarray_npy::{ReadNpyExt, WriteNpyExt};

use super::rtl_args::failed;
use crate::design::Design;
use crate::error::Error;
use crate::exec::Executor;
use crate::exec::compare::Input;
use crate::exec::tensor::{self, Values};
use crate::program::{Dtype, Program, Target, asm};

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
                let values = read_values(path)?;
                let bytes = tensor::to_bytes(tensor, &values).map_err(failed)?;
                Ok(Input { region: tensor.region, offset: tensor.offset, bytes })
            })
            .collect()
    }
}

/// Reads a program, and the design given or else the one it was made for.
pub fn open(path: &Path, config: Option<&Path>) -> Result<(Program, Design), Error> {
    let design = config.map(design).transpose()?;
    let bytes = std::fs::read(path).map_err(|error| Error::read(path, error))?;
    let is_text = path.extension().is_some_and(|extension| extension == "npuasm");
    let program = if is_text {
        let text = String::from_utf8_lossy(&bytes);
        let target = design.as_ref().map(Target::of);
        asm::assemble(&path.display().to_string(), &text, target.as_ref())
            .map_err(Error::Assembly)?
    } else {
        Program::from_bytes(&bytes)
            .map_err(|error| Error::Program { path: path.to_owned(), error })?
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
    super::DesignArgs { config, rows: None, cols: None, set: Vec::new() }.design()
}

fn find<'p>(program: &'p Program, name: &str) -> Result<&'p crate::program::Tensor, Error> {
    program.tensor(name).ok_or_else(|| {
        let known: Vec<&str> = program.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        usage(
            format!("the program has no tensor `{name}`"),
            &format!("it has: {}", if known.is_empty() { "none".into() } else { known.join(", ") }),
        )
    })
}

/// Writes tensors asked for as `name=path`.
pub fn write_outputs(
    executor: &dyn Executor,
    program: &Program,
    outputs: &[String],
) -> Result<(), Error> {
    for text in outputs {
        let (name, path) = pair(text)?;
        let tensor = find(program, name)?;
        let values = tensor::read(executor, tensor).map_err(failed)?;
        let shape: Vec<usize> =
            tensor.shape.iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX)).collect();
        write_values(path, &values, tensor.dtype, &shape)?;
    }
    Ok(())
}

fn read_as<T: ndarray_npy::ReadableElement>(bytes: &[u8]) -> Option<Vec<T>> {
    ArrayD::<T>::read_npy(bytes).ok().map(|array| array.into_iter().collect())
}

fn read_values(path: &Path) -> Result<Values, Error> {
    let bytes = std::fs::read(path).map_err(|error| Error::read(path, error))?;
    let bytes = bytes.as_slice();
    let wide = |values: Vec<i64>| Values::Int(values);
    read_as::<f32>(bytes)
        .map(Values::Float)
        .or_else(|| read_as::<i8>(bytes).map(|v| wide(v.into_iter().map(i64::from).collect())))
        .or_else(|| read_as::<u8>(bytes).map(|v| wide(v.into_iter().map(i64::from).collect())))
        .or_else(|| read_as::<i16>(bytes).map(|v| wide(v.into_iter().map(i64::from).collect())))
        .or_else(|| read_as::<i32>(bytes).map(|v| wide(v.into_iter().map(i64::from).collect())))
        .or_else(|| read_as::<i64>(bytes).map(wide))
        .ok_or_else(|| {
            usage(
                format!("{} is not a NumPy array of a known type", path.display()),
                "known: float32, int8, uint8, int16, int32, int64, saved by numpy.save",
            )
        })
}

fn write_values(path: &Path, values: &Values, dtype: Dtype, shape: &[usize]) -> Result<(), Error> {
    let file = std::fs::File::create(path).map_err(|error| Error::write(path, error))?;
    let narrow = |values: &[i64]| -> Result<(), Error> {
        match dtype {
            Dtype::Int4 | Dtype::Int8 => save(&file, path, shape, values, |v| v as i8),
            Dtype::Uint8 => save(&file, path, shape, values, |v| v as u8),
            Dtype::Int16 => save(&file, path, shape, values, |v| v as i16),
            Dtype::Int32 | Dtype::Float32 => save(&file, path, shape, values, |v| v as i32),
        }
    };
    match values {
        Values::Int(values) => narrow(values),
        Values::Float(values) => save(&file, path, shape, values, |v| v),
    }
}

fn save<From: Copy, To: ndarray_npy::WritableElement>(
    file: &std::fs::File,
    path: &Path,
    shape: &[usize],
    values: &[From],
    convert: impl Fn(From) -> To,
) -> Result<(), Error> {
    let failed = |error: String| Error::write(path, std::io::Error::other(error));
    let values: Vec<To> = values.iter().map(|&value| convert(value)).collect();
    let array =
        ArrayD::from_shape_vec(IxDyn(shape), values).map_err(|error| failed(error.to_string()))?;
    array.write_npy(file).map_err(|error| failed(error.to_string()))
}
