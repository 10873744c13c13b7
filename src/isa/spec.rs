//! The vocabulary in which [`super::table`] is written: what an engine, a function, a register and
//! a field are. Owns no facts of its own; every number stands in the table.

/// An engine, the unit of the machine that executes a queue of instructions in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Engine {
    /// The decoder itself: semaphore ownership.
    Ctrl = 0,
    /// DRAM to on-chip buffers.
    Load = 1,
    /// Systolic array, accumulators and post-processor.
    Gemm = 2,
    /// SIMD lanes, memory to memory.
    Vector = 3,
    /// On-chip buffers to DRAM.
    Store = 4,
    /// Compute units of the configuration, memory to memory. Not in every design.
    Unit = 5,
}

impl Engine {
    /// The engines that own an instruction queue, in numerical order.
    pub const QUEUED: [Engine; 5] =
        [Engine::Load, Engine::Gemm, Engine::Vector, Engine::Store, Engine::Unit];

    /// Three-bit number of the engine in an instruction word.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Position among [`Engine::QUEUED`], `None` for the decoder.
    pub const fn queue_index(self) -> Option<usize> {
        match self {
            Engine::Ctrl => None,
            Engine::Load => Some(0),
            Engine::Gemm => Some(1),
            Engine::Vector => Some(2),
            Engine::Store => Some(3),
            Engine::Unit => Some(4),
        }
    }

    /// Engine with this number, if there is one.
    pub const fn from_number(number: u8) -> Option<Engine> {
        match number {
            0 => Some(Engine::Ctrl),
            1 => Some(Engine::Load),
            2 => Some(Engine::Gemm),
            3 => Some(Engine::Vector),
            4 => Some(Engine::Store),
            5 => Some(Engine::Unit),
            _ => None,
        }
    }

    /// Assembly name.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Everything the table says about this engine.
    pub fn spec(self) -> &'static EngineSpec {
        super::table::ENGINES[self as usize]
    }
}

/// A range of bits of an instruction word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits {
    /// Lowest bit.
    pub lo: u8,
    /// Number of bits, below 64.
    pub width: u8,
}

impl Bits {
    /// `width` bits from bit `lo` up.
    pub const fn new(lo: u8, width: u8) -> Bits {
        Bits { lo, width }
    }

    /// Largest value.
    pub const fn max(self) -> u64 {
        (1 << self.width) - 1
    }

    /// The bits in the word.
    pub const fn mask(self) -> u64 {
        self.max() << self.lo
    }

    /// The value moved to its place; bits that do not fit are dropped.
    pub const fn place(self, value: u64) -> u64 {
        (value & self.max()) << self.lo
    }

    /// The value in a word.
    pub const fn extract(self, word: u64) -> u64 {
        (word >> self.lo) & self.max()
    }
}

/// A kind of instruction.
#[derive(Debug)]
pub struct OpcodeSpec {
    /// Four-bit number.
    pub number: u8,
    /// Assembly name.
    pub name: &'static str,
    /// Manual text.
    pub doc: &'static str,
    /// The bits it uses besides the opcode; all others are zero.
    pub fields: &'static [(&'static str, Bits)],
}

/// A function of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// The engine.
    pub engine: Engine,
    /// Number of the function in the engine's table.
    pub function: u8,
}

impl Call {
    /// What the table says about it, if it exists.
    pub fn spec(self) -> Option<&'static FunctionSpec> {
        self.engine.spec().functions.iter().find(|spec| spec.number == self.function)
    }
}

/// One engine's functions, launch flags and registers.
#[derive(Debug)]
pub struct EngineSpec {
    /// Which engine.
    pub engine: Engine,
    /// Assembly name.
    pub name: &'static str,
    /// Manual text.
    pub doc: &'static str,
    /// What `run` can start.
    pub functions: &'static [FunctionSpec],
    /// Fields of the launch immediate.
    pub flags: &'static [Field],
    /// What `set` can write.
    pub registers: &'static [RegisterSpec],
}

impl EngineSpec {
    /// Register with this number, if there is one.
    pub fn register(&self, number: u16) -> Option<&'static RegisterSpec> {
        self.registers.iter().find(|register| register.number == number)
    }

    /// All bits of the launch immediate that have a meaning.
    pub fn flag_mask(&self) -> u64 {
        self.flags.iter().fold(0, |mask, flag| mask | flag.mask())
    }
}

/// A function: what one launch does.
#[derive(Debug)]
pub struct FunctionSpec {
    /// Seven-bit number in the instruction word.
    pub number: u8,
    /// Assembly name.
    pub name: &'static str,
    /// Semantics, as an equation where there is one.
    pub doc: &'static str,
}

/// A register of up to 48 bits, written whole by one `set`.
#[derive(Debug)]
pub struct RegisterSpec {
    /// Nine-bit number in the instruction word.
    pub number: u16,
    /// Assembly name.
    pub name: &'static str,
    /// Manual text.
    pub doc: &'static str,
    /// Its fields, lowest first.
    pub fields: &'static [Field],
}

impl RegisterSpec {
    /// Bits a value may occupy.
    pub fn mask(&self) -> u64 {
        self.fields.iter().fold(0, |mask, field| mask | field.mask())
    }

    /// Value after reset.
    pub fn reset(&self) -> u64 {
        self.fields.iter().fold(0, |value, field| value | field.place(field.reset))
    }
}

/// Where a field stands: in a register of an engine, or in the launch immediate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// Register with this number.
    Register(u16),
    /// The immediate of `run`.
    Launch,
}

/// A named range of bits. (No `Ord`: its `min` and `max` would hide those of the field.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Engine it belongs to.
    pub engine: Engine,
    /// Register or launch immediate.
    pub home: Home,
    /// Assembly name.
    pub name: &'static str,
    /// Lowest bit.
    pub lo: u8,
    /// Number of bits.
    pub width: u8,
    /// Two's complement.
    pub signed: bool,
    /// Value after reset.
    pub reset: i64,
    /// Unit, empty for a plain number.
    pub unit: &'static str,
    /// Manual text.
    pub doc: &'static str,
}

impl Field {
    /// Smallest legal value.
    pub const fn min(&self) -> i64 {
        if self.signed { -(1 << (self.width - 1)) } else { 0 }
    }

    /// Largest legal value.
    pub const fn max(&self) -> i64 {
        if self.signed { (1 << (self.width - 1)) - 1 } else { (1 << self.width) - 1 }
    }

    /// Bits of the register this field occupies.
    pub const fn mask(&self) -> u64 {
        ((1 << self.width) - 1) << self.lo
    }

    /// Whether the value can be encoded.
    pub const fn holds(&self, value: i64) -> bool {
        value >= self.min() && value <= self.max()
    }

    /// The value moved to its place; bits that do not fit are dropped.
    pub const fn place(&self, value: i64) -> u64 {
        (value.cast_unsigned() << self.lo) & self.mask()
    }

    /// The field's value in a register word.
    pub const fn extract(&self, word: u64) -> i64 {
        let raw = ((word & self.mask()) >> self.lo).cast_signed();
        if self.signed { (raw << (64 - self.width)) >> (64 - self.width) } else { raw }
    }
}
