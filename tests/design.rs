//! The design: presets, rounding, derived numbers and the fingerprint.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use npugen::config::Override;
use npugen::design::{Cell, Design, PRESETS};

fn with(flags: &[&str]) -> Design {
    let overrides: Vec<Override> = flags.iter().map(|flag| Override::set(flag).unwrap()).collect();
    Design::preset_with("default", &overrides).unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn every_preset_is_legal_and_named_after_its_file() {
    for (name, _) in PRESETS {
        let design = Design::preset(name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(design.name(), name);
    }
}

#[test]
fn the_canonical_text_gives_the_same_design_again() {
    for (name, _) in PRESETS {
        let design = Design::preset(name).unwrap();
        let again = Design::from_yaml(design.canonical(), &[]).unwrap();
        assert_eq!(again, design);
    }
}

#[test]
fn the_default_has_the_numbers_of_its_file() {
    let design = Design::preset("default").unwrap();
    assert_eq!((design.rows(), design.cols(), design.lanes()), (16, 16, 16));
    assert_eq!((design.segments(), design.segment_rows()), (1, 16));
    assert_eq!((design.cell(), design.packed()), (Cell::Dsp48e2, true));
    let ibuf = design.ibuf();
    assert_eq!((ibuf.banks, ibuf.bank_depth, ibuf.words, ibuf.word_bytes), (8, 16384, 131_072, 16));
    assert_eq!((design.wbuf().words, design.wbuf().word_bytes), (16384, 16));
    assert_eq!((design.vmem().words, design.vmem().word_bytes), (2048, 64));
    assert_eq!((design.pbuf_words(), design.obuf_depth()), (128, 512));
}

#[test]
fn genesys_03_has_322_kib_on_chip() {
    let design = Design::preset("genesys_03").unwrap();
    let (rows, cols, lanes) = (design.rows(), design.cols(), design.lanes());
    assert_eq!((rows, cols, design.axi().data_bits), (16, 16, 128));
    let total = design.ibuf().words * design.ibuf().word_bytes
        + design.wbuf().words * design.wbuf().word_bytes
        + design.obuf_depth() * cols * 4
        + design.pbuf_words() * cols * 8
        + design.vmem().words * design.vmem().word_bytes
        + design.acc_depth() * lanes * 4
        + design.tables() * 256;
    assert_eq!(total, 322 << 10);
}

#[test]
fn segments_split_tall_arrays_evenly() {
    for (rows, segments, segment_rows) in
        [(1, 1, 1), (16, 1, 16), (17, 2, 9), (24, 2, 12), (256, 16, 16)]
    {
        let design = with(&[&format!("array.rows={rows}"), "array.cols=1", "vector.lanes="]);
        assert_eq!((design.segments(), design.segment_rows()), (segments, segment_rows), "{rows}");
    }
}

#[test]
fn sizes_round_down_and_the_resolved_value_stands() {
    let design =
        with(&["buffers.ibuf.size=100 KiB", "buffers.ibuf.banks=2", "buffers.pbuf.channels=17"]);
    let ibuf = design.ibuf();
    assert_eq!((ibuf.banks, ibuf.bank_depth, ibuf.words), (2, 2048, 4096));
    assert!(design.canonical().contains("size: 64 KiB"), "{}", design.canonical());
    assert!(design.canonical().contains("channels: 32"));
}

#[test]
fn the_fingerprint_sees_what_programs_see() {
    let plain = with(&[]);
    for same in ["name=other", "clock_mhz=100"] {
        assert_eq!(with(&[same]).fingerprint(), plain.fingerprint(), "{same}");
    }
    for differs in ["array.cols=8", "control.queue_depth=64", "post.residual=false"] {
        assert_ne!(with(&[differs]).fingerprint(), plain.fingerprint(), "{differs}");
    }
    let simulated = plain.with_cell(Cell::Simulation);
    assert_eq!(simulated.fingerprint(), plain.fingerprint());
    assert!(simulated.packed());
    assert_ne!(with(&["array.cell=generic"]).fingerprint(), plain.fingerprint());
}

#[test]
fn random_designs_are_legal_and_depend_on_the_seed_alone() {
    let mut arrays = std::collections::BTreeSet::new();
    for seed in 0..500 {
        let design = Design::random(seed).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(Design::random(seed).unwrap(), design);
        arrays.insert((design.rows(), design.cols(), design.cell()));
    }
    assert!(arrays.len() > 100, "{}", arrays.len());
}

#[test]
fn a_key_left_out_has_the_value_of_the_default() {
    let design = Design::from_yaml("name: default\n", &[]).unwrap();
    assert_eq!(design, Design::preset("default").unwrap());
}

proptest::proptest! {
    /// Whatever stands in a file, reading it ends in a design or in messages.
    #[test]
    fn any_text_is_answered(text in "[ -~\n]{0,200}") {
        let _ = Design::from_yaml(&text, &[]);
    }

    /// Any value of any key is answered, and every message names a key and a remedy.
    #[test]
    fn any_value_is_answered(
        key in proptest::sample::select(vec![
            "array.rows", "array.cols", "array.activation_bits", "array.weight_bits", "vector.lanes",
            "vector.taps", "vector.acc_depth", "axi.data_bits", "axi.max_burst_beats",
            "axi.read_fifo_beats", "buffers.ibuf.size", "buffers.ibuf.banks", "buffers.wbuf.size",
            "buffers.pbuf.channels", "buffers.vmem.size", "control.queue_depth",
        ]),
        value in proptest::prelude::any::<i64>(),
        small in 0..600_i64,
        pick in proptest::prelude::any::<bool>(),
    ) {
        let value = if pick { value } else { small };
        let overrides = [Override::flag(key, value, "--value")];
        if let Err(npugen::error::Error::Config(errors)) = Design::preset_with("edge", &overrides) {
            for violation in errors.violations() {
                proptest::prop_assert!(!violation.key.is_empty() && !violation.remedy.is_empty());
                let shown = violation.to_string();
                proptest::prop_assert!(shown.contains("(set by `--value "), "{shown}");
            }
        }
    }
}
