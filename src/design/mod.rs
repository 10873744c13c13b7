//! The validated design: the only source of widths, depths and sizes. Owns the rules between
//! configuration keys (`resolve`) and the fingerprint; knows nothing of Verilog or programs.
//! Invariant: fields are private and built in one function, so a `Design` is always legal and
//! nothing below it checks again. Start reading at [`Design`].

mod fingerprint;
mod operations;
mod presets;
mod random;
mod resolve;
mod units;

use std::path::Path;

use crate::config::{ConfigErrors, Override, RamConfig, RawConfig};
use crate::error::Error;
use crate::files;
use crate::isa::{CustomSpec, Engine};

pub use fingerprint::{Fingerprint, INVISIBLE};
pub use operations::{OPERANDS, OwnFunction, VectorOp};
pub use presets::PRESETS;
pub use units::{ComputeUnit, Output, State};

/// What a processing element is built of. All agree in every bit and cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// Two int8 multiplications per DSP48E2 slice.
    Dsp48e2,
    /// Plain Verilog.
    Generic,
    /// Loops that Verilator runs fast.
    Simulation,
}

impl Cell {
    /// The name in configurations and in the Verilog parameter CELL.
    pub const fn name(self) -> &'static str {
        match self {
            Cell::Dsp48e2 => "dsp48e2",
            Cell::Generic => "generic",
            Cell::Simulation => "simulation",
        }
    }
}

/// A buffer of several banks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BankedBuffer {
    /// Number of banks.
    pub banks: usize,
    /// Words of one bank, a power of two.
    pub bank_depth: usize,
    /// Whether neighbouring words are in neighbouring banks, and not in the same one.
    pub interleaved: bool,
    /// Words of all banks.
    pub words: usize,
    /// Bytes of a word.
    pub word_bytes: usize,
    /// What the banks are made of.
    pub ram: RamConfig,
}

impl BankedBuffer {
    /// Bank of a word, and its place there.
    pub fn place(&self, word: usize) -> (usize, usize) {
        match self.interleaved {
            true => (word % self.banks.max(1), word / self.banks.max(1)),
            false => (word / self.bank_depth.max(1), word % self.bank_depth.max(1)),
        }
    }
}

/// The weight ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightBuffer {
    /// Words, a power of two.
    pub words: usize,
    /// Bytes of a word: one weight row of every segment.
    pub word_bytes: usize,
}

/// The DRAM port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axi {
    /// Data width.
    pub data_bits: usize,
    /// Address width.
    pub addr_bits: usize,
    /// Identifier width.
    pub id_bits: usize,
    /// Longest burst.
    pub max_burst_beats: usize,
    /// Read bursts under way at once.
    pub read_outstanding: usize,
    /// Write bursts under way at once.
    pub write_outstanding: usize,
    /// Beats LOAD's receive queue holds.
    pub read_fifo_beats: usize,
}

impl Axi {
    /// Bytes of a beat.
    pub const fn beat_bytes(&self) -> usize {
        self.data_bits / 8
    }
}

/// The counting semaphores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Semaphores {
    /// How many.
    pub count: usize,
    /// Bits of a count.
    pub width: usize,
}

/// A legal neural processing unit. Immutable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Design {
    resolved: RawConfig,
    cell: Cell,
    packed: bool,
    segments: usize,
    segment_rows: usize,
    lanes: usize,
    ibuf: BankedBuffer,
    wbuf: WeightBuffer,
    vmem: BankedBuffer,
    pbuf_words: usize,
    axi: Axi,
    vector_ops: Vec<VectorOp>,
    functions: Vec<OwnFunction>,
    units: Vec<ComputeUnit>,
    canonical: String,
    fingerprint: Fingerprint,
}

impl Design {
    /// Reads a configuration and applies overrides. `file` names the text in messages.
    pub fn from_text(
        file: &str,
        text: &str,
        overrides: &[Override],
    ) -> Result<Design, Box<ConfigErrors>> {
        Design::from_text_in(Path::new(""), file, text, overrides)
    }

    /// Reads a configuration whose files are in a folder.
    fn from_text_in(
        folder: &Path,
        file: &str,
        text: &str,
        overrides: &[Override],
    ) -> Result<Design, Box<ConfigErrors>> {
        let mut draft = crate::config::read(file, text, overrides)?;
        draft.folder = folder.to_owned();
        resolve::build(&draft)
            .map_err(|violations| Box::new(ConfigErrors::new(file, text, violations)))
    }

    /// Reads a configuration from a text without a file.
    pub fn from_yaml(text: &str, overrides: &[Override]) -> Result<Design, Box<ConfigErrors>> {
        Design::from_text("config", text, overrides)
    }

    /// Reads a configuration file.
    pub fn from_file(path: &Path, overrides: &[Override]) -> Result<Design, Error> {
        let text = files::read_text(path, files::CONFIG_LIMIT)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = path.display().to_string();
        Ok(Design::from_text_in(folder, &name, &text, overrides)?)
    }

    /// One of the configurations in [`PRESETS`].
    pub fn preset(name: &str) -> Result<Design, Error> {
        Design::preset_with(name, &[])
    }

    /// One of the configurations in [`PRESETS`], with overrides.
    pub fn preset_with(name: &str, overrides: &[Override]) -> Result<Design, Error> {
        let text = presets::text(name).ok_or_else(|| Error::unknown_preset(name))?;
        Ok(Design::from_text(&format!("configs/{name}.yaml"), text, overrides)?)
    }

    /// The same machine built of another cell. Programs see no difference: `packed` stays.
    pub fn with_cell(&self, cell: Cell) -> Design {
        let mut design = self.clone();
        design.cell = cell;
        design.resolved.array.cell = cell.into();
        design.canonical = fingerprint::canonical(&design.resolved);
        design
    }

    /// Name of the design.
    pub fn name(&self) -> &str {
        &self.resolved.name
    }

    /// Rows of the array, R.
    pub fn rows(&self) -> usize {
        self.resolved.array.rows as usize
    }

    /// Columns of the array, C.
    pub fn cols(&self) -> usize {
        self.resolved.array.cols as usize
    }

    /// Bits of an activation, A.
    pub fn activation_bits(&self) -> usize {
        self.resolved.array.activation_bits as usize
    }

    /// Bits of a weight, B.
    pub fn weight_bits(&self) -> usize {
        self.resolved.array.weight_bits as usize
    }

    /// Segments of the array, S = ceil(R / 16): they load their weights side by side.
    pub const fn segments(&self) -> usize {
        self.segments
    }

    /// Rows of a segment, T = ceil(R / S).
    pub const fn segment_rows(&self) -> usize {
        self.segment_rows
    }

    /// What the processing elements are built of.
    pub const fn cell(&self) -> Cell {
        self.cell
    }

    /// Whether a weight of -2^(B-1) is a fault.
    pub const fn packed(&self) -> bool {
        self.packed
    }

    /// The activation buffer.
    pub const fn ibuf(&self) -> &BankedBuffer {
        &self.ibuf
    }

    /// The weight ring.
    pub const fn wbuf(&self) -> &WeightBuffer {
        &self.wbuf
    }

    /// The wide buffer.
    pub const fn vmem(&self) -> &BankedBuffer {
        &self.vmem
    }

    /// Vectors of accumulators in OBUF.
    pub fn obuf_depth(&self) -> usize {
        self.resolved.buffers.obuf.depth as usize
    }

    /// Words of PBUF, each for C output channels.
    pub const fn pbuf_words(&self) -> usize {
        self.pbuf_words
    }

    /// Lookup tables; 0 without [`Design::lookup`].
    pub fn tables(&self) -> usize {
        if self.lookup() { self.resolved.post.tables as usize } else { 0 }
    }

    /// SIMD lanes, V.
    pub const fn lanes(&self) -> usize {
        self.lanes
    }

    /// Whether VECTOR can write weight tiles: R = C = V, a power of two.
    pub fn dynamic_weights(&self) -> bool {
        self.rows() == self.cols() && self.cols() == self.lanes && self.lanes.is_power_of_two()
    }

    /// Products per lane and cycle of the sliding window, N.
    pub fn taps(&self) -> usize {
        self.resolved.vector.taps as usize
    }

    /// Accumulators per lane of the sliding window and of interleaved reductions.
    pub fn acc_depth(&self) -> usize {
        self.resolved.vector.acc_depth as usize
    }

    /// Whether the lanes compute in binary32.
    pub fn float(&self) -> bool {
        self.resolved.vector.float
    }

    /// Segments of the function unit; 0 without one.
    pub fn function_segments(&self) -> usize {
        self.resolved.vector.segments as usize
    }

    /// Operations of the lanes beyond those of the instruction table.
    pub fn vector_ops(&self) -> &[VectorOp] {
        &self.vector_ops
    }

    /// Functions for tables beyond those of [`crate::functions`].
    pub fn functions(&self) -> &[OwnFunction] {
        &self.functions
    }

    /// The compute units: the functions of the engine UNIT.
    pub fn units(&self) -> &[ComputeUnit] {
        &self.units
    }

    /// The engines with a queue. Those of [`Engine::QUEUED`] but UNIT are in every design.
    pub fn engines(&self) -> &'static [Engine] {
        let all = &Engine::QUEUED;
        let most = if self.units.is_empty() { all.len() - 1 } else { all.len() };
        all.get(..most).unwrap_or(all)
    }

    /// The operations and units as programs see them.
    pub fn custom_specs(&self) -> Vec<CustomSpec> {
        let operations = self.vector_ops.iter().enumerate().map(|(index, op)| op.spec(index));
        let units = self.units.iter().enumerate().map(|(index, unit)| unit.spec(index));
        operations.chain(units).collect()
    }

    /// Whether post-processing can add a residual.
    pub fn residual(&self) -> bool {
        self.resolved.post.residual
    }

    /// Whether post-processing has lookup tables.
    pub fn lookup(&self) -> bool {
        self.resolved.post.lookup
    }

    /// The DRAM port.
    pub const fn axi(&self) -> &Axi {
        &self.axi
    }

    /// The semaphores.
    pub fn semaphores(&self) -> Semaphores {
        let control = &self.resolved.control;
        Semaphores { count: control.semaphores as usize, width: control.semaphore_bits as usize }
    }

    /// Instructions an engine's queue holds.
    pub fn queue_depth(&self) -> usize {
        self.resolved.control.queue_depth as usize
    }

    /// Launches of LOAD or STORE under way at once: enough short ones to cover the latency of the
    /// memory. GEMM and VECTOR have four contexts each.
    pub const fn max_launches(&self) -> usize {
        10
    }

    /// Entries of the trace.
    pub fn trace_depth(&self) -> usize {
        self.resolved.control.trace_depth as usize
    }

    /// Bits of a program counter, which counts instruction words.
    pub const fn pc_bits(&self) -> usize {
        24
    }

    /// Clock of the target, for figures in seconds.
    pub fn clock_mhz(&self) -> u32 {
        self.resolved.clock_mhz
    }

    /// What hardware, programs and driver compare before they work together.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The resolved configuration with every key, as YAML. Reading it gives this design again.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// 64 bits of a hash over [`Design::canonical`], which tells any two configurations apart.
    pub fn config_hash(&self) -> Fingerprint {
        fingerprint::hash(&[self.canonical.as_bytes()])
    }

    /// The resolved configuration.
    pub const fn config(&self) -> &RawConfig {
        &self.resolved
    }
}
