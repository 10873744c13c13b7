//! What the host does with the machine's registers, and what they say in words.

use super::error::Error;
use super::session::Session;
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

/// The error registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFault {
    /// Number of the cause.
    pub cause: u8,
    /// Number of the engine.
    pub engine: u8,
    /// Position of the instruction.
    pub pc: u32,
    /// Address, as the cause has it.
    pub address: u64,
}

/// One entry of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawTag {
    /// Number of the engine.
    pub engine: u8,
    /// The mark.
    pub tag: u32,
    /// Value of the cycle counter.
    pub cycle: u64,
}

fn offset(register: &Csr, index: u16) -> u32 {
    u32::from(register.at(index))
}

fn trigger(session: &mut Session, commands: &[&CsrField]) -> Result<(), Error> {
    let value = commands.iter().fold(0, |word, field| word | field.place(1));
    session.write(offset(&csr::control::REG, 0), value)
}

fn read(session: &mut Session, register: &Csr, index: u16) -> Result<u32, Error> {
    session.read(offset(register, index))
}

/// Reads a pair of registers as one number.
fn read_wide(session: &mut Session, low: &Csr, high: &Csr, index: u16) -> Result<u64, Error> {
    let low = read(session, low, index)?;
    let high = read(session, high, index)?;
    Ok(u64::from(high) << 32 | u64::from(low))
}

fn write_wide(
    session: &mut Session,
    low: &Csr,
    high: &Csr,
    index: u16,
    value: u64,
) -> Result<(), Error> {
    session.write(offset(low, index), value as u32)?;
    session.write(offset(high, index), (value >> 32) as u32)
}

/// Checks that the machine is the one this program is meant to drive.
pub fn identify(session: &mut Session, fingerprint: u64) -> Result<(), Error> {
    let id = read(session, &csr::id::REG, 0)?;
    let version = read(session, &csr::version::REG, 0)?;
    let table = csr::version::CSR.extract(version);
    let found = read_wide(session, &csr::fingerprint_lo::REG, &csr::fingerprint_hi::REG, 0)?;
    if id != csr::ID_VALUE || table != csr::CSR_VERSION || found != fingerprint {
        return Err(Error::Identity {
            found: format!("id {id:#010x}, register table {table}, fingerprint {found:016x}"),
            expected: format!(
                "id {:#010x}, register table {}, fingerprint {fingerprint:016x}",
                csr::ID_VALUE,
                csr::CSR_VERSION
            ),
        });
    }
    Ok(())
}

/// Writes a job's registers and starts it.
pub fn start(session: &mut Session, job: &Job) -> Result<(), Error> {
    write_wide(
        session,
        &csr::program_addr_lo::REG,
        &csr::program_addr_hi::REG,
        0,
        job.program_address,
    )?;
    session.write(offset(&csr::program_length::REG, 0), job.program_words)?;
    write_wide(session, &csr::expect_lo::REG, &csr::expect_hi::REG, 0, job.fingerprint)?;
    session.write(offset(&csr::watchdog::REG, 0), job.watchdog)?;
    for index in 0..csr::NUM_BASES {
        let (address, size) = job
            .bases
            .iter()
            .find(|base| u16::from(base.0) == index)
            .map_or((0, 0), |base| (base.1, base.2));
        write_wide(session, &csr::base_lo::REG, &csr::base_hi::REG, index, address)?;
        write_wide(session, &csr::size_lo::REG, &csr::size_hi::REG, index, size)?;
    }
    session.write(offset(&csr::irq_status::REG, 0), csr::irq_status::REG.mask())?;
    session.write(offset(&csr::irq_enable::REG, 0), csr::irq_enable::REG.mask())?;
    trigger(session, &[&csr::control::CLEAR, &csr::control::START])
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
pub fn take_events(session: &mut Session) -> Result<Events, Error> {
    let events = read(session, &csr::irq_status::REG, 0)?;
    session.write(offset(&csr::irq_status::REG, 0), events)?;
    Ok(Events {
        over: csr::irq_status::DONE.extract(events) != 0
            || csr::irq_status::FAULT.extract(events) != 0,
        trace: csr::irq_status::TRACE.extract(events) != 0,
    })
}

/// The fault, if the machine has stopped with one.
pub fn fault(session: &mut Session) -> Result<Option<RawFault>, Error> {
    let status = read(session, &csr::status::REG, 0)?;
    if csr::status::FAULT.extract(status) == 0 {
        return Ok(None);
    }
    let word = read(session, &csr::fault::REG, 0)?;
    let pc = read(session, &csr::fault_pc::REG, 0)?;
    let address = read_wide(session, &csr::fault_addr_lo::REG, &csr::fault_addr_hi::REG, 0)?;
    Ok(Some(RawFault {
        cause: csr::fault::CAUSE.extract(word) as u8,
        engine: csr::fault::ENGINE.extract(word) as u8,
        pc: csr::fault_pc::WORD.extract(pc),
        address,
    }))
}

/// Leads out of a fault; the machine is idle afterwards.
pub fn soft_reset(session: &mut Session, patience: u64) -> Result<(), Error> {
    trigger(session, &[&csr::control::SOFT_RESET])?;
    let start = session.cycle();
    loop {
        let status = read(session, &csr::status::REG, 0)?;
        if csr::status::IDLE.extract(status) != 0 && csr::status::RESETTING.extract(status) == 0 {
            return Ok(());
        }
        if session.cycle() - start > patience {
            return Err(Error::Hang {
                cycle: session.cycle(),
                waited: patience,
                report: hang_report(session)?.to_string(),
            });
        }
    }
}

/// All counters of a design with so many engines, as of one cycle, in the order of the table.
pub fn counters(session: &mut Session, engines: usize) -> Result<Vec<(&'static str, u64)>, Error> {
    trigger(session, &[&csr::control::SNAPSHOT])?;
    let mut values = Vec::new();
    for (index, counter) in (0..).zip(csr::counters(engines)) {
        let value = read_wide(session, &csr::counter_lo::REG, &csr::counter_hi::REG, index)?;
        values.push((counter.name, value));
    }
    Ok(values)
}

/// Empties the trace; also says how many tags found no room.
pub fn drain_trace(session: &mut Session) -> Result<(Vec<RawTag>, u32), Error> {
    let mut tags = Vec::new();
    loop {
        let info = read(session, &csr::trace_info::REG, 0)?;
        if csr::trace_info::VALID.extract(info) == 0 {
            let level = read(session, &csr::trace_level::REG, 0)?;
            return Ok((tags, csr::trace_level::DROPPED.extract(level)));
        }
        let tag = read(session, &csr::trace_tag::REG, 0)?;
        let low = read(session, &csr::trace_cycle_lo::REG, 0)?;
        tags.push(RawTag {
            engine: csr::trace_info::ENGINE.extract(info) as u8,
            tag,
            cycle: u64::from(csr::trace_info::CYCLE_HI.extract(info)) << 32 | u64::from(low),
        });
        trigger(session, &[&csr::control::TRACE_POP])?;
    }
}

/// What one engine is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineReport {
    /// Which engine.
    pub engine: Engine,
    /// Last launch to retire.
    pub retired: Option<u32>,
    /// Oldest instruction not finished.
    pub oldest: u32,
    /// Busy, waiting for a semaphore, waiting for memory, no instruction.
    pub activity: u32,
    /// Launches started and not retired.
    pub in_flight: u32,
    /// Queue empty and nothing in flight.
    pub idle: bool,
    /// Instructions in the queue.
    pub queue: u32,
    /// Semaphores it lacks.
    pub missing: u32,
}

/// Who waits for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HangReport {
    /// The engines.
    pub engines: Vec<EngineReport>,
    /// Read bursts outstanding.
    pub reads: u32,
    /// Write bursts outstanding.
    pub writes: u32,
    /// Semaphores above zero.
    pub positive: u32,
    /// Position of the decoder's instruction.
    pub decoder_pc: u32,
    /// The word of [`csr::decoder_state`].
    pub decoder_state: u32,
}

/// Reads the registers of the hang report.
pub fn hang_report(session: &mut Session) -> Result<HangReport, Error> {
    let mut engines = Vec::new();
    for (index, engine) in (0..).zip(Engine::QUEUED) {
        let retired = read(session, &csr::engine_retired::REG, index)?;
        let oldest = read(session, &csr::engine_oldest::REG, index)?;
        let state = read(session, &csr::engine_state::REG, index)?;
        let wait = read(session, &csr::engine_wait::REG, index)?;
        // An engine is always in one of the four classes; one that is not there reads as zero.
        if csr::engine_state::ACTIVITY.extract(state) == 0 {
            continue;
        }
        engines.push(EngineReport {
            engine,
            retired: (csr::engine_retired::ANY.extract(retired) != 0)
                .then(|| csr::engine_retired::WORD.extract(retired)),
            oldest: csr::engine_oldest::WORD.extract(oldest),
            activity: csr::engine_state::ACTIVITY.extract(state),
            in_flight: csr::engine_state::IN_FLIGHT.extract(state),
            idle: csr::engine_state::IDLE.extract(state) != 0,
            queue: csr::engine_state::QUEUE.extract(state),
            missing: csr::engine_wait::MISSING.extract(wait),
        });
    }
    let bursts = read(session, &csr::bursts::REG, 0)?;
    let semaphores = read(session, &csr::semaphores::REG, 0)?;
    let decoder_pc = read(session, &csr::decoder_pc::REG, 0)?;
    Ok(HangReport {
        engines,
        reads: csr::bursts::READS.extract(bursts),
        writes: csr::bursts::WRITES.extract(bursts),
        positive: csr::semaphores::POSITIVE.extract(semaphores),
        decoder_pc: csr::decoder_pc::WORD.extract(decoder_pc),
        decoder_state: read(session, &csr::decoder_state::REG, 0)?,
    })
}

fn bits(mask: u32) -> String {
    let set: Vec<String> =
        (0..32).filter(|bit| mask >> bit & 1 != 0).map(|bit: u32| bit.to_string()).collect();
    if set.is_empty() { "none".into() } else { set.join(", ") }
}

fn plural(count: u32, what: &str) -> String {
    let ending = match (count, what.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {what}{ending}")
}

impl std::fmt::Display for EngineReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.engine.spec().name)?;
        match self.retired {
            Some(pc) => write!(f, "last retired {pc}; ")?,
            None => write!(f, "nothing retired; ")?,
        }
        if self.idle {
            return write!(f, "idle");
        }
        let oldest = self.oldest;
        if self.missing != 0 {
            write!(f, "instruction {oldest} waits for semaphore {}", bits(self.missing))?;
        } else if self.activity & 0b0100 != 0 {
            write!(f, "instruction {oldest} waits for memory")?;
        } else if self.activity & 0b0010 != 0 {
            write!(f, "instruction {oldest} waits for a semaphore")?;
        } else {
            write!(f, "at instruction {oldest}")?;
        }
        write!(
            f,
            "; {} in flight, {} queued",
            plural(self.in_flight, "launch"),
            plural(self.queue, "instruction")
        )
    }
}

impl std::fmt::Display for HangReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.decoder_state;
        let pc = self.decoder_pc;
        write!(f, "  decoder: ")?;
        if csr::decoder_state::VALID.extract(state) == 0 {
            writeln!(f, "waits for fetch at instruction {pc}")?;
        } else if csr::decoder_state::FENCE.extract(state) != 0 {
            writeln!(f, "instruction {pc} waits until the engines are idle")?;
        } else if csr::decoder_state::QUEUE_FULL.extract(state) != 0 {
            let number = csr::decoder_state::ENGINE.extract(state);
            let name = Engine::from_number(number as u8).map_or("?", |engine| engine.spec().name);
            writeln!(f, "instruction {pc} waits for room in the queue of {name}")?;
        } else {
            writeln!(f, "at instruction {pc}")?;
        }
        for engine in &self.engines {
            writeln!(f, "  {engine}")?;
        }
        writeln!(
            f,
            "  memory: {} and {} outstanding",
            plural(self.reads, "read burst"),
            plural(self.writes, "write burst")
        )?;
        write!(f, "  semaphores above zero: {}", bits(self.positive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_is_told_in_words() {
        let engine = |engine, retired, oldest, activity, in_flight, queue, missing| EngineReport {
            engine,
            retired,
            oldest,
            activity,
            in_flight,
            idle: in_flight == 0 && queue == 0,
            queue,
            missing,
        };
        let report = HangReport {
            engines: vec![
                engine(Engine::Load, Some(7), 12, 4, 1, 3, 0),
                engine(Engine::Gemm, None, 9, 2, 0, 1, 0b1010),
                engine(Engine::Vector, None, 0, 8, 0, 0, 0),
                engine(Engine::Store, Some(3), 15, 1, 2, 0, 0),
            ],
            reads: 1,
            writes: 0,
            positive: 0b100,
            decoder_pc: 21,
            decoder_state: csr::decoder_state::VALID.place(1)
                | csr::decoder_state::QUEUE_FULL.place(1)
                | csr::decoder_state::ENGINE.place(2),
        };
        assert_eq!(
            report.to_string(),
            "  decoder: instruction 21 waits for room in the queue of gemm\n  \
             load: last retired 7; instruction 12 waits for memory; 1 launch in flight, 3 instructions queued\n  \
             gemm: nothing retired; instruction 9 waits for semaphore 1, 3; 0 launches in flight, 1 instruction queued\n  \
             vector: nothing retired; idle\n  \
             store: last retired 3; at instruction 15; 2 launches in flight, 0 instructions queued\n  \
             memory: 1 read burst and 0 write bursts outstanding\n  \
             semaphores above zero: 2"
        );
    }
}
