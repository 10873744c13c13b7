//! `npugen build`: the output directory of a design.

use std::path::PathBuf;

use super::{DesignArgs, say};
use crate::error::Error;
use crate::rtl::package::Package;

/// Write the Verilog of a design, with its headers, documents and a manifest.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  npugen build                                     the default machine into out/default
  npugen build --rows 8 --cols 8 -o out/npu8
  npugen build -c edge --set buffers.ibuf.size=\"64 KiB\"
  npugen build -c out/default/config.yaml -o out/mine    from a file, here one with every key

The directory appears complete or not at all. An earlier output is replaced; files in it that
npugen did not write are kept.")]
pub struct Args {
    #[command(flatten)]
    design: DesignArgs,
    /// Output directory; left out, `out/` and the name of the design.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Builds the package and writes it.
pub fn run(args: &Args) -> Result<(), Error> {
    let design = args.design.design()?;
    let target = match &args.output {
        Some(path) => path.clone(),
        None => PathBuf::from("out").join(design.name()),
    };
    let package = Package::new(&design)?;
    package.write_to(&target)?;
    say(&format!(
        "wrote {} files to {}: {}, {} x {} {}, fingerprint {}",
        package.files().len(),
        target.display(),
        design.name(),
        design.rows(),
        design.cols(),
        design.cell().name(),
        design.fingerprint(),
    ));
    Ok(())
}
