//! The instruction manual, `docs/isa.md`.

use super::domain::CustomSpec;
use super::spec::{EngineSpec, Field};
use super::table::{self, ENGINES, op};

/// The manual as Markdown, with the operations of a design's own.
pub fn manual(custom: &[CustomSpec]) -> String {
    let mut text = String::from(
        "# The instruction set\n\n\
         Generated from the instruction table, `src/isa/table.rs`; the rules behind the fields are in [machine.md](machine.md).\n",
    );
    text.push_str(&format!("Version {} of the table.\n\n", table::ISA_VERSION));
    words(&mut text);
    assembly(&mut text);
    for spec in ENGINES {
        let own: Vec<&CustomSpec> =
            custom.iter().filter(|function| function.engine == spec.engine).collect();
        engine(&mut text, spec, &own);
    }
    text
}

fn words(text: &mut String) {
    text.push_str(
        "## Words\n\n\
         An instruction has 64 bits. Bits that a word does not use are zero; anything else is an illegal instruction.\n\n\
         | instruction | [63:60] | other fields | meaning |\n|---|---|---|---|\n",
    );
    for spec in op::ALL {
        let fields: Vec<String> = spec
            .fields
            .iter()
            .map(|(name, bits)| format!("[{}:{}] {name}", bits.lo + bits.width - 1, bits.lo))
            .collect();
        text.push_str(&row(&[
            &format!("`{}`", spec.name),
            &spec.number.to_string(),
            &fields.join(", "),
            spec.doc,
        ]));
    }
    text.push_str(
        "\n`set` addresses any engine, `run` and `tag` only one with a queue.\n\n| engine | number | what it does |\n|---|---|---|\n",
    );
    for spec in ENGINES {
        let link = format!("[`{0}`](#{0})", spec.name);
        text.push_str(&row(&[&link, &spec.engine.number().to_string(), spec.doc]));
    }
    text.push('\n');
}

fn assembly(text: &mut String) {
    text.push_str(ASSEMBLY);
}

fn engine(text: &mut String, spec: &EngineSpec, custom: &[&CustomSpec]) {
    text.push_str(&format!("## {}\n\n{}\n\n", spec.name, spec.doc));
    if !spec.functions.is_empty() || !custom.is_empty() {
        text.push_str("| function | number | meaning |\n|---|---|---|\n");
        for function in spec.functions {
            let name = format!("`{}.{}`", spec.name, function.name);
            text.push_str(&row(&[&name, &function.number.to_string(), function.doc]));
        }
        for function in custom {
            let name = format!("`{}.{}`", spec.name, function.name);
            text.push_str(&row(&[&name, &function.number.to_string(), &function.doc]));
        }
        text.push('\n');
    }
    if !spec.flags.is_empty() {
        text.push_str("| flag | bits | meaning |\n|---|---|---|\n");
        for flag in spec.flags {
            text.push_str(&row(&[&format!("`{}`", flag.name), &bits(flag), flag.doc]));
        }
        text.push('\n');
    }
    text.push_str("| register | number | field | bits | range | reset | meaning |\n|---|---|---|---|---|---|---|\n");
    for register in spec.registers {
        let name = format!("`{}.{}`", spec.name, register.name);
        let number = register.number.to_string();
        text.push_str(&row(&[&name, &number, "", "", "", "", register.doc]));
        for field in register.fields {
            let range = format!("{} to {}", field.min(), field.max());
            let unit =
                if field.unit.is_empty() { range } else { format!("{range} {}", field.unit) };
            let name = format!("`{}`", field.name);
            let reset = match field.unit {
                "binary32" => format!("{:#x}", field.reset),
                _ => field.reset.to_string(),
            };
            text.push_str(&row(&["", "", &name, &bits(field), &unit, &reset, field.doc]));
        }
    }
    text.push('\n');
}

fn bits(field: &Field) -> String {
    match field.width {
        1 => format!("[{}]", field.lo),
        width => format!("[{}:{}]", field.lo + width - 1, field.lo),
    }
}

fn row(cells: &[&str]) -> String {
    let escaped: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", escaped.join(" | "))
}

const ASSEMBLY: &str = r#"## Assembly

One statement a line; `;` starts a comment. Numbers are decimal, `0x` hexadecimal, `0b` binary, or, for binary32 fields, a
decimal number with a point or exponent (`1.0`, `2.5e-3`). `npugen disasm` writes this form and `npugen asm` reads it back to the same bytes.

```
.npu "edge"                               ; name of the configuration
.region 0 input 4096 "picture"            ; base register, kind, bytes, name
.region 1 weights 64 "conv1"
.data 01 02 ff 00                         ; content of the region above, from its start
.data 7f * 60                             ; the same byte 60 times
.tensor "x" region=0 offset=0 shape=1,8,8,3 layout=nhwc dtype=int8 scale=0.5 zero=-3
; A layer of a compiled network: name, tensor, why it was not fused (if so), its nodes.
.layer "conv1" "y" "" "Conv_0" "Relu_1" kernel=conv engine=gemm macs=13824 shape=8,8,8 place=ibuf
.note "conv1 tile 0"                      ; what the following instructions are for
set ctrl.sem index=0 producer=load consumer=gemm
set load.dram base=0 offset=0x100         ; fields left out have their reset value
run load.ibuf signal=s0                   ; function, semaphores, flags
run gemm.act wait=s0 residual lookup table=1
tag gemm 7
nop
fence
end
```

An empty `.note` ends the one before it. `.word 0x0` puts in a word as it is, which need not be a legal instruction. A `.npu` line with `fingerprint` and `semaphores`, and
`.config` lines with the canonical configuration, make the text independent of a configuration file.

"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_table_is_in_the_manual() {
        let text = manual(&[]);
        for spec in ENGINES {
            for function in spec.functions {
                assert!(
                    text.contains(&format!(
                        "`{}.{}` | {}",
                        spec.name, function.name, function.number
                    ))
                );
            }
            for register in spec.registers {
                assert!(text.contains(&format!(
                    "| `{}.{}` | {} |",
                    spec.name, register.name, register.number
                )));
                for field in register.fields {
                    assert!(text.contains(&field.doc.replace('|', "\\|")), "{field}");
                }
            }
        }
    }

    #[test]
    fn rows_of_a_table_have_as_many_cells_as_its_head() {
        let mut cells = None;
        for line in manual(&[]).lines() {
            let count = line.replace("\\|", "").matches('|').count();
            match cells {
                Some(expected) if line.starts_with('|') => assert_eq!(count, expected, "{line}"),
                _ => cells = line.starts_with('|').then_some(count),
            }
        }
    }
}
