//! The graph: messages, recognised patterns, and hostile files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;
#[path = "common/network.rs"]
mod network;

use std::sync::LazyLock;

use common::{golden, npugen, root};
use network::Network;
use npugen::compiler;
use npugen::design::Design;
use npugen::graph::import::{self, Options};
use npugen::graph::{Elements, Graph, Unary, eval, passes, show};
use npugen::onnx::Model;
use npugen::onnx::proto::{ModelProto, NodeProto, TensorProto};
use npugen::program::lint;
use proptest::prelude::*;
use prost::Message as _;

/// What is spoiled: a convolutional network, and small transformers.
const BASES: [&[u8]; 3] = [
    DIGITS,
    include_bytes!("data/encoder_int8.onnx"),
    include_bytes!("data/encoder_wide_int8.onnx"),
];
static TINY: LazyLock<Design> = LazyLock::new(|| Design::preset("tiny").unwrap());

const DIGITS: &[u8] = include_bytes!("data/digits_int8.onnx");

/// Names of the operators after all passes; results must be those before, up to rounding.
fn rewritten(network: Network) -> Vec<&'static str> {
    let before = network.graph();
    let mut after = before.clone();
    passes::run(&mut after, None).unwrap();
    let count = before.tensor(before.inputs[0]).len();
    let x = Elements::F32((0..count).map(|i| (i as f32 * 0.37).sin() * 4.0).collect());
    let result = |graph: &Graph| {
        let values = eval::run(graph, std::slice::from_ref(&x)).unwrap();
        values[&graph.outputs[0]].floats().unwrap().to_vec()
    };
    for (a, b) in result(&before).iter().zip(result(&after)) {
        assert!((a - b).abs() <= 1e-4 * (1.0 + a.abs()), "{a} became {b}");
    }
    after.nodes.iter().map(|node| node.op.name()).collect()
}

#[test]
fn functions_taken_apart_are_recognised() {
    let gelu = "d = Div(x, r)\n e = Erf(d)\n s = Add(e, one)\n m = Mul(x, s)\n y = Mul(m, half)";
    let network = |text: &str| {
        Network::new(&["2", "8"], text)
            .number("r", std::f32::consts::SQRT_2)
            .number("one", 1.0)
            .number("half", 0.5)
            .number("two", 2.0)
            .number("three", 3.0)
            .number("six", 6.0)
            .number("zero", 0.0)
            .number("k", 0.044_715)
            .number("c", 0.797_884_6)
            .number("eps", 1e-5)
    };
    assert_eq!(rewritten(network(gelu)), ["gelu"]);
    let cases = [
        ("s = Sigmoid(x)\n y = Mul(x, s)", "silu"),
        (
            "a = Add(x, three)\n b = Clip(a, zero, six)\n m = Mul(x, b)\n y = Div(m, six)",
            "hard_swish",
        ),
        (
            "a = Add(x, three)\n b = Clip(a, zero, six)\n m = Div(b, six)\n y = Mul(m, x)",
            "hard_swish",
        ),
        ("a = Softplus(x)\n b = Tanh(a)\n y = Mul(x, b)", "mish"),
        (
            "p = Pow(x, three)\n q = Mul(p, k)\n s = Add(x, q)\n t = Mul(s, c)\n u = Tanh(t)\n v = Add(u, one)\n w = Mul(x, v)\n y = Mul(w, half)",
            "gelu_tanh",
        ),
        ("a = Mul(x, half)\n s = Sigmoid(x)\n y = Mul(a, s)", "mul"),
    ];
    for (text, expected) in cases {
        let found = rewritten(network(text));
        assert_eq!(found.last(), Some(&expected), "{text}: {found:?}");
        assert_eq!(found.len() == 1, expected != "mul", "{text}: {found:?}");
    }
}

#[test]
fn norms_taken_apart_are_recognised() {
    let weights = [0.5, 1.0, 1.5, 2.0, -1.0, 1.0, 0.25, 3.0];
    let network = Network::new(
        &["2", "8"],
        "m = ReduceMean(x)\n d = Sub(x, m)\n q = Pow(d, two)\n v = ReduceMean(q)\n e = Add(v, eps)\n r = Sqrt(e)\n n = Div(d, r)\n g = Mul(n, gamma)\n y = Add(g, beta)",
    )
    .ints("m", "axes", &[-1])
    .ints("v", "axes", &[-1])
    .number("two", 2.0)
    .number("eps", 1e-5)
    .constant("gamma", &[8], &weights)
    .constant("beta", &[8], &weights);
    assert_eq!(rewritten(network), ["layer_norm"]);
    let network = Network::new(
        &["2", "8"],
        "q = Mul(x, x)\n v = ReduceMean(q)\n e = Add(v, eps)\n r = Sqrt(e)\n i = Reciprocal(r)\n n = Mul(x, i)\n y = Mul(n, gamma)",
    )
    .ints("v", "axes", &[-1])
    .number("eps", 1e-5)
    .constant("gamma", &[8], &weights);
    assert_eq!(rewritten(network), ["rms_norm"]);
    let network = Network::new(
        &["2", "8"],
        "m = ReduceMax(x)\n d = Sub(x, m)\n e = Exp(d)\n s = ReduceSum(e, axes)\n y = Div(e, s)",
    )
    .ints("m", "axes", &[1]);
    let mut network = network;
    network.graph.initializer.push(TensorProto {
        name: "axes".into(),
        dims: vec![1],
        data_type: 7,
        int64_data: vec![1],
        ..Default::default()
    });
    assert_eq!(rewritten(network), ["softmax"]);
}

#[test]
fn a_batch_norm_goes_into_the_convolution() {
    let network = Network::new(
        &["1", "2", "3", "3"],
        "p = Pad(x, pads)\n c = Conv(p, w)\n y = BatchNormalization(c, s, b, m, v)",
    )
    .constant("w", &[2, 2, 3, 3], &[0.125; 36])
    .constant("s", &[2], &[2.0, -1.0])
    .constant("b", &[2], &[0.5, 0.25])
    .constant("m", &[2], &[0.1, 0.2])
    .constant("v", &[2], &[4.0, 1.0]);
    let mut network = network;
    network.graph.initializer.push(TensorProto {
        name: "pads".into(),
        dims: vec![8],
        data_type: 7,
        int64_data: vec![0, 0, 1, 1, 0, 0, 1, 1],
        ..Default::default()
    });
    assert_eq!(rewritten(network), ["conv"]);
}

#[test]
fn the_digits_network_becomes_fourteen_operators() {
    let model = Model::from_bytes(DIGITS).unwrap();
    let mut graph = import::graph(&model, &Options::default()).unwrap();
    assert_eq!(graph.nodes.len(), model.nodes.len());
    passes::run(&mut graph, None).unwrap();
    assert_eq!(graph.nodes.len(), 14);
    let macs: u64 = graph.nodes.iter().map(|node| show::macs(&graph, node)).sum();
    assert_eq!(macs, 1_268_864);
    let fc = graph.nodes.iter().find(|node| node.name == "fc").unwrap();
    assert!(fc.origin.contains(&"fw_DequantizeLinear".to_owned()), "{:?}", fc.origin);
    golden("messages/graph_digits.txt", &show::table(&graph));
}

/// All problems of a network, and those of shapes, in the words users see.
#[test]
fn problems_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, bytes: &[u8], arguments: &[&str]| {
        std::fs::write(folder.path().join("model.onnx"), bytes).unwrap();
        let output = npugen(folder.path(), &[&["graph", "model.onnx"], arguments].concat());
        assert_eq!(
            output.status.code(),
            Some(if name.contains("usage") { 2 } else { 1 }),
            "{name}"
        );
        golden(&format!("messages/graph_{name}.txt"), &String::from_utf8(output.stderr).unwrap());
    };
    let many = Network::new(
        &["1", "2", "4", "4"],
        "a = NonMaxSuppression(x)\n b = Relu(a)\n c = Conv(x, w)\n d = Relu(nothing)\n e = Add(e2, x)\n e2 = Relu(e)\n f = MatMul(x, w)\n g = Reshape(x, x)\n h = Softmax(x)\n i = Gather(x, w)\n y = Relu(x)",
    )
    .constant("w", &[2, 3, 1, 1], &[1.0; 6])
    .ints("h", "unknown", &[1]);
    told("problems", &many.bytes(), &[]);
    let open = || Network::new(&["batch", "3", "height", "8"], "y = Relu(x)").bytes();
    told("shape_open", &open(), &[]);
    told("shape_wrong", &open(), &["--shape", "x=1x4x8x8"]);
    told("shape_usage", &open(), &["--shape", "z=1"]);
    told("shape_form_usage", &open(), &["--shape", "x=1,2"]);
    told("pass_usage", &open(), &["--pass", "everything"]);
    told("malformed", b"not a model", &[]);
    std::fs::write(folder.path().join("model.onnx"), open()).unwrap();
    let sound = ["graph", "model.onnx", "--shape", "batch=1", "--shape", "height=8"];
    assert_eq!(npugen(folder.path(), &sound).status.code(), Some(0));
}

#[test]
fn functions_of_activations_are_tables() {
    use npugen::graph::Quantization;
    let (x, y) = (Quantization::whole(0.1, 3), Quantization::whole(1.0 / 256.0, -128));
    let table = eval::table(Unary::Sigmoid, None, &x, &y);
    assert_eq!(table.len(), 256);
    assert_eq!(table[usize::try_from(3 + 128).unwrap()], 0);
    assert!(table.windows(2).all(|pair| pair[0] <= pair[1]));
    let table = eval::table(Unary::Identity, Some([-5, 5]), &x, &x);
    assert_eq!((table[0], table[130], table[255]), (-5, 2, 5));
}

/// Imports whatever the bytes are; the only requirement is an answer.
fn import(bytes: &[u8]) {
    let Ok(model) = Model::from_bytes(bytes) else { return };
    if let Ok(mut graph) = import::graph(&model, &Options::default()) {
        passes::run(&mut graph, None).unwrap();
        show::json(&graph);
        let compiled = compiler::compile(&graph, &TINY, compiler::Options::default());
        if let Ok(compiled) = compiled {
            assert!(lint::lint(&TINY, &compiled.program).is_legal());
        }
    }
}

/// The structure of the digits network without most of its weights, so that changes hit it.
fn skeleton() -> Vec<u8> {
    let mut model = ModelProto::decode(DIGITS).unwrap();
    let graph = model.graph.as_mut().unwrap();
    for name in ["Clip", "Slice", "Split", "Pad", "Resize", "Reshape", "Softmax", "Gather"] {
        let inputs = ["input", "w1_scale", "input_scale"].map(str::to_owned).to_vec();
        graph.node.push(NodeProto {
            op_type: name.into(),
            input: inputs,
            output: vec![format!("{name}_output")],
            ..Default::default()
        });
    }
    model.encode_to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn spoiled_files_are_answered(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = skeleton();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        import(&bytes);
    }

    /// Names, operators and numbers exchanged where the file stays well-formed.
    #[test]
    fn spoiled_networks_are_answered(
        base in 0..BASES.len(),
        changes in prop::collection::vec((0..4_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), -3..70_i64), 1..5),
    ) {
        let mut model = ModelProto::decode(BASES[base]).unwrap();
        let graph = model.graph.as_mut().unwrap();
        for (kind, at, other, number) in changes {
            let from = graph.node[other.index(graph.node.len())].clone();
            let count = graph.node.len();
            let node = &mut graph.node[at.index(count)];
            match kind {
                0 => node.op_type = from.op_type,
                1 => node.input = from.input,
                2 => {
                    for attribute in &mut node.attribute {
                        attribute.i = number;
                        attribute.ints.iter_mut().for_each(|i| *i = number);
                    }
                }
                _ => {
                    let tensor = other.index(graph.initializer.len());
                    let tensor = &mut graph.initializer[tensor];
                    tensor.dims.push(1);
                }
            }
        }
        import(&model.encode_to_vec());
    }
}

/// The model that the documents use is where they say.
#[test]
fn the_model_of_the_examples_is_there() {
    assert!(root().join("tests/data/digits_int8.onnx").is_file());
}
