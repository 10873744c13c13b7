//! The whole machine in simulation against the golden model. Needs Verilator: where it is missing
//! these tests say so and pass, unless `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

#[path = "common/rtl.rs"]
mod rtl;

use npugen::config::Override;
use npugen::cosim::dram::{DramOptions, ErrorResponse, InjectedError, Stalls};
use npugen::cosim::executor::{Rtl, RtlOptions, TraceWindow, sources};
use npugen::cosim::{Error, lockstep};
use npugen::design::{Cell, Design};
use npugen::exec::compare::examine;
use npugen::exec::{Cause, Executor, Fault};
use npugen::golden::Golden;
use npugen::host;
use npugen::isa::Engine;
use npugen::program::{Program, Target, asm};
use rtl::{machine, quick};

fn tiny() -> Design {
    Design::preset("tiny").unwrap()
}

fn program(design: &Design, text: &str) -> Program {
    asm::assemble("test", text, Some(&Target::of(design))).unwrap()
}

const FIRST_LIGHT: &str = include_str!("../examples/hello.npuasm");

#[track_caller]
fn assert_equal(design: &Design, rtl: &mut Rtl, program: &Program) {
    let mut golden = Golden::new(design);
    golden.load(program).unwrap();
    let expected = golden.run().unwrap();
    rtl.load(program).unwrap();
    let report = rtl.run().unwrap();
    let (divergence, bytes) = examine(program, &golden, &expected, rtl, &report).unwrap();
    assert_eq!(divergence.map(|found| found.to_string()), None);
    assert!(bytes > 0);
}

#[test]
fn first_light_on_a_calm_and_on_a_stormy_bus() {
    let design = tiny();
    let program = program(&design, FIRST_LIGHT);
    let Some(mut rtl) = machine(&design, RtlOptions { misalign: true, ..quick() }) else {
        return;
    };
    for seed in 0..12 {
        let dram = DramOptions {
            latency: [1, 100, 7, 30][seed as usize % 4],
            stalls: Stalls::all(seed as u8 * 7),
            interleave: seed % 2 == 1,
            address_waits_for_data: seed % 3 == 2,
            max_reads: 1 + seed as usize,
            bandwidth_percent: if seed % 4 == 3 { 25 } else { 100 },
            seed,
            ..DramOptions::default()
        };
        rtl.power_cycle(dram).unwrap();
        assert_equal(&design, &mut rtl, &program);
        // The same machine once more, without a reset.
        assert_equal(&design, &mut rtl, &program);
    }
}

#[test]
fn the_counters_add_up_and_agree_with_the_bus() {
    let design = tiny();
    let program = program(&design, FIRST_LIGHT);
    let Some(mut rtl) = machine(&design, quick()) else { return };
    rtl.load(&program).unwrap();
    let report = rtl.run().unwrap();
    let counter = |name: &str| report.counters[name];
    let cycles = report.cycles.unwrap();
    for engine in ["load", "gemm", "vector", "store"] {
        let classes = ["busy", "wait_semaphore", "stall_memory", "no_instruction"];
        let sum: u64 = classes.iter().map(|class| counter(&format!("{engine}.{class}"))).sum();
        assert_eq!(sum, cycles, "{engine}");
    }
    let array = ["active", "wait_weights", "wait_residual", "other"];
    let sum: u64 = array.iter().map(|class| counter(&format!("array.{class}"))).sum();
    assert_eq!(sum, cycles);
    assert_eq!(counter("array.active"), 8);
    let bus = rtl.figures().dram;
    assert_eq!(counter("read.bursts"), bus.read_bursts);
    assert_eq!(counter("read.bytes"), bus.read_beats * 8);
    assert_eq!(counter("write.bursts"), bus.write_bursts);
    assert_eq!(counter("write.bytes"), bus.write_beats * 8);
    // From the accepted address to the first beat at least the memory's latency.
    assert!(counter("read.latency") >= 100 * bus.read_bursts);
    assert_eq!((report.tags.len(), report.tags[0].tag), (1, 77));
    let retired: u64 = ["load", "gemm", "vector", "store"]
        .iter()
        .map(|engine| counter(&format!("{engine}.retired")))
        .sum();
    assert_eq!(retired, 6);
    assert!(report.retired.iter().all(|launch| launch.cycle.unwrap() <= cycles));
}

#[test]
fn bus_errors_are_faults_and_a_soft_reset_leads_out() {
    let design = tiny();
    let program = program(&design, FIRST_LIGHT);
    let Some(mut rtl) = machine(&design, quick()) else { return };
    rtl.load(&program).unwrap();
    rtl.run().unwrap();
    let bursts = rtl.figures().dram;
    assert!(bursts.read_bursts >= 4 && bursts.write_bursts >= 1);
    let mut engines = Vec::new();
    for burst in 0..bursts.read_bursts {
        let error = InjectedError { burst, response: ErrorResponse::Slave };
        rtl.power_cycle(DramOptions { read_error: Some(error), ..DramOptions::default() }).unwrap();
        rtl.load(&program).unwrap();
        let fault = rtl.run().unwrap().fault.unwrap();
        assert_eq!(fault.cause, Cause::AxiRead, "burst {burst}: {fault}");
        engines.push(fault.engine);
        assert_equal(&design, &mut rtl, &program);
    }
    assert!(engines.contains(&Engine::Ctrl) && engines.contains(&Engine::Load), "{engines:?}");
    for burst in 0..bursts.write_bursts {
        let error = InjectedError { burst, response: ErrorResponse::Decode };
        rtl.power_cycle(DramOptions { write_error: Some(error), ..DramOptions::default() })
            .unwrap();
        rtl.load(&program).unwrap();
        let fault = rtl.run().unwrap().fault.unwrap();
        assert_eq!((fault.cause, fault.engine), (Cause::AxiWrite, Engine::Store));
        assert_equal(&design, &mut rtl, &program);
    }
}

#[test]
fn a_deadlock_ends_with_the_watchdog_and_says_who_waits_for_what() {
    let design = tiny();
    let text = FIRST_LIGHT.replace("run load.pbuf signal=s0", "run load.pbuf");
    let program = program(&design, &text);
    let Some(mut rtl) = machine(&design, quick()) else { return };
    rtl.load(&program).unwrap();
    let fault = rtl.run().unwrap().fault.unwrap();
    assert_eq!(fault.cause, Cause::Watchdog, "{fault}");
    let report = host::hang_report(rtl.session_mut()).unwrap().to_string();
    assert!(report.contains("waits for semaphore 0"), "{report}");
    assert!(report.contains("load: last retired 12; idle"), "{report}");
    assert_equal(&design, &mut rtl, &self::program(&design, FIRST_LIGHT));
    // Without the machine's watchdog the simulation has its own patience.
    let Some(mut rtl) = machine(&design, RtlOptions { watchdog: 0, patience: 5_000, ..quick() })
    else {
        return;
    };
    rtl.load(&program).unwrap();
    let error = rtl.run().unwrap_err().to_string();
    assert!(error.contains("no progress") && error.contains("waits for semaphore 0"), "{error}");
}

#[test]
fn faults_of_programs_are_those_of_the_golden_model() {
    let design = tiny();
    let Some(mut rtl) = machine(&design, quick()) else { return };
    let cases = [
        ("set store.dram base=2", "set store.dram base=2 offset=1", Cause::RegionRange),
        ("set store.src addr=32", "set store.src addr=8190", Cause::BufferRange),
        ("set vector.dst addr=32", "set vector.dst addr=8190", Cause::BufferRange),
        ("set gemm.out addr=16", "set gemm.out addr=8190", Cause::BufferRange),
        ("set gemm.ow count=8", "set gemm.ow count=65", Cause::Configuration),
        ("set gemm.ow count=8", "set gemm.ow count=0", Cause::Configuration),
        ("run store.ibuf wait=s2", "run store.ibuf wait=s1", Cause::SemaphoreOwner),
        ("run gemm.act wait=s0 signal=s1", "run gemm.act wait=s0 signal=s2", Cause::SemaphoreOwner),
        ("set load.dram base=0", "set load.dram base=5", Cause::RegionRange),
        (".note \"results\"", ".word 0xf000000000000000", Cause::IllegalInstruction),
        (".note \"results\"", ".word 0x12ff000000000000", Cause::IllegalRegister),
    ];
    for (before, after, cause) in cases {
        assert!(FIRST_LIGHT.contains(before), "{before}");
        let program = program(&design, &FIRST_LIGHT.replace(before, after));
        let mut golden = Golden::new(&design);
        golden.load(&program).unwrap();
        let key = |fault: Fault| (fault.engine, fault.cause, fault.pc);
        let expected = golden.run().unwrap().fault.map(key);
        assert_eq!(expected.map(|key| key.1), Some(cause), "{after}: golden");
        rtl.load(&program).unwrap();
        let got = rtl.run().unwrap().fault.map(key);
        assert_eq!(got, expected, "{after}");
    }
    assert_equal(&design, &mut rtl, &program(&design, FIRST_LIGHT));
}

#[test]
fn a_foreign_program_is_refused() {
    let design = tiny();
    let Some(mut rtl) = machine(&design, quick()) else { return };
    let other = Design::preset("edge").unwrap();
    let foreign = Program { target: Target::of(&other), ..program(&design, FIRST_LIGHT) };
    let error = rtl.load(&foreign).unwrap_err().to_string();
    assert!(error.contains("array.rows: hardware 4, program 16"), "{error}");
    // Behind the executor's back the machine refuses it itself.
    let mut disguised = program(&design, FIRST_LIGHT);
    disguised.code.push(0);
    rtl.load(&disguised).unwrap();
    rtl.pretend_fingerprint(1);
    let fault = rtl.run().unwrap().fault.unwrap();
    assert_eq!((fault.engine, fault.cause), (Engine::Ctrl, Cause::Fingerprint));
}

#[test]
fn a_planted_bug_is_found_at_its_first_word() {
    let design = tiny();
    let program = program(&design, FIRST_LIGHT);
    let folder = tempfile::tempdir().unwrap();
    let wave = folder.path().join("first.vcd");
    let search = |sources| {
        let options = RtlOptions { sources, ..quick() };
        lockstep::search(&design, &program, &[], &options, Some(&wave))
    };
    if machine(&design, quick()).is_none() {
        return;
    }
    assert_eq!(search(None).unwrap(), lockstep::Outcome::Equal);

    // Addition in the lanes of VECTOR becomes subtraction.
    let mut planted = sources(&design, Some(Cell::Simulation)).unwrap();
    let alu = planted.iter_mut().find(|source| source.name == "npu_vector_alu.v").unwrap();
    let mutant = alu.text.replacen("(op != OP_ADD)", "(op == OP_ADD)", 1);
    assert_ne!(mutant, alu.text);
    alu.text = mutant;
    let lockstep::Outcome::Wrong(found) = search(Some(planted)).unwrap() else {
        panic!("the bug was not found");
    };
    assert!(found.instruction.starts_with("run vector.add"), "{found}");
    assert_eq!((found.provenance.as_str(), found.place.as_str()), ("add three", "IBUF word 32"));
    assert_eq!(found.expected - found.got, 6, "{found}");
    let (path, from, to) = found.wave.clone().unwrap();
    assert!(path.is_file() && from < found.cycle && found.cycle <= to, "{found}");
}

#[test]
fn verilog_of_another_machine_is_refused() {
    let design = tiny();
    if machine(&design, quick()).is_none() {
        return;
    }
    let other = Design::preset_with("tiny", &[Override::set("control.trace_depth=32").unwrap()]);
    let verilog = sources(&design, Some(Cell::Simulation)).unwrap();
    let options = RtlOptions { sources: Some(verilog), ..quick() };
    let error = Rtl::new(&other.unwrap(), options).unwrap_err();
    assert!(matches!(error, Error::Host(host::Error::Identity { .. })), "{error}");
    assert!(error.to_string().contains("is not the one this program drives"), "{error}");
    assert_eq!(error.exit_status(), 5);
}

#[test]
fn tags_that_find_no_room_are_told() {
    let design = tiny();
    let Some(mut rtl) = machine(&design, quick()) else { return };
    let program = program(&design, &format!("{}end\n", "tag load 1\n".repeat(400)));
    rtl.load(&program).unwrap();
    let error = rtl.run().unwrap_err().to_string();
    assert!(
        error.contains("tags found no room in the trace: raise `control.trace_depth`"),
        "{error}"
    );
}

#[test]
fn a_waveform_that_cannot_be_written_is_told() {
    let design = tiny();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent/a.vcd");
    let trace = Some(TraceWindow { from: 0, to: 9, path });
    let Some(mut rtl) = machine(&design, RtlOptions { trace, ..quick() }) else { return };
    rtl.load(&program(&design, FIRST_LIGHT)).unwrap();
    let error = rtl.run().unwrap_err().to_string();
    assert!(error.contains("a.vcd`: it cannot be opened"), "{error}");
}

#[test]
fn errors_of_the_simulation_are_told() {
    let error = Error::Hang { cycle: 9, waited: 5, report: "  who".into() };
    assert_eq!(error.to_string(), "cycle 9: no progress for 5 cycles\n  who");
}
