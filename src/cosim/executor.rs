//! The emitted RTL as an executor: one simulated machine that programs are loaded into and run on.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::build::{self, BuildOptions, Built, Flavour, Source};
use super::dram::{Dram, DramCounts, DramOptions};
use super::error::{Error, file};
use super::memory::Memory;
use super::model::Model;
use super::progress::Progress;
use super::protocol::BusRules;
use super::session::Session;
use crate::design::{Cell, Design};
use crate::exec::{ExecError, Executor, Retirement, RunReport, TagRecord};
use crate::host::{self, Job, Layout, Loaded};
use crate::isa::{Engine, Instruction};
use crate::program::{Program, Target};

/// How often the run loop looks at slow things: progress and hangs.
const GLANCE: u64 = 4096;

/// Looks at the state of a soft reset, a few cycles each: outstanding bursts have to finish.
const RESET_POLLS: u32 = 20_000;

/// Part of a run to write as a waveform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceWindow {
    /// First cycle of the run.
    pub from: u64,
    /// Last cycle of the run.
    pub to: u64,
    /// The file.
    pub path: PathBuf,
}

/// How to simulate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtlOptions {
    /// How the model is built and where it is kept.
    pub build: BuildOptions,
    /// The memory's behaviour.
    pub dram: DramOptions,
    /// The machine's watchdog, in cycles without a retirement; 0 for none.
    pub watchdog: u32,
    /// Cycles without a retirement or a moving beat after which the simulation gives up; 0 stands
    /// for twice the watchdog, or for ever without one.
    pub patience: u64,
    /// Which cell the array is simulated with; all are equal in every bit and cycle.
    pub cell: Option<Cell>,
    /// Verilog to simulate instead of the design's own: edited, or with a planted bug.
    pub sources: Option<Vec<Source>>,
    /// Put regions at addresses that are aligned to nothing.
    pub misalign: bool,
    /// Show a progress bar on the terminal.
    pub progress: bool,
    /// Write a waveform; asks for a debug build.
    pub trace: Option<TraceWindow>,
    /// Build the model so that every cycle can be watched.
    pub probe: bool,
}

impl Default for RtlOptions {
    fn default() -> Self {
        Self {
            build: BuildOptions::default(),
            dram: DramOptions::default(),
            watchdog: 2_000_000,
            patience: 0,
            cell: Some(Cell::Simulation),
            sources: None,
            misalign: false,
            progress: false,
            trace: None,
            probe: false,
        }
    }
}

/// What the last run was like, beyond its report.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RunFigures {
    /// Cycles simulated, with the host's accesses.
    pub cycles: u64,
    /// Time it took.
    pub seconds: f64,
    /// What moved on the bus, since the model was made.
    pub dram: DramCounts,
    /// Simulated cycle that is cycle zero of the run in retirements and waveforms: the one after
    /// the host's write of `start` was answered, a few cycles before the machine begins to count.
    pub origin: u64,
}

/// The simulated machine.
#[derive(Debug)]
pub struct Rtl {
    design: Design,
    options: RtlOptions,
    built: Built,
    session: Session,
    loaded: Option<Loaded>,
    launches: u64,
    /// The machine has stopped with a fault and needs a soft reset.
    faulted: bool,
    figures: RunFigures,
}

/// The Verilog of a design, as it is simulated.
pub fn sources(design: &Design, cell: Option<Cell>) -> Result<Vec<Source>, Error> {
    let simulated = cell.map(|cell| design.with_cell(cell));
    let files = crate::rtl::emit(simulated.as_ref().unwrap_or(design))?;
    Ok(files
        .into_iter()
        .map(|file| Source {
            name: file.path.rsplit('/').next().unwrap_or(&file.path).to_owned(),
            text: file.text,
        })
        .collect())
}

/// The Verilog files of a directory, such as the `rtl` of an output directory.
pub fn sources_in(directory: &Path) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(file("list", directory))? {
        let path = entry.map_err(file("list", directory))?.path();
        if path.extension().is_some_and(|extension| extension == "v") {
            let text = std::fs::read_to_string(&path).map_err(file("read", &path))?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            sources.push(Source { name: name.unwrap_or_default(), text });
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sources)
}

/// The bus as the design declares it.
pub fn bus_rules(design: &Design) -> BusRules {
    BusRules {
        bytes: design.axi().beat_bytes(),
        max_burst: design.axi().max_burst_beats as u32,
        read_ids: 0..2,
        write_ids: 0..1,
    }
}

impl Rtl {
    /// Builds (or finds) the model of a design and resets it.
    pub fn new(design: &Design, mut options: RtlOptions) -> Result<Self, Error> {
        if options.trace.is_some() {
            options.build.flavour = Flavour::Debug;
        } else if options.probe {
            options.build.flavour = Flavour::Probe;
        }
        let verilog = match options.sources.take() {
            Some(sources) => sources,
            None => sources(design, options.cell)?,
        };
        let built = build::build(&build::NPU_TOP, &verilog, &options.build)?;
        let session = start_session(design, &options, &built)?;
        Ok(Self {
            design: design.clone(),
            options,
            built,
            session,
            loaded: None,
            launches: 0,
            faulted: false,
            figures: RunFigures::default(),
        })
    }

    /// The library in use, and how long its build took.
    pub fn built(&self) -> &Built {
        &self.built
    }

    /// What the last run was like.
    pub fn figures(&self) -> RunFigures {
        self.figures
    }

    /// Changes the memory's behaviour; takes effect with a fresh machine, as after power-up.
    pub fn power_cycle(&mut self, dram: DramOptions) -> Result<(), Error> {
        self.options.dram = dram;
        self.session = start_session(&self.design, &self.options, &self.built)?;
        self.loaded = None;
        self.faulted = false;
        Ok(())
    }

    /// The machine and its surroundings, for a look inside.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same, to read registers after a run.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Tells the machine that the loaded program was made for another design.
    pub fn pretend_fingerprint(&mut self, fingerprint: u64) {
        if let Some(loaded) = &mut self.loaded {
            loaded.job.fingerprint = fingerprint;
        }
    }

    /// The memory with a program in it.
    fn memory(&self, loaded: &Loaded) -> Result<Memory, Error> {
        let mut memory = Memory::default();
        memory.add(loaded.job.program_address, &loaded.code(), false)?;
        for (region, &(_, address, length)) in loaded.program.regions.iter().zip(&loaded.job.bases)
        {
            let too_large = || Error::MemorySize { start: address, length };
            let size = usize::try_from(length).map_err(|_| too_large())?;
            let mut content = region.data.clone();
            content
                .try_reserve_exact(size.saturating_sub(content.len()))
                .map_err(|_| too_large())?;
            content.resize(size, 0);
            memory.add(address, &content, true)?;
        }
        Ok(memory)
    }

    fn loaded(&self) -> Result<&Loaded, ExecError> {
        self.loaded.as_ref().ok_or(ExecError::NoProgram)
    }

    /// Runs the loaded program while an observer looks on after every cycle; the observer ends the
    /// run by returning false, and then there is no report and the machine is in mid-run.
    pub fn run_observed(
        &mut self,
        observer: &mut dyn FnMut(&Session) -> bool,
    ) -> Result<Option<RunReport>, ExecError> {
        let job = self.loaded()?.job.clone();
        Ok(self.simulate(&job, Some(observer))?)
    }

    /// Runs until the machine raises its interrupt for the end.
    fn simulate(
        &mut self,
        job: &Job,
        mut observer: Option<&mut dyn FnMut(&Session) -> bool>,
    ) -> Result<Option<RunReport>, Error> {
        if self.faulted {
            if !host::soft_reset(&mut self.session, RESET_POLLS)? {
                let report = host::hang_report(&mut self.session)?.to_string();
                let cycle = self.session.cycle();
                return Err(Error::Hang { cycle, waited: RESET_POLLS.into(), report });
            }
            self.faulted = false;
        }
        self.session.forget_retired();
        let started = Instant::now();
        let first = self.session.cycle();
        host::start(&mut self.session, job)?;
        let origin = self.session.cycle();
        let mut tags = Vec::new();
        let patience = match self.options.patience {
            0 => 2 * u64::from(self.options.watchdog),
            patience => patience,
        };
        let mut watch = Watch::new(&self.session, patience);
        let mut progress = Progress::new(self.options.progress, self.launches);
        loop {
            self.trace(origin)?;
            self.session.tick()?;
            if let Some(observer) = &mut observer
                && !observer(&self.session)
            {
                self.session.model_mut().trace_close();
                return Ok(None);
            }
            if self.session.outputs().irq != 0 {
                let end = self.session.cycle();
                let events = host::take_events(&mut self.session)?;
                if events.trace {
                    tags.extend(host::drain_trace(&mut self.session)?);
                }
                if events.over {
                    progress.finish();
                    let figures = RunFigures {
                        cycles: end - first,
                        seconds: started.elapsed().as_secs_f64(),
                        dram: self.session.dram().counts(),
                        origin,
                    };
                    return self.report(tags, figures).map(Some);
                }
            }
            if self.session.cycle().is_multiple_of(GLANCE) {
                progress.update(self.session.retired().len() as u64, self.session.cycle() - origin);
                watch.look(&mut self.session)?;
            }
        }
    }

    /// Opens and closes the waveform.
    fn trace(&mut self, origin: u64) -> Result<(), Error> {
        let Some(window) = &self.options.trace else { return Ok(()) };
        let now = self.session.cycle() - origin;
        if now == window.from {
            let path = window.path.clone();
            self.session.model_mut().trace_open(&path, origin)?;
        } else if now == window.to + 1 {
            self.session.model_mut().trace_close();
        }
        Ok(())
    }

    fn report(
        &mut self,
        mut tags: Vec<TagRecord>,
        figures: RunFigures,
    ) -> Result<RunReport, Error> {
        self.session.model_mut().trace_close();
        self.figures = figures;
        let origin = figures.origin;
        let fault = host::fault(&mut self.session)?;
        self.faulted = fault.is_some();
        let (reads, writes) = self.session.dram().outstanding();
        if fault.is_none() && (reads, writes) != (0, 0) {
            return Err(Error::Unfinished { cycle: self.session.cycle(), reads, writes });
        }
        tags.extend(host::drain_trace(&mut self.session)?);
        let counters = host::counters(&mut self.session, self.design.engines().len())?;
        let cycles = counters.first().map_or(0, |counter| counter.1);
        let retired = self.session.retired().iter().map(|event| Retirement {
            engine: Engine::QUEUED[event.engine],
            pc: event.pc as usize,
            cycle: Some(event.cycle.saturating_sub(origin)),
        });
        Ok(RunReport {
            retired: retired.collect(),
            tags,
            cycles: Some(cycles),
            counters: counters.iter().map(|&(name, value)| (name.to_owned(), value)).collect(),
            fault,
        })
    }
}

fn start_session(design: &Design, options: &RtlOptions, built: &Built) -> Result<Session, Error> {
    let dram = Dram::new(Memory::default(), bus_rules(design), options.dram.clone());
    let mut session = Session::new(Model::load(&built.library)?, dram)?;
    host::identify(&mut session, design.fingerprint().0)?;
    Ok(session)
}

/// Ends a run in which nothing moves.
struct Watch {
    patience: u64,
    since: u64,
    seen: (usize, DramCounts),
}

impl Watch {
    fn new(session: &Session, patience: u64) -> Self {
        Self { patience, since: session.cycle(), seen: Self::sign(session) }
    }

    /// What changes while there is life.
    fn sign(session: &Session) -> (usize, DramCounts) {
        (session.retired().len(), session.dram().counts())
    }

    fn look(&mut self, session: &mut Session) -> Result<(), Error> {
        let sign = Self::sign(session);
        if sign != self.seen {
            self.seen = sign;
            self.since = session.cycle();
        }
        let waited = session.cycle() - self.since;
        if self.patience != 0 && waited > self.patience {
            let report = host::hang_report(session)?.to_string();
            return Err(Error::Hang { cycle: session.cycle(), waited, report });
        }
        Ok(())
    }
}

impl From<Error> for ExecError {
    fn from(error: Error) -> Self {
        ExecError::Backend(Box::new(error))
    }
}

impl Executor for Rtl {
    fn name(&self) -> &'static str {
        "rtl"
    }

    fn load(&mut self, program: &Program) -> Result<(), ExecError> {
        program.target.runs_on(&Target::of(&self.design))?;
        let layout = Layout::slots(self.design.axi().addr_bits, self.options.misalign);
        let loaded = Loaded::new(program, layout, self.options.watchdog).map_err(Error::from)?;
        let memory = self.memory(&loaded)?;
        self.session.dram_mut().set_memory(memory);
        self.launches = program.code.iter().filter(|&&word| is_launch(word)).count() as u64;
        self.loaded = Some(loaded);
        Ok(())
    }

    fn write(&mut self, region: u8, offset: u64, bytes: &[u8]) -> Result<(), ExecError> {
        let base = self.loaded()?.region(region, offset, bytes.len() as u64)?;
        let memory = self.session.dram_mut().memory_mut();
        if let Some(block) = memory.block_mut(base) {
            let offset = offset as usize;
            block[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }

    fn read(&self, region: u8, offset: u64, length: u64) -> Result<Vec<u8>, ExecError> {
        let base = self.loaded()?.region(region, offset, length)?;
        let block = self.session.dram().memory().block(base).unwrap_or_default();
        Ok(block[offset as usize..(offset + length) as usize].to_vec())
    }

    fn run(&mut self) -> Result<RunReport, ExecError> {
        let report = self.run_observed(&mut |_| true)?;
        Ok(report.unwrap_or_default())
    }
}

/// Whether an instruction word is a launch.
fn is_launch(word: u64) -> bool {
    matches!(Instruction::decode(0, word), Ok(Instruction::Run { .. }))
}
