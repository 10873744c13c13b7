//! Networks of float operators, built from text.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use npugen::graph::Graph;
use npugen::graph::import::{self, Options};
use npugen::onnx::Model;
use npugen::onnx::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use prost::Message as _;

/// A network under construction: a line per node, `result = Operator(operands)`.
#[derive(Default)]
pub struct Network {
    pub graph: GraphProto,
}

pub fn value(name: &str, dims: &[&str]) -> ValueInfoProto {
    let dim = |text: &&str| match text.parse() {
        Ok(dim_value) => DimensionProto { dim_value, ..Default::default() },
        Err(_) => DimensionProto { dim_param: (*text).to_owned(), ..Default::default() },
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: 1, shape });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

impl Network {
    pub fn new(dims: &[&str], nodes: &str) -> Network {
        let mut graph = GraphProto { input: vec![value("x", dims)], ..Default::default() };
        for line in nodes.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (output, call) = line.split_once(" = ").unwrap();
            let (op_type, operands) = call.split_once('(').unwrap();
            let operands = operands.trim_end_matches(')');
            let input = operands.split(", ").filter(|o| !o.is_empty()).map(str::to_owned);
            graph.node.push(NodeProto {
                name: format!("node_{output}"),
                op_type: op_type.into(),
                input: input.collect(),
                output: vec![output.into()],
                ..Default::default()
            });
        }
        graph.output.push(value("y", dims));
        Network { graph }
    }

    pub fn number(self, name: &str, number: f32) -> Network {
        self.constant(name, &[], &[number])
    }

    pub fn constant(mut self, name: &str, dims: &[i64], values: &[f32]) -> Network {
        self.graph.initializer.push(TensorProto {
            name: name.into(),
            dims: dims.to_vec(),
            data_type: 1,
            float_data: values.to_vec(),
            ..Default::default()
        });
        self
    }

    pub fn ints(mut self, output: &str, name: &str, ints: &[i64]) -> Network {
        let node = self.graph.node.iter_mut().find(|n| n.output[0] == output).unwrap();
        node.attribute.push(AttributeProto {
            name: name.into(),
            ints: ints.to_vec(),
            ..Default::default()
        });
        self
    }

    pub fn int(mut self, output: &str, name: &str, int: i64) -> Network {
        let node = self.graph.node.iter_mut().find(|n| n.output[0] == output).unwrap();
        node.attribute.push(AttributeProto { name: name.into(), i: int, ..Default::default() });
        self
    }

    pub fn bytes(self) -> Vec<u8> {
        let opset = OperatorSetIdProto { version: 17, ..Default::default() };
        let model = ModelProto {
            ir_version: 8,
            graph: Some(self.graph),
            opset_import: vec![opset],
            ..Default::default()
        };
        model.encode_to_vec()
    }

    pub fn graph(self) -> Graph {
        let model = Model::from_bytes(&self.bytes()).unwrap();
        import::graph(&model, &Options::default()).unwrap()
    }
}
