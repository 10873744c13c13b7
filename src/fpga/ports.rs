//! Port tables of the shells, `fpga/ports/*.csv`: what stands between the parentheses of a
//! custom-logic top, and what `sh_ddr` looks like.

use serde::Deserialize;

/// Direction of a port, seen from the module that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Into the module.
    Input,
    /// Out of the module.
    Output,
    /// Both.
    Inout,
}

impl Direction {
    /// Verilog keyword.
    pub const fn keyword(self) -> &'static str {
        match self {
            Direction::Input => "input",
            Direction::Output => "output",
            Direction::Inout => "inout",
        }
    }
}

/// A port of the custom-logic top.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClPort {
    /// Name.
    pub name: String,
    /// Direction at the custom logic.
    pub direction_at_cl: Direction,
    /// Bits.
    pub width: u32,
    /// Range without brackets, empty for one bit.
    pub range: String,
    /// Interface it belongs to.
    pub group: String,
    /// Macro that must be defined for it to exist; with `!`, that must not.
    pub ifdef_guard: String,
    /// What to drive it with when the interface is not used.
    pub tieoff_if_unused: String,
    /// Remark.
    pub note: String,
}

/// A port of `sh_ddr`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShDdrPort {
    /// Name.
    pub name: String,
    /// Direction at `sh_ddr`.
    pub direction_at_sh_ddr: Direction,
    /// Bits of an element.
    pub width: u32,
    /// Range of the array of elements, empty when there is one.
    pub unpacked_dim: String,
    /// Remark.
    pub note: String,
}

/// A table that cannot be read: a mistake in npugen, found by its tests.
#[derive(Debug, thiserror::Error)]
#[error("port table: {0}")]
pub struct TableError(#[from] csv::Error);

/// Rows of a table.
pub fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<Vec<T>, TableError> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| Ok(row?)).collect()
}

/// Rows of a table of the custom logic's ports that exist when no macro is defined, as the shells
/// are built.
pub fn read_active(text: &str) -> Result<Vec<ClPort>, TableError> {
    #[derive(Deserialize)]
    struct Guard {
        ifdef_guard: String,
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let mut ports = Vec::new();
    for record in reader.records() {
        let record = record?;
        // Widths of the others are macros too.
        let guard: Guard = record.deserialize(Some(&header))?;
        if guard.ifdef_guard.is_empty() || guard.ifdef_guard.starts_with('!') {
            ports.push(record.deserialize(Some(&header))?);
        }
    }
    Ok(ports)
}
