//! The golden model behind the executor's interface.

use super::machine::Machine;
use super::store;
use super::writes::Place;
use crate::design::Design;
use crate::exec::{Blame, ExecError, Executor, RunReport};
use crate::isa::{Engine, table};
use crate::program::Program;

/// Runs programs on a [`Machine`].
#[derive(Debug, Clone)]
pub struct Golden {
    machine: Machine,
}

impl Golden {
    /// An executor for a design.
    pub fn new(design: &Design) -> Golden {
        Golden { machine: Machine::new(design) }
    }

    /// The machine inside.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The machine inside, to be driven step by step.
    pub fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn check(&self, region: u8, offset: u64, length: u64) -> Result<(), ExecError> {
        let regions = &self.machine.memory().regions;
        if self.machine.program().is_none() {
            return Err(ExecError::NoProgram);
        }
        let Some(found) = regions.iter().find(|memory| memory.base == region) else {
            let known =
                regions.iter().map(|memory| format!("{} {}", memory.base, memory.name)).collect();
            return Err(ExecError::Region { region, known });
        };
        let size = found.bytes.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > size) {
            let name = found.name.clone();
            return Err(ExecError::Range { name, offset, length, size });
        }
        Ok(())
    }
}

impl Executor for Golden {
    fn name(&self) -> &'static str {
        "golden"
    }

    fn load(&mut self, program: &Program) -> Result<(), ExecError> {
        self.machine.load(program)
    }

    fn write(&mut self, region: u8, offset: u64, bytes: &[u8]) -> Result<(), ExecError> {
        self.check(region, offset, bytes.len() as u64)?;
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        if let Ok(target) = self.machine.memory_mut().region_mut(region, offset, bytes.len()) {
            target.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn read(&self, region: u8, offset: u64, length: u64) -> Result<Vec<u8>, ExecError> {
        self.check(region, offset, length)?;
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let length = super::flow::size(length);
        let bytes = self.machine.memory().region(region, offset, length);
        Ok(bytes.map(<[u8]>::to_vec).unwrap_or_default())
    }

    fn run(&mut self) -> Result<RunReport, ExecError> {
        self.machine.run()
    }

    fn blame(&self, region: u8, offset: u64) -> Option<Blame> {
        let offset = super::flow::size(offset);
        let executed = self.machine.executed();
        let last = executed
            .iter()
            .rposition(|launch| launch.writes.contain(Place::Region(region), offset))?;
        let launch = executed.get(last)?;
        if launch.call.engine != Engine::Store {
            return None;
        }
        let function = table::store::Function::from_number(launch.call.function)?;
        let (place, word, byte) =
            store::source(self.machine.memory(), &launch.registers, function, offset)?;
        let producer = executed
            .get(..last)?
            .iter()
            .rfind(|launch| launch.writes.contain(place, word))
            .map(|launch| launch.pc);
        let source = format!("{place} word {word}, byte {byte}");
        Some(Blame { pc: launch.pc, source, producer })
    }
}
