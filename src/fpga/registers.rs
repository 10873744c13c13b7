//! Registers of the custom logic, beside those of the machine: the only definition. The Verilog,
//! the driver and the manual derive from it.
//!
//! The host reaches both through the shell's OCL bus: the machine's window (`rtl::csr`) at
//! [`NPU_WINDOW`], this table at [`CL_WINDOW`]. Anything else on that bus, and everything on the
//! buses that are not used, is answered with OKAY and [`NOTHING`]: a bus that does not answer makes
//! the shell give it up.

use crate::rtl::csr::csrs;

/// Address of the machine's registers on OCL.
pub const NPU_WINDOW: u32 = 0x0000;

/// Address of these registers on OCL.
pub const CL_WINDOW: u32 = 0x1000;

/// Bytes of each window.
pub const WINDOW_BYTES: u32 = 0x1000;

/// What reads where there is nothing.
pub const NOTHING: u32 = 0xDEAD_BEEF;

/// What the `id` register holds: `NPCL` in ASCII, first letter in the lowest byte.
pub const ID_VALUE: u32 = u32::from_le_bytes(*b"NPCL");

/// Version of this table. Counts up with every change of meaning.
pub const VERSION: u32 = 1;

/// Descriptors the DMA engine takes before the first is finished.
pub const DMA_QUEUE: u32 = 16;

/// Vector of the shell's interrupt that the machine raises.
pub const NPU_VECTOR: u32 = 0;

/// Vector that the DMA engine raises when it has done all descriptors.
pub const DMA_VECTOR: u32 = 1;

csrs! {
    id = 0x000 x 1 / 4 Ro "Says that this is a custom logic of npugen." {
        VALUE "value" [0 +: 32] 0 "`NPCL` in ASCII, first letter in the lowest byte.";
    }
    version = 0x004 x 1 / 4 Ro "Version and abilities." {
        TABLE "table" [0 +: 16] 0 "Version of this table.";
        DMA "dma" [16 +: 1] 0 "There is a DMA engine to host memory.";
    }
    clock = 0x008 x 1 / 4 Ro "Clock of the machine." {
        MHZ "mhz" [0 +: 16] 0 "In MHz.";
    }
    memory = 0x00c x 1 / 4 Ro "DRAM." {
        READY "ready" [0 +: 1] 0 "Calibrated: until then no access to DRAM is accepted.";
        LOG2_BYTES "log2_bytes" [8 +: 8] 0 "Log2 of the bytes there are.";
    }
    scratch = 0x010 x 1 / 4 Rw "Keeps what is written, for tests of the bus." {
        VALUE "value" [0 +: 32] 0 "Anything.";
    }
    dma_card_lo = 0x020 x 1 / 4 Rw "Next descriptor: address on the card, low half." {
        VALUE "value" [0 +: 32] 0 "A multiple of 64.";
    }
    dma_card_hi = 0x024 x 1 / 4 Rw "Next descriptor: address on the card, high half." {
        VALUE "value" [0 +: 32] 0 "Bits 63 to 32.";
    }
    dma_host_lo = 0x028 x 1 / 4 Rw "Next descriptor: physical address in the host's memory, low half." {
        VALUE "value" [0 +: 32] 0 "A multiple of 64.";
    }
    dma_host_hi = 0x02c x 1 / 4 Rw "Next descriptor: physical address in the host's memory, high half." {
        VALUE "value" [0 +: 32] 0 "Bits 63 to 32.";
    }
    dma_length = 0x030 x 1 / 4 Rw "Next descriptor: length." {
        BYTES "bytes" [0 +: 24] 0 "1 to 16777215. Writes change no byte outside; reads take whole 64-byte words.";
    }
    dma_push = 0x034 x 1 / 4 Trigger "Appends the descriptor. Ignored when `dma_status.free` is 0." {
        TO_HOST "to_host" [0 +: 1] 0 "Copy from the card to the host.";
        TO_CARD "to_card" [1 +: 1] 0 "Copy from the host to the card.";
    }
    dma_status = 0x038 x 1 / 4 Ro "State of the DMA engine." {
        FREE "free" [0 +: 8] 0 "Descriptors that can be appended.";
        BUSY "busy" [8 +: 1] 0 "A descriptor is waiting or under way.";
        ERROR "error" [9 +: 1] 0 "A transfer was answered with an error; the descriptors after it are dropped.";
        RESPONSE "response" [10 +: 2] 0 "The answer: 2 SLVERR, 3 DECERR.";
        SIDE "side" [12 +: 2] 0 "Who answered: 0 card read, 1 card write, 2 host read, 3 host write.";
    }
    dma_done = 0x03c x 1 / 4 Ro "Descriptors done since reset: all their bytes are written and answered." {
        COUNT "count" [0 +: 32] 0 "Modulo 2^32.";
    }
    dma_control = 0x040 x 1 / 4 Trigger "Commands to the DMA engine." {
        CLEAR "clear" [0 +: 1] 0 "Take back `dma_status.error`; descriptors are accepted again. Ignored while a transfer is under way: repeat it until the error is gone.";
    }
    dma_notify_lo = 0x048 x 1 / 4 Rw "Where in the host's memory `dma_done` is written after each descriptor, low half." {
        ENABLE "enable" [0 +: 1] 0 "Write it.";
        ADDRESS "address" [6 +: 26] 0 "Bits 31 to 6 of the physical address; the count is the first 4 bytes there.";
    }
    dma_notify_hi = 0x04c x 1 / 4 Rw "Where in the host's memory `dma_done` is written after each descriptor, high half." {
        ADDRESS "address" [0 +: 32] 0 "Bits 63 to 32 of the physical address.";
    }
}
