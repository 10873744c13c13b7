//! `npugen fpga`: a design as a custom-logic project for a card.

use std::path::PathBuf;

use super::{DesignArgs, say};
use crate::error::Error;
use crate::fpga::kit;
use crate::fpga::rtl::ClOptions;
use crate::fpga::target::Target;

/// Write a complete custom-logic project for an FPGA card of AWS: Verilog, constraints, scripts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen fpga aws-f2 -c aws_f2 -o out/f2
  npugen fpga aws-f1 -c aws_f1 -o out/f1 --memory a
  npugen fpga aws-f2 -c aws_f2 -o out/f2_hbm --memory hbm8
  npugen fpga aws-f2 -c tiny --set axi.data_bits=512 -o out/tiny_f2

README.md in the directory has every command from there to a loaded card. The directory appears
complete or not at all. An earlier output is replaced; files in it that npugen did not write are
kept. AWS retired F1 on 2025-12-20: its kit can be built, but no longer loaded.")]
pub struct Args {
    /// The card.
    #[arg(value_name = "TARGET", value_parser = target)]
    target: Target,
    #[command(flatten)]
    design: DesignArgs,
    /// Output directory; left out, `out/` and the name of the target.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Memory of the machine: on F1 one of the DRAM channels a, b, c, d [default: c]; on F2 ddr
    /// [default] or the HBM through 2 to 32 of its ports, 512 MiB behind each: hbm2, hbm4, hbm8,
    /// hbm16, hbm32.
    #[arg(long, value_name = "MEMORY")]
    memory: Option<String>,
}

fn target(text: &str) -> Result<Target, String> {
    let known: Vec<&str> = Target::ALL.iter().map(|target| target.facts().name).collect();
    let found = Target::ALL.into_iter().find(|target| target.facts().name == text);
    found.ok_or_else(|| format!("there is {}", known.join(" and ")))
}

/// Builds the kit and writes it.
pub fn run(args: &Args) -> Result<(), Error> {
    let facts = args.target.facts();
    let design = args.design.design_or(&facts.name.replace('-', "_"))?;
    let options = ClOptions::new(args.target, args.memory.as_deref()).map_err(kit::refused)?;
    let package = kit::package(&design, args.target, options)?;
    let folder = match &args.output {
        Some(path) => path.clone(),
        None => PathBuf::from("out").join(facts.name),
    };
    package.write_to(&folder)?;
    say(&format!(
        "wrote {} files to {}: {} for {}, fingerprint {}; README.md has the next commands",
        package.files().len(),
        folder.display(),
        design.name(),
        facts.title,
        design.fingerprint(),
    ));
    Ok(())
}
