//! Verilog of the custom logic, and of its simulation.
//!
//! The machine's modules come from [`crate::rtl`] unchanged but for their file names: the kits
//! take a flat folder of `.sv` files. What differs from shell to shell is in `cl_npu.sv`, which is
//! made from the port tables, so that no port can be forgotten.

use crate::design::Design;
use crate::fpga::budget::{LIMIT_PERCENT, Share};
use crate::fpga::target::Target;
use crate::fpga::{clock, views};
use crate::rtl::{self, OutputFile, RenderError};

/// Width of every AXI4 bus of the shells, in bits.
pub const BUS_BITS: usize = 512;

/// Choices of a kit that the design does not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClOptions {
    /// Which of the target's memories, by its place in [`crate::fpga::target::Facts::memories`].
    pub memory: usize,
}

/// Bytes behind a port of the HBM.
const HBM_PORT_BYTES: u64 = 512 << 20;

/// Of them in a simulation: a memory in Verilog has all its words at once.
const HBM_PORT_SIMULATED: u64 = 16 << 20;

/// A design that a target's shell cannot carry.
#[derive(Debug, thiserror::Error)]
pub enum ClError {
    /// The bus has another width than the shell's.
    #[error("`axi.data_bits` is {found}, but the shell's buses have {BUS_BITS} bits")]
    Bus {
        /// Width of the design's bus.
        found: usize,
    },
    /// No clock manager setting gives the frequency.
    #[error(
        "`clock_mhz` is {found}, which cannot be made from the shell's {main} MHz (1 to {main} can, where the division is exact)"
    )]
    Clock {
        /// Frequency asked for.
        found: u32,
        /// Frequency of the shell's clock.
        main: u32,
    },
    /// A memory the target does not have.
    #[error("there is no memory `{found}`; {target} has {}", known.join(", "))]
    Memory {
        /// Name given.
        found: String,
        /// Name of the target.
        target: &'static str,
        /// Names there are.
        known: &'static [&'static str],
    },
    /// More than the target has room for.
    #[error("the design is too large for {target}: {}", list(excess))]
    Budget {
        /// Name of the target.
        target: &'static str,
        /// What there is too much of.
        excess: Vec<Share>,
    },
    /// A port table that cannot be read.
    #[error(transparent)]
    Table(#[from] super::ports::TableError),
    /// A template that cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// Shares beyond the limit, in words.
fn list(excess: &[Share]) -> String {
    let word = |share: &Share| {
        let Share { resource, region, used, capacity, keys } = share;
        let percent = share.percent();
        let place = region.map(|name| format!(" in {name}")).unwrap_or_default();
        format!(
            "{used} {resource} of {capacity}{place} are {percent} %, more than {LIMIT_PERCENT} % (lower {keys})"
        )
    };
    excess.iter().map(word).collect::<Vec<String>>().join("; ")
}

impl ClError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            ClError::Budget { .. } => {
                "lower the keys named; `npugen build` has the estimate of every unit in docs/resources.md"
            }
            ClError::Bus { .. } => "set `axi.data_bits: 512`, or give `--set axi.data_bits=512`",
            ClError::Clock { .. } => "choose another `clock_mhz`, for instance 250, 200 or 125",
            ClError::Memory { .. } => "give one of these to `--memory`",
            ClError::Table(_) | ClError::Render(_) => "this is a mistake in npugen: report it",
        }
    }
}

impl ClOptions {
    /// With the memory of this name, or the target's first.
    pub fn new(target: Target, memory: Option<&str>) -> Result<ClOptions, ClError> {
        let facts = target.facts();
        let Some(name) = memory else { return Ok(ClOptions { memory: 0 }) };
        match facts.memories.iter().position(|known| *known == name) {
            Some(memory) => Ok(ClOptions { memory }),
            None => Err(ClError::Memory {
                found: name.to_owned(),
                target: facts.title,
                known: facts.memories,
            }),
        }
    }

    /// The name of the memory.
    pub fn name(self, target: Target) -> &'static str {
        target.facts().memories.get(self.memory).copied().unwrap_or("")
    }

    /// Ports in use where the memory is the HBM.
    pub fn hbm_ports(self, target: Target) -> Option<u32> {
        self.name(target).strip_prefix("hbm")?.parse().ok()
    }

    /// Bytes of the memory.
    pub fn memory_bytes(self, target: Target) -> u64 {
        match self.hbm_ports(target) {
            Some(ports) => u64::from(ports) * HBM_PORT_BYTES,
            None => target.facts().ddr_bytes,
        }
    }

    /// The first bytes of the memory, which a simulation has, where it does not have all.
    pub fn simulated_bytes(self, target: Target) -> Option<u64> {
        self.hbm_ports(target).map(|ports| u64::from(ports) * HBM_PORT_SIMULATED)
    }

    /// Whether a plain file of the custom logic or its simulation belongs to it: what nobody uses
    /// would only be in the way.
    fn needs(self, target: Target, path: &str, mmcm: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let clock = ["npu_cl_clock.v", "BUFG.v", "MMCME4_BASE.v"].contains(&name);
        let hbm = name.contains("cl_hbm");
        (mmcm || !clock) && (self.hbm_ports(target).is_some() || !hbm)
    }
}

/// What must hold before anything is made.
fn check(design: &Design, target: Target) -> Result<Option<clock::Mmcm>, ClError> {
    let found = design.axi().data_bits;
    if found != BUS_BITS {
        return Err(ClError::Bus { found });
    }
    let main = target.facts().main_clock_mhz;
    if design.clock_mhz() == main {
        return Ok(None);
    }
    let refused = || ClError::Clock { found: design.clock_mhz(), main };
    clock::settings(main, design.clock_mhz()).map(Some).ok_or_else(refused)
}

/// All modules for synthesis, `design/*.sv`, sorted by name.
pub fn emit(
    design: &Design,
    target: Target,
    options: ClOptions,
) -> Result<Vec<OutputFile>, ClError> {
    let mmcm = check(design, target)?;
    let banner = rtl::banner(design, "//");
    let mut files = rtl::emit(design)?;
    for file in &mut files {
        file.path = flat(&file.path, "rtl/");
    }
    for file in rtl::plain(design, "fpga/rtl/") {
        if options.needs(target, &file.path, mmcm.is_some()) {
            files.push(OutputFile::new(flat(&file.path, "fpga/rtl/"), file.text));
        }
    }
    for (name, text) in views::synthesis(design, target, options, mmcm)? {
        files.push(OutputFile::new(format!("design/{name}"), format!("{banner}{text}")));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// What a simulation of the custom logic needs besides [`emit`], `sim/*`, sorted by name.
pub fn simulation(
    design: &Design,
    target: Target,
    options: ClOptions,
) -> Result<Vec<OutputFile>, ClError> {
    let mmcm = check(design, target)?;
    let banner = rtl::banner(design, "//");
    let mut files = rtl::simulation_models(design);
    for file in rtl::plain(design, "fpga/sim/") {
        if options.needs(target, &file.path, mmcm.is_some()) {
            files.push(OutputFile::new(file.path.replacen("fpga/sim/", "sim/", 1), file.text));
        }
    }
    for (name, text) in views::simulation(target, options)? {
        files.push(OutputFile::new(format!("sim/{name}"), format!("{banner}{text}")));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// `rtl/npu_x.v` as `design/npu_x.sv`.
fn flat(path: &str, folder: &str) -> String {
    let name = path.trim_start_matches(folder).trim_end_matches(".v");
    format!("design/{name}.sv")
}
