//! The shell model on a small custom logic: what works, and every rule broken once. Needs Verilator:
//! where it is missing these tests say so and pass, unless `CI` is set.

use super::health::{Bus, Rule, Times};
use super::pcis::Source;
use super::pins::CL_TOP;
use super::{Shell, ShellOptions, is_no_answer};
use crate::cosim::build::{BuildOptions, Flavour, Source as File, build};

fn library() -> Option<std::path::PathBuf> {
    let text = include_str!("../testdata/cl_sim_top.sv");
    let sources = [File { name: "cl_sim_top.sv".into(), text: text.into() }];
    let options = BuildOptions { cache: None, flavour: Flavour::Fast, quick: true };
    match build(&CL_TOP, &sources, &options) {
        Ok(built) => Some(built.library),
        Err(error) if error.is_missing_tool() && std::env::var_os("CI").is_none() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn times() -> Times {
    Times { dma_timeout: 20_000, moderation: 3000, ..Times::default() }
}

/// A shell with the switches set as given, after calibration.
fn shell(library: &std::path::Path, switches: u16, options: ShellOptions) -> Shell {
    let options = ShellOptions { times: times(), switches, ..options };
    let mut shell = Shell::new(library, options).unwrap();
    shell.ticks(600).unwrap();
    shell
}

fn write32(shell: &mut Shell, address: u32, value: u32) {
    shell.write_lite(Bus::Ocl, address, &value.to_le_bytes());
}

fn read32(shell: &mut Shell, address: u32) -> u32 {
    let mut bytes = [0; 4];
    shell.read_lite(Bus::Ocl, address, &mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

/// The one rule that was broken, and on which bus; broken again and again counts once.
fn broken(shell: &mut Shell) -> Option<(Bus, Rule)> {
    let violations = shell.take_violations();
    let mut kinds: Vec<(Bus, Rule)> = violations.iter().map(|v| (v.bus, v.rule)).collect();
    kinds.dedup();
    assert!(kinds.len() <= 1, "{violations:?}");
    kinds.first().copied()
}

const PAGE: u64 = 0x7_3421_5000;

/// Starts a burst to the host's memory as the registers of the custom logic say, and waits.
fn burst(shell: &mut Shell, address: u64, form: u32, strobes: u64, start: u32) {
    write32(shell, 0x10, address as u32);
    write32(shell, 0x14, (address >> 32) as u32);
    write32(shell, 0x18, form);
    write32(shell, 0x20, strobes as u32);
    write32(shell, 0x24, (strobes >> 32) as u32);
    write32(shell, 0x28, start);
    shell.settle().unwrap();
    shell.ticks(3000).unwrap();
}

/// Length less one, size and kind of a legal burst.
const FORM: u32 = 3 | 6 << 8 | 1 << 12 | 1 << 16;

#[test]
fn every_access_of_the_host_arrives() {
    let Some(library) = library() else { return };
    for seed in 0..6 {
        let gaps = seed as u8 * 12;
        let options = ShellOptions { seed, gaps, ..ShellOptions::default() };
        let mut shell = shell(&library, 0, options);
        // Registers, also by 64 bits and unaligned.
        write32(&mut shell, 0, 0x1234_5678);
        shell.write_lite(Bus::Ocl, 5, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let mut bytes = [0; 8];
        shell.read_lite(Bus::Ocl, 5, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(read32(&mut shell, 0), 0x1234_5678);
        for bus in [Bus::Sda, Bus::Bar1] {
            let mut word = [0; 4];
            shell.write_lite(bus, 0x40, &[0; 4]);
            shell.read_lite(bus, 0x40, &mut word).unwrap();
            assert_eq!(u32::from_le_bytes(word), 0xdead_beef);
        }
        // Memory: whole words first, then parts of them at odd places.
        let source = if seed % 2 == 0 { Source::Processor } else { Source::Dma(seed as u32 % 4) };
        let mut content: Vec<u8> = (0..9000_u32).map(|at| (at * 7 + at / 251) as u8).collect();
        content.truncate(8960);
        let start = 3 * 4096 - 64;
        shell.write_card(Source::Dma(0), start, &content).unwrap();
        shell.write_card(source, start + 1, &[0xee; 3]).unwrap();
        shell.write_card(source, start + 125, &[0xdd; 70]).unwrap();
        content[1..4].fill(0xee);
        content[125..195].fill(0xdd);
        let mut found = vec![0; content.len()];
        shell.read_card(source, start, &mut found).unwrap();
        assert!(found == content, "seed {seed}");
        let mut some = [0; 77];
        shell.read_card(source, start + 4090, &mut some).unwrap();
        assert_eq!(some[..], content[4090..4167]);
        // Interrupt, function-level reset, lights.
        write32(&mut shell, 0x2c, 1 << 5);
        shell.settle().unwrap();
        assert!(!shell.take_interrupt(5), "not before its acknowledge");
        shell.ticks(110).unwrap();
        assert!(shell.take_interrupt(5) && !shell.take_interrupt(5));
        shell.reset_function().unwrap();
        assert_eq!((shell.outputs().id0, shell.outputs().id1), (0xf000_1d0f, 0x1d51_fedd));
        // The host's memory.
        shell.pcim_mut().memory_mut().give(PAGE, 4096);
        write32(&mut shell, 0, 0x0101_0101);
        burst(&mut shell, PAGE + 0x100, FORM, u64::MAX, 1);
        let mut written = [0; 8];
        shell.pcim().memory().read(PAGE + 0x13c, &mut written);
        assert_eq!(written, [1, 1, 1, 1, 2, 1, 1, 1]);
        burst(&mut shell, PAGE + 0x140, FORM & !0xff | 7 << 16, u64::MAX, 2);
        assert_eq!((read32(&mut shell, 0x30), read32(&mut shell, 0x34)), (8, 0x0101_0102));
        assert!(shell.pcim().is_idle() && shell.pcis().is_idle());
        assert_eq!(broken(&mut shell), None);
    }
}

#[test]
fn memory_that_nobody_wrote_is_not_readable() {
    let Some(library) = library() else { return };
    let mut shell = shell(&library, 0, ShellOptions::default());
    shell.write_card(Source::Dma(0), 0x1_0000, &[1; 64]).unwrap();
    let mut bytes = [0; 64];
    shell.read_card(Source::Dma(0), 0x1_0000, &mut bytes).unwrap();
    let error = shell.read_card(Source::Dma(0), 0x1_0040, &mut bytes).unwrap_err().to_string();
    assert!(error.contains("`ddr`: araddr: byte 0x10040 was read and never written"), "{error}");
}

#[test]
fn the_memory_answers_only_once_it_is_calibrated() {
    let Some(library) = library() else { return };
    let options = ShellOptions { calibration: 1500, ..ShellOptions::default() };
    let mut shell = Shell::new(&library, options).unwrap();
    shell.write_card(Source::Dma(0), 0, &[1; 64]).unwrap();
    assert!(shell.cycle() > 1500, "{}", shell.cycle());
    assert_eq!(broken(&mut shell), None);
}

#[test]
fn a_bus_that_does_not_answer_is_given_up_for_a_while() {
    let Some(library) = library() else { return };
    let mut shell = shell(&library, 1, ShellOptions::default());
    let start = shell.cycle();
    assert_eq!(read32(&mut shell, 0), u32::MAX);
    let waited = shell.cycle() - start;
    assert!((2000..2020).contains(&waited), "{waited}");
    assert_eq!(broken(&mut shell), Some((Bus::Ocl, Rule::Timeout)));
    // The custom logic is well again, but the bus has its window.
    shell.set_switches(0);
    for _ in 0..3 {
        let start = shell.cycle();
        assert_eq!(read32(&mut shell, 0), u32::MAX);
        assert!(shell.cycle() - start < 8);
    }
    assert_eq!(broken(&mut shell), None, "refused, not timed out");
    shell.ticks(3000).unwrap();
    write32(&mut shell, 0, 5);
    assert_eq!((read32(&mut shell, 0), shell.lite(Bus::Ocl).health().timeouts()), (5, 1));
    // The other buses never noticed; the memory's bus has the same rule.
    shell.set_switches(2);
    let mut bytes = [0; 16];
    shell.read_card(Source::Processor, 0, &mut bytes).unwrap();
    assert!(is_no_answer(&bytes));
    assert_eq!(broken(&mut shell), Some((Bus::Pcis, Rule::Timeout)));
    let start = shell.cycle();
    shell.write_card(Source::Processor, 0, &[1; 64]).unwrap();
    shell.settle().unwrap();
    assert!(shell.cycle() - start < 10, "dropped");
    shell.ticks(3000).unwrap();
    // The engine has more patience.
    let start = shell.cycle();
    shell.write_card(Source::Dma(1), 0, &[1; 64]).unwrap();
    let waited = shell.cycle() - start;
    assert!((20_000..20_100).contains(&waited), "{waited}");
    assert_eq!(broken(&mut shell), Some((Bus::Pcis, Rule::Timeout)));
}

#[test]
fn a_write_lingers_until_something_pushes_it_out() {
    let Some(library) = library() else { return };
    let mut shell = shell(&library, 0, ShellOptions::default());
    let answered = |shell: &Shell| shell.dram().counts().write_bursts;
    let mut late = 0;
    for _ in 0..8 {
        let before = answered(&shell);
        shell.write_card(Source::Processor, 0, &[1; 64]).unwrap();
        shell.ticks(1000).unwrap();
        late += u64::from(answered(&shell) == before);
        let start = shell.cycle();
        shell.read_card(Source::Processor, 0, &mut [0; 8]).unwrap();
        assert!(shell.cycle() - start < 1500 && answered(&shell) > before);
    }
    assert!(late > 2, "{late}");
}

#[test]
fn no_more_than_32_transactions_are_under_way() {
    let Some(library) = library() else { return };
    let options = ShellOptions { gaps: 0, dram_latency: 600, ..ShellOptions::default() };
    let mut shell = shell(&library, 0, options);
    shell.write_card(Source::Processor, 0, &vec![3; 64 * 4 * 100]).unwrap();
    let mut most = 0;
    while !shell.pcis().is_settled() {
        shell.tick().unwrap();
        most = most.max(shell.pcis().outstanding().1);
    }
    assert_eq!(most, 32);
}

#[test]
fn every_rule_is_checked() {
    let Some(library) = library() else { return };
    let quiet = || ShellOptions { gaps: 0, ..ShellOptions::default() };
    let busy = || ShellOptions { gaps: 40, ..ShellOptions::default() };
    type Act = fn(&mut Shell);
    let poke: Act = |shell| {
        write32(shell, 0, 1);
        let _ = read32(shell, 0);
        for _ in 0..20 {
            let _ = read32(shell, 4);
        }
    };
    let memory: Act = |shell| {
        shell.write_card(Source::Processor, 0, &[1; 8192]).unwrap();
        shell.read_card(Source::Processor, 0, &mut [0; 64]).unwrap();
    };
    let idle: Act = |shell| shell.ticks(10).unwrap();
    let write: Act = |shell| burst(shell, PAGE, FORM, u64::MAX, 1);
    let read: Act = |shell| burst(shell, PAGE, FORM, u64::MAX, 2);
    let cases: &[(u16, Act, Bus, Rule)] = &[
        (1, poke, Bus::Ocl, Rule::Timeout),
        (2, memory, Bus::Pcis, Rule::Timeout),
        (6, idle, Bus::Ocl, Rule::Unexpected),
        (7, poke, Bus::Ocl, Rule::ErrorResponse),
        (11, memory, Bus::Pcis, Rule::ErrorResponse),
        (5, memory, Bus::Pcis, Rule::LastBeat),
        (8, |shell| write32(shell, 0x2c, 1), Bus::Interrupt, Rule::Again),
        (9, |shell| shell.reset_function().unwrap(), Bus::Reset, Rule::FunctionReset),
        (10, idle, Bus::Reset, Rule::FunctionReset),
        (18, idle, Bus::Reset, Rule::Silent),
        (12, write, Bus::Pcim, Rule::WriteData),
        (13, read, Bus::Pcim, Rule::ReadReady),
        (14, write, Bus::Pcim, Rule::ResponseReady),
        (15, write, Bus::Pcim, Rule::LastBeat),
        (0, |s| burst(s, PAGE, FORM & !0xf00 | 5 << 8, u64::MAX, 1), Bus::Pcim, Rule::Size),
        (0, |s| burst(s, PAGE, FORM & !0xf000 | 2 << 12, u64::MAX, 2), Bus::Pcim, Rule::Incr),
        (0, |s| burst(s, PAGE + 4032, FORM, u64::MAX, 1), Bus::Pcim, Rule::Crosses4K),
        (0, |s| burst(s, PAGE - 4096, FORM, u64::MAX, 2), Bus::Pcim, Rule::Range),
        (0, |s| burst(s, PAGE, FORM & !0xff, 0xf0f0, 1), Bus::Pcim, Rule::FirstByte),
        (0, |s| burst(s, PAGE, FORM & !0xff, 0xf0f, 1), Bus::Pcim, Rule::Strobes),
        (16, |s| burst(s, PAGE, FORM | 2 << 16, u64::MAX, 2), Bus::Pcim, Rule::DuplicateId),
        (0, |s| burst(s, PAGE, FORM | 40 << 16, u64::MAX, 2), Bus::Pcim, Rule::Outstanding),
    ];
    for (switches, act, bus, rule) in cases {
        let mut shell = shell(&library, *switches, quiet());
        shell.pcim_mut().memory_mut().give(PAGE, 8192);
        act(&mut shell);
        shell.ticks(3000).unwrap();
        assert_eq!(broken(&mut shell), Some((*bus, *rule)), "switches {switches}");
    }
    // What needs the shell to hold its ready back.
    let cases: &[(u16, Act, Bus, Rule)] = &[
        (19, poke, Bus::Ocl, Rule::Handshake),
        (4, memory, Bus::Pcis, Rule::Handshake),
        (17, |s| burst(s, PAGE, FORM | 20 << 16, u64::MAX, 2), Bus::Pcim, Rule::Handshake),
    ];
    for (switches, act, bus, rule) in cases {
        let mut shell = shell(&library, *switches, busy());
        shell.pcim_mut().memory_mut().give(PAGE, 8192);
        act(&mut shell);
        let violations = shell.take_violations();
        let found = violations.iter().any(|v| (v.bus, v.rule) == (*bus, *rule));
        assert!(found, "switches {switches}: {violations:?}");
    }
    // An answer with a foreign ID; nothing ends, so the transaction times out as well.
    let mut shell_3 = shell(&library, 3, quiet());
    memory(&mut shell_3);
    let first = shell_3.violations().first().map(|v| (v.bus, v.rule));
    assert_eq!(first, Some((Bus::Pcis, Rule::Unexpected)));
    // Bus mastering.
    let mut shell = shell(&library, 0, ShellOptions { bus_master: false, ..quiet() });
    shell.pcim_mut().memory_mut().give(PAGE, 4096);
    burst(&mut shell, PAGE, FORM, u64::MAX, 1);
    assert_eq!(read32(&mut shell, 0x30), 0x0001_0001, "answered with SLVERR");
    assert_eq!(broken(&mut shell), Some((Bus::Pcim, Rule::BusMaster)));
}
