//! Attributes every cycle of a run to a class and a launch, while the run goes on.

use super::class::{Class, Cycles};
use super::plan::{ENGINES, GEMM, LOAD, Plan, STORE, UNIT, VECTOR};
use crate::cosim::probe::Sample;
use crate::isa::Engine;

/// Bits of an engine's activity.
const BUSY: u8 = 1;
const WAIT: u8 = 2;
const STALL: u8 = 4;

/// Cycles for which the refusal of a residual read is felt: the memory's latency and two more.
const REFUSAL: u64 = 5;

/// Of several engines that are waited for, the one that gets the cycle.
const ORDER: [usize; ENGINES] = [LOAD, VECTOR, UNIT, STORE, GEMM];

/// What an engine did with its cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activity {
    /// It worked.
    pub busy: u64,
    /// It waited for a semaphore, by the engine that signals it.
    pub wait: [u64; ENGINES],
    /// It took semaphores that were all there.
    pub taking: u64,
    /// It waited for a memory.
    pub stall: u64,
    /// It had no instruction.
    pub none: u64,
}

impl Activity {
    /// Cycles of waiting for semaphores, as the machine counts them.
    pub fn waits(&self) -> u64 {
        self.wait.iter().sum::<u64>() + self.taking
    }

    /// All its cycles.
    pub fn total(&self) -> u64 {
        self.busy + self.waits() + self.stall + self.none
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Activity) {
        self.busy += other.busy;
        self.taking += other.taking;
        self.stall += other.stall;
        self.none += other.none;
        for (sum, more) in self.wait.iter_mut().zip(other.wait) {
            *sum += more;
        }
    }
}

/// What was attributed to a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Cycles of the run; those of a working array are all `useful` here.
    pub classes: Cycles,
    /// Cycles of its engine while it was the oldest one there.
    pub activity: Activity,
    /// Cycles at the head of the queue, waiting for a semaphore of an engine.
    pub waited: [u64; ENGINES],
    /// Its reads and writes that were put off by others: in IBUF, in VMEM.
    pub refused: [u64; 2],
    /// When it was taken from the queue.
    pub start: Option<u64>,
    /// When it retired.
    pub retire: Option<u64>,
}

/// A run, attributed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// Cycles of the run.
    pub cycles: u64,
    /// Per launch of the plan.
    pub launches: Vec<Spent>,
    /// Cycles that belong to no launch, because the program has none.
    pub unowned: Cycles,
    /// Per engine: cycles after its last launch.
    pub beyond: [Activity; ENGINES],
    /// Accesses put off for which no launch was there.
    pub unowned_refusals: [u64; 2],
}

/// Looks at a run, cycle by cycle.
#[derive(Debug, Clone)]
pub struct Recorder {
    plan: Plan,
    trace: Trace,
    retired: [usize; ENGINES],
    started: [usize; ENGINES],
    /// The launch whose vectors the array takes, or takes next, and how many it has left.
    issuing: usize,
    left: u64,
    /// When the read of a residual vector was last refused.
    refusal: Option<u64>,
}

impl Recorder {
    /// Starts before a run of the program with this plan.
    pub fn new(plan: Plan) -> Recorder {
        let trace =
            Trace { launches: vec![Spent::default(); plan.launches.len()], ..Trace::default() };
        let mut recorder = Recorder {
            plan,
            trace,
            retired: [0; ENGINES],
            started: [0; ENGINES],
            issuing: 0,
            left: 0,
            refusal: None,
        };
        recorder.left = recorder.vectors();
        recorder
    }

    /// The launches, and what was attributed to them.
    pub fn finish(self) -> (Plan, Trace) {
        (self.plan, self.trace)
    }

    fn vectors(&self) -> u64 {
        self.issue().and_then(|launch| self.plan.launches.get(launch)).map_or(0, |l| l.vectors)
    }

    /// The launch that GEMM's issue works on.
    fn issue(&self) -> Option<usize> {
        self.plan.queues[GEMM].get(self.issuing).copied()
    }

    /// The oldest launch of an engine that has not retired, in flight or not.
    fn oldest(&self, engine: usize) -> Option<usize> {
        self.plan.queues[engine].get(self.retired[engine]).copied()
    }

    /// One cycle.
    pub fn cycle(&mut self, sample: &Sample) {
        if !sample.running {
            return;
        }
        self.refusals(sample);
        for engine in 0..ENGINES {
            self.engine(sample, engine);
        }
        let (class, launch) = self.classify(sample);
        match launch.and_then(|launch| self.trace.launches.get_mut(launch)) {
            Some(spent) => spent.classes[class.index()] += 1,
            None => self.trace.unowned[class.index()] += 1,
        }
        if sample.active {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                self.issuing += 1;
                self.left = self.vectors();
            }
        }
        for engine in 0..ENGINES {
            if sample.engines[engine].retires {
                if let Some(launch) = self.oldest(engine) {
                    self.trace.launches[launch].retire = Some(self.trace.cycles);
                }
                self.retired[engine] += 1;
            }
        }
        self.trace.cycles += 1;
    }

    /// The engine an engine's head waits for: none of them when all semaphores are there.
    fn waits_for(&self, sample: &Sample, engine: usize) -> Option<usize> {
        let missing = sample.engines[engine].wait_mask & !sample.positive;
        let producers = self.plan.signalled_by(missing);
        ORDER.into_iter().find(|&producer| producers >> producer & 1 != 0)
    }

    fn engine(&mut self, sample: &Sample, engine: usize) {
        let now = &sample.engines[engine];
        if now.activity == 0 {
            return;
        }
        let queue = &self.plan.queues[engine];
        let launched = self.retired[engine] + usize::from(now.in_flight);
        while self.started[engine] < launched {
            if let Some(&launch) = queue.get(self.started[engine]) {
                self.trace.launches[launch].start = Some(self.trace.cycles.saturating_sub(1));
            }
            self.started[engine] += 1;
        }
        let waits_for = self.waits_for(sample, engine);
        if let (Some(producer), Some(&launch)) = (waits_for, queue.get(launched)) {
            self.trace.launches[launch].waited[producer] += 1;
        }
        let oldest = queue.get(self.retired[engine]).copied();
        let activity = match oldest.and_then(|launch| self.trace.launches.get_mut(launch)) {
            Some(spent) => &mut spent.activity,
            None => &mut self.trace.beyond[engine],
        };
        match (now.activity, waits_for) {
            (BUSY, _) => activity.busy += 1,
            (WAIT, Some(producer)) => activity.wait[producer] += 1,
            (WAIT, None) => activity.taking += 1,
            (STALL, _) => activity.stall += 1,
            _ => activity.none += 1,
        }
    }

    /// Accesses put off: bit 0 is LOAD's, then those of the engines that write, then of readers.
    fn refusals(&mut self, sample: &Sample) {
        if sample.ibuf_refused == 0 && sample.vmem_refused == 0 {
            return;
        }
        let has_unit = sample.engines[UNIT].activity != 0;
        let writers = [LOAD, GEMM, VECTOR, UNIT].into_iter().take(if has_unit { 4 } else { 3 });
        let ibuf = writers.clone().chain([GEMM, GEMM, VECTOR, VECTOR, STORE, UNIT, UNIT]);
        let vmem = writers.clone().chain([VECTOR, VECTOR, VECTOR, STORE, UNIT, UNIT]);
        let residual = writers.count() + 1;
        if sample.ibuf_refused >> residual & 1 != 0 {
            self.refusal = Some(self.trace.cycles);
        }
        let mut note = |memory: usize, mask: u32, engine: usize, bit: usize| {
            if mask >> bit & 1 != 0 {
                match self.plan.queues[engine].get(self.retired[engine]) {
                    Some(&launch) => self.trace.launches[launch].refused[memory] += 1,
                    None => self.trace.unowned_refusals[memory] += 1,
                }
            }
        };
        for (bit, engine) in ibuf.enumerate() {
            note(0, sample.ibuf_refused, engine, bit);
        }
        for (bit, engine) in vmem.enumerate() {
            note(1, sample.vmem_refused, engine, bit);
        }
    }

    fn classify(&self, sample: &Sample) -> (Class, Option<usize>) {
        let issue = self.issue();
        let class = if sample.active {
            Class::Useful
        } else if sample.wait_weights {
            Class::Weights
        } else if sample.wait_residual {
            match self.refusal.is_some_and(|at| self.trace.cycles < at + REFUSAL) {
                true => Class::Bank,
                false => Class::Residual,
            }
        } else if sample.wait_slot {
            Class::Gap
        } else {
            return self.idle(sample);
        };
        (class, issue.or_else(|| self.last()))
    }

    fn last(&self) -> Option<usize> {
        self.plan.launches.len().checked_sub(1)
    }

    /// A cycle in which GEMM issues nothing.
    fn idle(&self, sample: &Sample) -> (Class, Option<usize>) {
        if self.started.iter().all(|&started| started == 0) {
            return (Class::Start, self.last().map(|_| 0));
        }
        if self.issue().is_some() {
            return self.blame(sample, GEMM);
        }
        if sample.engines[GEMM].in_flight != 0 {
            return (Class::Fill, self.oldest(GEMM));
        }
        let left = [VECTOR, UNIT].into_iter().find(|&engine| self.oldest(engine).is_some());
        match left {
            Some(engine) => self.blame(sample, engine),
            None => (Class::End, self.oldest(STORE).or_else(|| self.last())),
        }
    }

    /// Follows who waits for whom, from an engine to the one that works.
    fn blame(&self, sample: &Sample, from: usize) -> (Class, Option<usize>) {
        let mut engine = from;
        let mut seen = 0_u8;
        loop {
            let now = &sample.engines[engine];
            seen |= 1 << engine;
            let working = match engine {
                // Whatever GEMM has in flight has been issued: the array is free.
                GEMM => sample.gemm_at_run && now.wait_mask == 0,
                _ => now.in_flight != 0,
            };
            let at_launch = working || now.wait_mask != 0;
            let next = match at_launch {
                true if working => None,
                true => self.waits_for(sample, engine),
                false if now.queued != 0 => return (Class::Issue, self.blamed(engine)),
                false => match self.decoder(sample, seen) {
                    Some(next) => Some(next),
                    None => return (Class::Issue, self.blamed(engine)),
                },
            };
            match next {
                None => return (own(engine), self.blamed(engine)),
                // GEMM's results are on their way.
                Some(GEMM) => return (Class::Fill, self.oldest(GEMM).or_else(|| self.last())),
                Some(next) if seen >> next & 1 != 0 => return (own(next), self.blamed(next)),
                Some(next) => engine = next,
            }
        }
    }

    /// The launch that a cycle of an engine belongs to.
    fn blamed(&self, engine: usize) -> Option<usize> {
        let launch = match engine {
            GEMM if self.retired[GEMM] == self.started[GEMM] => self.issue(),
            _ => self.oldest(engine),
        };
        launch.or_else(|| self.issue()).or_else(|| self.last())
    }

    /// The engine that keeps the decoder from going on.
    fn decoder(&self, sample: &Sample, seen: u8) -> Option<usize> {
        if sample.fenced {
            let works = |&engine: &usize| {
                let now = &sample.engines[engine];
                seen >> engine & 1 == 0 && (now.in_flight != 0 || now.queued != 0)
            };
            let drains = (sample.engines[GEMM].in_flight != 0).then_some(GEMM);
            return ORDER.into_iter().find(works).or(drains);
        }
        sample.full.and_then(Engine::from_number).and_then(Engine::queue_index)
    }
}

/// The class of cycles in which an engine is waited for.
fn own(engine: usize) -> Class {
    match engine {
        LOAD => Class::Dram,
        VECTOR | UNIT => Class::Vector,
        STORE => Class::Store,
        _ => Class::Fill,
    }
}

/// Adds cycles class by class.
pub(super) fn add(sum: &mut Cycles, more: &Cycles) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

impl Trace {
    /// Cycles of every class over all launches.
    pub fn classes(&self) -> Cycles {
        let mut sum = self.unowned;
        for spent in &self.launches {
            add(&mut sum, &spent.classes);
        }
        sum
    }
}
