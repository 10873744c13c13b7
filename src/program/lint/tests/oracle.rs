//! The token simulation and the race detector against a slow oracle that starts and retires
//! launches one by one and tries what can happen while one of them is held up.

use super::small;
use crate::design::Design;
use crate::isa::table::{load, store, vector};
use crate::isa::{Call, Engine, Instruction};
use crate::program::footprint::{self, Detail, Footprint, Space};
use crate::program::lint::{MOST_FINDINGS, Report, Rule, lint};
use crate::program::{Builder, Program, RegionKind, Semaphore, Target};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What a random program does next.
#[derive(Debug, Clone)]
enum Action {
    Launch { engine: usize, from: i64, to: i64, size: i64, wait: u8, signal: u8 },
    Fence,
}

fn actions(limit: usize) -> impl Strategy<Value = Vec<Action>> {
    let launch = (0..3usize, 0..6i64, 0..6i64, 1..4i64, any::<u8>(), any::<u8>(), any::<u8>())
        .prop_map(|(engine, from, to, size, wait, rare, signal)| {
            // Waits are rarer than signals, or hardly any program would end.
            Action::Launch { engine, from, to, size, wait: wait & rare, signal }
        });
    prop::collection::vec(prop_oneof![12 => launch, 1 => Just(Action::Fence)], 1..limit)
}

/// Launches of LOAD, VECTOR and STORE on a few words of IBUF.
fn build(design: &Design, owners: &[(usize, usize)], actions: &[Action]) -> Program {
    let engines = [Engine::Load, Engine::Vector, Engine::Store];
    let mut b = Builder::new(Target::of(design));
    b.region("in", RegionKind::Input, 64, vec![]);
    b.region("out", RegionKind::Output, 64, vec![]);
    let declared = owners.iter().map(|(p, c)| b.semaphore(engines[*p], engines[*c]));
    let semaphores: Vec<Semaphore> = declared.collect();
    for action in actions {
        let Action::Launch { engine, from, to, size, wait, signal } = *action else {
            b.fence();
            continue;
        };
        let engine = engines[engine];
        let pick = |mask: u8, of: fn(&Semaphore) -> Engine| -> Vec<Semaphore> {
            let mine = semaphores.iter().filter(|s| of(s) == engine);
            mine.filter(|s| mask >> s.index() & 1 == 1).copied().collect()
        };
        let (wait, signal) = (pick(wait, |s| s.consumer), pick(signal, |s| s.producer));
        let call: Call = match engine {
            Engine::Load => {
                b.set(load::shape::RUN_BYTES, size * 4)
                    .set(load::shape::GROUP_BYTES, 4)
                    .set(load::word0::COUNT, 9)
                    .set(load::dst::ADDR, to);
                load::Function::Ibuf.into()
            }
            Engine::Vector => {
                b.set(vector::loop0::COUNT, size)
                    .set(vector::loop0::STRIDE, 1)
                    .set(vector::dst_01::S0, 1);
                // Reads and writes apart: words 8 and up are VECTOR's own destination.
                b.set(vector::src1::ADDR, from).set(vector::dst::ADDR, to + 8);
                vector::Function::Move.into()
            }
            _ => {
                b.set(store::dram::BASE, 1)
                    .set(store::shape::RUN_BYTES, size * 4)
                    .set(store::shape::GROUP_BYTES, 4);
                b.set(store::word0::COUNT, 9).set(store::src::ADDR, from + to);
                store::Function::Ibuf.into()
            }
        };
        b.run(call, &[], &wait, &signal);
    }
    b.finish().unwrap()
}

/// A launch as the oracle sees it.
struct Job {
    pc: usize,
    engine: Engine,
    wait: Vec<usize>,
    signal: Vec<usize>,
    footprint: Footprint,
}

fn jobs(design: &Design, program: &Program) -> Vec<Job> {
    let mut registers: Vec<_> =
        Engine::QUEUED.iter().map(|e| crate::isa::Registers::new(*e)).collect();
    let mut jobs = Vec::new();
    for (pc, &word) in program.code.iter().enumerate() {
        match Instruction::decode(pc, word).unwrap() {
            Instruction::Set { engine, register, value } if engine != Engine::Ctrl => {
                registers[engine.queue_index().unwrap()].write(register, value);
            }
            Instruction::Run { call, wait, signal, flags } => {
                let registers = &registers[call.engine.queue_index().unwrap()];
                let footprint = footprint::of(design, call, flags, registers, Detail::Exact);
                let list = |mask: crate::isa::SemMask| mask.iter().map(usize::from).collect();
                let (wait, signal) = (list(wait), list(signal));
                jobs.push(Job { pc, engine: call.engine, wait, signal, footprint });
            }
            _ => {}
        }
    }
    jobs
}

/// Runs with choices from `choose` until nothing can move; `held` never retires.
struct World<'a> {
    program: &'a Program,
    jobs: &'a [Job],
    depth: usize,
    pc: usize,
    queues: Vec<Vec<usize>>,
    started: BTreeSet<usize>,
    retired: BTreeSet<usize>,
    counts: [u64; 16],
    peaks: [u64; 16],
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Decode,
    Pop(usize),
    Retire(usize),
}

impl<'a> World<'a> {
    fn new(program: &'a Program, jobs: &'a [Job], depth: usize) -> World<'a> {
        World {
            program,
            jobs,
            depth,
            pc: 0,
            queues: vec![Vec::new(); 5],
            started: BTreeSet::new(),
            retired: BTreeSet::new(),
            counts: [0; 16],
            peaks: [0; 16],
        }
    }

    fn decoded(&self, pc: usize) -> Instruction {
        Instruction::decode(pc, self.program.code[pc]).unwrap()
    }

    fn job(&self, pc: usize) -> Option<usize> {
        self.jobs.iter().position(|job| job.pc == pc)
    }

    fn idle(&self) -> bool {
        self.queues.iter().all(Vec::is_empty) && self.started == self.retired
    }

    fn moves(&self, held: Option<usize>) -> Vec<Move> {
        let mut moves = Vec::new();
        let can_decode = match self.decoded(self.pc) {
            Instruction::End => false,
            Instruction::Fence => self.idle(),
            other => other
                .engine()
                .is_none_or(|e| self.queues[usize::from(e.number())].len() < self.depth),
        };
        if can_decode {
            moves.push(Move::Decode);
        }
        for (engine, queue) in self.queues.iter().enumerate() {
            let Some(&head) = queue.first() else { continue };
            let ready = self
                .job(head)
                .is_none_or(|job| self.jobs[job].wait.iter().all(|s| self.counts[*s] > 0));
            if ready {
                moves.push(Move::Pop(engine));
            }
        }
        for &job in self.started.difference(&self.retired) {
            let earlier = self.jobs[..job]
                .iter()
                .enumerate()
                .filter(|(_, other)| other.engine == self.jobs[job].engine);
            let in_order = earlier.into_iter().all(|(index, _)| self.retired.contains(&index));
            if in_order && Some(job) != held {
                moves.push(Move::Retire(job));
            }
        }
        moves
    }

    fn make(&mut self, step: Move) {
        match step {
            Move::Decode => {
                if let Some(engine) = self.decoded(self.pc).engine() {
                    self.queues[usize::from(engine.number())].push(self.pc);
                }
                self.pc += 1;
            }
            Move::Pop(engine) => {
                let head = self.queues[engine].remove(0);
                if let Some(job) = self.job(head) {
                    for s in &self.jobs[job].wait {
                        self.counts[*s] -= 1;
                    }
                    self.started.insert(job);
                }
            }
            Move::Retire(job) => {
                for s in &self.jobs[job].signal {
                    self.counts[*s] += 1;
                    self.peaks[*s] = self.peaks[*s].max(self.counts[*s]);
                }
                self.retired.insert(job);
            }
        }
    }

    fn run(&mut self, held: Option<usize>, mut choose: impl FnMut(usize) -> usize) {
        loop {
            let moves = self.moves(held);
            if moves.is_empty() {
                return;
            }
            self.make(moves[choose(moves.len()) % moves.len()]);
        }
    }

    fn ended(&self) -> bool {
        self.decoded(self.pc) == Instruction::End && self.idle()
    }
}

/// Whether two launches touch the same addresses so that their order matters. `a` comes first in
/// the program.
fn conflict(a: &Job, b: &Job) -> bool {
    let meet = |x: &[footprint::Access], y: &[footprint::Access]| {
        let same = |x: &footprint::Access, y: &footprint::Access| {
            x.space == y.space && x.space != Space::Obuf && x.spans.overlap(&y.spans).is_some()
        };
        x.iter().any(|x| y.iter().any(|y| same(x, y)))
    };
    let read_after_write = meet(&a.footprint.writes, &b.footprint.reads);
    let other = meet(&a.footprint.writes, &b.footprint.writes)
        || meet(&a.footprint.reads, &b.footprint.writes);
    read_after_write || (a.engine != b.engine && other)
}

fn races(program: &Program, jobs: &[Job]) -> BTreeSet<(usize, usize)> {
    // What can start while one launch never retires.
    let startable: Vec<BTreeSet<usize>> = (0..jobs.len())
        .map(|held| {
            let mut world = World::new(program, jobs, 1 << 20);
            world.run(Some(held), |_| 0);
            world.started
        })
        .collect();
    let mut races = BTreeSet::new();
    for first in 0..jobs.len() {
        for second in first + 1..jobs.len() {
            let apart = !startable[first].contains(&second) || !startable[second].contains(&first);
            if conflict(&jobs[first], &jobs[second]) && !apart {
                races.insert((jobs[first].pc, jobs[second].pc));
            }
        }
    }
    races
}

/// Pairs of instructions in the race findings.
fn reported(report: &Report) -> BTreeSet<(usize, usize)> {
    let races = report.findings.iter().filter(|finding| finding.rule == Rule::Race);
    let pair = |finding: &crate::program::lint::Finding| {
        let second = finding.pc.unwrap();
        let text = finding.message.split("of instruction ").last().unwrap();
        let first: usize = text.split(' ').next().unwrap().parse().unwrap();
        (first.min(second), first.max(second))
    };
    races.map(pair).collect()
}

fn owners() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..3usize, 0..3usize), 4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// With queues that never fill, the races found are exactly those that some timing shows.
    #[test]
    fn races_are_those_that_can_happen(owners in owners(), actions in actions(14)) {
        let design = small(&["control.queue_depth=256", "control.semaphore_bits=8"]);
        let program = build(&design, &owners, &actions);
        let jobs = jobs(&design, &program);
        let report = lint(&design, &program);
        let mut world = World::new(&program, &jobs, 256);
        world.run(None, |_| 0);
        prop_assume!(world.ended());
        let expected = races(&program, &jobs);
        prop_assume!(expected.len() < MOST_FINDINGS);
        prop_assert_eq!(reported(&report), expected, "{}", report);
    }

    /// Any order of events, with short queues, ends or stops as foretold and stays below the
    /// peaks; and the peaks are reached.
    #[test]
    fn one_simulation_decides_for_every_timing(
        owners in owners(),
        actions in actions(20),
        choices in prop::collection::vec(any::<u16>(), 400),
    ) {
        let design = small(&["control.semaphore_bits=8"]);
        let program = build(&design, &owners, &actions);
        let jobs = jobs(&design, &program);
        let report = lint(&design, &program);
        let mut world = World::new(&program, &jobs, 4);
        let mut choices = choices.into_iter().cycle().map(usize::from);
        world.run(None, |_| choices.next().unwrap_or(0));
        let stuck = report.findings.iter().any(|finding| finding.rule == Rule::Deadlock);
        prop_assert_eq!(world.ended(), !stuck, "{}", report);
        if stuck {
            return Ok(());
        }
        for (seen, bound) in world.peaks.iter().zip(report.peaks) {
            prop_assert!(*seen <= bound);
        }
        let left = world.counts.iter().filter(|count| **count > 0).count();
        let told = report.findings.iter().filter(|finding| finding.rule == Rule::Balance).count();
        prop_assert_eq!(left, told);
        // Consumers that move last show the largest counts.
        for (index, (_, consumer)) in owners.iter().enumerate() {
            let consumer = [Engine::Load, Engine::Vector, Engine::Store][*consumer];
            let mut world = World::new(&program, &jobs, 4);
            loop {
                let moves = world.moves(None);
                let lazy = |step: &Move| matches!(step, Move::Pop(engine) if *engine == usize::from(consumer.number()));
                let Some(step) = moves.iter().find(|step| !lazy(step)).or(moves.first()) else { break };
                let step = *step;
                world.make(step);
            }
            prop_assert_eq!(world.peaks[index], report.peaks[index]);
        }
    }
}
