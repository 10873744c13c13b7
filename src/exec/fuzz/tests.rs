//! Random programs are what they claim to be.

use super::*;
use crate::design::Design;
use crate::exec::{Cause, Executor};
use crate::golden::{Golden, Place};
use crate::isa::table::{gemm, vector};
use crate::isa::{Engine, Instruction};
use crate::program::Program;
use crate::program::footprint::Space;

fn design(seed: u64) -> Design {
    match seed % 8 {
        0 => Design::preset("tiny").unwrap(),
        _ => Design::random(seed).unwrap(),
    }
}

fn case(seed: u64) -> Case {
    Case::random(&design(seed), seed, 20)
}

fn golden(design: &Design, program: &Program) -> Golden {
    let mut golden = Golden::new(design);
    golden.load(program).unwrap();
    let report = golden.run().unwrap();
    assert_eq!(report.fault, None, "{}", design.canonical());
    golden
}

#[test]
fn programs_run_and_touch_what_their_footprints_say() {
    for seed in 0..150 {
        let case = case(seed);
        let program = case.program().unwrap();
        let golden = golden(&case.design, &program);
        let executed = golden.machine().executed();
        assert_eq!(executed.len(), case.launches.len());
        for done in executed {
            let note = program.provenance.at(done.pc);
            let index: usize = note.rsplit(' ').next().unwrap().parse().unwrap();
            let footprint = case.launches[index].footprint(&case.design).unwrap();
            for span in done.writes.spans() {
                let space = match span.place {
                    Place::Ibuf => Space::Ibuf,
                    Place::Wbuf => Space::Wbuf,
                    Place::Pbuf => Space::Pbuf,
                    Place::Vmem => Space::Vmem,
                    Place::Table => Space::Table,
                    Place::Coeff => Space::Coeff,
                    Place::Obuf => Space::Obuf,
                    Place::Region(base) => Space::Dram(base),
                };
                let unit = space.per_word(&case.design);
                for word in span.start..span.end {
                    let first = word as i64 * unit;
                    // A word may be written in part; then some of its elements are named.
                    let named = footprint.writes.iter().any(|access| {
                        access.space == space
                            && access
                                .spans
                                .intervals()
                                .iter()
                                .any(|&(start, end)| start < first + unit && first < end)
                    });
                    assert!(named, "seed {seed} launch {index}: {:?} {word}", span.place);
                }
            }
        }
    }
}

/// The result does not depend on the order in which engines take their turns.
#[test]
fn every_legal_order_gives_the_same_memory() {
    for seed in 0..60 {
        let case = case(seed);
        let program = case.program().unwrap();
        let expected = golden(&case.design, &program);
        let mut pending: Vec<usize> = expected.machine().executed().iter().map(|e| e.pc).collect();
        pending.sort_unstable();
        let mut rng = Rng::new(seed);
        let mut other = Golden::new(&case.design);
        other.load(&program).unwrap();
        while !pending.is_empty() {
            let before = pending.len();
            let start = rng.between(0, before as i64 - 1) as usize;
            for k in 0..before {
                let at = (start + k) % before;
                if other.machine_mut().retire(pending[at]).is_ok() {
                    pending.remove(at);
                    break;
                }
            }
            assert!(pending.len() < before, "seed {seed}: nothing can retire");
        }
        for region in &program.regions {
            let read = |golden: &Golden| golden.read(region.base, 0, region.size).unwrap();
            assert_eq!(read(&expected), read(&other), "seed {seed} {}", region.name);
        }
    }
}

#[test]
fn a_seed_is_a_program() {
    for seed in 0..10 {
        assert_eq!(case(seed).program().unwrap(), case(seed).program().unwrap());
        assert_ne!(case(seed).program().unwrap().code, case(seed + 1).program().unwrap().code);
    }
}

/// Over some hundred programs everything the machine has is used.
#[test]
fn everything_occurs() {
    let mut functions = std::collections::BTreeSet::new();
    let mut flags = std::collections::BTreeSet::new();
    let (mut fences, mut tags, mut waits, mut selfs) = (0, 0, 0, 0);
    for seed in 0..400 {
        let program = case(seed).program().unwrap();
        let mut own = [0_u16; Engine::QUEUED.len() + 1];
        for (pc, &word) in program.code.iter().enumerate() {
            match Instruction::decode(pc, word).unwrap() {
                Instruction::Run { call, wait, flags: immediate, .. } => {
                    functions.insert((call.engine, call.function));
                    for flag in call.engine.spec().flags {
                        flags.insert((call.engine, flag.name, immediate.get(*flag)));
                    }
                    waits += usize::from(wait.0 != 0);
                    selfs += usize::from(wait.0 & own[call.engine as usize] != 0);
                }
                Instruction::Set { engine: Engine::Ctrl, value, .. } => {
                    let (producer, consumer) = (value >> 4 & 7, value >> 7 & 7);
                    if producer == consumer {
                        own[producer as usize] |= 1 << (value & 15);
                    }
                }
                Instruction::Fence => fences += 1,
                Instruction::Tag { .. } => tags += 1,
                _ => {}
            }
        }
    }
    for engine in Engine::QUEUED {
        for function in engine.spec().functions {
            assert!(functions.contains(&(engine, function.number)), "{}", function.name);
        }
        for flag in engine.spec().flags {
            let most = match (engine, flag.name) {
                // `format` and `src2` have a value without meaning; programs use two tables.
                (Engine::Vector, "format" | "src2") => 2,
                (_, "table") => 1,
                _ => flag.max(),
            };
            for value in 0..=most {
                let seen = flags.contains(&(engine, flag.name, value));
                assert!(seen, "{} {} = {value}", engine.name(), flag.name);
            }
        }
    }
    assert!(
        fences > 200 && tags > 200 && waits > 1000 && selfs > 50,
        "{fences} {tags} {waits} {selfs}"
    );
}

/// Every field and every special case of the machine's description, and every pair of engines.
#[test]
fn nothing_is_left_out() {
    let mut coverage = Coverage::default();
    assert!(coverage.gaps().len() > 200);
    for seed in 0..800 {
        coverage.add(&case(seed));
    }
    assert_eq!(coverage.gaps(), Vec::<String>::new());
    assert!(coverage.table().ends_with("no gaps\n"));
}

#[test]
fn spoiled_launches_end_in_many_faults() {
    let mut causes = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let case = case(seed);
        let mut rng = Rng::new(seed);
        for spoiled in (0..4).filter_map(|_| case.spoiled(&mut rng)) {
            let Ok(program) = spoiled.program() else { continue };
            let mut golden = Golden::new(&case.design);
            golden.load(&program).unwrap();
            causes.extend(golden.run().unwrap().fault.map(|fault| fault.cause));
        }
        let word = spoil_program(&case.program().unwrap(), &mut rng);
        let mut golden = Golden::new(&case.design);
        golden.load(&word).unwrap();
        causes.extend(golden.run().unwrap().fault.map(|fault| fault.cause));
    }
    for cause in [
        Cause::IllegalInstruction,
        Cause::IllegalRegister,
        Cause::FieldRange,
        Cause::Configuration,
        Cause::BufferRange,
        Cause::RegionRange,
        Cause::PackedWeight,
        Cause::SemaphoreOwner,
    ] {
        assert!(causes.contains(&cause), "{cause:?} in {causes:?}");
    }
}

#[test]
fn shrinking_keeps_the_failure_and_little_else() {
    let blamed = |launch: &Launch| {
        launch.call.engine == Engine::Gemm
            && launch.flags.iter().any(|&(flag, value)| flag == gemm::ACCUMULATE && value == 1)
    };
    let mut shrunk = 0;
    for seed in 0..200 {
        let case = case(seed);
        if !case.launches.iter().any(blamed) {
            continue;
        }
        let small = shrink(&case, 400, |case| {
            golden(&case.design, &case.program().unwrap());
            case.launches.iter().any(blamed)
        });
        // The accumulation and what it adds to.
        let rest: Vec<&Launch> = small.launches.iter().filter(|launch| !launch.frame).collect();
        assert_eq!(rest.len(), 2, "seed {seed}");
        let vectors = rest[1].registers().unwrap().get(gemm::ow::COUNT);
        assert_eq!(vectors, 1);
        shrunk += 1;
    }
    assert!(shrunk > 10, "{shrunk}");
}

#[test]
fn depthwise_is_drawn_in_every_shape() {
    let mut strides = std::collections::BTreeSet::new();
    for seed in 0..200 {
        for launch in case(seed).launches {
            if launch.call == vector::Function::Depthwise.into() {
                strides.insert(launch.registers().unwrap().get(vector::taps::STRIDE));
            }
        }
    }
    assert_eq!(strides.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn the_linter_finds_nothing() {
    for seed in 0..120 {
        let case = case(seed);
        let report = crate::program::lint::lint(&case.design, &case.program().unwrap());
        assert!(report.findings.is_empty(), "seed {seed}: {report}");
    }
}
