//! What a compiled program says of the layers it consists of.

/// Memory a layer's result goes to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// IBUF.
    Ibuf,
    /// DRAM.
    Dram,
}

impl Memory {
    /// Every memory.
    pub const ALL: [Memory; 2] = [Memory::Ibuf, Memory::Dram];

    /// Name in assembly.
    pub const fn name(self) -> &'static str {
        match self {
            Memory::Ibuf => "ibuf",
            Memory::Dram => "dram",
        }
    }
}

/// A layer of a compiled network. Its launches are those whose note is its name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerInfo {
    /// Name, as in the notes.
    pub name: String,
    /// Nodes of the network whose work it does.
    pub nodes: Vec<String>,
    /// Kernel that computes it.
    pub kernel: String,
    /// Engine that computes it, by its name in assembly.
    pub engine: String,
    /// Useful multiply-accumulates.
    pub macs: u64,
    /// Tensor of the network that is its result.
    pub tensor: String,
    /// Height, width and channels of the result.
    pub shape: Vec<u64>,
    /// Where the result goes.
    pub place: Memory,
    /// Why it is a layer of its own, where it could have been part of another; else empty.
    pub remark: String,
}
