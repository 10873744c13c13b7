//! What can go wrong between a design and its simulated run.

use std::path::PathBuf;

use crate::host;

/// A failure of the co-simulation itself, of a tool it needs, or of the machine's manners on its
/// buses. A program that faults on the machine is not an error but an outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tool is not installed.
    #[error("`{tool}` was not found on PATH (needed for: {purpose}). Install it with: {install}")]
    ToolMissing {
        /// Program name.
        tool: &'static str,
        /// What it would have done.
        purpose: &'static str,
        /// Command that installs it.
        install: &'static str,
    },
    /// A tool ended with a failure.
    #[error("`{tool}` failed ({status}) on `{directory}`; its output ends:\n{tail}")]
    ToolFailed {
        /// Program name.
        tool: String,
        /// Exit status in words.
        status: String,
        /// Where it ran.
        directory: PathBuf,
        /// Last lines of its output.
        tail: String,
    },
    /// The file system refused.
    #[error("cannot {action} `{path}`: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The compiled model cannot be loaded.
    #[error(
        "cannot load the compiled model `{path}`: {message}; remove the directory and run again"
    )]
    Load {
        /// The shared library.
        path: PathBuf,
        /// The loader's reason.
        message: String,
    },
    /// A waveform cannot be written or read.
    #[error("waveform `{path}`: {message}")]
    Waveform {
        /// The file.
        path: PathBuf,
        /// The reason.
        message: String,
    },
    /// The simulator stopped by itself.
    #[error("cycle {cycle}: the simulator stopped: {message}")]
    Simulator {
        /// Clock cycle.
        cycle: u64,
        /// The simulator's message.
        message: String,
    },
    /// The machine broke a rule of AXI.
    #[error("cycle {cycle}: AXI protocol violation on `{signal}`: {message}")]
    Protocol {
        /// Clock cycle.
        cycle: u64,
        /// The signal at fault.
        signal: &'static str,
        /// What was seen and what the rule says.
        message: String,
    },
    /// Two memory blocks share a page.
    #[error("memory blocks at {first:#x} and {second:#x} share a 4 KiB page; place them apart")]
    MemoryOverlap {
        /// Start of the block that was there.
        first: u64,
        /// Start of the new block.
        second: u64,
    },
    /// A block does not fit into this computer's address space.
    #[error("the memory block of {length} bytes at {start:#x} is too large for this computer")]
    MemorySize {
        /// Start of the block.
        start: u64,
        /// Its length.
        length: u64,
    },
    /// The AXI4-Lite port did not answer.
    #[error(
        "cycle {cycle}: the register port did not answer a {kind} of {address:#05x} for {waited} cycles"
    )]
    HostTimeout {
        /// Clock cycle.
        cycle: u64,
        /// "read" or "write".
        kind: &'static str,
        /// Register address.
        address: u32,
        /// Patience.
        waited: u64,
    },
    /// The AXI4-Lite port answered with an error.
    #[error(
        "cycle {cycle}: the register port answered a {kind} of {address:#05x} with response {response}"
    )]
    HostResponse {
        /// Clock cycle.
        cycle: u64,
        /// "read" or "write".
        kind: &'static str,
        /// Register address.
        address: u32,
        /// The response code.
        response: u32,
    },
    /// What the machine's registers say, or its memory's room.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// Nothing moves any more.
    #[error("cycle {cycle}: no progress for {waited} cycles\n{report}")]
    Hang {
        /// Clock cycle.
        cycle: u64,
        /// Patience.
        waited: u64,
        /// Who waits for what.
        report: String,
    },
    /// The machine stopped with bursts under way.
    #[error(
        "cycle {cycle}: the machine says it is done, but {reads} read and {writes} write bursts are outstanding"
    )]
    Unfinished {
        /// Clock cycle.
        cycle: u64,
        /// Read bursts.
        reads: usize,
        /// Write bursts.
        writes: usize,
    },
    /// The model does not show a signal.
    #[error("the simulated Verilog has no signal `{signal}`, from which times are read")]
    Probe {
        /// Instance path and name.
        signal: String,
    },
    /// The Verilog could not be emitted.
    #[error(transparent)]
    Emit(#[from] crate::rtl::RenderError),
}

impl Error {
    /// Whether a missing tool is at fault.
    pub fn is_missing_tool(&self) -> bool {
        self.exit_status() == 4
    }

    /// Who is at fault, as the program's exit status says it.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::MemoryOverlap { .. } | Error::MemorySize { .. } | Error::Emit(_) => 1,
            Error::Host(error) => error.exit_status(),
            Error::ToolMissing { .. } => 4,
            Error::Simulator { .. }
            | Error::Protocol { .. }
            | Error::HostTimeout { .. }
            | Error::HostResponse { .. }
            | Error::Hang { .. }
            | Error::Unfinished { .. } => 5,
            Error::Probe { .. } => 1,
            Error::ToolFailed { .. }
            | Error::File { .. }
            | Error::Load { .. }
            | Error::Waveform { .. } => 6,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Error::ToolMissing { .. } => "`npugen doctor` names every tool and how to install it",
            Error::ToolFailed { .. } => {
                "its output says why; `npugen doctor` names the tools in use, `--rtl-dir` must \
                 hold the Verilog of the design"
            }
            Error::File { .. } => {
                "check the path, its permissions and the space left; `--cache-dir` moves the cache"
            }
            Error::Load { .. } => "remove the directory named and run again",
            Error::Waveform { .. } => "check the path, its permissions and the space left",
            Error::MemoryOverlap { .. } => "place the blocks in different pages of 4 KiB",
            Error::MemorySize { .. } => {
                "declare a smaller region: 1/16 of what `axi.addr_bits` can address is the limit"
            }
            Error::Host(error) => error.remedy(),
            Error::Emit(_) => "this is a mistake in npugen; please report the configuration",
            Error::Probe { .. } => "simulate the Verilog that `npugen build` emits today",
            Error::Simulator { .. }
            | Error::Protocol { .. }
            | Error::HostTimeout { .. }
            | Error::HostResponse { .. }
            | Error::Hang { .. }
            | Error::Unfinished { .. } => {
                "the Verilog is at fault: `npugen run --on rtl --vcd FILE` shows the cycles before"
            }
        }
    }
}

/// Wraps an I/O error with what was tried on which path.
pub(super) fn file<'a>(
    action: &'static str,
    path: &'a std::path::Path,
) -> impl FnOnce(std::io::Error) -> Error + 'a {
    move |source| Error::File { action, path: path.to_path_buf(), source }
}
