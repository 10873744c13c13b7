//! Emits instructions: registers by field, semaphores by what they connect.

use super::{MAX_REGIONS, Program, Provenance, Region, RegionKind, Target, Tensor};
use crate::isa::table::ctrl;
use crate::isa::{
    Call, EncodeError, Engine, Field, Flags, Home, Instruction, RangeError, Registers, SemMask,
};

/// A semaphore of the program under construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Semaphore {
    index: u8,
    /// The only engine that may signal it.
    pub producer: Engine,
    /// The only engine that may wait for it.
    pub consumer: Engine,
}

impl Semaphore {
    /// Number in the masks.
    pub fn index(self) -> u8 {
        self.index
    }
}

/// What a builder was asked for and cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildErrorKind {
    /// A value does not fit its field.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A register, function or flag does not exist.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// `set` was given a launch flag.
    #[error("{field} is a launch flag: give it to `run`")]
    FlagSet {
        /// Name of the flag.
        field: String,
    },
    /// `run` was given a field that is no flag of the engine.
    #[error("{field} is not a launch flag of `{engine}`")]
    NotAFlag {
        /// Name of the field.
        field: String,
        /// Name of the engine.
        engine: &'static str,
    },
    /// No semaphore is left.
    #[error(
        "semaphore from `{producer}` to `{consumer}`: all {limit} semaphores of the design are in use; use one again or raise `control.semaphores`"
    )]
    Semaphores {
        /// Name of the producer.
        producer: &'static str,
        /// Name of the consumer.
        consumer: &'static str,
        /// How many there are.
        limit: u8,
    },
    /// An engine waits for or signals a semaphore that is not its own.
    #[error("`{engine}` {verb} semaphore s{index}, whose {role} is `{owner}`")]
    Owner {
        /// Name of the engine.
        engine: &'static str,
        /// What it does with the semaphore.
        verb: &'static str,
        /// Number of the semaphore.
        index: u8,
        /// Role the engine would need.
        role: &'static str,
        /// Name of the engine that has it.
        owner: &'static str,
    },
    /// A signal was asked of something that is no launch of the producer.
    #[error("instruction {position} is no launch of `{producer}` and cannot signal its semaphore")]
    NoLaunch {
        /// Position in the code.
        position: usize,
        /// Name of the producer.
        producer: &'static str,
    },
    /// No base register is left.
    #[error("region `{name}`: all {limit} base registers are in use")]
    Regions {
        /// Name of the region.
        name: String,
        /// How many there are.
        limit: usize,
    },
    /// A region's content is larger than the region.
    #[error("region `{name}` has {size} bytes, but its content has {data}")]
    RegionData {
        /// Name of the region.
        name: String,
        /// Its size.
        size: u64,
        /// Size of its content.
        data: usize,
    },
}

/// The first mistake made with a builder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instruction {pc}{}: {kind}", if .note.is_empty() { String::new() } else { format!(" ({})", .note) })]
pub struct BuildError {
    /// Position among the instructions emitted so far, declarations not counted.
    pub pc: usize,
    /// Note in force.
    pub note: String,
    /// What is wrong.
    pub kind: BuildErrorKind,
}

/// Makes a program, launch by launch.
///
/// A mistake is remembered with its place and reported by [`Builder::finish`], so that emitting
/// code needs no error handling of its own; only the first one is kept.
#[derive(Debug, Clone)]
pub struct Builder {
    target: Target,
    declarations: Vec<u64>,
    code: Vec<u64>,
    provenance: Provenance,
    note: String,
    /// What the emitter wants, by engine number.
    wanted: Vec<Registers>,
    /// What the hardware holds after the code emitted so far.
    emitted: Vec<Registers>,
    regions: Vec<Region>,
    tensors: Vec<Tensor>,
    semaphores: Vec<Semaphore>,
    error: Option<BuildError>,
}

impl Builder {
    /// An empty program for a design.
    pub fn new(target: Target) -> Builder {
        let registers: Vec<Registers> =
            crate::isa::table::ENGINES.iter().map(|spec| Registers::new(spec.engine)).collect();
        Builder {
            target,
            declarations: Vec::new(),
            code: Vec::new(),
            provenance: Provenance::default(),
            note: String::new(),
            wanted: registers.clone(),
            emitted: registers,
            regions: Vec::new(),
            tensors: Vec::new(),
            semaphores: Vec::new(),
            error: None,
        }
    }

    /// Says what the following instructions are for.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.note = note.into();
        self.provenance.push(self.code.len(), &self.note);
        self
    }

    /// Adds a memory region and returns its base register.
    pub fn region(&mut self, name: &str, kind: RegionKind, size: u64, data: Vec<u8>) -> u8 {
        let next =
            u8::try_from(self.regions.len()).ok().filter(|&base| usize::from(base) < MAX_REGIONS);
        let Some(base) = next else {
            self.fail(BuildErrorKind::Regions { name: name.to_owned(), limit: MAX_REGIONS });
            return 0;
        };
        if u64::try_from(data.len()).is_ok_and(|length| length > size) {
            let (name, data) = (name.to_owned(), data.len());
            self.fail(BuildErrorKind::RegionData { name, size, data });
        }
        self.regions.push(Region { base, name: name.to_owned(), kind, size, data });
        base
    }

    /// Changes the size and content of a region made earlier, for content that grows as code is
    /// emitted.
    pub fn region_mut(&mut self, base: u8) -> Option<&mut Region> {
        self.regions.get_mut(usize::from(base))
    }

    /// Declares a tensor at the border of the program.
    pub fn tensor(&mut self, tensor: Tensor) -> &mut Self {
        self.tensors.push(tensor);
        self
    }

    /// Takes an unused semaphore for the launches of two engines.
    pub fn semaphore(&mut self, producer: Engine, consumer: Engine) -> Semaphore {
        let free = u8::try_from(self.semaphores.len())
            .ok()
            .filter(|&index| index < self.target.semaphores && index < 16);
        let semaphore = Semaphore { index: free.unwrap_or(0), producer, consumer };
        if free.is_none() {
            let (producer, consumer) = (producer.name(), consumer.name());
            let limit = self.target.semaphores;
            self.fail(BuildErrorKind::Semaphores { producer, consumer, limit });
            return semaphore;
        }
        self.semaphores.push(semaphore);
        let value = ctrl::sem::INDEX.place(i64::from(semaphore.index))
            | ctrl::sem::PRODUCER.place(i64::from(producer.number()))
            | ctrl::sem::CONSUMER.place(i64::from(consumer.number()));
        let set = Instruction::Set { engine: Engine::Ctrl, register: ctrl::sem::NUMBER, value };
        match set.encode() {
            Ok(word) => self.declarations.push(word),
            Err(error) => self.fail(error.into()),
        }
        semaphore
    }

    /// Gives a register field a value for all later launches of its engine. Nothing is emitted
    /// before the next launch, and then only for registers whose content changed.
    pub fn set(&mut self, field: Field, value: i64) -> &mut Self {
        if field.home == Home::Launch {
            self.fail(BuildErrorKind::FlagSet { field: field.to_string() });
        } else if let Some(registers) = self.wanted.get_mut(usize::from(field.engine.number()))
            && let Err(error) = registers.set(field, value)
        {
            self.fail(error.into());
        }
        self
    }

    /// Value the next launch of the field's engine will see.
    pub fn get(&self, field: Field) -> i64 {
        self.wanted
            .get(usize::from(field.engine.number()))
            .map_or(0, |registers| registers.get(field))
    }

    /// Registers the next launch of an engine will see.
    pub fn registers(&self, engine: Engine) -> &Registers {
        // One set per engine, made in `new`.
        &self.wanted[usize::from(engine.number())]
    }

    /// Makes the launch at `position` (counted without declarations, as by [`Builder::len`]) signal
    /// one more semaphore when it retires.
    pub fn also_signal(&mut self, position: usize, semaphore: Semaphore) -> &mut Self {
        let decoded =
            self.code.get(position).and_then(|&word| Instruction::decode(position, word).ok());
        match decoded {
            Some(Instruction::Run { call, wait, signal, flags })
                if call.engine == semaphore.producer =>
            {
                let signal = signal.with(SemMask::only(semaphore.index));
                match (Instruction::Run { call, wait, signal, flags }).encode() {
                    Ok(word) => self.code[position] = word,
                    Err(error) => self.fail(error.into()),
                }
            }
            _ => self
                .fail(BuildErrorKind::NoLaunch { position, producer: semaphore.producer.name() }),
        }
        self
    }

    /// Puts all registers of an engine back to their reset values.
    pub fn reset(&mut self, engine: Engine) -> &mut Self {
        if let Some(registers) = self.wanted.get_mut(usize::from(engine.number())) {
            *registers = Registers::new(engine);
        }
        self
    }

    /// Starts a launch with the registers as set.
    pub fn run(
        &mut self,
        call: impl Into<Call>,
        flags: &[(Field, i64)],
        wait: &[Semaphore],
        signal: &[Semaphore],
    ) -> &mut Self {
        let call = call.into();
        self.emit_changes(call.engine);
        match launch(call, flags, wait, signal) {
            Ok(run) => self.emit(run),
            Err(kind) => self.fail(kind),
        }
        self
    }

    /// Waits until everything has retired.
    pub fn fence(&mut self) -> &mut Self {
        self.emit(Instruction::Fence);
        self
    }

    /// Puts a mark into the trace when the engine's launches so far have retired.
    pub fn tag(&mut self, engine: Engine, tag: u32) -> &mut Self {
        self.emit(Instruction::Tag { engine, tag });
        self
    }

    /// Number of instructions so far, declarations not counted.
    pub fn len(&self) -> usize {
        self.code.len()
    }

    /// Whether there is no instruction yet.
    pub fn is_empty(&self) -> bool {
        self.code.is_empty()
    }

    /// Ends the program: declarations, code, `end`.
    pub fn finish(mut self) -> Result<Program, BuildError> {
        self.emit(Instruction::End);
        if let Some(error) = self.error {
            return Err(error);
        }
        let offset = self.declarations.len();
        let mut provenance = Provenance::default();
        if offset > 0 {
            provenance.push(0, "semaphores");
            provenance.push(offset, "");
        }
        for (pc, note) in self.provenance.iter() {
            provenance.push(pc + offset, note);
        }
        let mut code = self.declarations;
        code.append(&mut self.code);
        let (target, regions, tensors) = (self.target, self.regions, self.tensors);
        Ok(Program { target, code, regions, tensors, provenance, layers: Vec::new() })
    }

    fn emit_changes(&mut self, engine: Engine) {
        let index = usize::from(engine.number());
        let (Some(wanted), Some(emitted)) = (self.wanted.get(index), self.emitted.get_mut(index))
        else {
            return;
        };
        let changes: Vec<(u16, u64)> =
            wanted.iter().filter(|&(number, value)| emitted.raw(number) != value).collect();
        for &(number, value) in &changes {
            emitted.write(number, value);
        }
        for (register, value) in changes {
            self.emit(Instruction::Set { engine, register, value });
        }
    }

    fn emit(&mut self, instruction: Instruction) {
        match instruction.encode() {
            Ok(word) => self.code.push(word),
            Err(error) => self.fail(error.into()),
        }
    }

    fn fail(&mut self, kind: BuildErrorKind) {
        if self.error.is_none() {
            self.error = Some(BuildError { pc: self.code.len(), note: self.note.clone(), kind });
        }
    }
}

fn launch(
    call: Call,
    flags: &[(Field, i64)],
    wait: &[Semaphore],
    signal: &[Semaphore],
) -> Result<Instruction, BuildErrorKind> {
    let engine = call.engine.name();
    let mut immediate = Flags::NONE;
    for &(field, value) in flags {
        if field.home != Home::Launch || field.engine != call.engine {
            return Err(BuildErrorKind::NotAFlag { field: field.to_string(), engine });
        }
        immediate = immediate.with(field, value)?;
    }
    let mut masks = [SemMask::NONE; 2];
    for semaphore in wait {
        if semaphore.consumer != call.engine {
            let (index, owner) = (semaphore.index, semaphore.consumer.name());
            return Err(BuildErrorKind::Owner {
                engine,
                verb: "waits for",
                index,
                role: "consumer",
                owner,
            });
        }
        masks[0] = masks[0].with(SemMask::only(semaphore.index));
    }
    for semaphore in signal {
        if semaphore.producer != call.engine {
            let (index, owner) = (semaphore.index, semaphore.producer.name());
            return Err(BuildErrorKind::Owner {
                engine,
                verb: "signals",
                index,
                role: "producer",
                owner,
            });
        }
        masks[1] = masks[1].with(SemMask::only(semaphore.index));
    }
    let [wait, signal] = masks;
    Ok(Instruction::Run { call, wait, signal, flags: immediate })
}

#[cfg(test)]
mod tests;
