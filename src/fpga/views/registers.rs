//! `npu_cl_regs`: offsets and fields of the register table.

use askama::Template;

use super::{Row, align};
use crate::fpga::registers::{ID_VALUE, REGISTERS, VERSION};
use crate::rtl::verilog;

/// Registers whose names are those of constants the module has of its own.
const OWN_NAMES: [&str; 2] = ["id", "version"];

/// The registers of the custom logic.
#[derive(Debug, Template)]
#[template(path = "fpga/rtl/npu_cl_regs.v")]
pub(in crate::fpga) struct Registers {
    offsets: Vec<Row>,
    fields: Vec<Row>,
    id: String,
    version: String,
}

impl Registers {
    pub fn new() -> Registers {
        let mut offsets = Vec::new();
        let mut fields = Vec::new();
        for register in REGISTERS {
            let name = register.name.to_uppercase();
            let own = OWN_NAMES.contains(&register.name);
            let offset = if own { format!("AT_{name}") } else { name.clone() };
            offsets.push(Row::new(offset, verilog::hex(10, u64::from(register.offset / 4))));
            for field in register.fields.iter().filter(|field| used(register.name, field.name)) {
                let title = format!("{name}_{}", field.name.to_uppercase());
                fields.push(Row::new(title, field.lo.to_string()));
            }
        }
        align(&mut offsets);
        align(&mut fields);
        Registers {
            offsets,
            fields,
            id: verilog::hex(32, u64::from(ID_VALUE)),
            version: verilog::hex(16, u64::from(VERSION)),
        }
    }
}

/// Whether the module needs to know where the field is: not of registers that are one number.
fn used(register: &str, field: &str) -> bool {
    let whole = field == "value" || field == "count" || register == "clock";
    !whole && register != "dma_notify_hi"
}
