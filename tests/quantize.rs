//! Quantization: the digits network keeps its accuracy, on the reference and on the machine; the
//! file depends on nothing but the inputs; what cannot be quantized is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::io::Cursor;

use common::{golden, npugen, root};
use ndarray::{Array1, Array4};
use ndarray_npy::NpzReader;
use npugen::compiler;
use npugen::design::Design;
use npugen::exec::tensor::{self, Values};
use npugen::exec::{Executor, border};
use npugen::golden::Golden;
use npugen::graph::{Elements, Problem, eval};
use npugen::onnx::proto::{AttributeProto, ModelProto, NodeProto, TensorProto};
use npugen::onnx::{decode, encode};
use npugen::quantize::measure::{Report, measure, read};
use npugen::quantize::{Calibration, Job, Method, Options, Scope};

const DIGITS: &[u8] = include_bytes!("data/digits_fp32.onnx");
const PICTURES: &[u8] = include_bytes!("data/digits_test.npz");

fn pictures() -> Vec<(Vec<Elements>, u8)> {
    let mut npz = NpzReader::new(Cursor::new(PICTURES)).unwrap();
    let images: Array4<u8> = npz.by_name("images").unwrap();
    let labels: Array1<u8> = npz.by_name("labels").unwrap();
    let real = |image: ndarray::ArrayView3<u8>| {
        vec![Elements::F32(image.iter().map(|&p| f32::from(p) / 16.0).collect())]
    };
    images.outer_iter().map(real).zip(labels).collect()
}

/// The first pictures, which are calibrated with.
fn calibration() -> Vec<Vec<Elements>> {
    pictures().into_iter().take(16).map(|(picture, _)| picture).collect()
}

fn job(file: &[u8], options: Options) -> Result<Job, Vec<Problem>> {
    Job::new(file, |_, _| Ok(()), options)
}

fn quantized(file: &[u8], options: Options) -> (Job, Calibration, Vec<u8>) {
    let job = job(file, options).unwrap();
    let found = job.calibrate(&calibration(), || {}).unwrap();
    let file = job.write(&found).unwrap();
    (job, found, file)
}

fn report(file: &[u8], options: Options) -> Report {
    let (job, found, file) = quantized(file, options);
    measure(&job, &found, &file, &calibration(), || {}).unwrap()
}

fn largest(logits: &[f32]) -> u8 {
    (0..10).max_by(|&a, &b| logits[a as usize].total_cmp(&logits[b as usize])).unwrap()
}

#[test]
fn the_digits_network_keeps_its_accuracy_on_the_machine() {
    let (_, _, file) = quantized(DIGITS, Options::default());
    let graph = read(&file).unwrap();
    let design = Design::preset("default").unwrap();
    let compiled = compiler::compile(&graph, &design, compiler::Options::default()).unwrap();
    let mut machine = Golden::new(&design);
    machine.load(&compiled.program).unwrap();
    let (input, output) =
        ["input", "logits"].map(|name| compiled.program.tensor(name).unwrap()).into();
    let mut right = 0;
    for (index, (picture, label)) in pictures().iter().enumerate() {
        let values = eval::run(&graph, picture).unwrap();
        let Elements::F32(logits) = values[&graph.outputs[0]].as_ref() else { panic!("logits") };
        right += usize::from(largest(logits) == *label);
        if index < 40 {
            let Elements::F32(pixels) = &picture[0] else { panic!("pixels") };
            let stored = border::store(input, &Values::Float(pixels.clone())).unwrap();
            tensor::write(&mut machine, input, &stored).unwrap();
            assert!(machine.run().unwrap().fault.is_none());
            let found = border::restore(output, &tensor::read(&machine, output).unwrap());
            assert_eq!(found, Values::Float(logits.clone()), "picture {index}");
        }
    }
    // 355 are recognised by the float network.
    assert!(right >= 353, "{right} of 359");
}

#[test]
fn tensors_are_close_to_those_of_the_float_network() {
    let found = report(DIGITS, Options::default());
    assert_eq!(found.quantized, 19);
    assert!(found.kept.is_empty());
    // Input, seven convolutions of which five have a Relu, two additions, three more.
    assert_eq!(found.rows.len(), 13);
    for row in &found.rows {
        assert!(row.decibels.unwrap() > 34.0, "{row:?}");
        assert_eq!(row.saturated, 0.0, "{row:?}");
    }
    let cut = Options { method: Method::Percentile(99.0), ..Options::default() };
    let found = report(DIGITS, cut);
    assert!(found.rows.iter().any(|row| row.saturated > 0.001), "{:?}", found.rows);
    assert!(found.rows.iter().all(|row| row.saturated < 0.02), "{:?}", found.rows);
}

#[test]
fn the_file_does_not_depend_on_the_number_of_threads() {
    let made = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| quantized(DIGITS, Options::default()).2)
    };
    let one = made(1);
    assert_eq!(one, made(2));
    assert_eq!(one, made(5));
}

#[test]
fn what_is_excluded_stays_float() {
    let without = |options: Options| {
        let found = report(DIGITS, options);
        found.kept.iter().map(|kept| format!("{}: {}", kept.node, kept.reason)).collect::<Vec<_>>()
    };
    let excluded = Options { exclude: vec!["fc".to_owned()], ..Options::default() };
    assert_eq!(without(excluded), ["fc: excluded"]);
    let only = Options { only: vec!["Gemm".to_owned()], ..Options::default() };
    assert_eq!(without(only).len(), 18);
    let gemm = Options { scope: Scope::Gemm, ..Options::default() };
    let (_, _, file) = quantized(DIGITS, gemm);
    let graph = read(&file).unwrap();
    let count = |name: &str| graph.nodes.iter().filter(|node| node.op.name() == name).count();
    assert_eq!((count("quantize"), count("matmul"), count("dequantize")), (1, 1, 0));
}

/// The messages of the digits network after a change.
fn changed(change: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    let mut model = decode(DIGITS).unwrap();
    change(&mut model);
    encode(&model)
}

fn told(problems: &[Problem]) -> String {
    let line = |p: &Problem| format!("{p}\n  help: {}\n", p.remedy);
    problems.iter().map(line).collect()
}

#[test]
fn refusals_name_the_place_and_the_remedy() {
    let mut text = String::new();
    let mut add =
        |what: &str, problems: Vec<Problem>| text += &format!("# {what}\n{}", told(&problems));
    let refused = |file: &[u8], options: Options| job(file, options).unwrap_err();
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let int8 = include_bytes!("data/digits_int8.onnx");
    add("quantized already", refused(int8, Options::default()));
    let exclude = list(&["fcc", "nothing"]);
    add("unknown node", refused(DIGITS, Options { exclude, ..Options::default() }));
    let only = list(&["MatMul"]);
    add("unknown operator", refused(DIGITS, Options { only, ..Options::default() }));
    let (scope, exclude) = (Scope::Gemm, list(&["fc"]));
    add("nothing left", refused(DIGITS, Options { scope, exclude, ..Options::default() }));
    let half = changed(|model| {
        let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
        tensor.data_type = 10;
        tensor.raw_data.truncate(tensor.raw_data.len() / 2);
    });
    add("half", refused(&half, Options::default()));
    add("no file", refused(b"nothing", Options::default()));
    // Values that int8 cannot hold.
    let weight = |value: f32| {
        changed(|model| {
            let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
            tensor.raw_data[..4].copy_from_slice(&value.to_le_bytes());
        })
    };
    for (what, value) in [("infinite", f32::INFINITY), ("huge", 1e25)] {
        let file = weight(value);
        let problems = job(&file, Options::default()).unwrap();
        let problems = problems.calibrate(&calibration(), || {}).unwrap_err();
        add(what, problems.into_iter().take(2).collect());
    }
    golden("messages/quantize.txt", &text);
}

fn attribute(name: &str, kind: i32, ints: &[i64], f: f32) -> AttributeProto {
    let (name, ints) = (name.to_owned(), ints.to_vec());
    AttributeProto { name, ints, f, r#type: kind, ..AttributeProto::default() }
}

#[test]
fn older_operators_are_brought_to_the_version_that_scales_need() {
    // The first Relu becomes a Clip, the flattening a Squeeze, both as version 9 has them.
    let old = |softmax: i64| {
        changed(|model| {
            model.opset_import[0].version = 9;
            let graph = model.graph.as_mut().unwrap();
            let relu = graph.node.iter_mut().find(|node| node.name == "c0_relu").unwrap();
            relu.op_type = "Clip".to_owned();
            relu.attribute = vec![attribute("min", 1, &[], 0.0), attribute("max", 1, &[], 1.5)];
            let flat = graph.node.iter_mut().find(|node| node.name == "fl").unwrap();
            flat.op_type = "Squeeze".to_owned();
            flat.attribute = vec![attribute("axes", 7, &[2, 3], 0.0)];
            graph.output[0].name = "p".to_owned();
            let axis = AttributeProto { i: softmax, ..attribute("axis", 2, &[], 0.0) };
            graph.node.push(NodeProto {
                name: "soft".to_owned(),
                op_type: "Softmax".to_owned(),
                input: vec!["logits".to_owned()],
                output: vec!["p".to_owned()],
                attribute: vec![axis],
                ..NodeProto::default()
            });
        })
    };
    let (job, found, file) = quantized(&old(1), Options::default());
    let made = decode(&file).unwrap();
    assert_eq!(made.opset_import[0].version, 13);
    let graph = made.graph.unwrap();
    let node = |kind: &str| graph.node.iter().find(|node| node.op_type == kind);
    assert_eq!(node("Squeeze").unwrap().input.len(), 2);
    // The quantization does what the clip did.
    assert!(node("Clip").is_none());
    assert_eq!(found.groups.len(), 12);
    let report = measure(&job, &found, &file, &calibration(), || {}).unwrap();
    assert!(report.rows.iter().all(|row| row.decibels.unwrap() > 25.0), "{:?}", report.rows);
    assert_eq!(
        report.rows.iter().find(|row| row.tensor == "c0_relu").unwrap().range.unwrap()[1],
        1.5
    );
    // A clip that stays has its limits as inputs.
    let exclude = vec!["c0_relu".to_owned()];
    let stays = Options { exclude, ..Options::default() };
    let graph = decode(&quantized(&old(1), stays).2).unwrap().graph.unwrap();
    let clip = graph.node.iter().find(|node| node.op_type == "Clip").unwrap();
    let limit = |index: usize| {
        let found = graph.initializer.iter().find(|tensor| tensor.name == clip.input[index]);
        f32::from_le_bytes(found.unwrap().raw_data[..4].try_into().unwrap())
    };
    assert_eq!([limit(1), limit(2)], [0.0, 1.5]);
    // All dimensions at once were one softmax.
    let problems = Job::new(&old(0), |_, _| Ok(()), Options::default()).unwrap_err();
    assert!(told(&problems).contains("`soft`") && told(&problems).contains("version_converter"));
}

#[test]
fn a_norm_by_itself_becomes_a_convolution_and_one_behind_a_convolution_nothing() {
    let parameters = |graph: &mut npugen::onnx::proto::GraphProto, base: &str, channels: usize| {
        let mut names = Vec::new();
        for (index, what) in ["gain", "shift", "mean", "variance"].into_iter().enumerate() {
            let value = |c: usize| 0.5 + (c * 7 + index * 3) as f32 % 11.0 / 10.0;
            names.push(format!("{base}_{what}"));
            graph.initializer.push(TensorProto {
                name: format!("{base}_{what}"),
                data_type: 1,
                dims: vec![channels as i64],
                raw_data: (0..channels).flat_map(|c| value(c).to_le_bytes()).collect(),
                ..TensorProto::default()
            });
        }
        names
    };
    let file = changed(|model| {
        let graph = model.graph.as_mut().unwrap();
        for (name, from) in [("behind", "r1"), ("alone", "c2_relu")] {
            let channels = graph
                .initializer
                .iter()
                .find(|tensor| tensor.name == if from == "r1" { "w1" } else { "w2" })
                .unwrap()
                .dims[0] as usize;
            let names = parameters(graph, name, channels);
            let at =
                1 + graph.node.iter().position(|n| n.output.iter().any(|o| o == from)).unwrap();
            for node in &mut graph.node[at..] {
                node.input.iter_mut().filter(|i| *i == from).for_each(|i| *i = name.to_owned());
            }
            graph.node.insert(
                at,
                NodeProto {
                    name: format!("{name}_norm"),
                    op_type: "BatchNormalization".to_owned(),
                    input: [vec![from.to_owned()], names].concat(),
                    output: vec![name.to_owned()],
                    ..NodeProto::default()
                },
            );
        }
    });
    let (_, _, made) = quantized(&file, Options::default());
    let nodes = decode(&made).unwrap().graph.unwrap().node;
    assert!(nodes.iter().all(|node| node.op_type != "BatchNormalization"));
    assert_eq!(nodes.iter().filter(|node| node.op_type == "Conv").count(), 8);
    for row in report(&file, Options::default()).rows {
        assert!(row.decibels.unwrap() > 30.0, "{row:?}");
    }
    let graph = read(&made).unwrap();
    let design = Design::preset("tiny").unwrap();
    compiler::compile(&graph, &design, compiler::Options::default()).unwrap();
}

#[test]
fn the_command_writes_a_file_and_tells() {
    let folder = tempfile::tempdir().unwrap();
    let data = root().join("tests/data");
    let path = |name: &str| data.join(name).display().to_string();
    let (model, calib) = (path("digits_fp32.onnx"), path("digits_runs.npz"));
    let run = |more: &[&str]| {
        let arguments = [&["quantize", &model, "-o", "out.onnx"], more].concat();
        npugen(folder.path(), &arguments)
    };
    let output = run(&["--calib", &calib]);
    golden("messages/quantize_table.txt", &String::from_utf8(output.stdout).unwrap());
    assert!(String::from_utf8(output.stderr).unwrap().contains("19 of 19 operators quantized"));
    // A folder of single arrays is the same as a list.
    let mut npz = NpzReader::new(std::fs::File::open(&calib).unwrap()).unwrap();
    let list: ndarray::Array5<f32> = npz.by_name("input").unwrap();
    let runs = folder.path().join("runs");
    std::fs::create_dir(&runs).unwrap();
    for (index, run) in list.outer_iter().enumerate() {
        ndarray_npy::write_npy(runs.join(format!("{index}.npy")), &run.to_owned()).unwrap();
    }
    let first = std::fs::read(folder.path().join("out.onnx")).unwrap();
    let output = run(&["--calib", "runs", "--json"]);
    assert!(output.status.success());
    assert_eq!(std::fs::read(folder.path().join("out.onnx")).unwrap(), first);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["tensors"].as_array().unwrap().len(), 13);
    assert_eq!(json["bytes_after"], first.len());
    for (arguments, status, part) in [
        (&["--calib", "absent"][..], 1, "absent"),
        (&["--calib", "."], 1, "no `.npz` and no `.npy` file"),
        (&["--calib", &path("digits_test.npz")], 1, "no array `input` of type float"),
        (&["--calib", &calib, "--percentile", "0"], 2, "not above 0"),
        (&["--calib", &calib, "--shape", "other=3"], 1, "no input `other`"),
    ] {
        let output = run(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{told}");
        assert!(told.contains(part), "{told}");
    }
}
