//! The simulated Verilog in tests.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

use npugen::cosim::build::BuildOptions;
use npugen::cosim::executor::{Rtl, RtlOptions};
use npugen::design::Design;

/// A simulation that is built quickly, and stops soon when nothing moves.
pub fn quick() -> RtlOptions {
    RtlOptions {
        build: BuildOptions { quick: true, ..BuildOptions::default() },
        watchdog: 20_000,
        ..RtlOptions::default()
    }
}

/// The machine, or `None` where Verilator is missing, which it must not be in CI.
pub fn machine(design: &Design, options: RtlOptions) -> Option<Rtl> {
    match Rtl::new(design, options) {
        Ok(rtl) => Some(rtl),
        Err(error) if error.is_missing_tool() && std::env::var_os("CI").is_none() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}
