//! A simulated card: the shell model as the way to a custom logic.

use std::path::Path;
use std::time::Duration;

use super::backend::{Backend, Pinned, Wait};
use super::error::Error;
use super::rtl::{self, ClError, ClOptions};
use super::shell::health::Bus;
use super::shell::pcis::Source as Asker;
use super::shell::pins::CL_TOP;
use super::shell::{Shell, ShellOptions};
use super::target::{Facts, Target};
use crate::cosim::build::{self, BuildOptions, Built, Source};
use crate::cosim::rng::Rng;
use crate::design::{Cell, Design};

/// Nanoseconds of a cycle of `clk_main_a0`.
const NANOSECONDS: u64 = 4;

/// Bytes of a page of the host: pages of one buffer lie anywhere.
const PAGE: u64 = 4096;

/// A card in simulation.
#[derive(Debug)]
pub struct Simulated {
    shell: Shell,
    target: Target,
    channel: u32,
    pages: Rng,
    memory_limit: Option<u64>,
}

impl Simulated {
    /// A card with the custom logic of this library.
    pub fn new(target: Target, library: &Path, options: ShellOptions) -> Result<Simulated, Error> {
        let pages = Rng::new(options.seed ^ 0xf00d);
        let shell = Shell::new(library, options)?;
        Ok(Simulated { shell, target, channel: 0, pages, memory_limit: None })
    }

    /// The shell.
    pub fn shell(&self) -> &Shell {
        &self.shell
    }

    /// The shell, for what a driver does not do.
    pub fn shell_mut(&mut self) -> &mut Shell {
        &mut self.shell
    }

    /// A custom logic that breaks rules ends every access with an error.
    fn checked(&self) -> Result<(), Error> {
        match self.shell.violations() {
            [] => Ok(()),
            [first, ..] => {
                Err(Error::Violation { first: first.clone(), count: self.shell.violations().len() })
            }
        }
    }

    /// Who moves bytes between host and card: the shell's DMA engine, where there is one.
    fn source(&mut self) -> Asker {
        if !self.target.facts().shell_has_dma {
            return Asker::Processor;
        }
        self.channel = (self.channel + 1) % 4;
        Asker::Dma(self.channel)
    }
}

/// How a card is simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulationOptions {
    /// How the model is built and where it is kept.
    pub build: BuildOptions,
    /// The shell's behaviour; the size of its memory is the target's.
    pub shell: ShellOptions,
    /// Which of the target's memories.
    pub memory: Option<String>,
    /// Which cell the array is simulated with; all are equal in every bit and cycle.
    pub cell: Option<Cell>,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        SimulationOptions {
            build: BuildOptions::default(),
            shell: ShellOptions::default(),
            memory: None,
            cell: Some(Cell::Simulation),
        }
    }
}

/// The Verilog of a target's custom logic for a design, as it is simulated: what the kit builds,
/// below the simulation's top.
pub fn sources(
    design: &Design,
    target: Target,
    options: &SimulationOptions,
) -> Result<Vec<Source>, Error> {
    let simulated = options.cell.map(|cell| design.with_cell(cell));
    let design = simulated.as_ref().unwrap_or(design);
    let cl = ClOptions::new(target, options.memory.as_deref())?;
    let mut files = rtl::emit(design, target, cl)?;
    files.extend(rtl::simulation(design, target, cl)?);
    let mut sources: Vec<Source> = files
        .into_iter()
        .map(|file| Source {
            name: file.path.rsplit('/').next().unwrap_or(&file.path).to_owned(),
            text: file.text,
        })
        .collect();
    let Facts { id0, id1, .. } = target.facts();
    let ids = format!("`define CL_SH_ID0 32'h{id0:08x}\n`define CL_SH_ID1 32'h{id1:08x}\n");
    for (name, text) in [
        ("cl_common_defines.vh", String::new()),
        ("cl_id_defines.vh", ids),
        ("cl_npu_defines.vh", "`define CL_NAME cl_npu\n".to_owned()),
    ] {
        sources.push(Source { name: name.to_owned(), text });
    }
    Ok(sources)
}

/// Builds the simulation of a custom logic, or finds it.
pub fn build(sources: &[Source], options: &BuildOptions) -> Result<Built, Error> {
    Ok(build::build(&CL_TOP, sources, options)?)
}

impl Simulated {
    /// A card of a target with the custom logic of a design; also how long its build took.
    pub fn with_design(
        design: &Design,
        target: Target,
        options: &SimulationOptions,
    ) -> Result<(Simulated, Built), Error> {
        let built = build(&sources(design, target, options)?, &options.build)?;
        let cl = ClOptions::new(target, options.memory.as_deref())?;
        let shell = ShellOptions { dram_bytes: cl.memory_bytes(target), ..options.shell.clone() };
        let mut card = Simulated::new(target, &built.library, shell)?;
        card.memory_limit = cl.simulated_bytes(target);
        Ok((card, built))
    }
}

impl From<ClError> for Error {
    fn from(error: ClError) -> Error {
        Error::Design { remedy: error.remedy(), message: error.to_string() }
    }
}

impl Backend for Simulated {
    fn name(&self) -> &'static str {
        "simulated card"
    }

    fn read32(&mut self, address: u32) -> Result<u32, Error> {
        let mut bytes = [0; 4];
        self.shell.read_lite(Bus::Ocl, address, &mut bytes)?;
        self.checked()?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn write32(&mut self, address: u32, value: u32) -> Result<(), Error> {
        self.shell.write_lite(Bus::Ocl, address, &value.to_le_bytes());
        self.shell.tick()?;
        self.checked()
    }

    fn write_card(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        let source = self.source();
        self.shell.write_card(source, address, bytes)?;
        self.checked()
    }

    fn read_card(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        let source = self.source();
        self.shell.read_card(source, address, into)?;
        self.checked()
    }

    fn memory_limit(&self) -> Option<u64> {
        self.memory_limit
    }

    fn wait_interrupt(&mut self, vector: u32, timeout: Duration) -> Result<Wait, Error> {
        let end = self.now() + timeout;
        loop {
            if self.shell.take_interrupt(vector) {
                self.checked()?;
                return Ok(Wait::Raised);
            }
            if self.now() >= end {
                self.checked()?;
                return Ok(Wait::TimedOut);
            }
            self.shell.tick()?;
        }
    }

    fn pin(&mut self, bytes: u64) -> Result<Vec<Pinned>, Error> {
        let mut pages = Vec::new();
        while (pages.len() as u64) < bytes.div_ceil(PAGE) {
            let address = (1 + self.pages.below(1 << 28)) * PAGE;
            let memory = self.shell.pcim_mut().memory_mut();
            if !memory.contains(address, PAGE) {
                memory.give(address, PAGE);
                pages.push(Pinned { address, bytes: PAGE });
            }
        }
        Ok(pages)
    }

    fn read_pinned(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        self.shell.pcim().memory().read(address, into);
        Ok(())
    }

    fn write_pinned(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        let memory = self.shell.pcim_mut().memory_mut();
        for (at, &byte) in (address..).zip(bytes) {
            memory.set(at, byte);
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.shell.cycle() * NANOSECONDS)
    }

    fn pause(&mut self, time: Duration) -> Result<(), Error> {
        let cycles = time.as_nanos() as u64 / NANOSECONDS;
        self.shell.ticks(cycles.max(1))?;
        self.checked()
    }
}
