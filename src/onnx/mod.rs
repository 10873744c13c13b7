//! ONNX files: graphs and constant tensors, read with every inconsistency reported as an error
//! that names the tensor or node. Owns the file format; what operators mean is decided elsewhere.
//! Start with [`Model::from_bytes`].

pub mod limits;
pub mod proto;
pub mod tensor;

pub use tensor::{Data, Tensor};

use indexmap::IndexMap;
use prost::Message as _;
use thiserror::Error;

/// What can be wrong with a file.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum OnnxError {
    /// Not a protocol buffer of the expected form.
    #[error("not an ONNX file: {0}")]
    Malformed(String),
    /// More messages than any network has.
    #[error(
        "the ONNX file has more than {} nodes, attributes and names, the limit",
        limits::MOST_MESSAGES
    )]
    TooMany,
    /// Two constants of one name.
    #[error("the ONNX model has two constants called `{0}`")]
    Twice(String),
    /// Constants in coordinate form.
    #[error("the ONNX model has sparse constants; save them as dense ones")]
    Sparse,
    /// The model has no graph.
    #[error("the ONNX model has no graph")]
    NoGraph,
    /// Element type other than expected.
    #[error("tensor `{tensor}` has element type {}, but {expected} is needed here", tensor::type_name(*found))]
    ElementType {
        /// Tensor.
        tensor: String,
        /// Its type number in ONNX.
        found: i32,
        /// What was needed.
        expected: &'static str,
    },
    /// Number of elements does not fit the shape.
    #[error("tensor `{tensor}` holds {found} bytes, but its shape {dims:?} needs {expected}")]
    Size {
        /// Tensor.
        tensor: String,
        /// Shape.
        dims: Vec<i64>,
        /// Bytes present.
        found: usize,
        /// Bytes needed.
        expected: usize,
    },
    /// Data in another file.
    #[error("tensor `{0}` keeps its data in another file; save the model with its data inside")]
    External(String),
}

/// A model: its nodes in topological order and its constants by name.
#[derive(Debug, Clone)]
pub struct Model {
    /// Operators, as written.
    pub nodes: Vec<proto::NodeProto>,
    /// Constants.
    pub constants: IndexMap<String, Tensor>,
    /// Inputs that are not constants.
    pub inputs: Vec<proto::ValueInfoProto>,
    /// Outputs.
    pub outputs: Vec<proto::ValueInfoProto>,
    /// Version of each operator set, by domain; the standard one is the empty text.
    pub opsets: IndexMap<String, i64>,
    /// Program that wrote the file.
    pub producer: String,
}

impl Model {
    /// Reads a file's bytes.
    pub fn from_bytes(file: &[u8]) -> Result<Model, OnnxError> {
        Model::from_proto(decode(file)?)
    }

    /// Reads a file's messages.
    pub fn from_proto(model: proto::ModelProto) -> Result<Model, OnnxError> {
        let graph = model.graph.ok_or(OnnxError::NoGraph)?;
        if !graph.sparse_initializer.is_empty() {
            return Err(OnnxError::Sparse);
        }
        let mut constants = IndexMap::new();
        for tensor in graph.initializer {
            let tensor = Tensor::from_proto(&tensor)?;
            let name = tensor.name.clone();
            if constants.insert(name.clone(), tensor).is_some() {
                return Err(OnnxError::Twice(name));
            }
        }
        let inputs =
            graph.input.into_iter().filter(|input| !constants.contains_key(&input.name)).collect();
        // The default domain has two names.
        let domain = |name: String| if name == "ai.onnx" { String::new() } else { name };
        Ok(Model {
            nodes: graph.node,
            constants,
            inputs,
            outputs: graph.output,
            opsets: model
                .opset_import
                .into_iter()
                .map(|set| (domain(set.domain), set.version))
                .collect(),
            producer: model.producer_name,
        })
    }
}

/// The messages of a file, as they are written there.
pub fn decode(file: &[u8]) -> Result<proto::ModelProto, OnnxError> {
    limits::check(file)?;
    proto::ModelProto::decode(file).map_err(|error| OnnxError::Malformed(error.to_string()))
}

/// A file of these messages.
pub fn encode(model: &proto::ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &[u8] = include_bytes!("../../tests/data/digits_int8.onnx");

    #[test]
    fn digits_network_is_read() {
        let model = Model::from_bytes(DIGITS).unwrap();
        assert_eq!(model.nodes.iter().filter(|node| node.op_type == "Conv").count(), 7);
        assert_eq!(model.inputs.len(), 1);
        assert_eq!(model.constants["w5_quantized"].dims, [64, 64, 3, 3]);
    }

    #[test]
    fn tensors_are_checked() {
        let sound = proto::TensorProto {
            name: "t".into(),
            dims: vec![2, 2],
            data_type: 3,
            raw_data: vec![0; 4],
            ..Default::default()
        };
        let told = |change: fn(&mut proto::TensorProto)| {
            let mut tensor = sound.clone();
            change(&mut tensor);
            Tensor::from_proto(&tensor).unwrap_err().to_string()
        };
        assert!(Tensor::from_proto(&sound).is_ok());
        for (message, expected) in [
            (
                told(|t| t.data_location = 1),
                "tensor `t` keeps its data in another file; save the model with its data inside",
            ),
            (
                told(|t| t.raw_data = vec![0; 3]),
                "tensor `t` holds 3 bytes, but its shape [2, 2] needs 4",
            ),
            (told(|t| t.dims = vec![2, -2]), "not an ONNX file: tensor `t` has a negative extent"),
            (
                told(|t| t.dims = vec![i64::MAX, i64::MAX]),
                "not an ONNX file: tensor `t` is too large",
            ),
        ] {
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn truncated_files_are_refused_without_panic() {
        for length in 0..DIGITS.len().min(2000) {
            let _ = Model::from_bytes(&DIGITS[..length]);
        }
        assert!(Model::from_bytes(&DIGITS[..DIGITS.len() - 100]).is_err());
        assert_eq!(Model::from_bytes(&[]).unwrap_err(), OnnxError::NoGraph);
    }
}
