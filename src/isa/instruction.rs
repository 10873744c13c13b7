//! Instructions as values, and their words.

use super::registers::Flags;
use super::spec::{Call, Engine, OpcodeSpec};
use super::table::{self, op};

/// A set of semaphores, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SemMask(pub u16);

impl SemMask {
    /// No semaphore.
    pub const NONE: SemMask = SemMask(0);

    /// Only semaphore `index`; empty when the index is above 15.
    pub const fn only(index: u8) -> SemMask {
        if index < 16 { SemMask(1 << index) } else { SemMask(0) }
    }

    /// Whether semaphore `index` is in the set.
    pub const fn contains(self, index: u8) -> bool {
        self.0 & SemMask::only(index).0 != 0
    }

    /// Both sets together.
    pub const fn with(self, other: SemMask) -> SemMask {
        SemMask(self.0 | other.0)
    }

    /// Indices in the set, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..16).filter(move |&index| self.contains(index))
    }
}

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instruction {
    /// Does nothing.
    Nop,
    /// Writes a register of an engine.
    Set {
        /// Whose register.
        engine: Engine,
        /// Number of the register.
        register: u16,
        /// The whole register.
        value: u64,
    },
    /// Starts a launch.
    Run {
        /// What to start.
        call: Call,
        /// Semaphores to take before the start.
        wait: SemMask,
        /// Semaphores to signal on retirement.
        signal: SemMask,
        /// Launch immediate.
        flags: Flags,
    },
    /// Waits until everything has retired.
    Fence,
    /// Ends the program.
    End,
    /// Puts a mark into the trace.
    Tag {
        /// Whose launches it follows.
        engine: Engine,
        /// The mark.
        tag: u32,
    },
}

/// Why a value is not an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The engine has no such register.
    #[error("engine `{engine}` has no register {register} (it has {count}, numbered from 0)", engine = .engine.name(), count = .engine.spec().registers.len())]
    Register {
        /// Whose register.
        engine: Engine,
        /// The number.
        register: u16,
    },
    /// The value has bits no field of the register uses.
    #[error("value {value:#x} does not fit register `{engine}.{name}`, whose fields occupy {mask:#x}", engine = .engine.name())]
    Value {
        /// Whose register.
        engine: Engine,
        /// Assembly name of the register.
        name: &'static str,
        /// The value.
        value: u64,
        /// Bits in use.
        mask: u64,
    },
    /// The engine has no such function.
    #[error("engine `{engine}` has no function {function}", engine = .engine.name())]
    Function {
        /// The engine.
        engine: Engine,
        /// The number.
        function: u8,
    },
    /// The immediate has bits no flag uses.
    #[error("flags {flags:#x} of `{engine}` use bits without a meaning (those with one: {mask:#x})", engine = .engine.name())]
    Flags {
        /// The engine.
        engine: Engine,
        /// The flags.
        flags: u32,
        /// Bits in use.
        mask: u64,
    },
    /// The decoder cannot be the target of this instruction.
    #[error("engine `{engine}` has no queue: it takes no `{opcode}`", engine = .engine.name())]
    NotQueued {
        /// The engine.
        engine: Engine,
        /// Name of the instruction.
        opcode: &'static str,
    },
}

/// Why a word is not an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No instruction has this opcode.
    #[error("word {pc} ({word:#018x}): opcode {opcode} does not exist (0 to {last} do)", last = op::ALL.len() - 1)]
    Opcode {
        /// Position in the program.
        pc: usize,
        /// The word.
        word: u64,
        /// Its opcode.
        opcode: u8,
    },
    /// No engine has this number.
    #[error("word {pc} ({word:#018x}): engine {engine} does not exist (0 to {last} do)", last = table::ENGINES.len() - 1)]
    Engine {
        /// Position in the program.
        pc: usize,
        /// The word.
        word: u64,
        /// Its engine.
        engine: u8,
    },
    /// Bits that the instruction does not use are not zero.
    #[error(
        "word {pc} ({word:#018x}): `{opcode}` leaves bits {bits:#x} unused, but they are not zero"
    )]
    Unused {
        /// Position in the program.
        pc: usize,
        /// The word.
        word: u64,
        /// Name of the instruction.
        opcode: &'static str,
        /// The bits.
        bits: u64,
    },
    /// A part of the word has no meaning.
    #[error("word {pc} ({word:#018x}): {cause}")]
    Operand {
        /// Position in the program.
        pc: usize,
        /// The word.
        word: u64,
        /// What is wrong.
        cause: EncodeError,
    },
}

impl Instruction {
    /// Assembly name.
    pub fn opcode(&self) -> &'static OpcodeSpec {
        match self {
            Instruction::Nop => &op::NOP,
            Instruction::Set { .. } => &op::SET,
            Instruction::Run { .. } => &op::RUN,
            Instruction::Fence => &op::FENCE,
            Instruction::End => &op::END,
            Instruction::Tag { .. } => &op::TAG,
        }
    }

    /// The engine whose queue the instruction goes to; `None` when the decoder executes it.
    pub fn engine(&self) -> Option<Engine> {
        let engine = match *self {
            Instruction::Set { engine, .. } | Instruction::Tag { engine, .. } => engine,
            Instruction::Run { call, .. } => call.engine,
            Instruction::Nop | Instruction::Fence | Instruction::End => return None,
        };
        engine.queue_index().map(|_| engine)
    }

    /// The instruction's word.
    pub fn encode(&self) -> Result<u64, EncodeError> {
        self.check()?;
        let operands = match *self {
            Instruction::Nop | Instruction::Fence | Instruction::End => 0,
            Instruction::Set { engine, register, value } => {
                op::ENGINE.place(u64::from(engine.number()))
                    | op::SET_REGISTER.place(u64::from(register))
                    | op::SET_VALUE.place(value)
            }
            Instruction::Run { call, wait, signal, flags } => {
                op::ENGINE.place(u64::from(call.engine.number()))
                    | op::RUN_FUNCTION.place(u64::from(call.function))
                    | op::RUN_WAIT.place(u64::from(wait.0))
                    | op::RUN_SIGNAL.place(u64::from(signal.0))
                    | op::RUN_FLAGS.place(u64::from(flags.bits()))
            }
            Instruction::Tag { engine, tag } => {
                op::ENGINE.place(u64::from(engine.number())) | op::TAG_VALUE.place(u64::from(tag))
            }
        };
        Ok(table::OPCODE.place(u64::from(self.opcode().number)) | operands)
    }

    /// The instruction a word stands for; `pc` is its position, for messages.
    pub fn decode(pc: usize, word: u64) -> Result<Instruction, DecodeError> {
        let opcode = low_byte(table::OPCODE.extract(word));
        let Some(spec) = op::ALL.into_iter().find(|spec| spec.number == opcode) else {
            return Err(DecodeError::Opcode { pc, word, opcode });
        };
        let used =
            spec.fields.iter().fold(table::OPCODE.mask(), |mask, (_, bits)| mask | bits.mask());
        if word & !used != 0 {
            return Err(DecodeError::Unused { pc, word, opcode: spec.name, bits: word & !used });
        }
        let engine = low_byte(op::ENGINE.extract(word));
        let engine = || Engine::from_number(engine).ok_or(DecodeError::Engine { pc, word, engine });
        let instruction = match opcode {
            number if number == op::SET.number => Instruction::Set {
                engine: engine()?,
                register: low_half(op::SET_REGISTER.extract(word)),
                value: op::SET_VALUE.extract(word),
            },
            number if number == op::RUN.number => Instruction::Run {
                call: Call {
                    engine: engine()?,
                    function: low_byte(op::RUN_FUNCTION.extract(word)),
                },
                wait: SemMask(low_half(op::RUN_WAIT.extract(word))),
                signal: SemMask(low_half(op::RUN_SIGNAL.extract(word))),
                flags: Flags::from_bits(low_word(op::RUN_FLAGS.extract(word))),
            },
            number if number == op::TAG.number => {
                Instruction::Tag { engine: engine()?, tag: low_word(op::TAG_VALUE.extract(word)) }
            }
            number if number == op::FENCE.number => Instruction::Fence,
            number if number == op::END.number => Instruction::End,
            _ => Instruction::Nop,
        };
        instruction.check().map_err(|cause| DecodeError::Operand { pc, word, cause })?;
        Ok(instruction)
    }

    /// Whether every part exists in the table.
    fn check(&self) -> Result<(), EncodeError> {
        match *self {
            Instruction::Nop | Instruction::Fence | Instruction::End => Ok(()),
            Instruction::Set { engine, register, value } => {
                let spec = engine
                    .spec()
                    .register(register)
                    .ok_or(EncodeError::Register { engine, register })?;
                if value & !spec.mask() != 0 {
                    let (name, mask) = (spec.name, spec.mask());
                    return Err(EncodeError::Value { engine, name, value, mask });
                }
                Ok(())
            }
            Instruction::Run { call, flags, .. } => {
                let engine = queued(call.engine, op::RUN.name)?;
                if !call.is_known() {
                    return Err(EncodeError::Function { engine, function: call.function });
                }
                let (flags, mask) = (flags.bits(), engine.spec().flag_mask());
                if u64::from(flags) & !mask != 0 {
                    return Err(EncodeError::Flags { engine, flags, mask });
                }
                Ok(())
            }
            Instruction::Tag { engine, .. } => queued(engine, op::TAG.name).map(|_| ()),
        }
    }
}

fn queued(engine: Engine, opcode: &'static str) -> Result<Engine, EncodeError> {
    match engine.queue_index() {
        Some(_) => Ok(engine),
        None => Err(EncodeError::NotQueued { engine, opcode }),
    }
}

/// Bits [7:0]; the callers' fields are at most 7 bits wide.
fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// Bits [15:0].
fn low_half(value: u64) -> u16 {
    let [a, b, ..] = value.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// Bits [31:0].
fn low_word(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
