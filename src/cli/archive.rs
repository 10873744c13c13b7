//! NumPy archives with the inputs of a network and what it should make of them.

use std::io::Cursor;
use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::{NpzReader, ReadNpzError};

use super::rtl_args::failed;
use crate::error::Error;
use crate::exec::compare::Input;
use crate::exec::tensor::{self, Values};
use crate::exec::{Executor, border};
use crate::files;
use crate::program::{Dtype, Program, RegionKind, Tensor};

/// Where an archive may have a tensor, in this order.
const PREFIXES: [&str; 4] = ["", "input/", "output/", "tensor/"];

/// An archive, and which of the runs in it is meant.
pub struct Archive<'p> {
    path: &'p Path,
    reader: NpzReader<Cursor<Vec<u8>>>,
    names: Vec<String>,
    index: usize,
}

impl<'p> Archive<'p> {
    /// Reads an archive; `index` counts runs where arrays have one dimension more than tensors.
    pub fn open(path: &'p Path, index: usize) -> Result<Archive<'p>, Error> {
        let bytes = files::read(path, files::DATA_LIMIT)?;
        let broken = |error: ReadNpzError| Error::Data {
            message: format!("`{}`: {error}", path.display()),
            remedy: "save it with `numpy.savez`".to_owned(),
        };
        let mut reader = NpzReader::new(Cursor::new(bytes)).map_err(broken)?;
        let names = reader.names().map_err(broken)?;
        Ok(Archive { path, reader, names, index })
    }

    fn refused(&self, message: String, remedy: &str) -> Error {
        let message = format!("`{}`: {message}", self.path.display());
        Error::Data { message, remedy: remedy.to_owned() }
    }

    /// The values of a tensor, in the network's order; none where the archive does not have it.
    pub fn values(&mut self, tensor: &Tensor) -> Result<Option<Values>, Error> {
        let present = |name: &String| self.names.iter().any(|known| known == name);
        let mut names = PREFIXES.iter().map(|prefix| format!("{prefix}{}", tensor.name));
        let Some(name) = names.find(|name| present(name)) else { return Ok(None) };
        let Some((shape, values)) = array(&mut self.reader, &name) else {
            return Err(self.refused(
                format!("array `{name}` has no known type"),
                "known: float32, int8, uint8, int16, int32, int64",
            ));
        };
        let wanted = border::shape(tensor);
        let same = |shape: &[usize]| shape.iter().map(|&n| n as u64).eq(wanted.iter().copied());
        if same(&shape) {
            return Ok(Some(values));
        }
        if !shape.get(1..).is_some_and(same) {
            let message = format!("array `{name}` has shape {shape:?}, not {wanted:?}");
            return Err(self.refused(message, "give it that shape, or make it a list of such"));
        }
        if self.index >= shape[0] {
            let message =
                format!("array `{name}` has {} runs, --index is {}", shape[0], self.index);
            return Err(self.refused(message, "runs are counted from 0"));
        }
        let size = shape[1..].iter().product::<usize>();
        let part = self.index * size..(self.index + 1) * size;
        Ok(Some(match values {
            Values::Int(values) => Values::Int(values[part].to_vec()),
            Values::Float(values) => Values::Float(values[part].to_vec()),
        }))
    }

    /// All inputs of a program.
    pub fn inputs(&mut self, program: &Program) -> Result<Vec<Input>, Error> {
        let mut inputs = Vec::new();
        for tensor in &program.tensors {
            let region = program.region(tensor.region);
            if region.is_none_or(|region| region.kind != RegionKind::Input) {
                continue;
            }
            let Some(values) = self.values(tensor)? else {
                if inputs
                    .iter()
                    .any(|i: &Input| i.region == tensor.region && i.offset == tensor.offset)
                {
                    // Another name of what was given.
                    continue;
                }
                let names = self.names.join(", ");
                let message = format!("it has no array for the input `{}`", tensor.name);
                return Err(self.refused(message, &format!("there are: {names}")));
            };
            let stored = border::store(tensor, &values).map_err(failed)?;
            let bytes = tensor::to_bytes(tensor, &stored).map_err(failed)?;
            inputs.push(Input { region: tensor.region, offset: tensor.offset, bytes });
        }
        Ok(inputs)
    }

    /// Compares what an executor made with the arrays of the same names; numbers of binary32 may
    /// differ by `within` times the largest of their tensor.
    pub fn compare(
        &mut self,
        program: &Program,
        executor: &dyn Executor,
        within: f32,
    ) -> Result<Comparison, Error> {
        let mut comparison = Comparison::default();
        for tensor in &program.tensors {
            let region = program.region(tensor.region);
            if region.is_none_or(|region| region.kind != RegionKind::Output) {
                continue;
            }
            let Some(expected) = self.values(tensor)? else { continue };
            let stored = tensor::read(executor, tensor).map_err(failed)?;
            // Activations that the host makes real numbers of are as exact as the activations.
            let within = if tensor.dtype == Dtype::Float32 { within } else { 0.0 };
            comparison.add(tensor, &border::restore(tensor, &stored), &expected, within);
        }
        if comparison.tensors == 0 {
            let names = self.names.join(", ");
            let message = "it has no array with the name of an output".to_owned();
            return Err(self.refused(message, &format!("there are: {names}")));
        }
        Ok(comparison)
    }
}

/// How results differ from what was expected.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Tensors compared.
    pub tensors: usize,
    /// Elements compared.
    pub elements: usize,
    /// For each tensor that differs a line.
    pub differences: Vec<String>,
}

impl Comparison {
    fn add(&mut self, tensor: &Tensor, found: &Values, expected: &Values, within: f32) {
        self.tensors += 1;
        self.elements += found.len();
        let count = |unequal: Vec<usize>, pair: &dyn Fn(usize) -> String| {
            let &first = unequal.first()?;
            let (name, all) = (&tensor.name, unequal.len());
            let line = format!(
                "`{name}`: {all} of {} elements differ, first element {first}: {}; {}",
                found.len(),
                pair(first),
                distance(found, expected)
            );
            Some(line)
        };
        let told = match (found, expected) {
            (Values::Int(found), Values::Int(expected)) => {
                let unequal = |i: &usize| found.get(*i) != expected.get(*i);
                count((0..found.len().max(expected.len())).filter(unequal).collect(), &|i| {
                    told(found.get(i), expected.get(i))
                })
            }
            (Values::Float(found), Values::Float(expected)) => {
                let allowed = expected.iter().fold(0.0, |most: f32, x| most.max(x.abs())) * within;
                let unequal = |i: &usize| match (found.get(*i), expected.get(*i)) {
                    (Some(a), Some(b)) => !(a == b || (a - b).abs() <= allowed),
                    _ => true,
                };
                count((0..found.len().max(expected.len())).filter(unequal).collect(), &|i| {
                    told(found.get(i), expected.get(i))
                })
            }
            _ => Some(format!("`{}`: integers and real numbers", tensor.name)),
        };
        self.differences.extend(told);
    }
}

/// A value and what was expected.
fn told<T: std::fmt::Display>(found: Option<&T>, expected: Option<&T>) -> String {
    let text = |value: Option<&T>| value.map_or("nothing".to_owned(), ToString::to_string);
    format!("{}, expected {}", text(found), text(expected))
}

/// How far apart arrays are as a whole: the largest difference, and the cosine of the angle between
/// them.
fn distance(found: &Values, expected: &Values) -> String {
    let wide = |values: &Values| -> Vec<f64> {
        match values {
            Values::Int(values) => values.iter().map(|&value| value as f64).collect(),
            Values::Float(values) => values.iter().map(|&value| value.into()).collect(),
        }
    };
    let (a, b) = (wide(found), wide(expected));
    let largest = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
    format!("at most {largest:.3e} apart, cosine {cosine:.6}")
}

/// An array of any known type.
fn array(reader: &mut NpzReader<Cursor<Vec<u8>>>, name: &str) -> Option<(Vec<usize>, Values)> {
    macro_rules! read {
        ($kind:ty, $variant:ident, $convert:expr) => {
            if let Ok(array) = reader.by_name::<ndarray::OwnedRepr<$kind>, ndarray::IxDyn>(name) {
                let array: ArrayD<$kind> = array;
                let shape = array.shape().to_vec();
                return Some((shape, Values::$variant(array.into_iter().map($convert).collect())));
            }
        };
    }
    read!(f32, Float, |v| v);
    read!(i8, Int, i64::from);
    read!(u8, Int, i64::from);
    read!(i16, Int, i64::from);
    read!(i32, Int, i64::from);
    read!(i64, Int, |v| v);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Layout;

    #[test]
    fn numbers_within_a_share_of_the_largest_are_equal_and_integers_never() {
        let tensor = Tensor {
            name: "y".to_owned(),
            region: 0,
            offset: 0,
            shape: vec![1, 1, 1, 2],
            layout: Layout::Nhwc,
            dtype: Dtype::Float32,
            scale: 1.0,
            zero: 0,
            network: None,
        };
        let differs = |found: &Values, expected: &Values, within: f32| {
            let mut comparison = Comparison::default();
            comparison.add(&tensor, found, expected, within);
            !comparison.differences.is_empty()
        };
        let real = |values: &[f32]| Values::Float(values.to_vec());
        let expected = real(&[-1000.0, 1.0]);
        assert!(differs(&real(&[-1000.0, 1.25]), &expected, 0.0));
        assert!(!differs(&real(&[-1000.0, 1.25]), &expected, 0.001));
        assert!(differs(&real(&[-1000.0, 2.25]), &expected, 0.001));
        assert!(differs(&real(&[-1000.0, f32::NAN]), &expected, 1.0));
        assert!(differs(&real(&[-1000.0]), &expected, 1.0));
        let whole = |values: &[i64]| Values::Int(values.to_vec());
        assert!(!differs(&whole(&[100, 1]), &whole(&[100, 1]), 0.0));
        assert!(differs(&whole(&[100, 2]), &whole(&[100, 1]), 1.0));
    }
}
