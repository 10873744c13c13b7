//! Data races: pairs of launches that touch the same addresses, one of them writing, without an
//! order that holds under every timing.
//!
//! Each launch has a vector clock: per engine the number of launches known to have retired when it
//! starts. The k-th wait for a semaphore follows the k-th signal, so it takes over the clock of
//! the launch that gave it; a fence orders everything. Within an engine writes come in queue
//! order and after the reads of earlier launches, so there only reading what an earlier launch
//! wrote needs an order.

use super::finding::{Findings, Rule, place};
use super::tokens::Event;
use super::{Launch, MOST_FINDINGS};
use crate::design::Design;
use crate::isa::Engine;
use crate::program::Program;
use crate::program::footprint::{Access, Space};
use std::collections::{BTreeMap, VecDeque};

const ENGINES: usize = Engine::QUEUED.len();

type Clock = [u32; ENGINES];

/// An access of a launch already seen.
#[derive(Debug, Clone, Copy)]
struct Past {
    /// Number of the launch in its engine, from 1.
    number: u32,
    launch: usize,
    /// Position among the launch's reads or writes.
    access: usize,
    /// Smallest interval around the addresses.
    hull: (i64, i64),
}

/// Accesses of one engine to one memory, oldest first.
#[derive(Debug, Default)]
struct History {
    reads: VecDeque<Past>,
    writes: VecDeque<Past>,
}

struct Detector<'a> {
    design: &'a Design,
    launches: &'a [Launch],
    /// Launches known to have retired when the engine's next launch starts.
    clocks: [Clock; ENGINES],
    started: Clock,
    tokens: [VecDeque<Clock>; 16],
    histories: BTreeMap<(Space, usize), History>,
}

/// Checks every pair of launches.
pub(super) fn check(
    design: &Design,
    program: &Program,
    launches: &[Launch],
    events: &[Event],
    findings: &mut Findings<'_>,
) {
    let mut detector = Detector {
        design,
        launches,
        clocks: [[0; ENGINES]; ENGINES],
        started: [0; ENGINES],
        tokens: Default::default(),
        histories: BTreeMap::new(),
    };
    for event in events {
        if findings.list.len() > MOST_FINDINGS {
            return;
        }
        match *event {
            // Everything before it is in order with everything after it.
            Event::Fence => detector.histories.clear(),
            Event::Launch(index) => {
                for race in detector.launch(index) {
                    let (pc, message) = race.describe(program, design, launches);
                    findings.error(Rule::Race, pc, &message, "order them by a semaphore from the first launch to the second, or from and to launches between them");
                }
            }
        }
    }
}

/// Two launches that race; `first` comes earlier in the token simulation.
struct Race {
    first: usize,
    second: usize,
    first_writes: bool,
    second_writes: bool,
    first_access: Access,
    second_access: Access,
    start: i64,
    end: i64,
}

impl Race {
    fn describe(&self, program: &Program, design: &Design, launches: &[Launch]) -> (usize, String) {
        let pc = |index: usize| launches.get(index).map_or(0, |launch| launch.pc);
        let verb = |writes: bool| if writes { "writes" } else { "reads" };
        let space = self.first_access.space;
        let per_word = space.per_word(design);
        let (from, to) = (self.start / per_word, (self.end - 1) / per_word);
        let unit = if matches!(space, Space::Dram(_)) { "byte" } else { "word" };
        let what =
            if from == to { format!("{unit} {from}") } else { format!("{unit}s {from} to {to}") };
        let first = (pc(self.first), self.first_access.operand, verb(self.first_writes));
        let second = (pc(self.second), self.second_access.operand, verb(self.second_writes));
        // The launch that comes later in the program has the finding.
        let (early, late) = if first.0 < second.0 { (first, second) } else { (second, first) };
        let message = format!(
            "`{}` {} {what} of {space}, which `{}` of {} {}, and nothing orders the two",
            late.1,
            late.2,
            early.1,
            place(program, early.0),
            early.2,
        );
        (late.0, message)
    }
}

impl Detector<'_> {
    fn launch(&mut self, index: usize) -> Vec<Race> {
        let Some(launch) = self.launches.get(index) else { return Vec::new() };
        let engine = launch.engine;
        let mut clock = self.clocks[engine];
        for semaphore in launch.wait.iter() {
            let token = self.tokens[usize::from(semaphore)].pop_front();
            for (own, other) in clock.iter_mut().zip(token.unwrap_or_default()) {
                *own = other.max(*own);
            }
        }
        self.clocks[engine] = clock;
        self.started[engine] += 1;
        let mut retired = clock;
        retired[engine] = self.started[engine];
        for semaphore in launch.signal.iter() {
            self.tokens[usize::from(semaphore)].push_back(retired);
        }
        let races = self.conflicts(index, launch, &clock);
        self.record(index, launch);
        races
    }

    /// Earlier launches that may still be under way and touch what this one touches.
    fn conflicts(&self, index: usize, launch: &Launch, clock: &Clock) -> Vec<Race> {
        let mut races = Vec::new();
        let reads = launch.coarse.reads.iter().enumerate().map(|(at, access)| (at, access, false));
        let writes = launch.coarse.writes.iter().enumerate().map(|(at, access)| (at, access, true));
        for (at, access, writing) in reads.chain(writes) {
            for other in 0..ENGINES {
                let Some(history) = self.histories.get(&(access.space, other)) else { continue };
                // What an engine does in order by itself: see the head of this file.
                let after_writes = other != launch.engine || !writing;
                let after_reads = other != launch.engine && writing;
                let pasts =
                    [(after_writes, &history.writes, true), (after_reads, &history.reads, false)];
                for (_, list, past_writes) in pasts.into_iter().filter(|(relevant, ..)| *relevant) {
                    let known = clock.get(other).copied().unwrap_or(0);
                    let from = list.partition_point(|past| past.number <= known);
                    for past in list.range(from..) {
                        let race = self.confirm(index, (at, access, writing), past, past_writes);
                        // One race per pair of launches tells enough.
                        if let Some(race) = race
                            && !races.iter().any(|r: &Race| r.first == race.first)
                        {
                            races.push(race);
                        }
                    }
                }
            }
        }
        races
    }

    /// A race, if the two accesses meet in every detail.
    fn confirm(
        &self,
        index: usize,
        (at, access, writing): (usize, &Access, bool),
        past: &Past,
        past_writes: bool,
    ) -> Option<Race> {
        let (low, high) = access.spans.hull()?;
        if past.hull.1 <= low || high <= past.hull.0 {
            return None;
        }
        let (first, second) = (self.launches.get(past.launch)?, self.launches.get(index)?);
        let side = |footprint: &crate::program::footprint::Footprint, writes: bool, at: usize| {
            let list = if writes { &footprint.writes } else { &footprint.reads };
            list.get(at).cloned()
        };
        let mut first_access = side(&first.coarse, past_writes, past.access)?;
        first_access.spans.overlap(&access.spans)?;
        let mut second_access = access.clone();
        if !first_access.spans.is_exact() {
            first_access = side(&first.exact(self.design), past_writes, past.access)?;
        }
        if !second_access.spans.is_exact() {
            second_access = side(&second.exact(self.design), writing, at)?;
        }
        let (start, end) = first_access.spans.overlap(&second_access.spans)?;
        Some(Race {
            first: past.launch,
            second: index,
            first_writes: past_writes,
            second_writes: writing,
            first_access,
            second_access,
            start,
            end,
        })
    }

    fn record(&mut self, index: usize, launch: &Launch) {
        let number = self.started[launch.engine];
        // What every engine knows to have retired needs no memory.
        let known = self.clocks.iter().map(|clock| clock[launch.engine]).min().unwrap_or(0);
        let lists = [(&launch.coarse.reads, false), (&launch.coarse.writes, true)];
        for (accesses, writes) in lists {
            for (access, one) in accesses.iter().enumerate() {
                // Accumulators are GEMM's own, and in order.
                let (Some(hull), true) = (one.spans.hull(), one.space != Space::Obuf) else {
                    continue;
                };
                let history = self.histories.entry((one.space, launch.engine)).or_default();
                let list = if writes { &mut history.writes } else { &mut history.reads };
                while list.front().is_some_and(|past| past.number <= known) {
                    list.pop_front();
                }
                list.push_back(Past { number, launch: index, access, hull });
            }
        }
    }
}
