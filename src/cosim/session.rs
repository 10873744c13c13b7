//! A machine, its memory and its host, wired together and advanced one clock at a time.

use super::dram::Dram;
use super::error::Error;
use super::model::Model;
use super::pins::{Inputs, Outputs};
use super::probe::{Sample, Watch, Watcher};
use crate::host::Registers;

/// Cycles the register port gets to answer.
const HOST_PATIENCE: u64 = 1000;

/// Cycles of reset: enough for every pipeline of control bits to empty.
const RESET_CYCLES: u32 = 16;

/// One event on the retire port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetireEvent {
    /// Clock cycle.
    pub cycle: u64,
    /// Position of the engine in [`crate::isa::Engine::QUEUED`].
    pub engine: usize,
    /// Position of the launch in the program.
    pub pc: u32,
}

/// One machine with everything around it.
#[derive(Debug)]
pub struct Session {
    model: Model,
    dram: Dram,
    inputs: Inputs,
    outputs: Outputs,
    retired: Vec<RetireEvent>,
    watch: Watch,
}

impl Session {
    /// Connects and resets the machine.
    pub fn new(model: Model, dram: Dram) -> Result<Self, Error> {
        let mut session = Self {
            model,
            dram,
            inputs: Inputs::default(),
            outputs: Outputs::default(),
            retired: Vec::new(),
            watch: Watch::default(),
        };
        session.inputs.rst = 1;
        for cycle in 0..RESET_CYCLES {
            let now = session.model.cycle();
            session.model.step(&session.inputs, &mut session.outputs)?;
            // The first cycles bring the reset to the registers behind the outputs.
            if cycle >= RESET_CYCLES / 2 {
                session.dram.reset_cycle(now, &session.outputs.axi)?;
            }
        }
        session.inputs.rst = 0;
        Ok(session)
    }

    /// Number of the next cycle; reset counts.
    pub fn cycle(&self) -> u64 {
        self.model.cycle()
    }

    /// What the machine drove in the last cycle.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The memory.
    pub fn dram(&self) -> &Dram {
        &self.dram
    }

    /// The memory, to change its content between runs.
    pub fn dram_mut(&mut self) -> &mut Dram {
        &mut self.dram
    }

    /// What has retired, in order; launches of one cycle in the order of the engines.
    pub fn retired(&self) -> &[RetireEvent] {
        &self.retired
    }

    /// Forgets what has retired.
    pub fn forget_retired(&mut self) {
        self.retired.clear();
    }

    /// The simulation model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The simulation model, to open and close waveforms.
    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// Shows every cycle to a watcher; the model must have been built for observation.
    pub fn watch(&mut self, watcher: Watcher) -> Result<(), Error> {
        if self.model.samples().is_empty() {
            Sample::open(&mut self.model)?;
        }
        self.watch = Watch(Some(watcher));
        Ok(())
    }

    /// Lets the watcher go.
    pub fn unwatch(&mut self) {
        self.watch = Watch(None);
    }

    /// One clock cycle.
    pub fn tick(&mut self) -> Result<(), Error> {
        let cycle = self.model.cycle();
        self.inputs.axi.clone_from(self.dram.response());
        self.model.step(&self.inputs, &mut self.outputs)?;
        if let Watch(Some(watcher)) = &mut self.watch
            && let Some(sample) = Sample::read(self.model.samples())
        {
            watcher(&sample);
        }
        if self.outputs.retire_valid != 0 {
            for (engine, &pc) in self.outputs.retire_pc.iter().enumerate() {
                if self.outputs.retire_valid >> engine & 1 != 0 {
                    self.retired.push(RetireEvent { cycle, engine, pc });
                }
            }
        }
        self.dram.clock(cycle, &self.outputs.axi)
    }

    fn answered(&self, kind: &'static str, address: u32, response: u32) -> Result<(), Error> {
        if response == 0 {
            return Ok(());
        }
        Err(Error::HostResponse { cycle: self.cycle(), kind, address, response })
    }

    fn patience(&self, kind: &'static str, address: u32, start: u64) -> Result<(), Error> {
        if self.cycle() - start < HOST_PATIENCE {
            return Ok(());
        }
        Err(Error::HostTimeout { cycle: self.cycle(), kind, address, waited: HOST_PATIENCE })
    }
}

impl Registers for Session {
    type Error = Error;

    fn write(&mut self, address: u32, value: u32) -> Result<(), Error> {
        let start = self.cycle();
        let lite = &mut self.inputs.lite;
        lite.awaddr = address;
        lite.wdata = value;
        lite.wstrb = 0xf;
        lite.awvalid = 1;
        lite.wvalid = 1;
        lite.bready = 1;
        loop {
            self.tick()?;
            let lite = &mut self.inputs.lite;
            if self.outputs.lite.awready != 0 {
                lite.awvalid = 0;
            }
            if self.outputs.lite.wready != 0 {
                lite.wvalid = 0;
            }
            if self.outputs.lite.bvalid != 0 {
                lite.bready = 0;
                return self.answered("write", address, self.outputs.lite.bresp);
            }
            self.patience("write", address, start)?;
        }
    }

    fn read(&mut self, address: u32) -> Result<u32, Error> {
        let start = self.cycle();
        let lite = &mut self.inputs.lite;
        lite.araddr = address;
        lite.arvalid = 1;
        lite.rready = 1;
        loop {
            self.tick()?;
            let lite = &mut self.inputs.lite;
            if self.outputs.lite.arready != 0 {
                lite.arvalid = 0;
            }
            if self.outputs.lite.rvalid != 0 {
                lite.rready = 0;
                let value = self.outputs.lite.rdata;
                return self.answered("read", address, self.outputs.lite.rresp).map(|()| value);
            }
            self.patience("read", address, start)?;
        }
    }
}
