//! From a Design to Verilog and its companions.
