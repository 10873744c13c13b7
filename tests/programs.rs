//! The checks of programs on programs that kernels make: no finding on a correct one, and a race
//! as soon as any one of its semaphores is left out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use npugen::config::Override;
use npugen::design::Design;
use npugen::isa::table::{gemm, load, store};
use npugen::isa::{Engine, Instruction, SemMask};
use npugen::program::lint::{Rule, lint};
use npugen::program::{Builder, Program, RegionKind, Target, assemble, disassemble};
use npugen::workload::bench::{ConvShape, convolution, gemm as product};
use npugen::workload::digits;

const SHAPE: ConvShape = ConvShape {
    height: 14,
    width: 14,
    in_channels: 32,
    out_channels: 48,
    kernel: 3,
    stride: 1,
    pad: 1,
    layers: 1,
};

fn programs(design: &Design) -> Vec<(&'static str, Program)> {
    let image =
        ConvShape { height: 32, width: 32, in_channels: 3, kernel: 7, stride: 2, pad: 3, ..SHAPE };
    let chain = ConvShape { in_channels: 32, out_channels: 32, layers: 4, ..SHAPE };
    let strided = ConvShape { stride: 2, kernel: 1, pad: 0, ..SHAPE };
    let mut programs = vec![
        ("product", product(design, 64, 64, 64, 1).unwrap().program),
        ("convolution", convolution(design, SHAPE, 1).unwrap().program),
        ("image", convolution(design, image, 1).unwrap().program),
        ("chain", convolution(design, chain, 1).unwrap().program),
        ("strided", convolution(design, strided, 1).unwrap().program),
    ];
    programs.push(("digits", digits::program(design).unwrap().program));
    programs
}

fn designs() -> Vec<Design> {
    let narrow = [Override::set("array.cols=8").unwrap(), Override::set("vector.lanes=8").unwrap()];
    vec![
        Design::preset("default").unwrap(),
        Design::preset("edge").unwrap(),
        Design::preset_with("default", &narrow).unwrap(),
    ]
}

#[test]
fn programs_of_kernels_have_no_finding() {
    for design in designs() {
        for (name, program) in programs(&design) {
            let report = lint(&design, &program);
            assert!(report.findings.is_empty(), "{name} on {}:\n{report}", design.name());
            assert!(report.launches > 0);
            let text = disassemble(&program, Default::default());
            assert_eq!(assemble(name, &text, None).unwrap(), program, "{name}");
        }
    }
}

/// Positions of the launches that wait for or signal a semaphore.
fn uses(program: &Program, semaphore: u8, signal: bool) -> Vec<usize> {
    let uses = |(pc, word): (usize, &u64)| match Instruction::decode(pc, *word) {
        Ok(Instruction::Run { wait, signal: given, .. }) => {
            let mask = if signal { given } else { wait };
            mask.contains(semaphore).then_some(pc)
        }
        _ => None,
    };
    program.code.iter().enumerate().filter_map(uses).collect()
}

fn without(program: &Program, semaphore: u8, signal_pc: usize, wait_pc: usize) -> Program {
    let mut less = program.clone();
    for (pc, remove_signal) in [(signal_pc, true), (wait_pc, false)] {
        let Ok(Instruction::Run { call, mut wait, mut signal, flags }) =
            Instruction::decode(pc, less.code[pc])
        else {
            unreachable!("uses() gives launches")
        };
        let mask = if remove_signal { &mut signal } else { &mut wait };
        *mask = SemMask(mask.0 & !SemMask::only(semaphore).0);
        less.code[pc] = Instruction::Run { call, wait, signal, flags }.encode().unwrap();
    }
    less
}

#[test]
fn every_missing_semaphore_is_a_race() {
    let design = Design::preset("edge").unwrap();
    let mut removed = 0;
    for (name, program) in programs(&design) {
        for semaphore in 0..16 {
            let pairs =
                uses(&program, semaphore, true).into_iter().zip(uses(&program, semaphore, false));
            for (signal, wait) in pairs {
                let report = lint(&design, &without(&program, semaphore, signal, wait));
                let races = report.findings.iter().filter(|finding| finding.rule == Rule::Race);
                assert!(races.count() > 0, "{name}: s{semaphore} from {signal} to {wait}");
                removed += 1;
            }
        }
    }
    assert!(removed > 100, "only {removed} semaphores were tried");
}

/// LOAD, GEMM and STORE in a long double-buffered pipeline.
fn long(design: &Design, tiles: i64) -> Program {
    let mut b = Builder::new(Target::of(design));
    let input = b.region("in", RegionKind::Input, 1 << 20, Vec::new());
    let output = b.region("out", RegionKind::Output, 1 << 20, Vec::new());
    let full = b.semaphore(Engine::Load, Engine::Gemm);
    let free = b.semaphore(Engine::Gemm, Engine::Load);
    let done = b.semaphore(Engine::Gemm, Engine::Store);
    let stored = b.semaphore(Engine::Store, Engine::Gemm);
    let word = i64::try_from(design.ibuf().word_bytes).unwrap();
    b.set(load::dram::BASE, input.into()).set(store::dram::BASE, output.into());
    b.set(load::shape::RUN_BYTES, 32 * word)
        .set(load::shape::GROUP_BYTES, 32 * word)
        .set(load::word0::COUNT, 32);
    b.set(store::shape::RUN_BYTES, 16 * word)
        .set(store::shape::GROUP_BYTES, 16 * word)
        .set(store::word0::COUNT, 16);
    // Every other pixel: footprints that do not merge.
    b.set(gemm::ow::COUNT, 16).set(gemm::ow::STRIDE, 2);
    for tile in 0..tiles {
        let half = tile % 2;
        let free_before = if tile >= 2 { vec![free] } else { Vec::new() };
        let free_after = tile + 2 < tiles;
        b.set(load::dst::ADDR, 32 * half);
        b.run(load::Function::Ibuf, &[], &free_before, &[full]);
        b.set(gemm::x::ADDR, 32 * half).set(gemm::out::ADDR, 64 + 16 * half);
        let mut wait = vec![full];
        let mut signal = vec![done];
        if tile >= 2 {
            wait.push(stored);
        }
        if free_after {
            signal.push(free);
        }
        b.run(gemm::Function::Act, &[], &wait, &signal);
        b.set(store::src::ADDR, 64 + 16 * half);
        let signal = if free_after { vec![stored] } else { Vec::new() };
        b.run(store::Function::Ibuf, &[], &[done], &signal);
    }
    b.finish().unwrap()
}

#[test]
fn ten_thousand_launches_are_checked() {
    let design = Design::preset("default").unwrap();
    let program = long(&design, 3400);
    let report = lint(&design, &program);
    assert_eq!(report.to_string(), "");
    assert!(report.launches > 10_000);
}
