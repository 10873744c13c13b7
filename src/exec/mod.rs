//! What every executor offers: memory, run, retire trace, counters; and the comparison of two.
//!
//! [`Executor`] is implemented by the golden model and by the co-simulated RTL. [`report`] holds
//! what a run tells, [`fault`] the causes every executor shares, [`tensor`] the way from tensors to
//! bytes of a region, [`compare`] the search for the first difference of two runs.
//!
//! Invariant: memory is addressed by region and offset, never by a bus address, so that executors
//! may place the regions wherever they like.

pub mod border;
pub mod compare;
pub mod fault;
pub mod fuzz;
pub mod report;
pub mod tensor;

use crate::program::Program;

pub use fault::{Cause, Fault};
pub use report::{Blame, Retirement, RunReport, TagRecord};

/// Something that runs programs.
pub trait Executor {
    /// Name for messages: `golden`, `rtl`.
    fn name(&self) -> &'static str;

    /// Takes a program: its regions get their initial content. Fails when the program was made for
    /// another design. May be called again with another program.
    fn load(&mut self, program: &Program) -> Result<(), ExecError>;

    /// Writes bytes into a region of the loaded program.
    fn write(&mut self, region: u8, offset: u64, bytes: &[u8]) -> Result<(), ExecError>;

    /// Reads bytes of a region of the loaded program.
    fn read(&self, region: u8, offset: u64, length: u64) -> Result<Vec<u8>, ExecError>;

    /// Runs the loaded program from its first instruction, with on-chip memory as it was left and
    /// every region as it stands. A fault of the machine is part of the report; an error means that
    /// the run itself was impossible.
    fn run(&mut self) -> Result<RunReport, ExecError>;

    /// The launch of the last run that wrote this byte, when the executor keeps such a record.
    fn blame(&self, region: u8, offset: u64) -> Option<Blame> {
        let _ = (region, offset);
        None
    }
}

/// Why a program could not be loaded, accessed or run.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The program is for another design.
    #[error(transparent)]
    Fingerprint(#[from] Box<crate::program::Mismatch>),
    /// No program was loaded.
    #[error("no program is loaded")]
    NoProgram,
    /// A region the program does not have.
    #[error("the program has no region {region} (it has {})", list(.known))]
    Region {
        /// Number asked for.
        region: u8,
        /// Numbers and names of those it has.
        known: Vec<String>,
    },
    /// Bytes outside a region.
    #[error(
        "region `{name}`: bytes {offset} to {end} were asked for, but it has {size} bytes",
        end = .offset.saturating_add(*.length)
    )]
    Range {
        /// Name of the region.
        name: String,
        /// First byte asked for.
        offset: u64,
        /// Number of bytes asked for.
        length: u64,
        /// Size of the region.
        size: u64,
    },
    /// A tensor's data does not fit.
    #[error("tensor `{name}`: {found} elements were given, but its shape {shape:?} has {expected}")]
    Elements {
        /// Name of the tensor.
        name: String,
        /// Elements given.
        found: usize,
        /// Its shape.
        shape: Vec<u64>,
        /// Elements it has.
        expected: u64,
    },
    /// A value a tensor's type cannot hold.
    #[error("tensor `{name}`: element {index} is {value}, but type {dtype} holds {min} to {max}")]
    Value {
        /// Name of the tensor.
        name: String,
        /// Which element.
        index: usize,
        /// The value.
        value: i64,
        /// Its type.
        dtype: &'static str,
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A tensor that cannot lie in memory as declared.
    #[error("tensor `{name}`: {problem}")]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An instruction retired that could not.
    #[error("instruction {pc} cannot retire here: {problem}")]
    Order {
        /// Position in the program.
        pc: usize,
        /// What stands against it.
        problem: String,
    },
    /// A region that this computer cannot hold.
    #[error("region `{name}` has {size} bytes, more than this computer can provide")]
    Memory {
        /// Name of the region.
        name: String,
        /// Its size.
        size: u64,
    },
    /// The executor's machinery failed (a tool is missing, a library cannot be loaded).
    #[error(transparent)]
    Backend(Box<dyn std::error::Error + Send + Sync>),
}

impl ExecError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            ExecError::Fingerprint(_) => "make the program again for this hardware",
            ExecError::NoProgram => "load a program first",
            ExecError::Region { .. } | ExecError::Range { .. } => {
                "`npugen disasm --no-data` shows the regions and their sizes"
            }
            ExecError::Elements { .. } | ExecError::Value { .. } => {
                "give an array of the tensor's shape and type; `npugen disasm --no-data` shows both"
            }
            ExecError::Tensor { .. } => "correct the tensor's declaration or the data given for it",
            ExecError::Order { .. } => "a retire trace must keep the order of each engine",
            ExecError::Memory { .. } => "declare the region as large as the program needs it",
            ExecError::Backend(_) => "`npugen doctor` names what may be missing",
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
