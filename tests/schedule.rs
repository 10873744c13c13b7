//! Schedule files: what the compiler writes it reads again as the same program, whatever is wished
//! leaves results alone, and what cannot be is refused with its place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;
#[path = "common/digits.rs"]
mod digits;

use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use common::{golden, npugen, root};
use digits::{digits, pictures, run};
use npugen::compiler::schedule_file::{Wishes, dump};
use npugen::compiler::{Compiled, Options, Refusal, compile_scheduled};
use npugen::design::Design;
use npugen::exec::Executor;
use npugen::exec::tensor::Values;
use npugen::golden::Golden;
use npugen::graph::Graph;
use npugen::program::lint;
use proptest::prelude::*;

static GRAPH: LazyLock<Graph> = LazyLock::new(digits);

fn compile(design: &Design, text: &str, flags: &[&str]) -> Result<(Compiled, Wishes), Refusal> {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let wishes = Wishes::parse("my.yaml", text, &flags)?;
    compile_scheduled(&GRAPH, design, Options::default(), &wishes).map(|made| (made, wishes))
}

#[test]
fn a_written_schedule_makes_the_same_program() {
    let fixed = "
apart: [a5]
layers:
  c2: {order: tiles, tile: [2, 4], channels: 16, place: dram}
  c0: {interleave: false}
";
    for preset in ["default", "tiny", "edge", "genesys_03"] {
        let design = Design::preset(preset).unwrap();
        for text in ["", fixed] {
            let (first, wishes) = compile(&design, text, &["c5.tile=[1, 4]"]).unwrap();
            let written = dump(&first, &wishes);
            let (second, again) = compile(&design, &written, &[]).unwrap();
            assert!(first.program == second.program, "{preset}:\n{written}");
            assert_eq!(dump(&second, &again), written);
        }
    }
}

/// The file has every layer with what was decided, and what was wished without a comment.
#[test]
fn a_written_schedule_says_what_was_decided() {
    let design = Design::preset("tiny").unwrap();
    let (made, wishes) =
        compile(&design, "apart: [a6]\nlayers: {c3: {place: dram}}", &["c2.order=tiles"]).unwrap();
    golden("schedules/digits_tiny.yaml", &dump(&made, &wishes));
}

/// Decisions are those of the program: maps, fusion, order and cuts.
#[test]
fn wishes_come_true() {
    let design = Design::preset("tiny").unwrap();
    let plain = compile(&design, "", &[]).unwrap().0;
    let names = |made: &Compiled| {
        made.net.layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&plain), ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "gap", "fc"]);
    let text = "
apart: [a5, a6]
layers:
  c4: {tile: [1, 3], channels: 4, place: dram}
  c2: {interleave: false}
";
    let (made, _) = compile(&design, text, &[]).unwrap();
    assert_eq!(names(&made), ["c0", "c1", "c2", "c3", "c4", "c5", "a5", "c6", "a6", "gap", "fc"]);
    let remarks: Vec<&str> =
        made.program.layers.iter().map(|layer| layer.remark.as_str()).collect();
    assert_eq!(remarks[6], "the schedule keeps it apart");
    assert_eq!(made.program.layers[4].place.name(), "dram");
    let cut = made.decisions[4].cut.unwrap();
    assert_eq!((cut.tile, cut.channels), ([1, 3], 4));
    assert!(plain.decisions[2].interleaved && !made.decisions[2].interleaved);
}

/// Entries for many layers, of which those behind take precedence.
#[test]
fn asterisks_stand_for_many_layers() {
    let design = Design::preset("tiny").unwrap();
    let text = "
apart: ['*']
layers:
  '*': {place: dram, channels: 8}
  'c*': {channels: 4}
  c*5: {place: ibuf}
";
    let (made, _) = compile(&design, text, &["*.tile=[1, 1]", "c2.tile=[2, 2]"]).unwrap();
    assert_eq!(made.net.layers.len(), 11);
    let says = |name: &str| {
        let at = made.net.layers.iter().position(|layer| layer.name == name).unwrap();
        (made.program.layers[at].place.name(), made.decisions[at].cut.map(|c| (c.tile, c.channels)))
    };
    assert_eq!(says("c2"), ("dram", Some(([2, 2], 4))));
    assert_eq!(says("c5"), ("ibuf", Some(([1, 1], 4))));
    assert_eq!(says("fc"), ("dram", Some(([1, 1], 8))));
    assert_eq!(says("gap"), ("dram", None));
}

/// Two branches of a network are computed in the order that is asked for.
#[test]
fn layers_that_do_not_depend_change_places() {
    let folder = tempfile::tempdir().unwrap();
    let model = root().join("tests/data/encoder_int8.onnx");
    let listing = |extra: &[&str]| {
        let mut arguments =
            vec!["compile", model.to_str().unwrap(), "-c", "tiny", "-o", "e.npu", "--json"];
        arguments.extend(extra);
        let output = npugen(folder.path(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let layers = value["layers"].as_array().unwrap().clone();
        layers.iter().map(|layer| layer["layer"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = listing(&[]);
    let at = |layers: &[String], name: &str| layers.iter().position(|l| l == name).unwrap();
    let (query, key) = ("n_query_product", "n_key_product");
    assert!(at(&before, query) < at(&before, key), "{before:?}");
    fs::write(folder.path().join("s.yaml"), format!("sequence: [{key}, {query}]\n")).unwrap();
    let after = listing(&["--schedule", "s.yaml"]);
    assert!(at(&after, key) < at(&after, query), "{after:?}");
    assert_eq!(before.len(), after.len());
}

/// Name, schedule, further arguments.
type Case = (&'static str, &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    ("not_yaml", "layers: [c0\n", &[]),
    ("not_groups", "- c0\n", &[]),
    ("unknown_keys", "layrs: {}\nlayers:\n  c0: {tiles: [1, 1], place: dram}\n  c1: 3\n", &[]),
    (
        "wrong_values",
        "apart: c0
sequence: [1]
layers:
  c0: {place: sram, interleave: true, order: channels}
  c2: {tile: [1, 2, 3], channels: 0}
  c4: {tile: [0, 4], channels: many}
",
        &[],
    ),
    (
        "unknown_layers",
        "layers:\n  c11: {place: dram}\n  conv: {place: dram}\n  '*x': {place: dram}\n",
        &[],
    ),
    ("moved_layer", "layers:\n  a5: {place: dram}\n", &[]),
    ("not_apart", "apart: [c5, a7, a5, a5, 'c*', 'x*']\n", &[]),
    ("sequence", "sequence: [c2, c1, c1, c9]\n", &[]),
    (
        "cuts",
        "layers:
  gap: {tile: [1, 1], order: tiles, channels: 4}
  c0: {tile: [9, 8], channels: 17}
",
        &[],
    ),
    (
        "obuf",
        "layers:\n  'c*': {tile: [8, 8]}\n",
        &["-c", "tiny", "--set", "buffers.obuf.depth=32"],
    ),
    (
        "pinned",
        "layers:\n  c0: {place: ibuf}\n  c1: {place: ibuf}\n",
        &["-c", "tiny", "--set", "buffers.ibuf.size=1KiB"],
    ),
    ("flags", "layers:\n  c0: {place: dram}\n", &["--layer", "c0", "--layer", "c0.place=here"]),
];

#[test]
fn wrong_schedules_are_refused() {
    let model = root().join("tests/data/digits_int8.onnx");
    for (name, text, arguments) in CASES {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("my.yaml"), text).unwrap();
        let mut all = vec!["compile", model.to_str().unwrap(), "-o", "a.npu"];
        all.extend(["--schedule", "my.yaml"]);
        all.extend(*arguments);
        let output = npugen(folder.path(), &all);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(!folder.path().join("a.npu").exists(), "{name}");
        golden(&format!("schedules/{name}.txt"), &String::from_utf8(output.stderr).unwrap());
    }
}

fn wish() -> impl Strategy<Value = String> {
    let conv = (
        prop::sample::select(vec!["c0", "c2", "c4", "c5", "c6", "fc"]),
        prop::option::of(prop::sample::select(vec!["weights", "tiles"])),
        prop::option::of([1..=8usize, 1..=8usize]),
        prop::option::of(1..=64usize),
        prop::option::of(prop::sample::select(vec!["ibuf", "dram"])),
        any::<bool>(),
    );
    let conv = conv.prop_map(|(name, order, tile, channels, place, alone)| {
        let (side, most) = match name {
            "c0" => (8, 16),
            "c2" => (8, 32),
            "fc" => (1, 10),
            _ => (4, 64),
        };
        let mut text =
            format!("  {name}:\n    interleave: {}\n", if alone { "false" } else { "auto" });
        if let Some(order) = order {
            let _ = writeln!(text, "    order: {order}");
        }
        if let Some([rows, cols]) = tile {
            let _ = writeln!(text, "    tile: [{}, {}]", rows.min(side), cols.min(side));
        }
        if let Some(channels) = channels {
            let _ = writeln!(text, "    channels: {}", channels.min(most));
        }
        if let Some(place) = place {
            let _ = writeln!(text, "    place: {place}");
        }
        text
    });
    let apart = prop::sample::subsequence(vec!["a5", "a6"], 0..=2);
    (apart, prop::collection::vec(conv, 1..4)).prop_map(|(apart, layers)| {
        let mut text = format!("apart: [{}]\nlayers:\n", apart.join(", "));
        let mut seen = Vec::new();
        for layer in layers {
            let name = layer.lines().next().unwrap_or_default().to_owned();
            if !seen.contains(&name) {
                text += &layer;
                seen.push(name);
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    /// Wishes either are refused or change nothing but the program.
    #[test]
    fn results_do_not_depend_on_wishes(text in wish(), preset in 0..3usize, picture in 0..40usize) {
        let design = Design::preset(["tiny", "edge", "default"][preset]).unwrap();
        let made = match compile(&design, &text, &[]) {
            Ok((made, _)) => made,
            Err(Refusal::Schedule(_)) => return Ok(()),
            Err(other) => panic!("{other:?}\n{text}"),
        };
        prop_assert!(lint::lint(&design, &made.program).is_legal());
        let mut golden = Golden::new(&design);
        golden.load(&made.program).unwrap();
        let (picture, logits) = &pictures()[picture];
        let outputs = run(&mut golden, &made.program, picture);
        prop_assert_eq!(outputs, [("logits".to_owned(), Values::Float(logits.clone()))]);
    }
}
