//! The way from Verilog to a running session, on a machine that only copies. Needs Verilator: where
//! it is missing these tests say so and pass, unless `CI` is set.

use super::Error;
use super::build::{BuildOptions, Flavour, NPU_TOP, Source, build};
use super::dram::{Dram, DramOptions, Stalls};
use super::memory::Memory;
use super::model::Model;
use super::protocol::BusRules;
use super::session::Session;
use crate::host::Registers as _;

const FROM: u64 = 0x4_0000;

fn library(flavour: Flavour) -> Option<std::path::PathBuf> {
    let sources =
        [Source { name: "npu_top.v".into(), text: include_str!("testdata/copier.v").into() }];
    let options = BuildOptions { cache: None, flavour, quick: true };
    match build(&NPU_TOP, &sources, &options) {
        Ok(built) => Some(built.library),
        Err(error) if error.is_missing_tool() && std::env::var_os("CI").is_none() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn session(library: &std::path::Path, options: DramOptions) -> Session {
    let content: Vec<u8> = (0..=255).collect();
    let mut memory = Memory::default();
    memory.add(FROM, &content, false).unwrap();
    memory.add(FROM + 0x1_0000, &[0; 256], true).unwrap();
    let rules = BusRules { bytes: 16, max_burst: 16, read_ids: 0..2, write_ids: 0..1 };
    Session::new(Model::load(library).unwrap(), Dram::new(memory, rules, options)).unwrap()
}

/// Runs the copy; returns the events on the retire port.
fn copy(session: &mut Session) -> Vec<(usize, u32)> {
    session.write(0, FROM as u32).unwrap();
    assert_eq!(session.read(0).unwrap(), FROM as u32);
    while session.outputs().irq == 0 {
        session.tick().unwrap();
        assert!(session.cycle() < 5000);
    }
    let want: Vec<u8> = (0..=255).rev().collect();
    assert_eq!(session.dram().memory().block(FROM + 0x1_0000), Some(&want[..]));
    let events = session.retired().iter();
    events.map(|event| (event.engine, event.pc)).collect()
}

#[test]
fn a_model_is_built_cached_loaded_and_run() {
    let Some(path) = library(Flavour::Fast) else {
        return;
    };
    assert_eq!(library(Flavour::Fast), Some(path.clone()), "cached");
    for seed in 0..4 {
        let mut session = session(
            &path,
            DramOptions {
                stalls: Stalls::all(seed as u8 * 20),
                address_waits_for_data: seed % 2 == 1,
                seed,
                ..DramOptions::default()
            },
        );
        assert_eq!(copy(&mut session), [(0, 0xab_cdef), (3, 0x12_3456)]);
        let error = session.write(4, 0).unwrap_err();
        assert!(matches!(error, Error::HostResponse { address: 4, response: 2, .. }), "{error}");
    }
}

#[test]
fn a_debug_model_shows_its_memories_and_writes_waveforms() {
    let Some(path) = library(Flavour::Debug) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let wave = directory.path().join("window.vcd");
    let mut session = session(&path, DramOptions::default());
    let origin = session.cycle() - 5;
    session.model_mut().trace_open(&wave, origin).unwrap();
    copy(&mut session);
    session.model_mut().trace_close();

    let arrays = session.model().ram_arrays();
    assert_eq!(arrays.len(), 1);
    assert_eq!(arrays[0].path, "TOP.npu_top.u_ram");
    assert_eq!((arrays[0].depth, arrays[0].word_bits), (16, 128));
    let word = session.model().ram_word(&arrays[0], 3).unwrap();
    assert_eq!(word, (48..64).collect::<Vec<u8>>());
    assert_eq!(session.model().ram_word(&arrays[0], 16), None);

    let text = std::fs::read_to_string(&wave).unwrap();
    assert!(text.contains("m_axi_araddr"));
    assert!(text.contains("#10\n") && !text.contains("#9\n"), "starts there");
}
