//! What the host does with the machine's registers.

use super::{Error, Registers};
use crate::exec::{Cause, Fault, TagRecord};
use crate::isa::Engine;
use crate::rtl::csr::{self, Csr, CsrField};

/// Where the machine finds what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Job {
    /// DRAM address of the first instruction.
    pub program_address: u64,
    /// Number of instructions.
    pub program_words: u32,
    /// Fingerprint the program was made for.
    pub fingerprint: u64,
    /// Base registers in use: number, address, size.
    pub bases: Vec<(u8, u64, u64)>,
    /// Longest time without a retirement, in cycles; 0 for none.
    pub watchdog: u32,
}

fn engine(number: u32) -> Result<Engine, Error> {
    u8::try_from(number)
        .ok()
        .and_then(Engine::from_number)
        .ok_or(Error::Register { what: "engine", value: number })
}

fn cause(number: u32) -> Result<Cause, Error> {
    u8::try_from(number)
        .ok()
        .and_then(Cause::from_number)
        .ok_or(Error::Register { what: "fault cause", value: number })
}

fn offset(register: &Csr, index: u16) -> u32 {
    u32::from(register.at(index))
}

fn trigger<R: Registers + ?Sized>(machine: &mut R, commands: &[&CsrField]) -> Result<(), R::Error> {
    let value = commands.iter().fold(0, |word, field| word | field.place(1));
    machine.write(offset(&csr::control::REG, 0), value)
}

pub(super) fn read<R: Registers + ?Sized>(
    machine: &mut R,
    register: &Csr,
    index: u16,
) -> Result<u32, R::Error> {
    machine.read(offset(register, index))
}

/// Reads a pair of registers as one number.
fn read_wide<R: Registers + ?Sized>(
    machine: &mut R,
    low: &Csr,
    high: &Csr,
    index: u16,
) -> Result<u64, R::Error> {
    let low = read(machine, low, index)?;
    let high = read(machine, high, index)?;
    Ok(u64::from(high) << 32 | u64::from(low))
}

fn write_wide<R: Registers + ?Sized>(
    machine: &mut R,
    low: &Csr,
    high: &Csr,
    index: u16,
    value: u64,
) -> Result<(), R::Error> {
    machine.write(offset(low, index), value as u32)?;
    machine.write(offset(high, index), (value >> 32) as u32)
}

/// Checks that the machine is the one this program is meant to drive.
pub fn identify<R: Registers + ?Sized>(machine: &mut R, fingerprint: u64) -> Result<(), R::Error> {
    let id = read(machine, &csr::id::REG, 0)?;
    let version = read(machine, &csr::version::REG, 0)?;
    let table = csr::version::CSR.extract(version);
    let found = read_wide(machine, &csr::fingerprint_lo::REG, &csr::fingerprint_hi::REG, 0)?;
    if id != csr::ID_VALUE || table != csr::CSR_VERSION || found != fingerprint {
        return Err(R::Error::from(Error::Identity {
            found: format!("id {id:#010x}, register table {table}, fingerprint {found:016x}"),
            expected: format!(
                "id {:#010x}, register table {}, fingerprint {fingerprint:016x}",
                csr::ID_VALUE,
                csr::CSR_VERSION
            ),
        }));
    }
    Ok(())
}

/// Writes a job's registers and starts it.
pub fn start<R: Registers + ?Sized>(machine: &mut R, job: &Job) -> Result<(), R::Error> {
    write_wide(
        machine,
        &csr::program_addr_lo::REG,
        &csr::program_addr_hi::REG,
        0,
        job.program_address,
    )?;
    machine.write(offset(&csr::program_length::REG, 0), job.program_words)?;
    write_wide(machine, &csr::expect_lo::REG, &csr::expect_hi::REG, 0, job.fingerprint)?;
    machine.write(offset(&csr::watchdog::REG, 0), job.watchdog)?;
    for index in 0..csr::NUM_BASES {
        let (address, size) = job
            .bases
            .iter()
            .find(|base| u16::from(base.0) == index)
            .map_or((0, 0), |base| (base.1, base.2));
        write_wide(machine, &csr::base_lo::REG, &csr::base_hi::REG, index, address)?;
        write_wide(machine, &csr::size_lo::REG, &csr::size_hi::REG, index, size)?;
    }
    machine.write(offset(&csr::irq_status::REG, 0), csr::irq_status::REG.mask())?;
    machine.write(offset(&csr::irq_enable::REG, 0), csr::irq_enable::REG.mask())?;
    trigger(machine, &[&csr::control::CLEAR, &csr::control::START])
}

/// What an interrupt was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events {
    /// The program has ended or stopped with a fault.
    pub over: bool,
    /// The trace is half full.
    pub trace: bool,
}

/// Reads and clears the events.
pub fn take_events<R: Registers + ?Sized>(machine: &mut R) -> Result<Events, R::Error> {
    let events = read(machine, &csr::irq_status::REG, 0)?;
    machine.write(offset(&csr::irq_status::REG, 0), events)?;
    Ok(Events {
        over: csr::irq_status::DONE.extract(events) != 0
            || csr::irq_status::FAULT.extract(events) != 0,
        trace: csr::irq_status::TRACE.extract(events) != 0,
    })
}

/// The fault, if the machine has stopped with one.
pub fn fault<R: Registers + ?Sized>(machine: &mut R) -> Result<Option<Fault>, R::Error> {
    let status = read(machine, &csr::status::REG, 0)?;
    if csr::status::FAULT.extract(status) == 0 {
        return Ok(None);
    }
    let word = read(machine, &csr::fault::REG, 0)?;
    let pc = read(machine, &csr::fault_pc::REG, 0)?;
    let address = read_wide(machine, &csr::fault_addr_lo::REG, &csr::fault_addr_hi::REG, 0)?;
    Ok(Some(Fault {
        cause: cause(csr::fault::CAUSE.extract(word))?,
        engine: engine(csr::fault::ENGINE.extract(word))?,
        pc: csr::fault_pc::WORD.extract(pc) as usize,
        address,
    }))
}

/// Leads out of a fault: the machine is idle afterwards. Looks at it at most `polls` times, for
/// outstanding bursts have to finish; false when it is still not idle then.
pub fn soft_reset<R: Registers + ?Sized>(machine: &mut R, polls: u32) -> Result<bool, R::Error> {
    trigger(machine, &[&csr::control::SOFT_RESET])?;
    for _ in 0..polls {
        let status = read(machine, &csr::status::REG, 0)?;
        if csr::status::IDLE.extract(status) != 0 && csr::status::RESETTING.extract(status) == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All counters of a design with so many engines, as of one cycle, in the order of the table.
pub fn counters<R: Registers + ?Sized>(
    machine: &mut R,
    engines: usize,
) -> Result<Vec<(&'static str, u64)>, R::Error> {
    trigger(machine, &[&csr::control::SNAPSHOT])?;
    let mut values = Vec::new();
    for (index, counter) in (0..).zip(csr::counters(engines)) {
        let value = read_wide(machine, &csr::counter_lo::REG, &csr::counter_hi::REG, index)?;
        values.push((counter.name, value));
    }
    Ok(values)
}

/// Empties the trace. Tags that found no room are an error.
pub fn drain_trace<R: Registers + ?Sized>(machine: &mut R) -> Result<Vec<TagRecord>, R::Error> {
    let mut tags = Vec::new();
    loop {
        let info = read(machine, &csr::trace_info::REG, 0)?;
        if csr::trace_info::VALID.extract(info) == 0 {
            let level = read(machine, &csr::trace_level::REG, 0)?;
            return match csr::trace_level::DROPPED.extract(level) {
                0 => Ok(tags),
                dropped => Err(Error::TraceOverflow { dropped }.into()),
            };
        }
        let tag = read(machine, &csr::trace_tag::REG, 0)?;
        let low = read(machine, &csr::trace_cycle_lo::REG, 0)?;
        tags.push(TagRecord {
            engine: engine(csr::trace_info::ENGINE.extract(info))?,
            tag,
            cycle: Some(u64::from(csr::trace_info::CYCLE_HI.extract(info)) << 32 | u64::from(low)),
        });
        trigger(machine, &[&csr::control::TRACE_POP])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_register_can_hold_is_refused() {
        assert_eq!(
            cause(99).unwrap_err().to_string(),
            "the machine reports fault cause 99, which does not exist"
        );
        let error = engine(7).unwrap_err();
        assert_eq!(error.to_string(), "the machine reports engine 7, which does not exist");
        assert_eq!(error.exit_status(), 5);
    }
}
