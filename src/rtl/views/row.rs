//! Rows that several views share.

/// A constant: its name and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Verilog name.
    pub name: String,
    /// Verilog text.
    pub value: String,
}

/// A signal: its name and its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRange {
    /// Verilog name.
    pub name: String,
    /// Text such as `[7:0]`.
    pub range: String,
}
