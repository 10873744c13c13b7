//! The validated, immutable machine: the only source of widths, depths and addresses.
