//! The hang report: who waits for what, from the registers made for it, in words.

use super::Registers;
use super::machine::read;
use crate::isa::Engine;
use crate::rtl::csr;

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
pub fn hang_report<R: Registers + ?Sized>(machine: &mut R) -> Result<HangReport, R::Error> {
    let mut engines = Vec::new();
    for (index, engine) in (0..).zip(Engine::QUEUED) {
        let retired = read(machine, &csr::engine_retired::REG, index)?;
        let oldest = read(machine, &csr::engine_oldest::REG, index)?;
        let state = read(machine, &csr::engine_state::REG, index)?;
        let wait = read(machine, &csr::engine_wait::REG, index)?;
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
    let bursts = read(machine, &csr::bursts::REG, 0)?;
    let semaphores = read(machine, &csr::semaphores::REG, 0)?;
    let decoder_pc = read(machine, &csr::decoder_pc::REG, 0)?;
    Ok(HangReport {
        engines,
        reads: csr::bursts::READS.extract(bursts),
        writes: csr::bursts::WRITES.extract(bursts),
        positive: csr::semaphores::POSITIVE.extract(semaphores),
        decoder_pc: csr::decoder_pc::WORD.extract(decoder_pc),
        decoder_state: read(machine, &csr::decoder_state::REG, 0)?,
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
