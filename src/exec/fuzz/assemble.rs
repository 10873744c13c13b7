//! Puts the launches of a case in order and makes a program of them.

use super::case::{Case, DATA, DUMP, Launch, SCRATCH};
use super::rng::Rng;
use super::window::SCRATCH_BYTES;
use crate::isa::Engine;
use crate::program::footprint::{Access, Footprint, Space};
use crate::program::{BuildError, Builder, Program, RegionKind, Semaphore, Target};

const ENGINES: usize = Engine::QUEUED.len();

/// Why a case cannot become a program.
#[derive(Debug, thiserror::Error)]
pub enum FuzzError {
    /// A launch has a value no field holds.
    #[error("launch {0} of the random case has a value that fits no field")]
    Value(usize),
    /// The builder refuses something.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// A launch already in the program.
struct Done {
    engine: usize,
    /// Its number among the launches of its engine.
    number: usize,
    /// Position of its RUN.
    position: usize,
    footprint: Footprint,
    /// How many launches of each engine have retired when this one has.
    knows: [usize; ENGINES],
}

struct Assembly<'a> {
    case: &'a Case,
    rng: Rng,
    builder: Builder,
    done: Vec<Done>,
    counts: [usize; ENGINES],
    /// How many launches of each engine have retired when the next one of this engine starts.
    known: [[usize; ENGINES]; ENGINES],
    semaphores: [[Option<Semaphore>; ENGINES]; ENGINES],
    used: usize,
    /// Signals of each semaphore since everything was last known to have retired.
    signals: [[u64; ENGINES]; ENGINES],
    overlaps: Overlaps,
}

/// By two engines, in the order of [`Engine::QUEUED`]: pairs of launches which nothing puts in order,
/// the one of the second engine earlier in the program.
pub type Overlaps = [[u64; ENGINES]; ENGINES];

impl Case {
    /// The case as a program.
    pub fn program(&self) -> Result<Program, FuzzError> {
        self.assemble().map(|(program, _)| program)
    }

    /// The program, and what of it may run at the same time.
    pub fn assemble(&self) -> Result<(Program, Overlaps), FuzzError> {
        let mut assembly = Assembly {
            case: self,
            rng: Rng::new(self.order_seed),
            builder: Builder::new(Target::of(&self.design)),
            done: Vec::new(),
            counts: [0; ENGINES],
            known: [[0; ENGINES]; ENGINES],
            semaphores: [[None; ENGINES]; ENGINES],
            used: 0,
            signals: [[0; ENGINES]; ENGINES],
            overlaps: Overlaps::default(),
        };
        let builder = &mut assembly.builder;
        let scratch = SCRATCH_BYTES.unsigned_abs();
        let data = (self.data.clone(), self.data.len() as u64);
        let bases = [
            builder.region("data", RegionKind::Weights, data.1, data.0),
            builder.region("scratch", RegionKind::Output, scratch, Vec::new()),
            builder.region("dump", RegionKind::Output, self.dump_bytes, Vec::new()),
        ];
        debug_assert_eq!(bases, [DATA, SCRATCH, DUMP]);
        for (index, launch) in self.launches.iter().enumerate() {
            assembly.launch(index, launch)?;
        }
        Ok((assembly.builder.finish()?, assembly.overlaps))
    }
}

impl Assembly<'_> {
    fn launch(&mut self, index: usize, launch: &Launch) -> Result<(), FuzzError> {
        let design = &self.case.design;
        let footprint = launch.footprint(design).ok_or(FuzzError::Value(index))?;
        let Some(engine) = launch.call.engine.queue_index() else { return Ok(()) };
        if self.rng.chance(4) {
            self.fence();
        }
        let mut needs = self.dependences(engine, &footprint);
        if self.rng.chance(10) {
            // An order nobody needs.
            let index = self.rng.between(0, self.done.len() as i64 - 1);
            let other = usize::try_from(index).ok().and_then(|index| self.done.get(index));
            if let Some(other) = other {
                needs[other.engine] = needs[other.engine].max(other.number + 1);
            }
        }
        let wait = self.connect(engine, needs);
        let note = if launch.frame { "frame" } else { "random" };
        self.builder.note(format!("{note} launch {index}"));
        self.builder.reset(launch.call.engine);
        for &(field, value) in &launch.values {
            self.builder.set(field, value);
        }
        self.builder.run(launch.call, &launch.flags, &wait, &[]);
        for done in &self.done {
            if done.number >= self.known[engine][done.engine] {
                self.overlaps[engine][done.engine] += 1;
            }
        }
        let mut knows = self.known[engine];
        let number = self.counts[engine];
        knows[engine] = number + 1;
        self.counts[engine] += 1;
        let position = self.builder.len() - 1;
        self.done.push(Done { engine, number, position, footprint, knows });
        if self.rng.chance(8) {
            let tag = u32::try_from(index).unwrap_or(u32::MAX);
            self.builder.tag(launch.call.engine, tag);
        }
        Ok(())
    }

    /// How many launches of each engine must have retired before this one starts.
    fn dependences(&self, engine: usize, footprint: &Footprint) -> [usize; ENGINES] {
        let mut needs = [0; ENGINES];
        for earlier in &self.done {
            let after_write = meet(&earlier.footprint.writes, &footprint.reads);
            // Within an engine only a read may overtake a write.
            let other = earlier.engine != engine
                && (meet(&earlier.footprint.writes, &footprint.writes)
                    || meet(&earlier.footprint.reads, &footprint.writes));
            if after_write || other {
                needs[earlier.engine] = needs[earlier.engine].max(earlier.number + 1);
            }
        }
        needs
    }

    /// Semaphores for what is needed and not yet known; a fence where there is none to be had.
    fn connect(&mut self, engine: usize, needs: [usize; ENGINES]) -> Vec<Semaphore> {
        let limits = self.case.design.semaphores();
        let most = (1_u64 << limits.width.min(63)) - 1;
        let missing: Vec<usize> =
            (0..ENGINES).filter(|&p| needs[p] > self.known[engine][p]).collect();
        let absent = missing.iter().filter(|&&p| self.semaphores[p][engine].is_none()).count();
        let full = missing.iter().any(|&p| self.signals[p][engine] >= most);
        let chosen = missing.iter().any(|_| self.rng.chance(3));
        // A fence behind a signal whose wait comes after the fence would leave its token where the
        // count is taken for zero: so all of the launch's semaphores, or none.
        if self.used + absent > limits.count || full || chosen {
            self.fence();
            return Vec::new();
        }
        let mut wait = Vec::new();
        for producer in missing {
            let semaphore = match self.semaphores[producer][engine] {
                Some(semaphore) => semaphore,
                None => {
                    self.used += 1;
                    self.builder.semaphore(Engine::QUEUED[producer], Engine::QUEUED[engine])
                }
            };
            self.semaphores[producer][engine] = Some(semaphore);
            let number = needs[producer] - 1;
            let found = self.done.iter().find(|d| d.engine == producer && d.number == number);
            if let Some(done) = found {
                self.builder.also_signal(done.position, semaphore);
                for (known, learned) in self.known[engine].iter_mut().zip(done.knows) {
                    *known = (*known).max(learned);
                }
                self.signals[producer][engine] += 1;
                wait.push(semaphore);
            }
        }
        wait
    }

    fn fence(&mut self) {
        self.builder.fence();
        self.known = [self.counts; ENGINES];
        self.signals = [[0; ENGINES]; ENGINES];
    }
}

/// Whether two sets of accesses touch the same address. OBUF belongs to one engine, which keeps
/// its own order there.
fn meet(a: &[Access], b: &[Access]) -> bool {
    a.iter().any(|a| {
        b.iter().any(|b| {
            a.space == b.space && a.space != Space::Obuf && a.spans.overlap(&b.spans).is_some()
        })
    })
}
