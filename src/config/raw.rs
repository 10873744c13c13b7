//! The configuration as written. The doc comments here are the manual: the JSON schema, the page
//! `docs/config.md` and the limits in messages are all made from these types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// A neural processing unit. A key that is left out has the value it has in `configs/default.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// Name of the design: a lower-case letter, then lower-case letters, digits and `_`.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]*$"), length(min = 1, max = 32))]
    pub name: String,
    /// The systolic array.
    pub array: ArrayConfig,
    /// On-chip buffers.
    pub buffers: BufferConfig,
    /// The SIMD engine.
    pub vector: VectorConfig,
    /// Post-processing behind the array and behind the SIMD lanes.
    pub post: PostConfig,
    /// The DRAM port.
    pub axi: AxiConfig,
    /// Instruction flow.
    pub control: ControlConfig,
    /// Operations of your own.
    #[serde(skip_serializing_if = "ExtensionConfig::is_empty")]
    pub extensions: ExtensionConfig,
    /// Clock of the target, for figures in seconds only; the hardware does not depend on it.
    #[schemars(range(min = 1, max = 2000))]
    pub clock_mhz: u32,
}

/// Systolic array of `rows` x `cols` multipliers; row r holds input channel r, column c output channel c.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArrayConfig {
    /// Rows: input channels a tile takes in. One of `rows` and `cols` must divide the other.
    #[schemars(range(min = 1, max = 256))]
    pub rows: u32,
    /// Columns: output channels a tile produces.
    #[schemars(range(min = 1, max = 256))]
    pub cols: u32,
    /// Bits of an activation: 4, 8 or 16. `rows` activations must fill whole bytes.
    #[schemars(range(min = 4, max = 16))]
    pub activation_bits: u32,
    /// Bits of a weight: 4, 8 or 16. A row of weights must fill whole bytes.
    #[schemars(range(min = 4, max = 16))]
    pub weight_bits: u32,
    /// What a processing element is built of. All cells agree in every bit and cycle.
    pub cell: CellConfig,
    /// Whether a weight of -2^(weight_bits - 1) is a fault, as the packed cell `dsp48e2` requires.
    /// Left out, it follows `cell`. Part of what a program sees, unlike `cell`.
    pub packed: Option<bool>,
}

/// Processing element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CellConfig {
    /// Two int8 multiplications per DSP48E2 slice of an UltraScale+ device.
    Dsp48e2,
    /// Plain Verilog, for any device and for ASIC.
    Generic,
    /// Dot products in loops: what Verilator runs fastest.
    Simulation,
}

/// Sizes of the on-chip buffers. Sizes in bytes are rounded down to what the hardware can build
/// (banks of a power of two of words); the resolved configuration shows the rounded value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BufferConfig {
    /// IBUF: feature maps, one word of `rows` activations per address.
    pub ibuf: BankedConfig,
    /// WBUF: weight tiles, a ring; a power of two of weight rows.
    pub wbuf: WeightConfig,
    /// OBUF: accumulators.
    pub obuf: AccumulatorConfig,
    /// PBUF: bias and scale per output channel.
    pub pbuf: ParameterConfig,
    /// VMEM: wide tensors, one word of `lanes` 32-bit values per address.
    pub vmem: BankedConfig,
}

/// A buffer of several banks, each with one read and one write port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BankedConfig {
    /// Capacity of all banks together, such as `64 KiB`.
    pub size: Bytes,
    /// Banks; more banks, fewer conflicts between engines. Those of IBUF are interleaved word by word
    /// and a power of two.
    #[schemars(range(min = 1, max = 16))]
    pub banks: u32,
    /// What the banks are made of; only synthesis can tell.
    pub ram: RamConfig,
}

/// Memory cells of an FPGA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RamConfig {
    /// What the synthesis tool takes by itself.
    Auto,
    /// Block RAM.
    Block,
    /// UltraRAM, which UltraScale+ devices have: 4096 words of 64 bits that are written bytewise.
    Ultra,
}

impl RamConfig {
    /// The name in configurations, and what the Verilog attribute `ram_style` takes.
    pub const fn name(self) -> &'static str {
        match self {
            RamConfig::Auto => "auto",
            RamConfig::Block => "block",
            RamConfig::Ultra => "ultra",
        }
    }
}

/// The weight ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WeightConfig {
    /// Capacity, such as `64 KiB`; one weight tile must fit.
    pub size: Bytes,
}

/// The accumulators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccumulatorConfig {
    /// Vectors of `cols` accumulators of 32 bits: the pixels of a tile.
    #[schemars(range(min = 16, max = 65536))]
    pub depth: u32,
}

/// Parameters per output channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParameterConfig {
    /// Output channels with a bias and a scale; rounded up to a multiple of `cols`.
    #[schemars(range(min = 1, max = 65536))]
    pub channels: u32,
}

/// The SIMD engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VectorConfig {
    /// Lanes; left out, as many as `rows`. `rows` / `lanes` must be a power of two, and one of
    /// `lanes` and `cols` must divide the other.
    #[schemars(range(min = 1, max = 256))]
    pub lanes: Option<u32>,
    /// Products per lane and cycle of the sliding window (`depthwise`).
    #[schemars(range(min = 1, max = 8))]
    pub taps: u32,
    /// Accumulators per lane: the longest output row of the sliding window, and the most results of
    /// an interleaved reduction.
    #[schemars(range(min = 4, max = 4096))]
    pub acc_depth: u32,
    /// Binary32 arithmetic in the lanes: sums, products, comparisons, conversions, and reductions
    /// across the lanes.
    pub float: bool,
    /// Segments of the function unit, a piecewise quadratic with loadable tables (exp2, reciprocal,
    /// GELU, ...): 0 leaves the unit out, else 16 or more. Needs `float`.
    #[schemars(range(min = 0, max = 4096))]
    pub segments: u32,
}

/// What a machine has beyond this manual.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExtensionConfig {
    /// Operations of the SIMD lanes, each defined by an expression. They get the function numbers
    /// from 64 on, in this order.
    #[schemars(length(max = 64))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vector_ops: Vec<VectorOpConfig>,
    /// Functions for tables of the function unit, each defined by an expression.
    #[schemars(length(max = 64))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionConfig>,
    /// Compute units: a fifth engine, UNIT, streams operands from the buffers through them and their
    /// outputs back. They get its function numbers, in this order.
    #[schemars(length(max = 16))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitConfig>,
}

impl ExtensionConfig {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.vector_ops.is_empty() && self.functions.is_empty() && self.units.is_empty()
    }
}

/// One function for tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionConfig {
    /// Name, `npugen function NAME`.
    #[schemars(length(max = 24))]
    pub name: String,
    /// The value, an expression of x in binary64; see docs/extensions.md.
    #[schemars(length(max = 4096), extend("x-text" = "an expression such as `x * tanh(x)`"))]
    pub expression: String,
    /// Arguments of the table go from minus this to this, rounded up to a power of two; beyond it
    /// the function goes on as a straight line.
    #[schemars(range(min = 1, max = 65536))]
    pub range: u32,
}

/// One compute unit: in every lane, states that each element of a group changes, and outputs of what
/// they are after its last element. All values are integers of 32 bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitConfig {
    /// Name in assembly, `run unit.NAME`.
    #[schemars(length(max = 24))]
    pub name: String,
    /// What it does, for the manual.
    #[serde(default)]
    #[schemars(length(max = 200), extend("x-text" = "a sentence"))]
    pub doc: Option<String>,
    /// Operands of an element: 1 is a, 2 are a and b.
    #[schemars(range(min = 1, max = 2))]
    pub operands: u32,
    /// Names of the registers p0 to p3 in the expressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(max = 24)))]
    pub parameters: Vec<String>,
    /// What a lane remembers of the elements of a group.
    #[schemars(length(max = 8))]
    pub states: Vec<StateConfig>,
    /// The words given for a group, in this order.
    #[schemars(length(max = 8))]
    pub outputs: Vec<OutputConfig>,
    /// A Verilog file with a module `npu_unit_NAME` of your own in the place of the one made from the
    /// expressions, beside this configuration; see docs/units.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("x-text" = "the path of a file"))]
    pub verilog: Option<String>,
}

/// One state of a compute unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    /// Name in the expressions.
    #[schemars(length(max = 24))]
    pub name: String,
    /// Value before the first element of a group: an expression of `lane` and the parameters.
    #[schemars(length(max = 4096), extend("x-text" = "an expression such as `0`"))]
    pub initial: String,
    /// Value after an element: an expression of a, b, `index` (the element's position in the group),
    /// `lane`, the parameters, and all states as they were before.
    #[schemars(length(max = 4096), extend("x-text" = "an expression such as `max(best, a)`"))]
    pub next: String,
}

/// One output of a compute unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputConfig {
    /// Name, for reports.
    #[schemars(length(max = 24))]
    pub name: String,
    /// Its value: an expression of the states after the last element, `count` (the elements of the
    /// group), `lane` and the parameters.
    #[schemars(length(max = 4096), extend("x-text" = "an expression such as `sum / count`"))]
    pub value: String,
}

/// One operation of the SIMD lanes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorOpConfig {
    /// Name in assembly, `run vector.NAME`.
    #[schemars(length(max = 24))]
    pub name: String,
    /// What it does, for the manual.
    #[serde(default)]
    #[schemars(length(max = 200), extend("x-text" = "a sentence"))]
    pub doc: Option<String>,
    /// Operands: 1 is a, 2 are a and b, 3 are a, b and c; c is the register `imm`.
    #[schemars(range(min = 1, max = 3))]
    pub operands: u32,
    /// What operands and result are.
    #[serde(rename = "type")]
    pub domain: DomainConfig,
    /// The result, an expression of the operands; see docs/extensions.md.
    #[schemars(length(max = 4096), extend("x-text" = "an expression such as `max(a, 0) + b`"))]
    pub expression: String,
    /// A Verilog file with a module `npu_op_NAME` of your own in the place of the one made from the
    /// expression, beside this configuration; see docs/extensions.md. Needs `latency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("x-text" = "the path of a file"))]
    pub verilog: Option<String>,
    /// Cycles from operands to result; left out, as many as the expression needs.
    #[serde(default)]
    #[schemars(range(min = 1, max = 64))]
    pub latency: Option<u32>,
}

/// Type of an operation's operands and result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DomainConfig {
    /// Integers of 32 bits.
    Int,
    /// Binary32; needs `vector.float`.
    Float,
}

/// Options of the post-processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PostConfig {
    /// Residual addition behind the array and the lanes.
    pub residual: bool,
    /// Lookup tables of 256 entries for any activation function; activations of at most 8 bits.
    pub lookup: bool,
    /// How many lookup tables.
    #[schemars(range(min = 1, max = 8))]
    pub tables: u32,
}

/// The AXI4 master for DRAM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AxiConfig {
    /// Data width: a power of two from 32 to 1024.
    #[schemars(range(min = 32, max = 1024))]
    pub data_bits: u32,
    /// Address width.
    #[schemars(range(min = 32, max = 40))]
    pub addr_bits: u32,
    /// Width of the transaction identifiers.
    #[schemars(range(min = 1, max = 16))]
    pub id_bits: u32,
    /// Longest burst: a power of two, and at most 4096 bytes.
    #[schemars(range(min = 1, max = 256))]
    pub max_burst_beats: u32,
    /// Read bursts under way at once.
    #[schemars(range(min = 1, max = 64))]
    pub read_outstanding: u32,
    /// Write bursts under way at once.
    #[schemars(range(min = 1, max = 64))]
    pub write_outstanding: u32,
    /// Beats LOAD can receive before it must ask for less: a power of two, at least one burst.
    #[schemars(range(min = 2, max = 4096))]
    pub read_fifo_beats: u32,
}

/// Instruction flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ControlConfig {
    /// Semaphores between engines.
    #[schemars(range(min = 1, max = 16))]
    pub semaphores: u32,
    /// Bits of a semaphore's count.
    #[schemars(range(min = 1, max = 16))]
    pub semaphore_bits: u32,
    /// Instructions each engine's queue holds: a power of two.
    #[schemars(range(min = 4, max = 4096))]
    pub queue_depth: u32,
    /// Entries of the trace of `TAG` instructions: a power of two.
    #[schemars(range(min = 4, max = 4096))]
    pub trace_depth: u32,
}

impl Default for RawConfig {
    fn default() -> Self {
        RawConfig {
            name: "npu".to_owned(),
            array: ArrayConfig::default(),
            buffers: BufferConfig::default(),
            vector: VectorConfig::default(),
            post: PostConfig::default(),
            axi: AxiConfig::default(),
            control: ControlConfig::default(),
            extensions: ExtensionConfig::default(),
            clock_mhz: 250,
        }
    }
}

impl Default for ArrayConfig {
    fn default() -> Self {
        ArrayConfig {
            rows: 16,
            cols: 16,
            activation_bits: 8,
            weight_bits: 8,
            cell: CellConfig::Dsp48e2,
            packed: None,
        }
    }
}

impl Default for BufferConfig {
    fn default() -> Self {
        BufferConfig {
            ibuf: BankedConfig { size: Bytes::kib(2048), banks: 8, ram: RamConfig::Auto },
            wbuf: WeightConfig { size: Bytes::kib(256) },
            obuf: AccumulatorConfig { depth: 512 },
            pbuf: ParameterConfig { channels: 2048 },
            vmem: BankedConfig { size: Bytes::kib(128), banks: 4, ram: RamConfig::Auto },
        }
    }
}

impl Default for VectorConfig {
    fn default() -> Self {
        VectorConfig { lanes: None, taps: 3, acc_depth: 512, float: true, segments: 512 }
    }
}

impl Default for PostConfig {
    fn default() -> Self {
        PostConfig { residual: true, lookup: true, tables: 8 }
    }
}

impl Default for AxiConfig {
    fn default() -> Self {
        AxiConfig {
            data_bits: 128,
            addr_bits: 40,
            id_bits: 4,
            max_burst_beats: 16,
            read_outstanding: 64,
            write_outstanding: 32,
            read_fifo_beats: 512,
        }
    }
}

impl Default for ControlConfig {
    fn default() -> Self {
        ControlConfig { semaphores: 16, semaphore_bits: 8, queue_depth: 512, trace_depth: 256 }
    }
}

impl Default for BankedConfig {
    fn default() -> Self {
        BufferConfig::default().ibuf
    }
}

impl Default for WeightConfig {
    fn default() -> Self {
        BufferConfig::default().wbuf
    }
}

impl Default for AccumulatorConfig {
    fn default() -> Self {
        BufferConfig::default().obuf
    }
}

impl Default for ParameterConfig {
    fn default() -> Self {
        BufferConfig::default().pbuf
    }
}
