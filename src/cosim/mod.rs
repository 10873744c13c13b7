//! Co-simulation of the emitted RTL with Verilator.
