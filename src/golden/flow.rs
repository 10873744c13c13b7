//! Fetch, decoder, queues and semaphores: who may start what.

use std::collections::VecDeque;

use super::Stop;
use super::shape::Shape;
use crate::exec::{Cause, Fault};
use crate::isa::table::ctrl::sem;
use crate::isa::table::{OPCODE, op};
use crate::isa::{Bits, Call, DecodeError, EncodeError, Engine, Instruction, SemMask};

/// Number of engines with a queue.
pub const QUEUES: usize = Engine::QUEUED.len();

/// An instruction in a queue.
pub type Queued = (usize, Instruction);

#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    owners: Option<(Engine, Engine)>,
    count: u64,
}

/// The program on its way to the engines.
#[derive(Debug, Clone)]
pub struct Flow {
    code: Vec<u64>,
    next: usize,
    ended: bool,
    queues: [VecDeque<Queued>; QUEUES],
    counters: Vec<Counter>,
    shape: Shape,
    max: u64,
}

impl Flow {
    /// A program about to start.
    pub fn new(shape: &Shape, code: &[u64]) -> Flow {
        Flow {
            code: code.to_vec(),
            next: 0,
            ended: false,
            queues: Default::default(),
            counters: vec![Counter::default(); shape.semaphores],
            shape: *shape,
            max: shape.semaphore_max,
        }
    }

    /// Whether END has been executed.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Position of the next word to be decoded.
    pub fn next(&self) -> usize {
        self.next
    }

    /// The queue of an engine.
    pub fn queue(&mut self, engine: Engine) -> Option<&mut VecDeque<Queued>> {
        engine.queue_index().and_then(|index| self.queues.get_mut(index))
    }

    /// Decodes until a fence or the end has to wait. Launches execute at once, so "retired" and
    /// "not in a queue" are the same. Returns whether anything was decoded.
    pub fn decode(&mut self) -> Result<bool, Fault> {
        let mut progress = false;
        while !self.ended {
            let pc = self.next;
            let Some(&word) = self.code.get(pc) else {
                // A program without END: fetch stops at the last word it was told of.
                return Err(fault(Cause::IllegalInstruction, pc, 0));
            };
            if self.lacks(word) {
                return Err(fault(Cause::IllegalRegister, pc, word));
            }
            let instruction = Instruction::decode(pc, word)
                .map_err(|error| fault(decode_cause(&error), pc, word))?;
            if instruction.engine().is_some_and(|engine| !self.exists(engine)) {
                return Err(fault(Cause::IllegalInstruction, pc, word));
            }
            match instruction {
                Instruction::Nop => {}
                Instruction::Fence | Instruction::End => {
                    if self.queues.iter().any(|queue| !queue.is_empty()) {
                        return Ok(progress);
                    }
                    self.ended = instruction == Instruction::End;
                }
                Instruction::Set { engine: Engine::Ctrl, value, .. } => {
                    self.declare(value).map_err(|cause| fault(cause, pc, value))?;
                }
                Instruction::Set { engine, .. } | Instruction::Tag { engine, .. } => {
                    self.push(engine, pc, instruction);
                }
                Instruction::Run { call, .. } => self.push(call.engine, pc, instruction),
            }
            self.next += 1;
            progress = true;
        }
        Ok(progress)
    }

    fn push(&mut self, engine: Engine, pc: usize, instruction: Instruction) {
        if let Some(queue) = self.queue(engine) {
            queue.push_back((pc, instruction));
        }
    }

    /// Whether a word starts a function that other designs have, but not this one.
    fn lacks(&self, word: u64) -> bool {
        let small = |bits: Bits| u8::try_from(bits.extract(word)).unwrap_or(u8::MAX);
        let Some(engine) = Engine::from_number(small(op::ENGINE)) else { return false };
        let call = Call { engine, function: small(op::RUN_FUNCTION) };
        let lacks = |index: Option<usize>, count: usize| index.is_some_and(|index| index >= count);
        small(OPCODE) == op::RUN.number
            && self.exists(engine)
            && (lacks(call.custom(), self.shape.vector_ops) || lacks(call.unit(), self.shape.units))
    }

    /// Whether the design has an engine, with a queue.
    fn exists(&self, engine: Engine) -> bool {
        engine.queue_index().is_some_and(|index| index < self.shape.engines)
    }

    fn declare(&mut self, value: u64) -> Result<(), Cause> {
        let owner = |field: crate::isa::Field| {
            u8::try_from(field.extract(value))
                .ok()
                .and_then(Engine::from_number)
                .filter(|engine| self.exists(*engine))
                .ok_or(Cause::FieldRange)
        };
        let owners = Some((owner(sem::PRODUCER)?, owner(sem::CONSUMER)?));
        let index = usize::try_from(sem::INDEX.extract(value)).unwrap_or(usize::MAX);
        let counter = self.counters.get_mut(index).ok_or(Cause::FieldRange)?;
        *counter = Counter { owners, count: 0 };
        Ok(())
    }

    /// Whether a launch could take its semaphores. Using another engine's is a fault.
    pub fn ready(&self, engine: Engine, wait: SemMask) -> Result<bool, Stop> {
        let mut ready = true;
        for index in wait.iter() {
            match self.counters.get(usize::from(index)) {
                Some(Counter { owners: Some((_, consumer)), count }) if *consumer == engine => {
                    ready &= *count > 0;
                }
                _ => return Err(Stop::new(Cause::SemaphoreOwner, usize::from(index))),
            }
        }
        Ok(ready)
    }

    /// Takes the semaphores of a launch that is ready.
    pub fn take(&mut self, wait: SemMask) {
        for index in wait.iter() {
            if let Some(counter) = self.counters.get_mut(usize::from(index)) {
                counter.count = counter.count.saturating_sub(1);
            }
        }
    }

    /// Signals the semaphores of a launch that retired.
    pub fn signal(&mut self, engine: Engine, signal: SemMask) -> Result<(), Stop> {
        for index in signal.iter() {
            match self.counters.get_mut(usize::from(index)) {
                Some(Counter { owners: Some((producer, _)), count }) if *producer == engine => {
                    if *count == self.max {
                        return Err(Stop::new(Cause::SemaphoreOverflow, usize::from(index)));
                    }
                    *count += 1;
                }
                _ => return Err(Stop::new(Cause::SemaphoreOwner, usize::from(index))),
            }
        }
        Ok(())
    }

    /// Semaphores of a mask that are zero.
    pub fn missing(&self, wait: SemMask) -> Vec<u8> {
        let empty = |index: &u8| {
            self.counters.get(usize::from(*index)).is_none_or(|counter| counter.count == 0)
        };
        wait.iter().filter(empty).collect()
    }
}

fn fault(cause: Cause, pc: usize, address: u64) -> Fault {
    Fault { engine: Engine::Ctrl, cause, pc, address }
}

fn decode_cause(error: &DecodeError) -> Cause {
    match error {
        DecodeError::Opcode { .. } | DecodeError::Engine { .. } | DecodeError::Unused { .. } => {
            Cause::IllegalInstruction
        }
        DecodeError::Operand { cause, .. } => match cause {
            EncodeError::Register { .. } | EncodeError::Function { .. } => Cause::IllegalRegister,
            EncodeError::Value { .. } | EncodeError::Flags { .. } => Cause::FieldRange,
            EncodeError::NotQueued { .. } => Cause::IllegalInstruction,
        },
    }
}

/// A size in bytes as an index.
pub fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Design;
    use crate::isa::Flags;

    /// The decoder stops at a function or an engine that others have, as that of the RTL does.
    #[test]
    fn what_a_design_lacks_stops_the_decoder() {
        let units = "extensions:\n  units: [{name: u, operands: 1, states: [], outputs: [{name: c, value: count}]}]\n";
        let stop = |extensions: &str, call: Call| {
            let design = Design::from_yaml(&format!("name: t\n{extensions}"), &[]).unwrap();
            let (wait, signal) = (SemMask::NONE, SemMask::NONE);
            let run = Instruction::Run { call, wait, signal, flags: Flags::NONE };
            let code = [run.encode().unwrap(), Instruction::End.encode().unwrap()];
            let mut flow = Flow::new(&Shape::new(&design), &code);
            flow.decode().err().map(|fault| (fault.engine, fault.cause, fault.pc))
        };
        let [first, second] = [0, 1].map(|index| Call::of_unit(index).unwrap());
        assert_eq!(stop(units, first), None);
        assert_eq!(stop(units, second), Some((Engine::Ctrl, Cause::IllegalRegister, 0)));
        assert_eq!(stop("", first), Some((Engine::Ctrl, Cause::IllegalInstruction, 0)));
        let custom = Call::of_custom(0).unwrap();
        assert_eq!(stop("", custom), Some((Engine::Ctrl, Cause::IllegalRegister, 0)));
    }
}
