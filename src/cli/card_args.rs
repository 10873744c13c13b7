//! Where programs run: the golden model, the simulated machine, and cards, simulated or real.

use super::rtl_args::RtlArgs;
use super::say;
use crate::cosim::build::BuildOptions;
use crate::design::{Cell, Design};
use crate::error::Error;
use crate::exec::Executor;
use crate::fpga::shell::ShellOptions;
use crate::fpga::simulated::{Simulated, SimulationOptions};
use crate::fpga::sysfs::{Places, Sysfs};
use crate::fpga::target::Target;
use crate::fpga::{Card, CardOptions};

/// Where to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Place {
    /// The functional model: no cycles.
    Golden,
    /// The emitted Verilog, simulated.
    Rtl,
    /// The custom logic for AWS F1, simulated with a model of the shell around it.
    AwsF1Sim,
    /// The custom logic for AWS F2, simulated with a model of the shell around it.
    AwsF2Sim,
    /// A card of AWS F1 in this computer.
    AwsF1,
    /// A card of AWS F2 in this computer.
    AwsF2,
}

impl Place {
    /// The target, and whether it is simulated, of a place that is a card.
    pub fn card(self) -> Option<(Target, bool)> {
        match self {
            Place::Golden | Place::Rtl => None,
            Place::AwsF1Sim => Some((Target::AwsF1, true)),
            Place::AwsF2Sim => Some((Target::AwsF2, true)),
            Place::AwsF1 => Some((Target::AwsF1, false)),
            Place::AwsF2 => Some((Target::AwsF2, false)),
        }
    }
}

/// Which card, and how it is simulated.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct CardArgs {
    /// PCI address of the card, where there are several.
    #[arg(long, value_name = "ADDRESS")]
    device: Option<String>,
    /// Memory of a simulated card, by a name that `npugen fpga` takes.
    #[arg(long, value_name = "MEMORY")]
    memory: Option<String>,
}

/// The configuration made for a target.
pub fn preset(target: Target) -> &'static str {
    match target {
        Target::AwsF1 => "aws_f1",
        Target::AwsF2 => "aws_f2",
    }
}

/// Opens a card; `short` says that a simulation will run for a few thousand cycles only, for which
/// a quick build is the better one.
pub fn open(
    design: &Design,
    (target, simulated): (Target, bool),
    rtl: &RtlArgs,
    args: &CardArgs,
    short: bool,
) -> Result<Box<dyn Executor>, Error> {
    check(rtl)?;
    if !simulated {
        let options = CardOptions { watchdog: rtl.watchdog, ..CardOptions::hardware() };
        if args.memory.is_some() {
            return Err(Error::Usage {
                message: "`--memory` is of a simulated card; a card has the memory its image was made for".into(),
                remedy: format!("leave it out, or give `--on {}-sim`", target.facts().name),
            });
        }
        let card = Sysfs::open(target, args.device.as_deref(), Places::default())?;
        say(&format!("{} card {}", target.facts().title, card.device().address));
        return Ok(Box::new(Card::open(design, card, options)?));
    }
    if args.device.is_some() {
        return Err(Error::Usage {
            message: "`--device` names a card of this computer, but the card is simulated".into(),
            remedy: format!("leave it out, or give `--on {}`", target.facts().name),
        });
    }
    let options = SimulationOptions {
        build: BuildOptions { quick: rtl.quick_build || short, ..rtl.build_options() },
        shell: ShellOptions {
            seed: rtl.dram_seed,
            gaps: rtl.stalls,
            dram_latency: rtl.latency,
            ..ShellOptions::default()
        },
        memory: args.memory.clone(),
        cell: (!rtl.exact_cell).then_some(Cell::Simulation),
    };
    let (card, built) = Simulated::with_design(design, target, &options)?;
    if let Some(seconds) = built.seconds {
        let title = target.facts().title;
        say(&format!("built {} for {title}, with its shell, in {seconds:.1} s", design.name()));
    }
    let options = CardOptions { watchdog: rtl.watchdog, ..CardOptions::simulation() };
    Ok(Box::new(Card::open(design, card, options)?))
}

/// What is only for the machine by itself.
fn check(rtl: &RtlArgs) -> Result<(), Error> {
    let only = [
        ("--rtl-dir", rtl.rtl_dir.is_some()),
        ("--rtl-file", !rtl.rtl_file.is_empty()),
        ("--read-error", rtl.read_error.is_some()),
        ("--write-error", rtl.write_error.is_some()),
        ("--interleave", rtl.interleave),
        ("--misalign", rtl.misalign),
        ("--bandwidth", rtl.bandwidth != 100),
    ];
    match only.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((name, _)) => Err(Error::Usage {
            message: format!("`{name}` is for the machine by itself, not for a card"),
            remedy: "give `--on rtl`".to_owned(),
        }),
    }
}
