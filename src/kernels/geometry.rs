//! The numbers of a design that tiling needs, as plain sizes.

use super::KernelError;
use crate::design::Design;

/// Sizes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Rows of the array: activations per IBUF word.
    pub rows: usize,
    /// Columns of the array.
    pub cols: usize,
    /// Segments of the array.
    pub segments: usize,
    /// Rows of a segment: WBUF words per weight tile.
    pub segment_rows: usize,
    /// Lanes of VECTOR.
    pub lanes: usize,
    /// Lane words per IBUF word.
    pub slices: usize,
    /// Products per lane and cycle in a depthwise convolution.
    pub taps: usize,
    /// Longest row of outputs of a depthwise convolution.
    pub acc_depth: usize,
    /// Whether the lanes compute in binary32.
    pub float: bool,
    /// Bits of an activation.
    pub activation_bits: usize,
    /// Bytes of an activation (kernels need whole bytes).
    pub activation_bytes: usize,
    /// Bits of a weight.
    pub weight_bits: usize,
    /// The cell cannot hold the smallest weight.
    pub packed: bool,
    /// Vectors in OBUF.
    pub obuf_depth: usize,
    /// Words in IBUF and in each of its banks.
    pub ibuf_words: usize,
    /// Words in a bank of IBUF.
    pub ibuf_bank_depth: usize,
    /// Words in WBUF.
    pub wbuf_words: usize,
    /// Bytes in a word of WBUF.
    pub wbuf_word_bytes: usize,
    /// Words in PBUF.
    pub pbuf_words: usize,
    /// Words in VMEM.
    pub vmem_words: usize,
    /// Words in a bank of VMEM.
    pub vmem_bank_depth: usize,
    /// Bytes the bus moves per cycle.
    pub bus_bytes: usize,
}

impl Geometry {
    /// Sizes of a design whose activations are whole bytes.
    pub fn new(design: &Design) -> Result<Geometry, KernelError> {
        let bits = design.activation_bits();
        if !bits.is_multiple_of(8) {
            return Err(KernelError::ActivationBits { bits });
        }
        Ok(Geometry {
            rows: design.rows(),
            cols: design.cols(),
            segments: design.segments(),
            segment_rows: design.segment_rows(),
            lanes: design.lanes(),
            slices: design.rows() / design.lanes(),
            taps: design.taps(),
            acc_depth: design.acc_depth(),
            float: design.float(),
            activation_bits: bits,
            activation_bytes: bits / 8,
            weight_bits: design.weight_bits(),
            packed: design.packed(),
            obuf_depth: design.obuf_depth(),
            ibuf_words: design.ibuf().words,
            ibuf_bank_depth: design.ibuf().bank_depth,
            wbuf_words: design.wbuf().words,
            wbuf_word_bytes: design.wbuf().word_bytes,
            pbuf_words: design.pbuf_words(),
            vmem_words: design.vmem().words,
            vmem_bank_depth: design.vmem().bank_depth,
            bus_bytes: design.axi().data_bits / 8,
        })
    }
}
