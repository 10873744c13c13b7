//! Kits for FPGA cards in the cloud: everything around `npu_top` that makes it a custom-logic (CL)
//! project for a shell, and the software that drives it there.
//!
//! Owns the facts of each target ([`target`], [`ports`]), the registers of the custom logic
//! ([`registers`]), its Verilog and its build kit. Does not own the machine: it instantiates
//! `npu_top` and knows the register window and nothing else of it. Start reading at [`target`].

pub mod backend;
pub mod budget;
pub mod clock;
pub mod dma;
pub mod driver;
#[cfg(test)]
mod driver_tests;
pub mod error;
pub mod floorplan;
pub mod kit;
pub mod ports;
pub mod registers;
pub mod rtl;
pub mod shell;
pub mod simulated;
pub mod sysfs;
pub mod target;
mod views;

pub use backend::Backend;
pub use driver::{Card, CardOptions};
pub use error::Error;
