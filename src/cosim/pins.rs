//! The pins of `npu_top` as plain words, in the layout the C++ shim reads and writes.
//!
//! One layout serves every design: fields are as wide as the widest port a configuration can have,
//! and the shim, compiled against the generated model, copies as many bits as the port has.

/// Widest AXI data bus a configuration can ask for, in bytes.
pub const MAX_BUS_BYTES: usize = 128;

/// The AXI4 signals the machine drives.
#[repr(C)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxiRequest {
    /// `araddr`.
    pub araddr: u64,
    /// `awaddr`.
    pub awaddr: u64,
    /// `arvalid`.
    pub arvalid: u32,
    /// `arid`.
    pub arid: u32,
    /// `arlen`: beats less one.
    pub arlen: u32,
    /// `arsize`: log2 of the bytes per beat.
    pub arsize: u32,
    /// `arburst`: 1 is INCR.
    pub arburst: u32,
    /// `rready`.
    pub rready: u32,
    /// `awvalid`.
    pub awvalid: u32,
    /// `awid`.
    pub awid: u32,
    /// `awlen`: beats less one.
    pub awlen: u32,
    /// `awsize`: log2 of the bytes per beat.
    pub awsize: u32,
    /// `awburst`: 1 is INCR.
    pub awburst: u32,
    /// `wvalid`.
    pub wvalid: u32,
    /// `wlast`.
    pub wlast: u32,
    /// `bready`.
    pub bready: u32,
    /// `wdata`, byte 0 first.
    pub wdata: [u8; MAX_BUS_BYTES],
    /// `wstrb`, bit i of byte i / 8 for data byte i.
    pub wstrb: [u8; MAX_BUS_BYTES / 8],
}

impl Default for AxiRequest {
    fn default() -> Self {
        Self {
            araddr: 0,
            awaddr: 0,
            arvalid: 0,
            arid: 0,
            arlen: 0,
            arsize: 0,
            arburst: 0,
            rready: 0,
            awvalid: 0,
            awid: 0,
            awlen: 0,
            awsize: 0,
            awburst: 0,
            wvalid: 0,
            wlast: 0,
            bready: 0,
            wdata: [0; MAX_BUS_BYTES],
            wstrb: [0; MAX_BUS_BYTES / 8],
        }
    }
}

/// The AXI4 signals the memory drives.
#[repr(C)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxiResponse {
    /// `arready`.
    pub arready: u32,
    /// `rvalid`.
    pub rvalid: u32,
    /// `rid`.
    pub rid: u32,
    /// `rresp`.
    pub rresp: u32,
    /// `rlast`.
    pub rlast: u32,
    /// `awready`.
    pub awready: u32,
    /// `wready`.
    pub wready: u32,
    /// `bvalid`.
    pub bvalid: u32,
    /// `bid`.
    pub bid: u32,
    /// `bresp`.
    pub bresp: u32,
    /// `rdata`, byte 0 first.
    pub rdata: [u8; MAX_BUS_BYTES],
}

impl Default for AxiResponse {
    fn default() -> Self {
        Self {
            arready: 0,
            rvalid: 0,
            rid: 0,
            rresp: 0,
            rlast: 0,
            awready: 0,
            wready: 0,
            bvalid: 0,
            bid: 0,
            bresp: 0,
            rdata: [0; MAX_BUS_BYTES],
        }
    }
}

/// The AXI4-Lite signals the host drives.
#[repr(C)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiteRequest {
    /// `awvalid`.
    pub awvalid: u32,
    /// `awaddr`.
    pub awaddr: u32,
    /// `wvalid`.
    pub wvalid: u32,
    /// `wdata`.
    pub wdata: u32,
    /// `wstrb`.
    pub wstrb: u32,
    /// `bready`.
    pub bready: u32,
    /// `arvalid`.
    pub arvalid: u32,
    /// `araddr`.
    pub araddr: u32,
    /// `rready`.
    pub rready: u32,
}

/// The AXI4-Lite signals the machine drives.
#[repr(C)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiteResponse {
    /// `awready`.
    pub awready: u32,
    /// `wready`.
    pub wready: u32,
    /// `bvalid`.
    pub bvalid: u32,
    /// `bresp`.
    pub bresp: u32,
    /// `arready`.
    pub arready: u32,
    /// `rvalid`.
    pub rvalid: u32,
    /// `rdata`.
    pub rdata: u32,
    /// `rresp`.
    pub rresp: u32,
}

/// Everything driven into `npu_top` but the clock.
#[repr(C)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// AXI4 memory side.
    pub axi: AxiResponse,
    /// AXI4-Lite host side.
    pub lite: LiteRequest,
    /// `rst`.
    pub rst: u32,
}

/// Everything driven by `npu_top`.
#[repr(C)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs {
    /// AXI4 memory side.
    pub axi: AxiRequest,
    /// AXI4-Lite host side.
    pub lite: LiteResponse,
    /// `irq`.
    pub irq: u32,
    /// `retire_valid`: bit i for engine i of [`crate::isa::Engine::QUEUED`].
    pub retire_valid: u32,
    /// `retire_pc`, one per engine; meaningful where the valid bit is set.
    pub retire_pc: [u32; crate::isa::Engine::QUEUED.len()],
}
