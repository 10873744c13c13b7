//! The project a kit of AWS builds: the custom logic's Verilog in the folders that the kit
//! expects, definitions, constraints, build scripts, and around it what brings it onto a card.

use std::fmt::Write as _;

use askama::Template;

use super::budget;
use super::rtl::{self, ClError, ClOptions};
use super::target::{Facts, Target};
use crate::design::Design;
use crate::error::Error;
use crate::rtl::package::Package;
use crate::rtl::{OutputFile, RenderError, banner, resources};

/// Module and directory of the custom logic; the kits demand that both have one name.
pub const CL: &str = "cl_npu";

/// What the templates need to know.
struct View<'a> {
    facts: &'a Facts,
    /// The target is F1.
    f1: bool,
    /// The machine has a clock of its own.
    own_clock: bool,
    /// Ports in use where the memory is the HBM.
    hbm_ports: Option<u32>,
    design: &'a Design,
    /// The machine's memory, as the command line has it.
    memory: &'static str,
    memory_bytes: u64,
    /// Its controller, where that is the custom logic's own and has a place.
    controller: Option<Controller>,
    /// Modules, in the order of their names.
    sources: Vec<String>,
}

/// One of the DRAM controllers inside `sh_ddr` of F1.
struct Controller {
    /// Area of the clock regions beside its pins.
    pblock: &'static str,
    regions: &'static str,
    /// Beginnings of the names of its cells.
    parts: [&'static str; 4],
}

impl Controller {
    /// Controllers A, B and D stand beside their pins; C is the shell's.
    fn find(target: Target, memory: &str) -> Option<Controller> {
        let (pblock, regions, parts) = match (target, memory) {
            (Target::AwsF1, "a") => (
                "pblock_CL_top",
                "CLOCKREGION_X0Y10:CLOCKREGION_X5Y14",
                ["ddr_cores.DDR4_0", "gen_ddr_tst[0].", "ddr_inst[0].", "ddr_stat[0]."],
            ),
            (Target::AwsF1, "b") => (
                "pblock_CL_mid",
                "CLOCKREGION_X0Y5:CLOCKREGION_X3Y9",
                ["ddr_cores.DDR4_1", "gen_ddr_tst[1].", "ddr_inst[1].", "ddr_stat[1]."],
            ),
            (Target::AwsF1, "d") => (
                "pblock_CL_bot",
                "CLOCKREGION_X0Y0:CLOCKREGION_X3Y4",
                ["ddr_cores.DDR4_2", "gen_ddr_tst[2].", "ddr_inst[2].", "ddr_stat[2]."],
            ),
            _ => return None,
        };
        Some(Controller { pblock, regions, parts })
    }
}

impl View<'_> {
    /// Cells that face the host, which stand where the shell's ports for it are.
    fn host_cells(&self) -> Vec<String> {
        let parts = ["u_regs", "u_pcis_port", "u_irq"];
        parts.map(|part| format!("{}/NPU_SYSTEM/{part}", self.facts.cl_cell)).into()
    }

    /// The machine's memory, in words.
    fn memory_words(&self) -> String {
        let gib = self.memory_bytes >> 30;
        match (self.f1, self.hbm_ports) {
            (true, _) => format!("DRAM channel {}, {gib} GiB", self.memory.to_uppercase()),
            (_, Some(ports)) => format!("{gib} GiB of HBM behind {ports} ports"),
            _ => format!("the DRAM, {gib} GiB"),
        }
    }

    fn shell_version(&self) -> String {
        format!("0x{:08x}", self.facts.shell_version)
    }

    /// Vendor and device, as `lspci` takes them.
    fn pci_ids(&self) -> String {
        format!("{:04x}:{:04x}", self.facts.id0 & 0xffff, self.facts.id0 >> 16)
    }

    fn main_period(&self) -> String {
        format!("{}", f64::from(1000_u32) / f64::from(self.facts.main_clock_mhz))
    }
}

macro_rules! templates {
    ($($name:ident = $path:literal;)*) => {
        $(
            #[derive(Template)]
            #[template(path = $path, escape = "none")]
            struct $name<'a> {
                view: &'a View<'a>,
            }
        )*
    };
}

templates! {
    Build = "fpga/common/build.sh";
    CreateAfi = "fpga/common/create_afi.py";
    Load = "fpga/common/load.sh";
    Readme = "fpga/common/README.md";
    SynthUser = "fpga/common/cl_synth_user.xdc";
    F1Encrypt = "fpga/aws_f1/encrypt.tcl";
    F1Synth = "fpga/aws_f1/synth_cl_npu.tcl";
    F1Create = "fpga/aws_f1/create_dcp_from_cl.tcl";
    F1Place = "fpga/aws_f1/cl_pnr_user.xdc";
    F2Encrypt = "fpga/aws_f2/encrypt.tcl";
    F2Synth = "fpga/aws_f2/synth_cl_npu.tcl";
    F2Place = "fpga/aws_f2/small_shell_cl_pnr_user.xdc";
    F2Timing = "fpga/aws_f2/cl_timing_user.xdc";
}

/// The project as a whole. Its custom logic is the directory [`CL`] in it.
pub fn package(design: &Design, target: Target, options: ClOptions) -> Result<Package, Error> {
    let mut files = rtl::emit(design, target, options).map_err(refused)?;
    let facts = target.facts();
    let excess = budget::excess(design, target, options);
    if !excess.is_empty() {
        return Err(refused(ClError::Budget { target: facts.title, excess }));
    }
    let name = |file: &OutputFile| file.path.trim_start_matches("design/").to_owned();
    let view = View {
        facts,
        f1: target == Target::AwsF1,
        own_clock: design.clock_mhz() != facts.main_clock_mhz,
        hbm_ports: options.hbm_ports(target),
        design,
        memory: options.name(target),
        memory_bytes: options.memory_bytes(target),
        controller: Controller::find(target, options.name(target)),
        sources: files.iter().map(name).collect(),
    };
    let comment = banner(design, "//");
    files.push(OutputFile::new("design/cl_npu_defines.vh", comment.clone() + DEFINES));
    files.push(OutputFile::new("design/cl_id_defines.vh", comment + &ids(facts)));
    files.extend(scripts(&view)?);
    for file in &mut files {
        file.path = format!("{CL}/{}", file.path);
    }
    files.extend(rtl::simulation(design, target, options).map_err(refused)?);
    let script = |path: &str, view: &dyn askama::DynTemplate| rendered(design, path, view);
    files.push(script("build.sh", &Build { view: &view })?);
    files.push(script("create_afi.py", &CreateAfi { view: &view })?);
    files.push(script("load.sh", &Load { view: &view })?);
    files.push(rendered_plain("README.md", &Readme { view: &view })?);
    let config = format!("{}{}", banner(design, "#"), design.canonical());
    files.push(OutputFile::new("config.yaml", config));
    let page = resources::manual(design) + &budget::page(design, target, options);
    files.push(OutputFile::new("docs/resources.md", page));
    Package::of(design, CL, files)
}

/// A design that the target cannot carry.
pub fn refused(error: ClError) -> Error {
    match error {
        ClError::Render(error) => Error::Render(error),
        ClError::Memory { .. } => {
            Error::Usage { message: error.to_string(), remedy: error.remedy().to_owned() }
        }
        other => Error::Data { message: other.to_string(), remedy: other.remedy().to_owned() },
    }
}

const DEFINES: &str = "\
`ifndef CL_NPU_DEFINES
`define CL_NPU_DEFINES

// The module, as the kit's own files call it.
`define CL_NAME cl_npu

`endif
";

/// PCI ids. The build scripts of the kits read this text: eight digits, one underscore.
fn ids(facts: &Facts) -> String {
    let mut text = String::from("// Device and vendor, then subsystem and its vendor.\n");
    for (name, id) in [("CL_SH_ID0", facts.id0), ("CL_SH_ID1", facts.id1)] {
        let _ = writeln!(text, "`define {name} 32'h{:04X}_{:04X}", id >> 16, id & 0xffff);
    }
    text
}

/// Constraints and scripts below `build/`.
fn scripts(view: &View<'_>) -> Result<Vec<OutputFile>, Error> {
    let file = |path: &str, template: &dyn askama::DynTemplate| {
        rendered(view.design, &format!("build/{path}"), template)
    };
    let mut files = vec![
        file("constraints/cl_synth_user.xdc", &SynthUser { view })?,
        OutputFile::new("build/src_post_encryption/.keep", ""),
        OutputFile::new("build/checkpoints/to_aws/.keep", ""),
        OutputFile::new("build/reports/.keep", ""),
    ];
    if view.f1 {
        files.push(file("constraints/cl_pnr_user.xdc", &F1Place { view })?);
        files.push(file("scripts/encrypt.tcl", &F1Encrypt { view })?);
        files.push(file("scripts/synth_cl_npu.tcl", &F1Synth { view })?);
        files.push(file("scripts/create_dcp_from_cl.tcl", &F1Create { view })?);
    } else {
        files.push(file("constraints/cl_timing_user.xdc", &F2Timing { view })?);
        files.push(file("constraints/small_shell_cl_pnr_user.xdc", &F2Place { view })?);
        files.push(file("scripts/encrypt.tcl", &F2Encrypt { view })?);
        files.push(file("scripts/synth_cl_npu.tcl", &F2Synth { view })?);
    }
    Ok(files)
}

/// A script: the banner follows the line that names the interpreter.
fn rendered(
    design: &Design,
    path: &str,
    template: &dyn askama::DynTemplate,
) -> Result<OutputFile, Error> {
    let mut file = rendered_plain(path, template)?;
    let place = match file.text.starts_with("#!") {
        true => file.text.find('\n').map_or(0, |at| at + 1),
        false => 0,
    };
    file.text.insert_str(place, &banner(design, "#"));
    Ok(file)
}

fn rendered_plain(
    path: &str,
    template: &dyn askama::DynTemplate,
) -> Result<OutputFile, RenderError> {
    match template.dyn_render() {
        Ok(text) => Ok(OutputFile::new(path, text.trim_end().to_owned() + "\n")),
        Err(error) => Err(RenderError { file: path.to_owned(), error }),
    }
}
