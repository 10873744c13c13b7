//! The shadow registers of an engine and the immediate of a launch, read and written by field.

use super::spec::{Engine, Field, Home};

/// A value that its field cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}, but it must be {min} to {max}")]
pub struct RangeError {
    /// Full name of the field.
    pub field: String,
    /// The value.
    pub value: i64,
    /// Smallest legal value.
    pub min: i64,
    /// Largest legal value.
    pub max: i64,
}

impl RangeError {
    /// `Ok` when the field can hold the value.
    pub fn check(field: &Field, value: i64) -> Result<(), RangeError> {
        if field.holds(value) {
            return Ok(());
        }
        Err(RangeError::of(field, value))
    }

    /// The error for a value the field cannot hold.
    pub fn of(field: &Field, value: i64) -> RangeError {
        RangeError { field: field.to_string(), value, min: field.min(), max: field.max() }
    }
}

impl std::fmt::Display for Field {
    /// The full name: `gemm.kc.count` for a register field, `gemm flag lookup` for a flag.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let engine = self.engine.spec();
        match self.home {
            Home::Launch => write!(f, "{} flag {}", engine.name, self.name),
            Home::Register(number) => match engine.register(number) {
                Some(register) => write!(f, "{}.{}.{}", engine.name, register.name, self.name),
                None => write!(f, "{}.?{number}.{}", engine.name, self.name),
            },
        }
    }
}

/// The registers of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers {
    engine: Engine,
    values: Vec<u64>,
}

impl Registers {
    /// Every register at its reset value.
    pub fn new(engine: Engine) -> Registers {
        let specs = engine.spec().registers;
        let size = specs.iter().map(|spec| usize::from(spec.number) + 1).max().unwrap_or(0);
        let mut values = vec![0; size];
        for spec in specs {
            if let Some(value) = values.get_mut(usize::from(spec.number)) {
                *value = spec.reset();
            }
        }
        Registers { engine, values }
    }

    /// Whose registers these are.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Value of a field; zero for a field of another engine or a launch flag, which these
    /// registers do not have.
    pub fn get(&self, field: Field) -> i64 {
        debug_assert_eq!(
            field.engine, self.engine,
            "{field} read from the registers of another engine"
        );
        match field.home {
            Home::Register(number) => field.extract(self.raw(number)),
            Home::Launch => 0,
        }
    }

    /// Writes a field, leaving the register's other fields alone.
    pub fn set(&mut self, field: Field, value: i64) -> Result<(), RangeError> {
        debug_assert_eq!(
            field.engine, self.engine,
            "{field} written to the registers of another engine"
        );
        RangeError::check(&field, value)?;
        if let Home::Register(number) = field.home {
            let rest = self.raw(number) & !field.mask();
            self.write(number, rest | field.place(value));
        }
        Ok(())
    }

    /// A whole register; zero when it does not exist.
    pub fn raw(&self, number: u16) -> u64 {
        self.values.get(usize::from(number)).copied().unwrap_or(0)
    }

    /// Executes `set`: writes a whole register. A register that does not exist is left alone.
    pub fn write(&mut self, number: u16, value: u64) {
        if let Some(place) = self.values.get_mut(usize::from(number)) {
            *place = value;
        }
    }

    /// Number and value of every register.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        (0..).zip(self.values.iter().copied())
    }
}

/// The immediate of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flags(u32);

impl Flags {
    /// All flags zero.
    pub const NONE: Flags = Flags(0);

    /// Flags from the bits of an instruction word.
    pub const fn from_bits(bits: u32) -> Flags {
        Flags(bits)
    }

    /// Bits as they stand in the instruction word.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Value of a flag; zero for a field that is no flag.
    pub fn get(self, flag: Field) -> i64 {
        match flag.home {
            Home::Launch => flag.extract(u64::from(self.0)),
            Home::Register(_) => 0,
        }
    }

    /// Whether a flag is not zero.
    pub fn has(self, flag: Field) -> bool {
        self.get(flag) != 0
    }

    /// The flags with one of them changed.
    pub fn with(self, flag: Field, value: i64) -> Result<Flags, RangeError> {
        RangeError::check(&flag, value)?;
        let bits = (u64::from(self.0) & !flag.mask()) | flag.place(value);
        // Launch fields lie in the low 18 bits.
        Ok(Flags(u32::try_from(bits).unwrap_or(self.0)))
    }
}
