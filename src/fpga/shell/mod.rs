//! A model of the shell: everything around a custom logic, from the host's accesses to the DRAM
//! behind it, in the shell's own way and with its rules checked.
//!
//! Owns the pins of `cl_sim_top` ([`pins`]) and one file per bus ([`lite`], [`pcis`], [`pcim`]); the
//! DRAM is the co-simulation's. What a custom logic does against the rules is collected, not
//! punished ([`health`]); what the shell does about it, it does. Times are cycles of
//! `clk_main_a0`.

pub mod health;
pub mod lite;
pub mod pcim;
pub mod pcis;
pub mod pins;
#[cfg(test)]
mod tests;

use std::path::Path;

use crate::cosim::dram::{Dram, DramOptions, Stalls};
use crate::cosim::error::Error;
use crate::cosim::memory::Memory;
use crate::cosim::model::Model;
use crate::cosim::protocol::BusRules;
use crate::cosim::rng::Rng;

use health::{Bus, Log, NO_ANSWER, Rule, Times, Violation};
use lite::{Lite, Token};
use pcim::{HostMemory, Manners, Pcim};
use pcis::{Pcis, Source};
use pins::{ClPins, Inputs, NUM_LITE, Outputs};

/// Vectors of the shell's interrupt.
const VECTORS: usize = 16;

/// How a shell behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellOptions {
    /// Seed of everything that varies.
    pub seed: u64,
    /// Pauses on every channel, in percent of the cycles; 0 also keeps address and data together
    /// and answers in order.
    pub gaps: u8,
    /// Most cycles between the address and the data of a write on PCIS.
    pub skew: u64,
    /// The shell's patience.
    pub times: Times,
    /// Cycles of reset.
    pub reset: u32,
    /// Cycles from the end of reset to the host's first access.
    pub wake: u64,
    /// Cycles until the DRAM is calibrated, from the end of reset.
    pub calibration: u64,
    /// Cycles until an interrupt is acknowledged, at most.
    pub interrupt_latency: u64,
    /// Cycles until the host's memory answers.
    pub host_latency: u64,
    /// Cycles until the DRAM answers.
    pub dram_latency: u32,
    /// Bytes of DRAM.
    pub dram_bytes: u64,
    /// The host has allowed the card to be bus master.
    pub bus_master: bool,
    /// Virtual switches at power-up.
    pub switches: u16,
}

impl Default for ShellOptions {
    fn default() -> Self {
        ShellOptions {
            seed: 0,
            gaps: 10,
            skew: 12,
            times: Times::default(),
            reset: 64,
            wake: 250,
            calibration: 500,
            interrupt_latency: 100,
            host_latency: 150,
            dram_latency: 100,
            dram_bytes: 16 << 30,
            bus_master: true,
            switches: 0,
        }
    }
}

/// Cycles a function-level reset may take.
const FLR_PATIENCE: u64 = 10_000;

/// Cycles after a function-level reset in which it may still be reported as done.
const FLR_ECHO: u64 = 8;

/// Interrupts of one vector.
#[derive(Debug, Clone, Copy, Default)]
struct Vector {
    /// When the acknowledge comes.
    ack_at: Option<u64>,
    /// Interrupts that nobody has taken.
    raised: u32,
    /// All interrupts.
    count: u64,
}

/// The shell with a custom logic inside.
#[derive(Debug)]
pub struct Shell {
    model: Model<ClPins>,
    options: ShellOptions,
    inputs: Inputs,
    outputs: Outputs,
    lite: [Lite; NUM_LITE],
    pcis: Pcis,
    pcim: Pcim,
    dram: Dram,
    vectors: [Vector; VECTORS],
    flr_done: u32,
    flr_fell: u64,
    calibrated_at: u64,
    log: Log,
    rng: Rng,
}

impl Shell {
    /// Loads a custom logic and takes it through reset.
    pub fn new(library: &Path, options: ShellOptions) -> Result<Shell, Error> {
        let gaps = options.gaps;
        let rules =
            BusRules { bytes: 64, max_burst: 64, read_ids: 0..1 << 16, write_ids: 0..1 << 16 };
        let dram = DramOptions {
            latency: options.dram_latency,
            stalls: Stalls::all(gaps),
            seed: options.seed ^ 0xd,
            ..DramOptions::default()
        };
        let manners =
            Manners { latency: options.host_latency, gaps, bus_master: options.bus_master };
        let seed = options.seed;
        let mut shell = Shell {
            model: Model::load(library)?,
            inputs: Inputs::default(),
            outputs: Outputs::default(),
            lite: std::array::from_fn(|index| {
                Lite::new(Bus::LITE[index], gaps, seed ^ index as u64)
            }),
            pcis: Pcis::new(gaps, options.skew, seed ^ 0xa),
            pcim: Pcim::new(HostMemory::default(), manners, seed ^ 0xb),
            dram: Dram::new(Memory::card(options.dram_bytes), rules, dram),
            vectors: [Vector::default(); VECTORS],
            flr_done: 0,
            flr_fell: 0,
            calibrated_at: 0,
            log: Log::default(),
            rng: Rng::new(seed ^ 0xc),
            options,
        };
        shell.set_switches(shell.options.switches);
        shell.reset()?;
        shell.ticks(shell.options.wake)?;
        Ok(shell)
    }

    /// Number of the next cycle; reset counts.
    pub fn cycle(&self) -> u64 {
        self.model.cycle()
    }

    /// What the custom logic drove in the last cycle.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Rules broken so far.
    pub fn violations(&self) -> &[Violation] {
        &self.log.violations
    }

    /// The rules broken so far, and forgets them.
    pub fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.log.violations)
    }

    /// An AXI4-Lite bus.
    pub fn lite(&self, bus: Bus) -> &Lite {
        &self.lite[lite_index(bus)]
    }

    /// The bus to the card's memory.
    pub fn pcis(&self) -> &Pcis {
        &self.pcis
    }

    /// The bus to the host's memory.
    pub fn pcim(&self) -> &Pcim {
        &self.pcim
    }

    /// The same, to change the host's memory.
    pub fn pcim_mut(&mut self) -> &mut Pcim {
        &mut self.pcim
    }

    /// The card's memory.
    pub fn dram(&self) -> &Dram {
        &self.dram
    }

    /// The same, to change its content.
    pub fn dram_mut(&mut self) -> &mut Dram {
        &mut self.dram
    }

    /// The model, to open and close waveforms.
    pub fn model_mut(&mut self) -> &mut Model<ClPins> {
        &mut self.model
    }

    /// Sets the virtual switches.
    pub fn set_switches(&mut self, value: u16) {
        self.inputs.vdip = value.into();
    }

    /// Takes the custom logic through reset; then the DRAM calibrates.
    fn reset(&mut self) -> Result<(), Error> {
        self.inputs.rst_n = 0;
        for cycle in 0..self.options.reset {
            let now = self.cycle();
            self.model.step(&self.inputs, &mut self.outputs)?;
            // The first half brings the reset to every register.
            if cycle >= self.options.reset / 2 {
                self.check_reset(now);
            }
        }
        self.inputs.rst_n = 1;
        self.calibrated_at = self.cycle() + self.options.calibration;
        Ok(())
    }

    fn check_reset(&mut self, cycle: u64) {
        let out = &self.outputs;
        let masters = [("pcim", &out.pcim), ("ddr", &out.ddr)];
        let mut offered: Vec<String> = masters
            .iter()
            .filter(|(_, axi)| axi.arvalid | axi.awvalid | axi.wvalid != 0)
            .map(|(name, _)| (*name).to_owned())
            .collect();
        if out.pcis.rvalid | out.pcis.bvalid != 0 {
            offered.push("pcis".to_owned());
        }
        for (bus, lite) in Bus::LITE.iter().zip(&out.lite) {
            if lite.rvalid | lite.bvalid != 0 {
                offered.push(bus.name().to_owned());
            }
        }
        if out.irq_req != 0 {
            offered.push("interrupt".to_owned());
        }
        if !offered.is_empty() {
            let seen = format!("valid on {}", offered.join(", "));
            self.log.report(cycle, Bus::Reset, Rule::Silent, seen);
        }
    }

    /// One cycle.
    pub fn tick(&mut self) -> Result<(), Error> {
        let cycle = self.cycle();
        let calibrated = cycle >= self.calibrated_at;
        self.inputs.ddr_ready = u32::from(calibrated);
        self.inputs.pcis.clone_from(self.pcis.request());
        self.inputs.pcim.clone_from(self.pcim.response());
        self.inputs.ddr.clone_from(self.dram.response());
        for (pins, lite) in self.inputs.lite.iter_mut().zip(&self.lite) {
            pins.clone_from(lite.request());
        }
        self.model.step(&self.inputs, &mut self.outputs)?;
        let times = self.options.times;
        let Outputs { pcis, pcim, ddr, lite, .. } = &self.outputs;
        for (bus, response) in self.lite.iter_mut().zip(lite) {
            bus.clock(cycle, response, &times, &mut self.log);
        }
        self.pcis.clock(cycle, pcis, &times, &mut self.log);
        self.pcim.clock(cycle, pcim, &times, &mut self.log);
        // Nothing is accepted before the memory is calibrated.
        if calibrated {
            self.dram.clock(cycle, ddr).map_err(on_ddr)?;
        }
        self.interrupts(cycle);
        self.function_reset(cycle);
        Ok(())
    }

    /// So many cycles.
    pub fn ticks(&mut self, cycles: u64) -> Result<(), Error> {
        for _ in 0..cycles {
            self.tick()?;
        }
        Ok(())
    }

    fn interrupts(&mut self, cycle: u64) {
        self.inputs.irq_ack = 0;
        for (number, vector) in self.vectors.iter_mut().enumerate() {
            if self.outputs.irq_req >> number & 1 != 0 {
                if vector.ack_at.is_some() {
                    let seen = format!("vector {number} before its acknowledge");
                    self.log.report(cycle, Bus::Interrupt, Rule::Again, seen);
                } else {
                    let latency = self.options.interrupt_latency.max(2);
                    vector.ack_at = Some(cycle + 2 + self.rng.below(latency - 1));
                }
            }
            if vector.ack_at.is_some_and(|at| at == cycle) {
                self.inputs.irq_ack |= 1 << number;
                vector.raised += 1;
                vector.count += 1;
            }
            if vector.ack_at.is_some_and(|at| at < cycle) {
                vector.ack_at = None;
            }
        }
    }

    fn function_reset(&mut self, cycle: u64) {
        if self.outputs.flr_done == 0 {
            return;
        }
        // While it was asked for, and as long as the custom logic takes to see that it is not.
        if self.inputs.flr_assert == 0 && cycle - self.flr_fell > FLR_ECHO {
            let seen = "reported as done, but none was asked for";
            self.log.report(cycle, Bus::Reset, Rule::FunctionReset, seen);
        }
        self.flr_done += 1;
        if self.inputs.flr_assert != 0 {
            self.inputs.flr_assert = 0;
            self.flr_fell = cycle;
        }
    }

    /// A function-level reset, as the host asks for it.
    pub fn reset_function(&mut self) -> Result<(), Error> {
        self.flr_done = 0;
        self.inputs.flr_assert = 1;
        let start = self.cycle();
        while self.flr_done == 0 {
            self.tick()?;
            if self.cycle() - start > FLR_PATIENCE {
                self.inputs.flr_assert = 0;
                let cycle = self.cycle();
                let seen = format!("not reported as done within {FLR_PATIENCE} cycles");
                self.log.report(cycle, Bus::Reset, Rule::FunctionReset, seen);
                break;
            }
        }
        Ok(())
    }

    /// Takes one interrupt of a vector, if there was one.
    pub fn take_interrupt(&mut self, vector: u32) -> bool {
        let Some(vector) = self.vectors.get_mut(vector as usize) else { return false };
        let raised = vector.raised > 0;
        vector.raised = vector.raised.saturating_sub(1);
        raised
    }

    /// How many interrupts there were of a vector.
    pub fn interrupts_of(&self, vector: u32) -> u64 {
        self.vectors.get(vector as usize).map_or(0, |vector| vector.count)
    }

    /// Writes registers: any bytes at any address. Posted: the write is under way on return.
    pub fn write_lite(&mut self, bus: Bus, address: u32, bytes: &[u8]) {
        self.lite[lite_index(bus)].write(address, bytes);
    }

    /// Reads registers: any bytes at any address.
    pub fn read_lite(&mut self, bus: Bus, address: u32, into: &mut [u8]) -> Result<(), Error> {
        let tokens = self.lite[lite_index(bus)].read(address, into.len());
        let mut words = Vec::new();
        for token in tokens {
            let word = self.wait_lite(bus, token)?;
            words.extend_from_slice(&word.to_le_bytes());
        }
        let from = (address % 4) as usize;
        let end = from + into.len();
        into.copy_from_slice(&words[from..end]);
        Ok(())
    }

    fn wait_lite(&mut self, bus: Bus, token: Token) -> Result<u32, Error> {
        loop {
            if let Some(word) = self.lite[lite_index(bus)].take(token) {
                return Ok(word);
            }
            self.tick()?;
        }
    }

    /// Writes the card's memory, without waiting for anything.
    pub fn post_card(&mut self, source: Source, address: u64, bytes: &[u8]) {
        self.pcis.write(source, address, bytes);
    }

    /// Writes the card's memory. The processor's writes are posted; those of the DMA engine are
    /// over on return.
    pub fn write_card(&mut self, source: Source, address: u64, bytes: &[u8]) -> Result<(), Error> {
        self.post_card(source, address, bytes);
        while matches!(source, Source::Dma(_)) && !self.pcis.is_settled() {
            self.tick()?;
        }
        Ok(())
    }

    /// Reads the card's memory.
    pub fn read_card(
        &mut self,
        source: Source,
        address: u64,
        into: &mut [u8],
    ) -> Result<(), Error> {
        let tokens = self.pcis.read(source, address, into.len() as u64);
        let mut rest = into;
        for token in tokens {
            let bytes = loop {
                match self.pcis.take(token) {
                    Some(bytes) => break bytes,
                    None => self.tick()?,
                }
            };
            let (part, after) = rest.split_at_mut(bytes.len());
            part.copy_from_slice(&bytes);
            rest = after;
        }
        Ok(())
    }

    /// Goes on until every access of the host has been answered or given up.
    pub fn settle(&mut self) -> Result<(), Error> {
        while !(self.pcis.is_settled() && self.lite.iter().all(Lite::is_settled)) {
            self.tick()?;
        }
        Ok(())
    }
}

fn lite_index(bus: Bus) -> usize {
    Bus::LITE.iter().position(|&lite| lite == bus).unwrap_or(0)
}

/// Whether bytes are what a read gives that was not answered.
pub fn is_no_answer(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == NO_ANSWER)
}

/// The same violation, in the names of the custom logic's port.
fn on_ddr(error: Error) -> Error {
    match error {
        Error::Protocol { cycle, signal, message } => {
            let name = signal.trim_start_matches("m_axi_");
            Error::Protocol { cycle, signal: "ddr", message: format!("{name}: {message}") }
        }
        other => other,
    }
}
