//! The register files of the engines, `npu_<engine>_regs`: everything from the instruction table.

use askama::Template;

use crate::isa::{Engine, RegisterSpec};
use crate::rtl::verilog;

/// Bits of a register's value in an instruction.
const VALUE_W: u64 = 48;

/// View of `npu_engine_regs.v`.
#[derive(Template)]
#[template(path = "rtl/npu_engine_regs.v")]
pub(super) struct Regs {
    /// Name of the module.
    pub module: String,
    engine: &'static str,
    fields: Vec<FieldView>,
    registers: Vec<RegisterView>,
    /// Whether some bits of a value have no register.
    has_unused: bool,
    unused: String,
}

struct FieldView {
    comment: String,
    /// Range, padded so that names align.
    range: String,
    name: String,
    reset: String,
}

struct RegisterView {
    number: String,
    /// Assignments from the value's bits, one a line.
    loads: String,
}

impl Regs {
    /// The registers of one engine.
    pub fn new(engine: Engine) -> Regs {
        let spec = engine.spec();
        let used = spec.registers.iter().fold(0, |mask, register| mask | register.mask());
        let unused: String = verilog::runs(!used & ((1 << VALUE_W) - 1))
            .iter()
            .map(|(high, low)| match high == low {
                true => format!(", reg_value[{low}]"),
                false => format!(", reg_value[{high}:{low}]"),
            })
            .collect();
        Regs {
            module: format!("npu_{}_regs", spec.name),
            engine: spec.name,
            fields: spec.registers.iter().flat_map(field_views).collect(),
            registers: spec.registers.iter().map(register_view).collect(),
            has_unused: !unused.is_empty(),
            unused,
        }
    }
}

fn field_views(register: &RegisterSpec) -> Vec<FieldView> {
    register
        .fields
        .iter()
        .map(|field| {
            let width = usize::from(field.width);
            let sign = if field.signed { " Two's complement." } else { "" };
            let unit = match field.unit {
                "" => String::new(),
                unit => format!(" ({unit})"),
            };
            let about = format!(
                "{}.{}{unit}: {} {}{sign}",
                register.name, field.name, register.doc, field.doc
            );
            FieldView {
                comment: verilog::comment(&about, 4),
                range: format!("{:<7}", verilog::range(width)),
                name: format!("{}_{}", register.name, field.name),
                reset: verilog::hex(width, field.reset.cast_unsigned()),
            }
        })
        .collect()
}

fn register_view(register: &RegisterSpec) -> RegisterView {
    let loads: Vec<String> = register
        .fields
        .iter()
        .map(|field| {
            let select = match field.width {
                1 => format!("{}", field.lo),
                width => format!("{}:{}", field.lo + width - 1, field.lo),
            };
            format!("                    {}_{} <= reg_value[{select}];", register.name, field.name)
        })
        .collect();
    RegisterView { number: format!("9'd{}", register.number), loads: loads.join("\n") }
}
