//! Programs: what they consist of, how they are built, kept in files, written as text and checked.
//!
//! [`Builder`] makes a [`Program`] from launches. Nothing here executes one, and nothing here knows
//! of tensors' contents or of time.
//!
//! Invariant: a program carries everything an executor needs (code, memory regions with their
//! initial bytes, tensors at its border) and the configuration it was made for.

pub mod asm;
pub mod builder;
pub mod disasm;
pub mod file;
pub mod footprint;
pub mod layer;
pub mod lint;
pub mod names;
pub mod target;

pub use asm::{AsmErrors, assemble};
pub use builder::{BuildError, Builder, Semaphore};
pub use disasm::disassemble;
pub use file::FileError;
pub use layer::{LayerInfo, Memory};
pub use names::Names;
pub use target::{Difference, Mismatch, Target};

/// Number of base registers, and so of memory regions.
pub const MAX_REGIONS: usize = 8;

/// Most semaphores: the masks of a launch have a bit for each.
pub const MAX_SEMAPHORES: u8 = 16;

/// Largest region: what the widest bus, 40 address bits, can reach.
pub const MAX_REGION_BYTES: u64 = 1 << 40;

/// Most instructions: the hardware counts them with 24 bits.
pub const MAX_WORDS: usize = (1 << 24) - 1;

/// A program.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Program {
    /// The design it is made for.
    pub target: Target,
    /// Instruction words.
    pub code: Vec<u64>,
    /// DRAM regions, one per base register.
    pub regions: Vec<Region>,
    /// Tensors at the program's border.
    pub tensors: Vec<Tensor>,
    /// Why the instructions are there.
    pub provenance: Provenance,
    /// Layers of a compiled network, in its order; empty for other programs.
    pub layers: Vec<LayerInfo>,
}

impl Program {
    /// The region of a base register.
    pub fn region(&self, base: u8) -> Option<&Region> {
        self.regions.iter().find(|region| region.base == base)
    }

    /// The tensor with this name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// What a region is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum RegionKind {
    /// Written by the host before each run.
    Input,
    /// Read by the host after each run.
    Output,
    /// Constant, part of the program.
    Weights,
    /// Used by the program alone.
    Scratch,
}

impl RegionKind {
    /// Every kind.
    pub const ALL: [RegionKind; 4] =
        [RegionKind::Input, RegionKind::Output, RegionKind::Weights, RegionKind::Scratch];

    /// Name in assembly.
    pub const fn name(self) -> &'static str {
        match self {
            RegionKind::Input => "input",
            RegionKind::Output => "output",
            RegionKind::Weights => "weights",
            RegionKind::Scratch => "scratch",
        }
    }
}

/// A range of DRAM behind a base register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Number of the base register.
    pub base: u8,
    /// Name, for messages.
    pub name: String,
    /// What it is for.
    pub kind: RegionKind,
    /// Size in bytes.
    pub size: u64,
    /// Initial content from the region's start; the rest is zero.
    pub data: Vec<u8>,
}

/// Type of a tensor's elements.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Two's complement, two to a byte, the first in the low half.
    Int4,
    /// Two's complement.
    Int8,
    /// Unsigned at the border of the program; shifted by 128 inside.
    Uint8,
    /// Two's complement, little endian.
    Int16,
    /// Two's complement, little endian.
    Int32,
    /// IEEE-754 binary32, little endian.
    Float32,
}

impl Dtype {
    /// Every type.
    pub const ALL: [Dtype; 6] =
        [Dtype::Int4, Dtype::Int8, Dtype::Uint8, Dtype::Int16, Dtype::Int32, Dtype::Float32];

    /// Name in assembly.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::Int4 => "int4",
            Dtype::Int8 => "int8",
            Dtype::Uint8 => "uint8",
            Dtype::Int16 => "int16",
            Dtype::Int32 => "int32",
            Dtype::Float32 => "float32",
        }
    }

    /// Size of an element.
    pub const fn bits(self) -> u32 {
        match self {
            Dtype::Int4 => 4,
            Dtype::Int8 | Dtype::Uint8 => 8,
            Dtype::Int16 => 16,
            Dtype::Int32 | Dtype::Float32 => 32,
        }
    }
}

/// Order of a tensor's elements in memory; the shape names the dimensions in the same order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// The last dimension is contiguous.
    Dense,
    /// Batch, height, width, channels; channels are contiguous.
    Nhwc,
    /// Batch, channels, height, width; the width is contiguous.
    Nchw,
    /// Batch, height, width, channels, stored in blocks `[C/block][H][W][block]`.
    Blocked(u32),
}

/// A tensor at the border of a program.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Name, as in the model.
    pub name: String,
    /// Base register of its region.
    pub region: u8,
    /// Offset in the region, in bytes.
    pub offset: u64,
    /// Dimensions, outermost first.
    pub shape: Vec<u64>,
    /// Order of the elements.
    pub layout: Layout,
    /// Type of the elements.
    pub dtype: Dtype,
    /// Value of one step; 1 for a tensor that is not quantized.
    pub scale: f32,
    /// The number that stands for zero.
    pub zero: i32,
    /// How the network sees it, when that is not how it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkView>,
}

/// A tensor as the network of a compiled program has it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkView {
    /// Its extents there.
    pub shape: Vec<u64>,
    /// Extent and distance in the stored order of the dimensions it is made of, outermost first;
    /// their extents multiply to its size.
    pub walk: Vec<[u64; 2]>,
    /// Whether its elements are real numbers there, quantized at the border.
    pub float: bool,
}

/// Notes on instructions, each valid from its position to the next one's.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    notes: Vec<(usize, String)>,
}

impl Provenance {
    /// Applies `note` to the instructions from `pc` on; later calls must not go back.
    pub fn push(&mut self, pc: usize, note: &str) {
        while self.notes.pop_if(|(start, _)| *start >= pc).is_some() {}
        let current = self.notes.last().map_or("", |(_, text)| text.as_str());
        if current != note {
            self.notes.push((pc, note.to_owned()));
        }
    }

    /// The note on the instruction at `pc`; empty when there is none.
    pub fn at(&self, pc: usize) -> &str {
        let after = self.notes.partition_point(|(start, _)| *start <= pc);
        match after.checked_sub(1).and_then(|index| self.notes.get(index)) {
            Some((_, text)) => text,
            None => "",
        }
    }

    /// Whether the notes are as [`Provenance::push`] makes them, for a program of `length`
    /// instructions; those of a file need not be.
    pub(crate) fn is_orderly(&self, length: usize) -> bool {
        let mut before: Option<&(usize, String)> = None;
        self.notes.iter().all(|note| {
            let differs = note.1 != before.map_or("", |before| before.1.as_str());
            let follows = before.is_none_or(|before| before.0 < note.0);
            before = Some(note);
            differs && follows && note.0 <= length
        })
    }

    /// First instruction and text of every note, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.notes.iter().map(|(start, text)| (*start, text.as_str()))
    }
}
