//! Operators on feature maps through the compiler: the same results as the reference whether maps
//! are on chip or stream through it in strips.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stop at the first surprise"
)]

#[path = "common/network.rs"]
mod network;

use network::Network;
use npugen::compiler::schedule_file::Wishes;
use npugen::compiler::{Compiled, Options, compile_scheduled};
use npugen::config::Override;
use npugen::design::Design;
use npugen::exec::tensor::{self, Values};
use npugen::exec::{Executor, border};
use npugen::golden::Golden;
use npugen::graph::{Elements, Graph, eval};
use npugen::program::lint;
use npugen::quantize::measure::read;
use npugen::quantize::{Job, Options as Quantization};

const SIZE: [usize; 3] = [10, 6, 7];

fn wave(count: usize, pace: f32) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * pace).sin() * 2.0).collect()
}

fn inputs(index: usize) -> Vec<Elements> {
    vec![Elements::F32(wave(SIZE.iter().product(), 0.37 + index as f32))]
}

/// Quantized with what a few inputs give.
fn quantized(text: &str) -> Graph {
    let [channels, height, width] = SIZE.map(|n| n.to_string());
    let mut network = Network::new(&["1", &channels, &height, &width], text)
        .constant("w", &[6, 10, 1, 1], &wave(60, 0.7))
        .constant("k", &[10, 10, 3, 3], &wave(900, 0.9))
        .constant("scales", &[4], &[1.0, 1.0, 2.0, 2.0]);
    for node in &mut network.graph.node {
        node.name.clone_from(&node.output[0]);
    }
    if text.contains("Concat") {
        network = network.int("c", "axis", 1);
    }
    if text.contains("(x, k)") {
        network = network.ints("b", "pads", &[1, 1, 1, 1]);
    }
    network.graph.output[0].r#type = None;
    let job = Job::new(&network.bytes(), |_, _| Ok(()), Quantization::default()).unwrap();
    let found = job.calibrate(&[0, 1, 2].map(inputs), || {}).unwrap();
    read(&job.write(&found).unwrap()).unwrap()
}

fn compiled(graph: &Graph, design: &Design, schedule: &str) -> Compiled {
    let wishes = Wishes::parse("schedule", schedule, &[]).unwrap();
    compile_scheduled(graph, design, Options { fuse: false, keep: false }, &wishes).unwrap()
}

/// Compares outputs of some inputs with those of the reference.
fn check(graph: &Graph, design: &Design, made: &Compiled, what: &str) {
    assert!(lint::lint(design, &made.program).is_legal(), "{what}");
    let mut golden = Golden::new(design);
    golden.load(&made.program).unwrap();
    let [input, output] = ["x", "y"].map(|name| made.program.tensor(name).unwrap());
    for index in 0..5 {
        let picture = inputs(index);
        let values = eval::run(graph, &picture).unwrap();
        let expected = Values::Float(values[&graph.outputs[0]].floats().unwrap().to_vec());
        let Elements::F32(pixels) = &picture[0] else { panic!("real numbers") };
        let stored = border::store(input, &Values::Float(pixels.clone())).unwrap();
        tensor::write(&mut golden, input, &stored).unwrap();
        assert!(golden.run().unwrap().fault.is_none(), "{what}");
        let found = border::restore(output, &tensor::read(&golden, output).unwrap());
        assert_eq!(found, expected, "{what}, input {index}");
    }
}

/// Kernels, whether parts of a concatenation begin within words, network.
const NETWORKS: &[(&str, bool, &str)] = &[
    ("add", false, "b = Conv(x, k)\n t = Relu(b)\n y = Add(t, x)"),
    ("mul", false, "b = Conv(x, k)\n y = Mul(b, x)"),
    ("mul", false, "g = GlobalAveragePool(x)\n y = Mul(x, g)"),
    ("lookup", false, "b = Conv(x, k)\n y = Sigmoid(b)"),
    ("upsample", false, "b = Conv(x, k)\n y = Upsample(b, scales)"),
    ("concat", true, "a = Conv(x, w)\n c = Concat(x, a, x)\n y = Relu(c)"),
    ("concat", true, "a = Conv(x, w)\n b = Conv(x, k)\n c = Concat(a, b)\n y = Sigmoid(c)"),
];

#[test]
fn maps_on_chip_and_in_dram_give_the_same() {
    for preset in ["tiny", "default"] {
        let design = Design::preset(preset).unwrap();
        for (kernel, within, text) in NETWORKS {
            let graph = quantized(text);
            for schedule in ["", "layers: {'*': {place: dram}}"] {
                let made = compiled(&graph, &design, schedule);
                let what = format!("{preset}, {text}, {schedule}");
                assert!(made.net.layers.iter().any(|l| l.kind.name() == *kernel), "{what}");
                let streams = made.net.layers.iter().any(|l| made.net.is_streamed(l.output));
                assert_eq!(streams, *within, "{what}");
                check(&graph, &design, &made, &what);
            }
        }
    }
}

/// IBUF has two of three maps.
#[test]
fn maps_larger_than_ibuf_stream() {
    let small = Override::set("buffers.ibuf.size=1KiB").unwrap();
    let design = Design::preset_with("tiny", &[small]).unwrap();
    for (_, _, text) in NETWORKS {
        let graph = quantized(text);
        let made = compiled(&graph, &design, "");
        check(&graph, &design, &made, text);
    }
}
