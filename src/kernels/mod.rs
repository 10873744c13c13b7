//! Kernels: the only place that knows how an operator maps to instructions.
//!
//! A kernel is a function on an [`Emitter`]: it places tensors, cuts the work into tiles that fit
//! the buffers and emits launches in program order. Order between launches is the emitter's
//! business: it finds dependences from what launches read and write and turns them into
//! semaphores, so every kernel is double buffered wherever there is space.
//!
//! Start with [`conv`] for the array and [`vector`] for the lanes.

pub mod attention;
pub mod conv;
mod conv_launch;
mod conv_plan;
pub mod emit;
pub mod geometry;
pub mod hazard;
pub mod maps;
mod masks;
pub mod pool;
pub mod rearrange;
pub mod rows;
pub mod stream;
pub mod strips;
pub mod tensor;
mod tile_maps;
mod tiling;
pub mod transfer;
pub mod vector;
pub mod weights;
pub mod wide;

pub use emit::Emitter;
pub use geometry::Geometry;
pub use tensor::{DramTensor, Fmap};

use crate::isa::RangeError;
use crate::program::BuildError;

/// Why a kernel cannot be emitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KernelError {
    /// A value does not fit its field, or the program has too many regions or semaphores.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A flag's value does not fit.
    #[error(transparent)]
    Range(RangeError),
    /// The decoder cannot be launched.
    #[error("`ctrl` has no launches")]
    NoQueue,
    /// More launches than can be counted.
    #[error("the program has more than 2^32 launches")]
    TooLong,
    /// No stretch of IBUF is long enough.
    #[error(
        "a feature map of {words} words does not fit: the largest free stretch of IBUF has {largest} of {total} words; raise `buffers.ibuf.size` or use smaller tiles"
    )]
    IbufFull {
        /// Words needed.
        words: usize,
        /// Longest free stretch.
        largest: usize,
        /// Words in IBUF.
        total: usize,
    },
    /// No stretch of VMEM is long enough.
    #[error(
        "{words} words of parameters do not fit: VMEM has {total} words; raise `buffers.vmem.size`"
    )]
    VmemFull {
        /// Words needed.
        words: usize,
        /// Words in VMEM.
        total: usize,
    },
    /// Weights of one step do not fit.
    #[error(
        "{words} words of weights do not fit in WBUF ({total} words); raise `buffers.wbuf.size`"
    )]
    WbufFull {
        /// Words needed.
        words: usize,
        /// Words in WBUF.
        total: usize,
    },
    /// Parameters of a layer do not fit.
    #[error(
        "parameters of {words} blocks of output channels do not fit in PBUF ({total} words); raise `buffers.pbuf.channels`"
    )]
    PbufFull {
        /// Words needed.
        words: usize,
        /// Words in PBUF.
        total: usize,
    },
    /// An operation on binary32 in a design that computes integers only.
    #[error("`vector.{function}` needs binary32 on the lanes, but `vector.float` is false; set it")]
    NoFloat {
        /// Function of VECTOR.
        function: &'static str,
    },
    /// No room for a table of the function unit.
    #[error(
        "a table of {segments} segments does not fit: {free} of {total} segments are free; raise `vector.segments`"
    )]
    Segments {
        /// Segments of the table.
        segments: usize,
        /// Segments not in use.
        free: usize,
        /// Segments of the design.
        total: usize,
    },
    /// An operator without the table it needs.
    #[error(
        "there is no table of `{name}` with at most {segments} segments; raise `vector.segments`"
    )]
    NoTable {
        /// Name of the function.
        name: String,
        /// Segments it may have.
        segments: usize,
    },
    /// Activations of part of a byte.
    #[error("kernels move whole bytes, but `precision.activation` is {bits} bits; use 8 or 16")]
    ActivationBits {
        /// Bits of an activation.
        bits: usize,
    },
    /// An operator the machine has no way to compute.
    #[error("{kernel}: {what} is {value}, but {limit}")]
    Unsupported {
        /// Kernel.
        kernel: &'static str,
        /// Quantity.
        what: &'static str,
        /// Its value.
        value: usize,
        /// What is allowed.
        limit: String,
    },
}
