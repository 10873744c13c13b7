//! The digits network through a whole custom logic, driven as on a card: program and data by the
//! host's bus, start by registers, end by interrupt, results by DMA, against onnxruntime. Needs
//! Verilator: where it is missing the tests say so and pass, unless `CI` is set.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use npugen::config::Override;
use npugen::cosim::build::BuildOptions;
use npugen::cosim::rng::Rng;
use npugen::design::Design;
use npugen::exec::{Cause, Executor};
use npugen::fpga::backend::Backend;
use npugen::fpga::registers::{
    CL_WINDOW, DMA_VECTOR, NOTHING, NPU_VECTOR, dma_card_hi, dma_card_lo, dma_done, dma_host_hi,
    dma_host_lo, dma_length, dma_push, memory, scratch,
};
use npugen::fpga::rtl::ClOptions;
use npugen::fpga::shell::ShellOptions;
use npugen::fpga::shell::health::Bus;
use npugen::fpga::shell::pcis::Source;
use npugen::fpga::simulated::{Simulated, SimulationOptions};
use npugen::fpga::target::Target;
use npugen::fpga::{Card, CardOptions, Error};
use npugen::program::{self, Program, Region, RegionKind};
use npugen::rtl::csr::Csr;
use npugen::workload::digits;

fn design(clock_mhz: u32) -> Design {
    let set = |key: &str, value: String| Override::flag(key, value, "--set");
    let settings =
        [set("axi.data_bits", "512".to_owned()), set("clock_mhz", clock_mhz.to_string())];
    Design::preset_with("tiny", &settings).unwrap()
}

fn options(seed: u64, gaps: u8) -> SimulationOptions {
    SimulationOptions {
        build: BuildOptions { quick: true, ..BuildOptions::default() },
        shell: ShellOptions { seed, gaps, ..ShellOptions::default() },
        ..SimulationOptions::default()
    }
}

/// A card after power-up, or `None` where Verilator is missing, which it must not be in CI.
fn simulated(design: &Design, target: Target, options: &SimulationOptions) -> Option<Simulated> {
    match Simulated::with_design(design, target, options) {
        Ok((card, _)) => Some(card),
        Err(error) if error.is_missing_tool() && std::env::var_os("CI").is_none() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Looks at a register until it is as it should be.
fn until(card: &mut Simulated, register: u32, good: impl Fn(u32) -> bool) {
    let seen = (0..10_000).find(|_| good(card.read32(register).unwrap()));
    assert!(seen.is_some(), "the register {register:#x} never changed");
}

/// Two pictures on a card; every logit is onnxruntime's.
fn two_pictures(card: &mut Card<Simulated>, design: &Design) {
    let digits = digits::program(design).unwrap();
    let held_out = digits::held_out(&digits.program).unwrap();
    card.load(&digits.program).unwrap();
    let input = digits.program.tensor("input").unwrap();
    let logits = digits.program.tensor("logits").unwrap();
    for index in 0..2 {
        card.write(input.region, input.offset, &held_out.pictures[index]).unwrap();
        let report = card.run().unwrap();
        assert_eq!(report.fault, None);
        assert!(report.cycles.unwrap() > 1000 && report.counters["store.retired"] > 0);
        let found = card.read(logits.region, logits.offset, 10).unwrap();
        assert_eq!(found, held_out.logits[index], "picture {index}");
    }
}

fn digits_on(target: Target, memory: &str, clock_mhz: u32, seed: u64, gaps: u8) {
    let design = design(clock_mhz);
    let options = SimulationOptions { memory: Some(memory.to_owned()), ..options(seed, gaps) };
    let Some(simulated) = simulated(&design, target, &options) else { return };
    let bytes = ClOptions::new(target, Some(memory)).unwrap().memory_bytes(target);
    let mut card = Card::open(&design, simulated, CardOptions::simulation()).unwrap();
    let info = card.info();
    assert_eq!((info.clock_mhz, info.memory_bytes), (clock_mhz, bytes));
    assert_eq!(info.has_dma, !target.facts().shell_has_dma);
    // Where the shell has a DMA engine, it goes on writing elsewhere while the machine works.
    let channels = if target.facts().shell_has_dma { 1..3_u32 } else { 0..0 };
    let shell = card.backend_mut().shell_mut();
    for channel in channels.clone() {
        let place = 0x1000_0000 * u64::from(channel);
        shell.post_card(Source::Dma(channel), place, &vec![channel as u8; 1 << 18]);
    }
    two_pictures(&mut card, &design);
    let shell = card.backend_mut().shell_mut();
    shell.settle().unwrap();
    shell.ticks(2000).unwrap();
    for channel in channels {
        let mut found = [0; 64];
        let last = 0x1000_0000 * u64::from(channel) + (1 << 18) - 64;
        shell.read_card(Source::Dma(0), last, &mut found).unwrap();
        assert_eq!(found, [channel as u8; 64]);
    }
    // A program's end was told by an interrupt, not found by looking.
    assert_eq!(shell.interrupts_of(NPU_VECTOR), 2);
    assert_eq!(shell.interrupts_of(DMA_VECTOR) > 0, !target.facts().shell_has_dma);
    assert!(shell.pcis().is_idle() && shell.pcim().is_idle());
    assert_eq!(shell.dram().outstanding(), (0, 0));
}

#[test]
fn digits_through_f1() {
    digits_on(Target::AwsF1, "c", 250, 1, 15);
}

#[test]
fn digits_through_f2() {
    digits_on(Target::AwsF2, "ddr", 250, 2, 15);
}

#[test]
fn digits_through_f2_with_a_clock_of_its_own() {
    digits_on(Target::AwsF2, "ddr", 125, 3, 5);
}

#[test]
fn digits_through_f2_from_hbm() {
    digits_on(Target::AwsF2, "hbm4", 250, 4, 15);
}

/// A simulation has less memory than the card: what does not fit is refused.
#[test]
fn a_program_larger_than_the_simulated_hbm_is_refused() {
    let design = design(250);
    let options = SimulationOptions { memory: Some("hbm4".to_owned()), ..options(4, 0) };
    let Some(simulated) = simulated(&design, Target::AwsF2, &options) else { return };
    let mut card = Card::open(&design, simulated, CardOptions::simulation()).unwrap();
    let mut program = digits::program(&design).unwrap().program;
    let index = program.tensor("input").unwrap().region;
    let region = program.regions.iter_mut().find(|region| region.base == index).unwrap();
    region.size = (64 << 20) + 64;
    let error = card.load(&program).unwrap_err();
    let said = std::error::Error::source(&error).map_or(error.to_string(), |e| e.to_string());
    assert!(said.contains("does not fit") && said.contains("67108928"), "{said}");
}

/// What a driver does not do, on both targets: odd accesses, a function-level reset, faults.
#[test]
fn the_custom_logic_keeps_the_rules_of_its_shell() {
    for target in Target::ALL {
        let design = design(250);
        let mut options = options(4, 30);
        // The first access may come in the cycle after the reset.
        options.shell.wake = 0;
        let Some(mut simulated) = simulated(&design, target, &options) else { return };
        let facts = target.facts();
        let ids = (simulated.shell().outputs().id0, simulated.shell().outputs().id1);
        assert_eq!(ids, (facts.id0, facts.id1));
        // Registers, also by 64 bits at odd addresses, and where there are none.
        let shell = simulated.shell_mut();
        let place = CL_WINDOW + u32::from(scratch::REG.offset);
        shell.write_lite(Bus::Ocl, place, &[1, 2, 3, 4]);
        shell.write_lite(Bus::Ocl, place - 3, &[9, 9, 9, 7, 6]);
        let mut word = [0; 4];
        shell.read_lite(Bus::Ocl, place, &mut word).unwrap();
        assert_eq!(word, [7, 6, 3, 4]);
        let mut elsewhere = vec![(Bus::Ocl, 0x8000), (Bus::Sda, 0), (Bus::Sda, 0x1010)];
        if target == Target::AwsF1 {
            elsewhere.push((Bus::Bar1, 0x40));
        }
        for (bus, address) in elsewhere {
            shell.write_lite(bus, address, &[0; 8]);
            shell.read_lite(bus, address, &mut word).unwrap();
            assert_eq!(u32::from_le_bytes(word), NOTHING, "{bus:?} {address:#x}");
        }
        shell.reset_function().unwrap();
        // Memory at odd places, once it has been written.
        let card = &mut simulated;
        let state = CL_WINDOW + u32::from(memory::REG.offset);
        until(card, state, |state| memory::READY.extract(state) != 0);
        let mut content: Vec<u8> = (0..8192_u32).map(|at| (at * 5 + at / 253) as u8).collect();
        card.write_card(0x10_0000, &content).unwrap();
        card.write_card(0x10_0fc3, &[0xaa; 200]).unwrap();
        card.write_card(0x10_0001, &[0xbb]).unwrap();
        content[0xfc3..0xfc3 + 200].fill(0xaa);
        content[1] = 0xbb;
        let mut found = vec![0; 8192];
        card.read_card(0x10_0000, &mut found).unwrap();
        assert!(found == content, "{target:?}");
        assert_eq!(card.shell().violations(), []);
        // A machine that faults says so, and works again afterwards.
        let mut card = Card::open(&design, simulated, CardOptions::simulation()).unwrap();
        let mut bad = digits::program(&design).unwrap().program;
        bad.code[0] = u64::MAX;
        card.load(&bad).unwrap();
        let fault = card.run().unwrap().fault.unwrap();
        assert_eq!((fault.cause, fault.pc), (Cause::IllegalInstruction, 0));
        two_pictures(&mut card, &design);
    }
}

#[test]
fn another_design_is_refused() {
    let made = design(250);
    let Some(simulated) = simulated(&made, Target::AwsF2, &options(0, 0)) else { return };
    let other = Design::preset("aws_f2").unwrap();
    let error = Card::open(&other, simulated, CardOptions::simulation()).unwrap_err();
    assert!(error.to_string().starts_with("the machine is not the one"), "{error}");
}

#[test]
fn a_bus_of_another_width_is_refused() {
    let narrow = Design::preset("tiny").unwrap();
    let error =
        Simulated::with_design(&narrow, Target::AwsF2, &SimulationOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Design { .. }) && error.exit_status() == 1);
    assert!(error.remedy().contains("axi.data_bits"), "{}", error.remedy());
}

/// Regions are written and read at any place, by whatever moves the bytes.
#[test]
fn bytes_of_any_place_and_length_arrive() {
    for target in Target::ALL {
        let design = design(250);
        let Some(simulated) = simulated(&design, target, &options(5, 20)) else { return };
        let mut card = Card::open(&design, simulated, CardOptions::simulation()).unwrap();
        let size = 40_000_u64;
        let mut want: Vec<u8> = (0..size as u32).map(|at| (at * 3 + at / 249) as u8).collect();
        let region = Region {
            base: 0,
            name: "bytes".to_owned(),
            kind: RegionKind::Scratch,
            size,
            data: want.clone(),
        };
        let program = Program {
            target: program::Target::of(&design),
            code: vec![0; 9],
            regions: vec![region],
            ..Program::default()
        };
        card.load(&program).unwrap();
        let mut rng = Rng::new(6);
        for turn in 0..30_u8 {
            let long = if turn % 3 == 0 { 9000 } else { 200 };
            let length = 1 + rng.below(long);
            let offset = rng.below(size - length);
            let bytes: Vec<u8> = (0..length).map(|_| rng.bits() as u8).collect();
            card.write(0, offset, &bytes).unwrap();
            want[offset as usize..][..bytes.len()].copy_from_slice(&bytes);
            let length = 1 + rng.below(long);
            let offset = rng.below(size - length);
            let found = card.read(0, offset, length).unwrap();
            let expected = &want[offset as usize..(offset + length) as usize];
            assert!(found == expected, "{target:?}, turn {turn}");
        }
        assert!(card.read(0, 0, size).unwrap() == want, "{target:?}");
    }
}

/// A descriptor of the DMA engine changes the bytes it names and no other, on either side.
#[test]
fn copies_change_no_byte_outside() {
    let mut options = options(7, 20);
    // Longer than a copy: the next one's interrupt has to wait for its turn.
    options.shell.interrupt_latency = 4000;
    let Some(mut card) = simulated(&design(250), Target::AwsF2, &options) else { return };
    let register = |csr: &Csr| CL_WINDOW + u32::from(csr.offset);
    until(&mut card, register(&memory::REG), |state| memory::READY.extract(state) != 0);
    let pages = card.pin(8192).unwrap();
    let before: Vec<u8> = (0..8192_u32).map(|at| (at * 11 + at / 255) as u8).collect();
    card.write_card(0, &before).unwrap();
    let mut done = 0;
    for (from, to, length) in [(0, 64, 1), (128, 0, 63), (64, 192, 65), (4032, 1024, 3071)] {
        for (push, host_first) in [(dma_push::TO_HOST, false), (dma_push::TO_CARD, true)] {
            let (card_at, host_at) = if host_first { (to, from) } else { (from, to) };
            let host_at: u64 = host_at % 1088;
            let mut source = vec![0; 8192];
            card.read_card(0, &mut source).unwrap();
            card.write_pinned(pages[0].address, &[0x5a; 4096]).unwrap();
            for (csr, value) in [
                (&dma_card_lo::REG, card_at as u32),
                (&dma_card_hi::REG, 0),
                (&dma_host_lo::REG, (pages[0].address + host_at) as u32),
                (&dma_host_hi::REG, (pages[0].address >> 32) as u32),
                (&dma_length::REG, length),
                (&dma_push::REG, push.place(1)),
            ] {
                card.write32(register(csr), value).unwrap();
            }
            done += 1;
            until(&mut card, register(&dma_done::REG), |count| count == done);
            let (mut host, mut memory) = (vec![0; 4096], vec![0; 8192]);
            card.read_pinned(pages[0].address, &mut host).unwrap();
            card.read_card(0, &mut memory).unwrap();
            let (mut want_host, mut want_memory) = (vec![0x5a; 4096], source.clone());
            let (at, length) = (card_at as usize, length as usize);
            if host_first {
                want_memory[at..at + length].fill(0x5a);
            } else {
                want_host[host_at as usize..][..length].copy_from_slice(&source[at..at + length]);
            }
            assert!(host == want_host, "{length} bytes, host_first {host_first}");
            assert!(memory == want_memory, "{length} bytes, host_first {host_first}");
        }
    }
}
