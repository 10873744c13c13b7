//! Views of the custom logic's templates: rows made from the port tables of a shell.

mod buses;
mod hbm;
mod memory;
mod registers;
mod simulation;
mod top;

use askama::Template;

use super::clock::Mmcm;
use super::rtl::{ClError, ClOptions};
use super::target::Target;
use crate::design::Design;
use crate::rtl::RenderError;

/// A name and what stands for it or is connected to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    name: String,
    value: String,
}

impl Row {
    fn new(name: impl Into<String>, value: impl Into<String>) -> Row {
        Row { name: name.into(), value: value.into() }
    }
}

/// A signal to be declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signal {
    name: String,
    range: String,
}

impl Signal {
    fn new(name: impl Into<String>, width: u32) -> Signal {
        Signal { name: name.into(), range: format!("{:<RANGE_COLUMNS$}", range(width)) }
    }
}

/// Columns of the widest range, `[511:0]`.
const RANGE_COLUMNS: usize = 7;

/// Brings the values of rows below each other.
fn align(rows: &mut [Row]) {
    let columns = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for row in rows {
        row.name = format!("{:<columns$}", row.name);
    }
}

/// `[7:0]`; a single bit has none.
fn range(width: u32) -> String {
    crate::rtl::verilog::range(width as usize)
}

fn render(name: &str, view: &impl Template) -> Result<(String, String), ClError> {
    match view.render() {
        // A template loses its last line end.
        Ok(text) => {
            let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
            Ok((name.to_owned(), lines.join("\n") + "\n"))
        }
        Err(error) => Err(RenderError { file: name.to_owned(), error }.into()),
    }
}

/// Files made for synthesis: name and text.
pub(super) fn synthesis(
    design: &Design,
    target: Target,
    options: ClOptions,
    mmcm: Option<Mmcm>,
) -> Result<Vec<(String, String)>, ClError> {
    let top = top::Top::new(design, target, options, mmcm)?;
    let wrapper = match target {
        Target::AwsF1 => render("cl_npu.sv", &top::AwsF1 { top })?,
        Target::AwsF2 => render("cl_npu.sv", &top::AwsF2 { top })?,
    };
    Ok(vec![wrapper, render("npu_cl_regs.sv", &registers::Registers::new())?])
}

/// Files made for simulation: name and text.
pub(super) fn simulation(
    target: Target,
    options: ClOptions,
) -> Result<Vec<(String, String)>, ClError> {
    let mut files = vec![
        render("cl_ports.vh", &simulation::Ports::new(target)?)?,
        render("sh_ddr.sv", &simulation::ShDdr::new(target, options)?)?,
        render("cl_sim_top.sv", &simulation::Top::new(target, options)?)?,
    ];
    if let Some(model) = hbm::Model::new(target, options) {
        files.push(render("cl_hbm.sv", &model)?);
    }
    Ok(files)
}
