//! The driver: a card as an executor of programs, whatever the way to it.

use std::cell::RefCell;
use std::time::Duration;

use super::backend::{Backend, Wait};
use super::dma::{self, Dma};
use super::error::Error;
use super::registers::{
    CL_WINDOW, ID_VALUE, NOTHING, NPU_VECTOR, NPU_WINDOW, VERSION, clock, id, memory, version,
};
use crate::design::Design;
use crate::exec::{ExecError, Executor, RunReport};
use crate::host::{self, Layout, Loaded, Registers};
use crate::program::{self, Program};
use crate::rtl::csr::{self, Csr};

/// From so many bytes on a transfer is worth the DMA engine's descriptors.
const WORTH_DMA: usize = 1024;

/// Bytes written at a time when a program is loaded.
const CHUNK: usize = 1 << 20;

/// Looks at the state of a soft reset: outstanding bursts have to finish.
const RESET_POLLS: u32 = 20_000;

/// How long a driver waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardOptions {
    /// The machine's watchdog, in cycles without a retirement; 0 for none.
    pub watchdog: u32,
    /// For the memory to calibrate.
    pub calibration: Duration,
    /// For a program.
    pub run: Duration,
    /// For an interrupt, before the registers are looked at.
    pub interrupt: Duration,
    /// For a DMA transfer.
    pub dma: Duration,
}

impl CardOptions {
    /// Patience with a real card.
    pub fn hardware() -> CardOptions {
        CardOptions {
            watchdog: 250_000_000,
            calibration: Duration::from_secs(10),
            run: Duration::from_secs(600),
            interrupt: Duration::from_millis(100),
            dma: Duration::from_secs(5),
        }
    }

    /// Patience with a simulated one, in simulated time.
    pub fn simulation() -> CardOptions {
        CardOptions {
            watchdog: 2_000_000,
            calibration: Duration::from_millis(10),
            run: Duration::from_secs(10),
            interrupt: Duration::from_micros(400),
            dma: Duration::from_millis(20),
        }
    }
}

/// What a card says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardInfo {
    /// Clock of the machine, in MHz.
    pub clock_mhz: u32,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// The custom logic has a DMA engine.
    pub has_dma: bool,
}

/// A window of registers on OCL.
struct Window<'a, B> {
    backend: &'a mut B,
    base: u32,
}

impl<B: Backend> Registers for Window<'_, B> {
    type Error = Error;

    fn read(&mut self, offset: u32) -> Result<u32, Error> {
        self.backend.read32(self.base + offset)
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), Error> {
        self.backend.write32(self.base + offset, value)
    }
}

/// The way to the card, with what moves bytes over it.
#[derive(Debug)]
struct Link<B> {
    backend: B,
    dma: Option<Dma>,
    /// Bytes may be under way to the card.
    posted: bool,
}

impl<B: Backend> Link<B> {
    fn npu(&mut self) -> Window<'_, B> {
        Window { backend: &mut self.backend, base: NPU_WINDOW }
    }

    fn write(&mut self, mut address: u64, mut bytes: &[u8]) -> Result<(), Error> {
        if let Some(dma) = &mut self.dma
            && bytes.len() >= WORTH_DMA
        {
            let head = (address.next_multiple_of(dma::ALIGN) - address) as usize;
            let (first, rest) = bytes.split_at(head);
            if !first.is_empty() {
                self.backend.write_card(address, first)?;
                self.posted = true;
            }
            (address, bytes) = (address + head as u64, rest);
            return dma.write(&mut self.backend, address, bytes);
        }
        self.posted = true;
        self.backend.write_card(address, bytes)
    }

    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        if self.dma.is_some() {
            self.flush(address)?;
        }
        let Some(dma) = &mut self.dma else { return self.backend.read_card(address, into) };
        let start = address / dma::ALIGN * dma::ALIGN;
        if start == address {
            return dma.read(&mut self.backend, start, into);
        }
        let skip = (address - start) as usize;
        let mut whole = vec![0; skip + into.len()];
        dma.read(&mut self.backend, start, &mut whole)?;
        into.copy_from_slice(&whole[skip..]);
        Ok(())
    }

    /// Waits until everything written is in the card's memory.
    fn flush(&mut self, address: u64) -> Result<(), Error> {
        if std::mem::take(&mut self.posted) {
            self.backend.read_card(address / dma::ALIGN * dma::ALIGN, &mut [0; 4])?;
        }
        Ok(())
    }
}

/// A card with a custom logic of npugen.
#[derive(Debug)]
pub struct Card<B> {
    design: Design,
    options: CardOptions,
    info: CardInfo,
    // Reading memory changes the state of the way to it, but not of the card.
    link: RefCell<Link<B>>,
    loaded: Option<Loaded>,
    /// The machine has stopped with a fault and needs a soft reset.
    faulted: bool,
}

fn cl_read<B: Backend>(backend: &mut B, register: &Csr) -> Result<u32, Error> {
    backend.read32(CL_WINDOW + u32::from(register.offset))
}

impl<B: Backend> Card<B> {
    /// Checks that the card holds this design, and waits until its memory can be used.
    pub fn open(design: &Design, mut backend: B, options: CardOptions) -> Result<Card<B>, Error> {
        let found = cl_read(&mut backend, &id::REG)?;
        if found == u32::MAX {
            return Err(Error::NoAnswer { what: "the register `id`".to_owned() });
        }
        if found != ID_VALUE {
            return Err(Error::NotOurs { found, expected: ID_VALUE });
        }
        let abilities = cl_read(&mut backend, &version::REG)?;
        let table = version::TABLE.extract(abilities);
        if table != VERSION {
            return Err(Error::Version { found: table, expected: VERSION });
        }
        alive(&mut backend, options.calibration)?;
        let mut npu = Window { backend: &mut backend, base: NPU_WINDOW };
        host::identify(&mut npu, design.fingerprint().0)?;
        let memory_bytes = calibrated(&mut backend, options.calibration)?;
        let has_dma = version::DMA.extract(abilities) != 0;
        let dma = if has_dma { Some(Dma::new(&mut backend, options.dma)?) } else { None };
        let info = CardInfo {
            clock_mhz: clock::MHZ.extract(cl_read(&mut backend, &clock::REG)?),
            memory_bytes,
            has_dma,
        };
        Ok(Card {
            design: design.clone(),
            options,
            info,
            link: RefCell::new(Link { backend, dma, posted: false }),
            loaded: None,
            faulted: false,
        })
    }

    /// What the card says of itself.
    pub fn info(&self) -> CardInfo {
        self.info
    }

    /// The way to the card.
    pub fn backend_mut(&mut self) -> &mut B {
        &mut self.link.get_mut().backend
    }

    fn loaded(&self) -> Result<&Loaded, ExecError> {
        self.loaded.as_ref().ok_or(ExecError::NoProgram)
    }

    /// Writes a program and its data into the card's memory.
    fn fill(&mut self, loaded: &Loaded) -> Result<(), Error> {
        let link = self.link.get_mut();
        let pieces = loaded.program.regions.iter().zip(&loaded.job.bases);
        for (region, &(_, address, size)) in pieces {
            // Whole words of the bus: memory with error correction is readable only where it was
            // written.
            let size = size.next_multiple_of(dma::ALIGN);
            let mut at = 0;
            while at < size {
                let count = (size - at).min(CHUNK as u64) as usize;
                let mut bytes = vec![0; count];
                let data = region.data.get(at as usize..).unwrap_or_default();
                let known = data.len().min(count);
                bytes[..known].copy_from_slice(&data[..known]);
                link.write(address + at, &bytes)?;
                at += count as u64;
            }
        }
        let mut code = loaded.code();
        code.resize(code.len().next_multiple_of(dma::ALIGN as usize), 0);
        link.write(loaded.job.program_address, &code)
    }

    /// Runs the loaded program.
    fn execute(&mut self, job: &host::Job) -> Result<RunReport, Error> {
        let engines = self.design.engines().len();
        let (options, faulted) = (self.options, self.faulted);
        let link = self.link.get_mut();
        if faulted {
            if !host::soft_reset(&mut link.npu(), RESET_POLLS)? {
                let report = format!("\n{}", host::hang_report(&mut link.npu())?);
                return Err(Error::Hang { what: "a soft reset", waited: Duration::ZERO, report });
            }
            self.faulted = false;
        }
        link.flush(job.program_address)?;
        host::start(&mut link.npu(), job)?;
        let mut tags = Vec::new();
        let start = link.backend.now();
        loop {
            let wait = link.backend.wait_interrupt(NPU_VECTOR, options.interrupt)?;
            let events = host::take_events(&mut link.npu())?;
            if events.trace {
                tags.extend(host::drain_trace(&mut link.npu())?);
            }
            if events.over {
                break;
            }
            if link.backend.now().saturating_sub(start) > options.run {
                let report = format!("\n{}", host::hang_report(&mut link.npu())?);
                return Err(Error::Hang { what: "the program", waited: options.run, report });
            }
            if wait == Wait::Unavailable {
                link.backend.pause(Duration::from_micros(20))?;
            }
        }
        let fault = host::fault(&mut link.npu())?;
        tags.extend(host::drain_trace(&mut link.npu())?);
        let counters = host::counters(&mut link.npu(), engines)?;
        self.faulted = fault.is_some();
        Ok(RunReport {
            retired: Vec::new(),
            tags,
            cycles: counters.first().map(|counter| counter.1),
            counters: counters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            fault,
        })
    }
}

/// Waits until the machine's clock stands: until then its window holds nothing.
fn alive<B: Backend>(backend: &mut B, patience: Duration) -> Result<(), Error> {
    let start = backend.now();
    while backend.read32(NPU_WINDOW + u32::from(csr::id::REG.offset))? == NOTHING {
        if backend.now().saturating_sub(start) > patience {
            return Err(Error::NoClock { waited: patience });
        }
        backend.pause(Duration::from_micros(1))?;
    }
    Ok(())
}

/// Waits for the memory; how many bytes it has.
fn calibrated<B: Backend>(backend: &mut B, patience: Duration) -> Result<u64, Error> {
    let start = backend.now();
    loop {
        let state = cl_read(backend, &memory::REG)?;
        if state == u32::MAX {
            return Err(Error::NoAnswer { what: "the register `memory`".to_owned() });
        }
        if memory::READY.extract(state) != 0 {
            return Ok(1_u64.checked_shl(memory::LOG2_BYTES.extract(state)).unwrap_or(0));
        }
        if backend.now().saturating_sub(start) > patience {
            return Err(Error::NotCalibrated { waited: patience });
        }
        backend.pause(Duration::from_micros(1))?;
    }
}

impl From<Error> for ExecError {
    fn from(error: Error) -> Self {
        ExecError::Backend(Box::new(error))
    }
}

impl<B: Backend> Executor for Card<B> {
    fn name(&self) -> &'static str {
        "card"
    }

    fn load(&mut self, program: &Program) -> Result<(), ExecError> {
        program.target.runs_on(&program::Target::of(&self.design))?;
        let limit = self.link.get_mut().backend.memory_limit();
        let bytes = limit.unwrap_or(u64::MAX).min(self.info.memory_bytes);
        let layout = Layout::Packed { bytes };
        let loaded = Loaded::new(program, layout, self.options.watchdog).map_err(Error::from)?;
        self.loaded = None;
        self.fill(&loaded)?;
        self.loaded = Some(loaded);
        Ok(())
    }

    fn write(&mut self, region: u8, offset: u64, bytes: &[u8]) -> Result<(), ExecError> {
        let base = self.loaded()?.region(region, offset, bytes.len() as u64)?;
        Ok(self.link.get_mut().write(base + offset, bytes)?)
    }

    fn read(&self, region: u8, offset: u64, length: u64) -> Result<Vec<u8>, ExecError> {
        let loaded = self.loaded()?;
        let base = loaded.region(region, offset, length)?;
        let mut bytes = Vec::new();
        let too_large = |_| ExecError::Memory { name: format!("{region}"), size: length };
        bytes.try_reserve_exact(length as usize).map_err(too_large)?;
        bytes.resize(length as usize, 0);
        self.link.borrow_mut().read(base + offset, &mut bytes)?;
        Ok(bytes)
    }

    fn run(&mut self) -> Result<RunReport, ExecError> {
        let job = self.loaded()?.job.clone();
        Ok(self.execute(&job)?)
    }
}
