//! `npu_csr`: rows made from the register table.

use askama::Template;

use super::row::{Named, NamedRange};
use crate::design::Design;
use crate::isa::table::ISA_VERSION;
use crate::rtl::csr::{self, Access, COUNTERS, CSR_VERSION, Csr, ID_VALUE, counter};
use crate::rtl::verilog;

/// The block of host registers.
#[derive(Debug, Template)]
#[template(path = "rtl/npu_csr.v")]
pub(super) struct CsrView {
    id_value: String,
    isa_version: String,
    csr_version: String,
    /// Word addresses of registers the logic refers to.
    addresses: Vec<Named>,
    /// Positions of bits the logic refers to.
    bits: Vec<Named>,
    counters: Vec<Named>,
    num_counters: usize,
    engines: usize,
    /// Registers the host writes, arrays side by side.
    storage: Vec<Storage>,
    /// One write of the host each.
    writes: Vec<Write>,
    /// Fields the hardware provides, arrays side by side.
    readable: Vec<NamedRange>,
    /// One word the host can read each.
    reads: Vec<Read>,
}

/// Columns before the second line of a read value.
const MARGIN: usize = 40;

#[derive(Debug)]
struct Storage {
    range: String,
    name: String,
    reset: String,
}

#[derive(Debug)]
struct Write {
    address: String,
    target: String,
    mask: String,
}

#[derive(Debug)]
struct Read {
    address: String,
    value: String,
    name: String,
}

impl CsrView {
    /// What differs between designs arrives as a parameter, but for the number of engines.
    pub fn new(design: &Design) -> CsrView {
        let engines = design.engines().len();
        let registers = csr::registers(engines);
        let with = |access: Access| registers.iter().filter(move |reg| reg.access == access);
        CsrView {
            engines,
            id_value: verilog::hex(32, ID_VALUE.into()),
            isa_version: format!("16'd{ISA_VERSION}"),
            csr_version: format!("16'd{CSR_VERSION}"),
            addresses: [csr::control::REG, csr::irq_status::REG]
                .iter()
                .map(|reg| Named {
                    name: format!("ADDR_{}", reg.name.to_uppercase()),
                    value: word_address(reg, 0),
                })
                .collect(),
            bits: [csr::control::REG, csr::irq_status::REG]
                .iter()
                .flat_map(|reg| {
                    reg.fields.iter().map(|field| Named {
                        name: format!("BIT_{}_{}", reg.name, field.name).to_uppercase(),
                        value: field.lo.to_string(),
                    })
                })
                .collect(),
            counters: counters(),
            num_counters: csr::counters(engines).len(),
            storage: with(Access::Rw).map(storage).collect(),
            writes: with(Access::Rw).flat_map(writes).collect(),
            readable: registers
                .iter()
                .filter(|reg| matches!(reg.access, Access::Ro | Access::W1c))
                .flat_map(readable)
                .collect(),
            reads: registers
                .iter()
                .filter(|reg| reg.access != Access::Trigger)
                .flat_map(reads)
                .collect(),
        }
    }
}

/// Counters the logic refers to: of a group side by side, the first stands for all.
fn counters() -> Vec<Named> {
    let mut rows = Vec::new();
    for (index, counter) in (0_u16..).zip(COUNTERS) {
        let name = match index {
            counter::LOAD_BUSY => "engine_class".to_owned(),
            counter::LOAD_RETIRED => "engine_retired".to_owned(),
            counter::UNIT_BUSY => "unit_class".to_owned(),
            counter::UNIT_RETIRED => "unit_retired".to_owned(),
            other if (counter::LOAD_BUSY..counter::ARRAY_ACTIVE).contains(&other) => continue,
            other if (counter::UNIT_BUSY..counter::UNIT_RETIRED).contains(&other) => continue,
            _ => counter.name.replace('.', "_"),
        };
        rows.push(Named {
            name: format!("COUNT_{}", name.to_uppercase()),
            value: index.to_string(),
        });
    }
    rows
}

fn word_address(reg: &Csr, index: u16) -> String {
    verilog::hex(10, u64::from(reg.at(index) / 4))
}

fn member(reg: &Csr, index: u16) -> String {
    match reg.count {
        1 => reg.name.to_owned(),
        _ => format!("{}[{index}]", reg.name),
    }
}

fn storage(reg: &Csr) -> Storage {
    let reset = verilog::hex(32, reg.reset().into());
    Storage {
        range: verilog::range(usize::from(32 * reg.count)),
        name: format!("{}_q", reg.name),
        reset: match reg.count {
            1 => reset,
            count => format!("{{{count}{{{reset}}}}}"),
        },
    }
}

/// The stored word of one member.
fn target(reg: &Csr, index: u16) -> String {
    match reg.count {
        1 => format!("{}_q", reg.name),
        _ => format!("{}_q[{} +: 32]", reg.name, 32 * index),
    }
}

fn writes(reg: &Csr) -> impl Iterator<Item = Write> {
    (0..reg.count).map(|index| Write {
        address: word_address(reg, index),
        target: target(reg, index),
        mask: verilog::hex(32, reg.mask().into()),
    })
}

fn readable(reg: &Csr) -> impl Iterator<Item = NamedRange> {
    reg.fields.iter().map(|field| NamedRange {
        name: format!("rd_{}_{}", reg.name, field.name),
        range: verilog::range(usize::from(u16::from(field.width) * reg.count)),
    })
}

fn reads(reg: &Csr) -> impl Iterator<Item = Read> {
    (0..reg.count).map(|index| Read {
        address: word_address(reg, index),
        value: match reg.access {
            Access::Rw => target(reg, index),
            _ => concatenation(reg, index),
        },
        name: member(reg, index),
    })
}

/// The register's word: its fields at their places, zeros between them.
fn concatenation(reg: &Csr, index: u16) -> String {
    let mut parts = Vec::new();
    let mut top = 32;
    for field in reg.fields.iter().rev() {
        let end = field.lo + field.width;
        if end < top {
            parts.push(format!("{}'d0", top - end));
        }
        let name = format!("rd_{}_{}", reg.name, field.name);
        parts.push(match (reg.count, field.width) {
            (1, _) => name,
            (_, width) => format!("{name}[{} +: {width}]", u16::from(width) * index),
        });
        top = field.lo;
    }
    if top > 0 {
        parts.push(format!("{top}'d0"));
    }
    match parts.as_slice() {
        [one] => one.clone(),
        _ => format!("{{{}}}", parts.join(&format!(",\n{:MARGIN$}", ""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a word in one line.
    fn words(reg: &Csr, index: u16) -> String {
        concatenation(reg, index).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_put_together_from_the_top() {
        assert_eq!(
            words(&csr::trace_info::REG, 0),
            "{rd_trace_info_valid, 12'd0, rd_trace_info_engine, rd_trace_info_cycle_hi}"
        );
        assert_eq!(words(&csr::counter_lo::REG, 3), "rd_counter_lo_value[96 +: 32]");
        assert_eq!(
            words(&csr::engine_state::REG, 1),
            "{rd_engine_state_queue[16 +: 16], 7'd0, rd_engine_state_idle[1 +: 1], \
             rd_engine_state_in_flight[4 +: 4], rd_engine_state_activity[4 +: 4]}"
        );
    }

    #[test]
    fn arrays_are_stored_side_by_side() {
        assert_eq!(target(&csr::base_lo::REG, 2), "base_lo_q[64 +: 32]");
        assert_eq!(storage(&csr::base_lo::REG).range, "[255:0]");
        assert_eq!(word_address(&csr::base_lo::REG, 1), "10'h024");
    }
}
