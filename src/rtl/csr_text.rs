//! The register table as text: the manual `registers.md` and the C header `npu_regs.h`.

use std::fmt::Write;

use super::csr::{CSR_VERSION, Csr, ENGINE_NAMES, ID_VALUE, WINDOW_BYTES, counters, registers};
use crate::exec::Cause;

/// The page `docs/registers.md` of a design with so many engines.
pub fn manual(engines: usize) -> String {
    let mut text = format!(
        "# Registers\n\nWhat the host sees over AXI4-Lite: 32-bit registers in a window of \
         {WINDOW_BYTES} bytes, version {CSR_VERSION} of this table.\nEvery access is answered \
         with OKAY. An offset that is not listed reads as zero and ignores writes. Byte strobes \
         count.\n\nAccess: `ro` read only, `rw` read and write, `trigger` a 1 starts an action and \
         reads as 0, `w1c` a 1 clears the bit.\n\n{RUNNING}\n## Table\n\n\
         | offset | register | access | meaning |\n|---|---|---|---|\n"
    );
    let registers = registers(engines);
    for reg in &registers {
        row(&mut text, reg);
    }
    text.push_str("\n## Fields\n");
    for reg in &registers {
        fields(&mut text, reg);
    }
    text.push_str(
        "\n## Counters\n\nCounter i is in `counter_lo[i]` and `counter_hi[i]`, 48 bits, as of the \
         last `control.snapshot`. All count only while a program runs: they stop with its end or \
         its fault.\nThe four classes of an engine add up to `cycles`, and so do the four of the \
         array.\n\n| index | counter | meaning |\n|---|---|---|\n",
    );
    for (index, counter) in counters(engines).iter().enumerate() {
        line(&mut text, format_args!("| {index} | `{}` | {} |", counter.name, counter.doc));
    }
    text.push_str(
        "\n## Fault causes\n\nThe instruction is that of the oldest launch that has not retired; \
         of the decoder, its word. Addresses: DRAM bytes (6 to 8), buffer words (5, 9, 13), \
         number of the semaphore (11, 12).\n\n| cause | meaning |\n|---|---|\n",
    );
    for cause in Cause::ALL {
        line(&mut text, format_args!("| {} | {} |", cause.number(), cause.text()));
    }
    text
}

const RUNNING: &str = "## Running a program

1. Check `id`, `version` and the fingerprint.
2. Write `expect_*` (from the program file), `program_addr_*`, `program_length`, the base registers the program uses, `watchdog`.
3. Write `control` = `clear` + `start`.
4. Wait for the interrupt or for `status.done` or `status.fault`.
5. After a fault read `fault*` and the hang report, then write `control` = `soft_reset` and wait for `status.idle`.

A program begins with every engine register at its reset value and no semaphore declared; the buffers keep their content. `soft_reset` waits
until no burst is outstanding (`status.resetting`), so a memory that never answers also holds the reset.
";

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
    text.push('\n');
}

fn row(text: &mut String, reg: &Csr) {
    let (offset, name, access, doc) = (reg.offset, reg.name, reg.access.name(), reg.doc);
    match reg.count {
        1 => line(text, format_args!("| 0x{offset:03x} | `{name}` | {access} | {doc} |")),
        count => line(
            text,
            format_args!(
                "| 0x{offset:03x} + {stride} i | `{name}[i]`, i = 0 to {last} | {access} | {doc} |",
                stride = reg.stride,
                last = count - 1
            ),
        ),
    }
}

fn fields(text: &mut String, reg: &Csr) {
    line(text, format_args!("\n### {}\n\n| bits | field | meaning |\n|---|---|---|", reg.name));
    for field in reg.fields {
        let (low, high) = (field.lo, field.lo + field.width - 1);
        let bits = if low == high { low.to_string() } else { format!("{high}:{low}") };
        line(text, format_args!("| {bits} | `{}` | {} |", field.name, field.doc));
    }
}

/// The header `sw/npu_regs.h` of a design with so many engines, without its banner.
pub fn c_header(engines: usize) -> String {
    let mut text = String::from(
        "#ifndef NPU_REGS_H\n#define NPU_REGS_H\n\n/* Host registers: byte offsets, and shift and \
         mask of their fields. */\n\n",
    );
    line(&mut text, format_args!("#define NPU_ID_EXPECTED 0x{ID_VALUE:08x}u"));
    line(&mut text, format_args!("#define NPU_REGS_VERSION {CSR_VERSION}u"));
    line(&mut text, format_args!("#define NPU_REGS_WINDOW_BYTES {WINDOW_BYTES}u"));
    for reg in &registers(engines) {
        let name = reg.name.to_uppercase();
        line(&mut text, format_args!("\n/* {} */", reg.doc));
        match reg.count {
            1 => line(&mut text, format_args!("#define NPU_{name} 0x{:03x}u", reg.offset)),
            _ => line(
                &mut text,
                format_args!(
                    "#define NPU_{name}(i) (0x{:03x}u + {}u * (i))",
                    reg.offset, reg.stride
                ),
            ),
        }
        for field in reg.fields {
            let id = format!("NPU_{name}_{}", field.name.to_uppercase());
            line(&mut text, format_args!("#define {id}_SHIFT {}u", field.lo));
            line(&mut text, format_args!("#define {id}_MASK 0x{:08x}u", field.mask()));
        }
    }
    text.push_str("\n/* Indices of the counters. */\n");
    let counters = counters(engines);
    for (index, counter) in counters.iter().enumerate() {
        let name = counter.name.replace('.', "_").to_uppercase();
        line(&mut text, format_args!("#define NPU_COUNTER_{name} {index}u"));
    }
    line(&mut text, format_args!("#define NPU_NUM_COUNTERS {}u", counters.len()));
    text.push_str("\n/* Engines in the order of the arrays above. */\n");
    for (index, name) in ENGINE_NAMES.iter().take(engines).enumerate() {
        line(&mut text, format_args!("#define NPU_QUEUE_{} {index}u", name.to_uppercase()));
    }
    text.push_str("\n/* Causes of faults. */\n");
    for cause in Cause::ALL {
        line(
            &mut text,
            format_args!("#define NPU_FAULT_{} {}u", constant_name(cause), cause.number()),
        );
    }
    text.push_str("\n#endif\n");
    text
}

/// `AXI_READ` for `AxiRead`.
fn constant_name(cause: &Cause) -> String {
    let mut name = String::new();
    for letter in format!("{cause:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtl::csr;

    #[test]
    fn manual_lists_every_register_and_counter() {
        let text = manual(ENGINE_NAMES.len());
        for reg in csr::REGISTERS {
            assert!(text.contains(&format!("### {}\n", reg.name)));
        }
        for counter in csr::COUNTERS {
            assert!(text.contains(&format!("`{}`", counter.name)));
        }
    }

    #[test]
    fn header_has_the_offsets() {
        let text = c_header(ENGINE_NAMES.len());
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("#define "))
            .filter_map(|rest| rest.split([' ', '(']).next())
            .collect();
        let distinct: std::collections::BTreeSet<&&str> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "a name is defined twice");
        assert!(text.contains("#define NPU_CONTROL 0x010u\n"));
        assert!(text.contains("#define NPU_FAULT_SEMAPHORE_OVERFLOW 12u\n"));
        assert!(text.contains("#define NPU_BASE_LO(i) (0x080u + 16u * (i))\n"));
        assert!(text.contains("#define NPU_STATUS_DONE_MASK 0x00000004u\n"));
    }
}
