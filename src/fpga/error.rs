//! What can go wrong between a host and its card.

use std::path::PathBuf;
use std::time::Duration;

use super::shell::health::Violation;
use crate::{cosim, host};

/// A card that cannot be used, or a simulation of one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The simulation failed.
    #[error(transparent)]
    Simulation(#[from] cosim::Error),
    /// The machine's registers say what they should not, or a program has no room.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// The design cannot be a custom logic of this target.
    #[error("{message}")]
    Design {
        /// What is wrong.
        message: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The simulated custom logic broke a rule of its shell.
    #[error("the custom logic broke a rule of the shell: {first}{}", more(*.count))]
    Violation {
        /// The first.
        first: Violation,
        /// How many there are.
        count: usize,
    },
    /// No card with the right PCI ids.
    #[error("no PCI device {vendor:04x}:{device:04x} below `{}`{}", .root.display(), without_image(*.cleared))]
    NoDevice {
        /// Where it was looked for.
        root: PathBuf,
        /// Vendor.
        vendor: u16,
        /// Device.
        device: u16,
        /// Cards with no image.
        cleared: usize,
    },
    /// Several cards, and no choice among them.
    #[error("{} cards with the image's ids: {}", .found.len(), .found.join(", "))]
    ManyDevices {
        /// Their PCI addresses.
        found: Vec<String>,
    },
    /// Something else answers where the custom logic's registers should be.
    #[error(
        "the card holds no custom logic of npugen: its register `id` reads {found:#010x}, not {expected:#010x}"
    )]
    NotOurs {
        /// What was read.
        found: u32,
        /// What should be there.
        expected: u32,
    },
    /// The registers are another version's.
    #[error(
        "the custom logic has version {found} of the register table, this program version {expected}"
    )]
    Version {
        /// The card's.
        found: u32,
        /// The program's.
        expected: u32,
    },
    /// The bus to the card gives nothing but ones.
    #[error("the card does not answer: {what} reads as all ones")]
    NoAnswer {
        /// What was read.
        what: String,
    },
    /// The machine has no clock.
    #[error("the machine has no clock after {waited:?}: its registers hold nothing")]
    NoClock {
        /// Patience.
        waited: Duration,
    },
    /// The card's memory did not calibrate.
    #[error("the card's memory is not calibrated after {waited:?}")]
    NotCalibrated {
        /// Patience.
        waited: Duration,
    },
    /// Something took too long.
    #[error("{what} is not over after {waited:?}{report}")]
    Hang {
        /// What.
        what: &'static str,
        /// Patience.
        waited: Duration,
        /// Who waits for what; empty, or on lines of its own.
        report: String,
    },
    /// The DMA engine of the custom logic stopped.
    #[error("the DMA engine stopped: a {side} was answered with {response}")]
    Dma {
        /// Which access.
        side: &'static str,
        /// The answer in words.
        response: &'static str,
    },
    /// The kernel does not let the card reach the host's memory.
    #[error("bus mastering of {device} is off: the card cannot reach the host's memory")]
    BusMaster {
        /// PCI address.
        device: String,
    },
    /// No memory that stays where it is.
    #[error("no huge page of 2 MiB can be had: {source}")]
    NoHugePages {
        /// The system's reason.
        source: std::io::Error,
    },
    /// The kernel does not tell physical addresses.
    #[error("`{}` does not tell physical addresses: they read as zero", .path.display())]
    NoPhysical {
        /// The page map.
        path: PathBuf,
    },
    /// An access that the user may not do.
    #[error("no permission to {action} `{}`", .path.display())]
    Permission {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
    },
    /// A file of the card's driver that is not there.
    #[error("there is no `{}`", .path.display())]
    NoDriver {
        /// The file.
        path: PathBuf,
    },
    /// The system refused something else.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// An access outside what is mapped.
    #[error("{what} {address:#x} is outside the {size:#x} bytes there are")]
    Outside {
        /// What was to be accessed.
        what: &'static str,
        /// Where.
        address: u64,
        /// How many bytes there are.
        size: u64,
    },
}

fn more(count: usize) -> String {
    if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() }
}

fn without_image(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(" (but {count} without an image)"),
    }
}

impl Error {
    /// Whether a missing tool is at fault.
    pub fn is_missing_tool(&self) -> bool {
        matches!(self, Error::Simulation(error) if error.is_missing_tool())
    }

    /// Who is at fault, as the program's exit status says it.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Simulation(error) => error.exit_status(),
            Error::Host(error) => error.exit_status(),
            Error::Design { .. } | Error::Outside { .. } => 1,
            Error::NotOurs { .. }
            | Error::Version { .. }
            | Error::Violation { .. }
            | Error::NoAnswer { .. }
            | Error::NoClock { .. }
            | Error::NotCalibrated { .. }
            | Error::Hang { .. }
            | Error::Dma { .. } => 5,
            Error::NoDevice { .. }
            | Error::ManyDevices { .. }
            | Error::BusMaster { .. }
            | Error::NoHugePages { .. }
            | Error::NoPhysical { .. }
            | Error::Permission { .. }
            | Error::NoDriver { .. }
            | Error::File { .. } => 6,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Error::Simulation(error) => error.remedy(),
            Error::Host(error) => error.remedy(),
            Error::Design { remedy, .. } => remedy,
            Error::Violation { .. } => "the Verilog of the custom logic is at fault: report it",
            Error::NoDevice { .. } => {
                "load the image (`load.sh` of the kit), then rescan: `sudo fpga-describe-local-image -S 0 -R`"
            }
            Error::ManyDevices { .. } => "choose one with `--device`",
            Error::NotOurs { .. } | Error::Version { .. } => {
                "load an image that this version of npugen made the kit of"
            }
            Error::NoAnswer { .. } => {
                "wait 4 ms and try again; if that does not help, clear and load the image; `sudo fpga-describe-local-image -S 0 -M` counts time-outs"
            }
            Error::NoClock { .. } | Error::NotCalibrated { .. } => {
                "clear and load the image; then look at its metrics"
            }
            Error::Hang { .. } => {
                "`npugen lint` finds deadlocks; `sudo fpga-describe-local-image -S 0 -M` counts time-outs"
            }
            Error::Dma { .. } => {
                "`sudo fpga-describe-local-image -S 0 -M` says which rule was broken; check that bus mastering is on"
            }
            Error::BusMaster { .. } => "`sudo setpci -s DEVICE 4.w=6` allows it",
            Error::NoHugePages { .. } => "`sudo sysctl -w vm.nr_hugepages=8` provides them",
            Error::NoPhysical { .. } | Error::Permission { .. } => "run as root",
            Error::NoDriver { .. } => {
                "on F1 load AWS' XDMA driver: `sdk/linux_kernel_drivers/xdma` of the development kit"
            }
            Error::File { .. } => "check the path and its permissions",
            Error::Outside { .. } => "this is a mistake in npugen; please report it",
        }
    }
}
