//! The compiler: a network's program computes what onnxruntime does, wherever its maps are; what
//! cannot be compiled is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stop at the first surprise"
)]

#[path = "common/digits.rs"]
mod digits;

use std::collections::BTreeSet;

use digits::{digits, pictures, run};

use npugen::compiler::net::{Net, ValueId};
use npugen::compiler::schedule_file::Choices;
use npugen::compiler::{self, Options, emit, fuse, lower};
use npugen::design::Design;
use npugen::exec::Executor;
use npugen::exec::tensor::Values;
use npugen::golden::Golden;
use npugen::graph::{Binary, Elements, Graph, Op, eval};
use npugen::program::{Memory, lint};

#[test]
fn the_digits_network_gives_onnxruntimes_logits_on_every_preset() {
    for preset in ["default", "edge", "tiny", "aws_f1", "aws_f2", "genesys_03"] {
        let design = Design::preset(preset).unwrap();
        let compiled = compiler::compile(&digits(), &design, Options::default()).unwrap();
        assert_eq!(compiled.macs, 1_268_864);
        assert!(lint::lint(&design, &compiled.program).is_legal(), "{preset}");
        let mut golden = Golden::new(&design);
        golden.load(&compiled.program).unwrap();
        for (picture, logits) in pictures().iter().take(40) {
            let outputs = run(&mut golden, &compiled.program, picture);
            assert_eq!(outputs, [("logits".to_owned(), Values::Float(logits.clone()))], "{preset}");
        }
    }
}

/// What the program says of its layers is what the compiler did.
#[test]
fn programs_describe_their_layers() {
    let design = Design::preset("tiny").unwrap();
    let compiled = compiler::compile(&digits(), &design, Options::default()).unwrap();
    let layers = &compiled.program.layers;
    assert_eq!(layers.iter().map(|layer| layer.macs).sum::<u64>(), compiled.macs);
    let kernels: Vec<&str> = layers.iter().map(|layer| layer.kernel.as_str()).collect();
    assert_eq!(kernels[4..], ["conv", "conv+add", "conv+add", "average_pool", "conv"]);
    assert!(layers.iter().all(|layer| layer.remark.is_empty() && !layer.nodes.is_empty()));
    let last = layers.last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.shape[..], last.place),
        ("fc", &[1, 1, 10][..], Memory::Dram)
    );
    let notes = compiled.program.provenance.iter().map(|(_, note)| note);
    let unknown: Vec<&str> =
        notes.filter(|note| !layers.iter().any(|layer| layer.name == *note)).collect();
    assert_eq!(unknown, ["semaphores"]);

    let apart = Options { fuse: false, keep: false };
    let compiled = compiler::compile(&digits(), &design, apart).unwrap();
    let remarks: Vec<(&str, &str)> = compiled
        .program
        .layers
        .iter()
        .filter(|layer| !layer.remark.is_empty())
        .map(|layer| (layer.kernel.as_str(), layer.remark.as_str()))
        .collect();
    assert_eq!(remarks, [("add", "fusion is switched off"); 2]);
}

/// Why an addition stays a layer of its own.
#[test]
fn what_is_not_fused_says_why() {
    let mut net = lower::lower(&digits()).unwrap();
    let all = fuse::Abilities { residual: true, lookup: true };
    let add = net.layers.iter().position(|layer| layer.kind.name() == "add").unwrap();
    let remark = |net: &Net, abilities| fuse::remark(net, add, abilities).unwrap();
    let none = fuse::Abilities { residual: false, lookup: true };
    assert_eq!(remark(&net, none), "the design's post-processor adds no second map");
    assert_eq!(fuse::remark(&net, 0, all), None);
    let [own, other] = net.layers[add].inputs[..] else { panic!("two operands") };
    let names = [own, other].map(|value| net.value(value).name().to_owned());
    let named = net.outputs[0].1.clone();
    net.outputs.push((own, named));
    let expected =
        format!("`{}` is an output of the network; `{}` has other readers", names[0], names[1]);
    assert_eq!(remark(&net, all), expected);
    net.layers[add].inputs[1] = own;
    assert_eq!(remark(&net, all), "both operands are the same map");
    let input = net.inputs[0].0;
    net.layers[add].inputs[1] = input;
    assert!(remark(&net, all).ends_with("` is an input of the network"));
}

/// Every tensor of the network, in either place, with and without fusion, against the reference.
#[test]
fn every_tensor_is_that_of_the_reference_wherever_it_is() {
    let graph = digits();
    every_tensor(&graph);
    // Sums whose second operand is the convolution's result are rounded in another order.
    let mut swapped = graph;
    let sums = swapped.nodes.iter_mut().filter(|node| node.op == Op::Binary(Binary::Add));
    assert_eq!(sums.map(|node| node.inputs.swap(0, 1)).count(), 2);
    every_tensor(&swapped);
}

fn every_tensor(graph: &Graph) {
    let design = Design::preset("tiny").unwrap();
    let mut net = lower::lower(graph).unwrap();
    let (picture, _) = &pictures()[7];
    let values = eval::run(graph, &[Elements::F32(picture.clone())]).unwrap();
    let expected = |name: &str| {
        let found =
            graph.tensors().find(|(_, t)| t.name == name || t.aliases.iter().any(|a| a == name));
        match values[&found.unwrap().0].as_ref() {
            Elements::I8(v) => Values::Int(v.iter().map(|&v| v.into()).collect()),
            Elements::F32(v) => Values::Float(v.clone()),
            other => panic!("{other:?}"),
        }
    };
    let mut compared = 0;
    for fused in [false, true] {
        if fused {
            let abilities = fuse::Abilities { residual: true, lookup: true };
            let moved = fuse::fuse(&mut net, abilities, &BTreeSet::new());
            assert_eq!(moved.len(), 2);
        }
        let count = net.values.len();
        let everywhere: BTreeSet<ValueId> = (0..count).map(ValueId).collect();
        let odd: BTreeSet<ValueId> = (0..count).filter(|n| n % 2 == 1).map(ValueId).collect();
        for spilled in [BTreeSet::new(), odd, everywhere] {
            let options = Options { fuse: fused, keep: true };
            let choices = Choices::default();
            let emitted = emit::emit(&net, &design, options, &choices, &spilled);
            let program = emitted.unwrap().program;
            assert!(lint::lint(&design, &program).is_legal());
            let mut golden = Golden::new(&design);
            golden.load(&program).unwrap();
            for (name, found) in run(&mut golden, &program, picture) {
                assert_eq!(found, expected(&name), "{name}, fused {fused}, {spilled:?}");
                compared += 1;
            }
        }
    }
    // Twelve tensors of the unfused network and its logits twice; two are fused away.
    assert!(compared >= 3 * (13 + 11), "{compared}");
}

/// A kernel of 2^17 columns whose weights are all as large as can be.
#[test]
fn sums_that_do_not_fit_accumulators_are_refused() {
    let mut graph = digits();
    let conv = graph.nodes.iter().find(|node| node.op.name() == "conv").unwrap();
    let weights = conv.inputs[1];
    let tensor = graph.tensor_mut(weights);
    *tensor.shape.last_mut().unwrap() = 1 << 17;
    tensor.value = Some(Elements::I8(vec![-128; tensor.shape.iter().product()]).into());
    let design = Design::preset("tiny").unwrap();
    let problems = compiler::compile(&graph, &design, Options::default()).unwrap_err();
    let text = problems[0].to_string();
    assert!(text.contains("accumulator holds at most 2147483647"), "{text}");
}
