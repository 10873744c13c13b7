//! Errors of the library: one enum per stage, joined here. Owns the exit status of each.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;

use crate::config::ConfigErrors;
use crate::rtl::RenderError;
use crate::units::Bytes;

/// Every exit status of the program with its meaning, in the words of the help texts.
pub const EXIT_STATUS: [(u8, &str); 7] = [
    (0, "done"),
    (1, "the input is at fault: a configuration, a program, assembly or data"),
    (2, "the command line is at fault"),
    (3, "a comparison found a difference"),
    (4, "a tool is missing"),
    (5, "the machine stopped with a fault, or hung"),
    (6, "a file cannot be written, or a tool failed"),
];

/// Anything that can go wrong.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Error {
    /// A configuration that cannot be built.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] Box<ConfigErrors>),
    /// No configuration of this name comes with the program.
    #[error("there is no configuration `{name}`")]
    #[diagnostic(code(preset), help("give one of {known}, or the path of a file"))]
    Preset {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A file that cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    #[diagnostic(code(read), help("check the path and its permissions"))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that is longer than any of its kind.
    #[error("`{}` is longer than {limit}, the limit for a file of its kind", path.display())]
    #[diagnostic(code(length), help("check that it is the right file"))]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: Bytes,
    },
    /// A file that should be text.
    #[error("`{}` is not text: byte {at} is 0x{byte:02x}, which UTF-8 does not have there", path.display())]
    #[diagnostic(code(text), help("check that it is the right file, and saved as UTF-8"))]
    NotText {
        /// The file.
        path: PathBuf,
        /// Position of the byte.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// A network that cannot be taken.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Graph(#[from] Box<crate::graph::Problems>),
    /// Data that do not fit what they are given for.
    #[error("{message}")]
    #[diagnostic(code(data), help("{remedy}"))]
    Data {
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// A file or directory that cannot be written.
    #[error("cannot write `{}`: {error}", path.display())]
    #[diagnostic(code(write), help("check the path, its permissions and the space left"))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// An output directory that holds something else.
    #[error("`{}` exists and was not made by npugen", path.display())]
    #[diagnostic(code(occupied), help("choose another directory, or remove it first"))]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// A template that could not be rendered.
    #[error(transparent)]
    #[diagnostic(code(render))]
    Render(#[from] RenderError),
    /// A combination of arguments that makes no sense.
    #[error("{message}")]
    #[diagnostic(code(usage), help("{remedy}"))]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// Two executors disagree.
    #[error("{message}")]
    #[diagnostic(
        code(mismatch),
        help("`npugen compare` of the program tells instruction, element and cycle")
    )]
    Mismatch {
        /// The first divergence.
        message: String,
    },
    /// Assembly text with mistakes.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Assembly(#[from] Box<crate::program::asm::AsmErrors>),
    /// A program file that cannot be used.
    #[error("`{}`: {error}", path.display())]
    #[diagnostic(code(program), help("{}", error.remedy()))]
    Program {
        /// The file.
        path: PathBuf,
        /// Why.
        error: crate::program::FileError,
    },
    /// A program made for another design.
    #[error("`{}`: {mismatch}", path.display())]
    #[diagnostic(code(target), help("make the program again for this hardware"))]
    Target {
        /// The file.
        path: PathBuf,
        /// What differs.
        mismatch: Box<crate::program::Mismatch>,
    },
    /// A program with mistakes.
    #[error("`{}` has {}", path.display(), if *errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") })]
    #[diagnostic(
        code(lint),
        help("the findings above name instruction and remedy; docs/machine.md has the rules")
    )]
    Lint {
        /// The file.
        path: PathBuf,
        /// How many.
        errors: usize,
    },
    /// The machine stopped with a fault.
    #[error("the machine stopped: {fault}")]
    #[diagnostic(code(fault), help("{}", fault.cause.remedy()))]
    Fault {
        /// Who, why and where.
        fault: crate::exec::Fault,
    },
    /// A program that could not be loaded or run.
    #[error("{0}")]
    #[diagnostic(code(execution), help("{}", _0.remedy()))]
    Execution(crate::exec::ExecError),
    /// A random case that could not be made a program.
    #[error("{0}")]
    #[diagnostic(code(fuzz), help("give a configuration with larger buffers, or fewer --launches"))]
    RandomProgram(crate::exec::fuzz::FuzzError),
    /// An operator that cannot be turned into a program.
    #[error("{0}")]
    #[diagnostic(code(kernel), help("make the operator smaller, or the buffer named larger"))]
    Kernel(crate::kernels::KernelError),
    /// The network of the demonstration cannot be built.
    #[error("{0}")]
    #[diagnostic(code(digits), help("run it on a larger machine, such as `-c default`"))]
    Digits(crate::workload::digits::DigitsError),
    /// A simulation that could not be built or run, or a machine that broke its bus's rules.
    #[error("{0}")]
    #[diagnostic(code(simulation), help("{}", _0.remedy()))]
    Simulation(crate::cosim::Error),
    /// A card that cannot be used, real or simulated.
    #[error("{0}")]
    #[diagnostic(code(card), help("{}", _0.remedy()))]
    Card(crate::fpga::Error),
    /// A tool that is not installed.
    #[error("`{tool}` is needed but was not found")]
    #[diagnostic(code(tool), help("install it: {install}"))]
    Tool {
        /// The tool.
        tool: String,
        /// The command that installs it.
        install: String,
    },
}

impl Error {
    /// A file that cannot be read.
    pub fn read(path: &Path, error: io::Error) -> Error {
        Error::Read { path: path.to_owned(), error }
    }

    /// A file that cannot be written.
    pub fn write(path: &Path, error: io::Error) -> Error {
        Error::Write { path: path.to_owned(), error }
    }

    pub(crate) fn unknown_preset(name: &str) -> Error {
        let known: Vec<&str> = crate::design::PRESETS.iter().map(|(name, _)| *name).collect();
        Error::Preset { name: name.to_owned(), known: known.join(", ") }
    }

    /// Exit status of the program, one of [`EXIT_STATUS`].
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Config(_)
            | Error::Read { .. }
            | Error::TooLong { .. }
            | Error::NotText { .. }
            | Error::Data { .. }
            | Error::Graph(_)
            | Error::Assembly(_)
            | Error::Program { .. }
            | Error::Target { .. }
            | Error::Lint { .. }
            | Error::Execution(_)
            | Error::RandomProgram(_)
            | Error::Kernel(_)
            | Error::Digits(_)
            | Error::Render(_) => 1,
            Error::Preset { .. } | Error::Usage { .. } => 2,
            Error::Mismatch { .. } => 3,
            Error::Tool { .. } => 4,
            Error::Fault { .. } => 5,
            Error::Write { .. } | Error::Occupied { .. } => 6,
            Error::Simulation(error) => error.exit_status(),
            Error::Card(error) => error.exit_status(),
        }
    }
}

impl From<crate::cosim::Error> for Error {
    fn from(error: crate::cosim::Error) -> Error {
        match error {
            crate::cosim::Error::ToolMissing { tool, install, .. } => {
                Error::Tool { tool: tool.to_owned(), install: install.to_owned() }
            }
            other => Error::Simulation(other),
        }
    }
}

impl From<crate::fpga::Error> for Error {
    fn from(error: crate::fpga::Error) -> Error {
        match error {
            crate::fpga::Error::Simulation(error) => Error::from(error),
            other => Error::Card(other),
        }
    }
}
