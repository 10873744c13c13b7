//! The numbers of a design that decide what a program means.

use crate::design::Design;

/// Widths and depths of one machine, named as in docs/machine.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// R.
    pub rows: usize,
    /// C.
    pub cols: usize,
    /// V.
    pub lanes: usize,
    /// A.
    pub activation_bits: u32,
    /// B.
    pub weight_bits: u32,
    /// S.
    pub segments: usize,
    /// T.
    pub segment_rows: usize,
    /// Words of IBUF.
    pub ibuf_words: usize,
    /// Words of WBUF.
    pub wbuf_words: usize,
    /// Vectors of OBUF.
    pub obuf_words: usize,
    /// Words of PBUF.
    pub pbuf_words: usize,
    /// Words of VMEM.
    pub vmem_words: usize,
    /// Lookup tables.
    pub tables: usize,
    /// N, taps of `depthwise`.
    pub taps: usize,
    /// Outputs of a row of `depthwise`, results of an interleaved reduction.
    pub acc_depth: usize,
    /// Whether the lanes compute in binary32.
    pub float: bool,
    /// Segments of the function unit.
    pub function_segments: usize,
    /// Whether a weight of -2^(B-1) is a fault.
    pub packed: bool,
    /// Whether there is a residual addition.
    pub residual: bool,
    /// Whether VECTOR can write weight tiles.
    pub dynamic_weights: bool,
    /// Engines with a queue.
    pub engines: usize,
    /// Custom operations of VECTOR.
    pub vector_ops: usize,
    /// Compute units.
    pub units: usize,
    /// Number of semaphores.
    pub semaphores: usize,
    /// Largest count of a semaphore.
    pub semaphore_max: u64,
}

impl Shape {
    /// The numbers of a design.
    pub fn new(design: &Design) -> Shape {
        let (rows, cols, lanes) = (design.rows(), design.cols(), design.lanes());
        let semaphores = design.semaphores();
        Shape {
            rows,
            cols,
            lanes,
            activation_bits: u32::try_from(design.activation_bits()).unwrap_or(8),
            weight_bits: u32::try_from(design.weight_bits()).unwrap_or(8),
            segments: design.segments(),
            segment_rows: design.segment_rows(),
            ibuf_words: design.ibuf().words,
            wbuf_words: design.wbuf().words,
            obuf_words: design.obuf_depth(),
            pbuf_words: design.pbuf_words(),
            vmem_words: design.vmem().words,
            tables: design.tables(),
            taps: design.taps(),
            acc_depth: design.acc_depth(),
            float: design.float(),
            function_segments: design.function_segments(),
            packed: design.packed(),
            residual: design.residual(),
            dynamic_weights: rows == cols && cols == lanes && rows.is_power_of_two(),
            engines: design.engines().len(),
            vector_ops: design.vector_ops().len(),
            units: design.units().len(),
            semaphores: semaphores.count,
            semaphore_max: (1 << semaphores.width.min(63)) - 1,
        }
    }

    /// Smallest and largest activation.
    pub fn activation_range(&self) -> (i64, i64) {
        let half = 1_i64 << (self.activation_bits - 1);
        (-half, half - 1)
    }

    /// Weights of one WBUF word.
    pub fn weights_per_word(&self) -> usize {
        self.segments * self.cols
    }

    /// Bytes of an IBUF word.
    pub fn ibuf_word_bytes(&self) -> usize {
        self.rows * self.activation_bits as usize / 8
    }

    /// Bytes of a WBUF word.
    pub fn wbuf_word_bytes(&self) -> usize {
        self.weights_per_word() * self.weight_bits as usize / 8
    }

    /// IBUF words counted in lanes of VECTOR.
    pub fn lane_words(&self) -> usize {
        self.ibuf_words * (self.rows / self.lanes)
    }
}
