//! The instruction set. [`table`] is the only definition; [`spec`] is the vocabulary it is written in.

pub mod spec;
pub mod table;

pub use spec::{Engine, EngineSpec, Field, FunctionSpec, Home, RegisterSpec};
