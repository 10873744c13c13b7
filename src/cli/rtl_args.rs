//! The arguments that say how the RTL is simulated, shared by all subcommands that run it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::cosim::RtlOptions;
use crate::cosim::build::{BuildOptions, Flavour, Source};
use crate::cosim::dram::{DramOptions, ErrorResponse, InjectedError, Stalls};
use crate::cosim::executor::{sources, sources_in};
use crate::design::{Cell, Design};
use crate::error::Error;
use crate::exec::ExecError;
use crate::files;

/// How the RTL is simulated.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "RTL simulation")]
pub struct RtlArgs {
    /// Cycles from an accepted address to the first answer of the simulated DRAM.
    #[arg(long, value_name = "CYCLES", default_value_t = 100)]
    pub latency: u32,
    /// Share of the cycles in which a direction of the bus may move a beat.
    #[arg(long, value_name = "PERCENT", default_value_t = 100,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub bandwidth: u8,
    /// Chance, in percent of the cycles, that a channel of the bus pauses.
    #[arg(long, value_name = "PERCENT", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(0..=95))]
    pub stalls: u8,
    /// Seed of pauses and reordering.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub dram_seed: u64,
    /// Mix the beats of read bursts with different IDs.
    #[arg(long)]
    pub interleave: bool,
    /// Answer the read burst with this number (from 0) with SLVERR.
    #[arg(long, value_name = "BURST")]
    pub read_error: Option<u64>,
    /// Answer the write burst with this number (from 0) with SLVERR.
    #[arg(long, value_name = "BURST")]
    pub write_error: Option<u64>,
    /// Fault when no launch has retired for so many cycles; 0 for never.
    #[arg(long, value_name = "CYCLES", default_value_t = 2_000_000)]
    pub watchdog: u32,
    /// Simulate the array with the configured cell, not with the form made for simulation; both
    /// are equal in every bit and cycle.
    #[arg(long)]
    pub exact_cell: bool,
    /// Simulate the Verilog files of this directory instead of those of the design: the `rtl` of
    /// an output directory, edited.
    #[arg(long, value_name = "DIR")]
    pub rtl_dir: Option<PathBuf>,
    /// Simulate this Verilog file instead of the design's file of the same name. May be given again.
    #[arg(long, value_name = "FILE")]
    pub rtl_file: Vec<PathBuf>,
    /// Put the program's regions at addresses that are aligned to nothing.
    #[arg(long)]
    pub misalign: bool,
    /// Compile for a short build rather than for speed.
    #[arg(long)]
    pub quick_build: bool,
    /// Where compiled models are kept [default: NPUGEN_CACHE, XDG_CACHE_HOME/npugen or
    /// HOME/.cache/npugen].
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

impl RtlArgs {
    /// How the model is built.
    pub fn build_options(&self) -> BuildOptions {
        BuildOptions {
            cache: self.cache_dir.clone(),
            flavour: Flavour::Fast,
            quick: self.quick_build,
        }
    }

    /// The options; a progress bar where a person can see it.
    pub fn options(&self, design: &Design) -> Result<RtlOptions, Error> {
        let cell = (!self.exact_cell).then_some(Cell::Simulation);
        let mut verilog = self.rtl_dir.as_deref().map(verilog_in).transpose()?;
        for path in &self.rtl_file {
            let mut all = match verilog.take() {
                Some(all) => all,
                None => sources(design, cell)?,
            };
            replace(&mut all, path)?;
            verilog = Some(all);
        }
        let error = |burst: Option<u64>| {
            burst.map(|burst| InjectedError { burst, response: ErrorResponse::Slave })
        };
        Ok(RtlOptions {
            sources: verilog,
            build: self.build_options(),
            dram: DramOptions {
                latency: self.latency,
                bandwidth_percent: self.bandwidth,
                stalls: Stalls::all(self.stalls),
                interleave: self.interleave,
                seed: self.dram_seed,
                read_error: error(self.read_error),
                write_error: error(self.write_error),
                ..DramOptions::default()
            },
            watchdog: self.watchdog,
            cell,
            misalign: self.misalign,
            progress: std::io::stderr().is_terminal(),
            ..RtlOptions::default()
        })
    }
}

/// The Verilog of a directory, which must be there and hold some.
fn verilog_in(directory: &Path) -> Result<Vec<Source>, Error> {
    let sources = if directory.is_dir() { sources_in(directory)? } else { Vec::new() };
    if sources.is_empty() {
        return Err(Error::Usage {
            message: format!("`{}` is no directory with Verilog files", directory.display()),
            remedy: "give the `rtl` directory that `npugen build` has written".to_owned(),
        });
    }
    Ok(sources)
}

/// Puts a file in the place of the one with its name.
fn replace(sources: &mut [Source], path: &Path) -> Result<(), Error> {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let Some(source) = sources.iter_mut().find(|source| source.name == name) else {
        return Err(Error::Usage {
            message: format!("the design has no Verilog file `{name}`"),
            remedy: "`--rtl-file` takes the place of a file that `npugen build` writes".to_owned(),
        });
    };
    source.text = files::read_text(path, files::CONFIG_LIMIT)?;
    Ok(())
}

/// An executor's failure as the program's error.
pub fn failed(error: ExecError) -> Error {
    let ExecError::Backend(cause) = error else { return Error::Execution(error) };
    let cause = match cause.downcast::<crate::cosim::Error>() {
        Ok(cause) => return Error::from(*cause),
        Err(cause) => cause,
    };
    match cause.downcast::<crate::fpga::Error>() {
        Ok(cause) => Error::from(*cause),
        Err(cause) => Error::Execution(ExecError::Backend(cause)),
    }
}
