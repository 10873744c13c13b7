//! The host's registers: the only definition. The Verilog of `npu_csr`, the C header, the manual
//! `registers.md` and the host side of the co-simulation derive from it.
//!
//! All registers have 32 bits and lie at multiples of 4 in a window of 4 KiB. An offset that is not
//! in the table reads as zero and ignores writes; every access is answered with OKAY.

use std::ops::Range;

/// Version of this table; the host reads it from `version`. Counts up with every change of meaning.
pub const CSR_VERSION: u32 = 2;

/// What the `id` register holds: `NPUG` in ASCII, first letter in the lowest byte.
pub const ID_VALUE: u32 = u32::from_le_bytes(*b"NPUG");

/// Bytes of the register window.
pub const WINDOW_BYTES: u32 = 4096;

/// Base registers, and thereby regions of DRAM a program may touch.
pub const NUM_BASES: u16 = 8;

/// Engines with an instruction queue, in the order of `isa::Engine::QUEUED`.
pub const ENGINE_NAMES: [&str; 5] = ["load", "gemm", "vector", "store", "unit"];

/// How the host may use a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read only.
    Ro,
    /// Read and write.
    Rw,
    /// Each bit written as 1 triggers an action; reads as zero.
    Trigger,
    /// Each bit written as 1 is cleared.
    W1c,
}

impl Access {
    /// Abbreviation in the manual.
    pub const fn name(self) -> &'static str {
        match self {
            Access::Ro => "ro",
            Access::Rw => "rw",
            Access::Trigger => "trigger",
            Access::W1c => "w1c",
        }
    }
}

/// A named range of bits in a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsrField {
    /// Name within its register.
    pub name: &'static str,
    /// Lowest bit.
    pub lo: u8,
    /// Number of bits.
    pub width: u8,
    /// Value after reset.
    pub reset: u32,
    /// Manual text.
    pub doc: &'static str,
}

impl CsrField {
    /// Bits of the register this field occupies.
    pub const fn mask(&self) -> u32 {
        (u32::MAX >> (32 - self.width as u32)) << self.lo
    }

    /// The field's value in a register word.
    pub const fn extract(&self, word: u32) -> u32 {
        (word & self.mask()) >> self.lo
    }

    /// The value moved to its place; bits that do not fit are dropped.
    pub const fn place(&self, value: u32) -> u32 {
        (value << self.lo) & self.mask()
    }
}

/// A register, or an array of equal ones.
#[derive(Debug, Clone, Copy)]
pub struct Csr {
    /// Name; an array's members are `name[0]`, `name[1]`, ...
    pub name: &'static str,
    /// Byte offset of the first.
    pub offset: u16,
    /// Number of members, 1 for a single register.
    pub count: u16,
    /// Bytes from one member to the next.
    pub stride: u16,
    /// How the host may use it.
    pub access: Access,
    /// Manual text.
    pub doc: &'static str,
    /// Its fields, lowest first.
    pub fields: &'static [CsrField],
}

impl Csr {
    /// Byte offset of member `index`.
    pub const fn at(&self, index: u16) -> u16 {
        self.offset + index * self.stride
    }

    /// Value after reset.
    pub fn reset(&self) -> u32 {
        self.fields.iter().fold(0, |value, field| value | field.place(field.reset))
    }

    /// Bits a field occupies.
    pub fn mask(&self) -> u32 {
        self.fields.iter().fold(0, |mask, field| mask | field.mask())
    }
}

/// Declares the table: a module per register with its [`Csr`] as `REG` and a constant per field,
/// and [`REGISTERS`].
macro_rules! csrs {
    ($($module:ident = $offset:literal x $count:literal / $stride:literal $access:ident $doc:literal {
        $($f_id:ident $f_name:literal [$lo:literal +: $width:literal] $reset:literal $f_doc:literal;)*
    })*) => {
        $(
            #[doc = $doc]
            pub mod $module {
                use $crate::rtl::csr::{Access, Csr, CsrField};
                /// The register.
                pub const REG: Csr = Csr {
                    name: stringify!($module), offset: $offset, count: $count, stride: $stride,
                    access: Access::$access, doc: $doc, fields: &[$($f_id,)*],
                };
                $(
                    #[doc = $f_doc]
                    pub const $f_id: CsrField = CsrField {
                        name: $f_name, lo: $lo, width: $width, reset: $reset, doc: $f_doc,
                    };
                )*
            }
        )*

        /// Every register, by ascending offset.
        pub const REGISTERS: &[$crate::rtl::csr::Csr] = &[$($module::REG,)*];
    };
}
pub(crate) use csrs;

csrs! {
    id = 0x000 x 1 / 4 Ro "Says that this is a machine of npugen." {
        VALUE "value" [0 +: 32] 0 "`NPUG` in ASCII, first letter in the lowest byte.";
    }
    version = 0x004 x 1 / 4 Ro "Versions of the tables the hardware was made from." {
        ISA "isa" [0 +: 16] 0 "Version of the instruction table.";
        CSR "csr" [16 +: 16] 0 "Version of this register table.";
    }
    fingerprint_lo = 0x008 x 1 / 4 Ro "Identity of the design, low half." {
        VALUE "value" [0 +: 32] 0 "Bits 31 to 0.";
    }
    fingerprint_hi = 0x00c x 1 / 4 Ro "Identity of the design, high half." {
        VALUE "value" [0 +: 32] 0 "Bits 63 to 32.";
    }
    control = 0x010 x 1 / 4 Trigger "Commands. `clear` and `start` may be given in one write." {
        START "start" [0 +: 1] 0 "Run the program. Ignored unless `status.idle`; a fingerprint that differs is fault 14.";
        SOFT_RESET "soft_reset" [1 +: 1] 0 "Stop, wait until no burst is outstanding, then reset everything but the registers of this table that the host writes, the counters and the trace.";
        CLEAR "clear" [2 +: 1] 0 "Put all counters to zero, empty the trace, take back `status.done`.";
        SNAPSHOT "snapshot" [3 +: 1] 0 "Copy all counters, in one cycle, to where they are read.";
        TRACE_POP "trace_pop" [4 +: 1] 0 "Remove the oldest trace entry.";
    }
    status = 0x014 x 1 / 4 Ro "State of the machine." {
        IDLE "idle" [0 +: 1] 0 "A program can be started.";
        RUNNING "running" [1 +: 1] 0 "A program runs.";
        DONE "done" [2 +: 1] 0 "The program has executed END and all its writes are answered. Taken back by `start`, `clear` and `soft_reset`.";
        FAULT "fault" [3 +: 1] 0 "Stopped by a fault; `soft_reset` leads out.";
        RESETTING "resetting" [4 +: 1] 0 "A soft reset is waiting for outstanding bursts, or runs.";
        QUIET "quiet" [5 +: 1] 0 "No burst is outstanding.";
    }
    irq_enable = 0x018 x 1 / 4 Rw "Events that raise the interrupt." {
        DONE "done" [0 +: 1] 0 "The program has ended.";
        FAULT "fault" [1 +: 1] 0 "A fault has been recorded.";
        TRACE "trace" [2 +: 1] 0 "The trace has become half full.";
    }
    irq_status = 0x01c x 1 / 4 W1c "Events that have happened, enabled or not." {
        DONE "done" [0 +: 1] 0 "The program has ended.";
        FAULT "fault" [1 +: 1] 0 "A fault has been recorded.";
        TRACE "trace" [2 +: 1] 0 "The trace has become half full.";
    }
    program_addr_lo = 0x020 x 1 / 4 Rw "DRAM address of the program's first word, low half." {
        VALUE "value" [0 +: 32] 0 "A multiple of 8; the low three bits are ignored.";
    }
    program_addr_hi = 0x024 x 1 / 4 Rw "DRAM address of the program's first word, high half." {
        VALUE "value" [0 +: 32] 0 "Bits above the width of the bus are ignored.";
    }
    program_length = 0x028 x 1 / 4 Rw "Size of the program." {
        WORDS "words" [0 +: 24] 0 "Instructions, END included; past them every word is an illegal instruction.";
    }
    watchdog = 0x02c x 1 / 4 Rw "Longest time without progress." {
        CYCLES "cycles" [0 +: 32] 0 "Fault 10 when no launch has retired for so many cycles; 0: no watchdog.";
    }
    expect_lo = 0x030 x 1 / 4 Rw "Fingerprint the program was made for, low half." {
        VALUE "value" [0 +: 32] 0 "Compared with `fingerprint_lo` at `start`.";
    }
    expect_hi = 0x034 x 1 / 4 Rw "Fingerprint the program was made for, high half." {
        VALUE "value" [0 +: 32] 0 "Compared with `fingerprint_hi` at `start`.";
    }
    fault = 0x040 x 1 / 4 Ro "The first fault since the last reset." {
        CAUSE "cause" [0 +: 8] 0 "Why: see the table of causes; 0 without a fault.";
        ENGINE "engine" [8 +: 3] 0 "Whose: 0 decoder and fetch, 1 LOAD, 2 GEMM, 3 VECTOR, 4 STORE, 5 UNIT.";
    }
    fault_pc = 0x044 x 1 / 4 Ro "Instruction of the fault." {
        WORD "word" [0 +: 24] 0 "Position in the program, in words.";
    }
    fault_addr_lo = 0x048 x 1 / 4 Ro "Address of the fault, low half." {
        VALUE "value" [0 +: 32] 0 "DRAM byte, buffer word or semaphore, as the cause says.";
    }
    fault_addr_hi = 0x04c x 1 / 4 Ro "Address of the fault, high part." {
        VALUE "value" [0 +: 8] 0 "Bits 39 to 32.";
    }
    trace_level = 0x050 x 1 / 4 Ro "Filling of the trace." {
        ENTRIES "entries" [0 +: 16] 0 "Entries waiting; the registers below show the oldest.";
        DROPPED "dropped" [16 +: 16] 0 "Tags that found no room, since `clear`.";
    }
    trace_tag = 0x054 x 1 / 4 Ro "Oldest trace entry: what." {
        VALUE "value" [0 +: 32] 0 "The tag.";
    }
    trace_cycle_lo = 0x058 x 1 / 4 Ro "Oldest trace entry: when, low part." {
        VALUE "value" [0 +: 32] 0 "Bits 31 to 0 of the `cycles` counter.";
    }
    trace_info = 0x05c x 1 / 4 Ro "Oldest trace entry: the rest." {
        CYCLE_HI "cycle_hi" [0 +: 16] 0 "Bits 47 to 32 of the `cycles` counter.";
        ENGINE "engine" [16 +: 3] 0 "Engine of the tag.";
        VALID "valid" [31 +: 1] 0 "There is an entry.";
    }
    base_lo = 0x080 x 8 / 16 Rw "Base registers: address, low half." {
        VALUE "value" [0 +: 32] 0 "First byte of the region in DRAM.";
    }
    base_hi = 0x084 x 8 / 16 Rw "Base registers: address, high half." {
        VALUE "value" [0 +: 32] 0 "Bits above the width of the bus are ignored.";
    }
    size_lo = 0x088 x 8 / 16 Rw "Base registers: size, low half." {
        VALUE "value" [0 +: 32] 0 "Bytes in the region; a transfer outside is fault 6.";
    }
    size_hi = 0x08c x 8 / 16 Rw "Base registers: size, high half." {
        VALUE "value" [0 +: 32] 0 "Bits above the width of the bus are ignored.";
    }
    engine_retired = 0x100 x 5 / 16 Ro "Hang report, per engine: the last launch to retire." {
        WORD "word" [0 +: 24] 0 "Its position in the program.";
        ANY "any" [31 +: 1] 0 "One has retired since the program began.";
    }
    engine_oldest = 0x104 x 5 / 16 Ro "Hang report, per engine: the oldest instruction not finished." {
        WORD "word" [0 +: 24] 0 "Position of the oldest launch in flight, else of the instruction at the head of the queue.";
    }
    engine_state = 0x108 x 5 / 16 Ro "Hang report, per engine: what it does." {
        ACTIVITY "activity" [0 +: 4] 0 "One bit: busy, waiting for a semaphore, waiting for memory, no instruction.";
        IN_FLIGHT "in_flight" [4 +: 4] 0 "Launches started and not retired.";
        IDLE "idle" [8 +: 1] 0 "Queue empty and nothing in flight.";
        QUEUE "queue" [16 +: 16] 0 "Instructions in the queue.";
    }
    engine_wait = 0x10c x 5 / 16 Ro "Hang report, per engine: semaphores." {
        MASK "mask" [0 +: 16] 0 "Wait mask of the launch at the head of the queue while it lacks one.";
        MISSING "missing" [16 +: 16] 0 "Those of the mask that stand at zero.";
    }
    bursts = 0x180 x 1 / 4 Ro "Hang report: the AXI master." {
        READS "reads" [0 +: 16] 0 "Read bursts outstanding.";
        WRITES "writes" [16 +: 16] 0 "Write bursts outstanding.";
    }
    semaphores = 0x184 x 1 / 4 Ro "Hang report: semaphores." {
        POSITIVE "positive" [0 +: 16] 0 "Those above zero.";
    }
    decoder_pc = 0x188 x 1 / 4 Ro "Hang report: the decoder's instruction." {
        WORD "word" [0 +: 24] 0 "Its position in the program.";
    }
    decoder_state = 0x18c x 1 / 4 Ro "Hang report: what the decoder does." {
        VALID "valid" [0 +: 1] 0 "It has an instruction; else it waits for fetch.";
        FENCE "fence" [1 +: 1] 0 "It is at a FENCE or END and waits for the engines.";
        QUEUE_FULL "queue_full" [2 +: 1] 0 "It waits for room in a queue.";
        ENGINE "engine" [4 +: 3] 0 "The engine its instruction is for.";
    }
    counter_lo = 0x200 x 37 / 8 Ro "Counters as of the last snapshot, low part." {
        VALUE "value" [0 +: 32] 0 "Bits 31 to 0.";
    }
    counter_hi = 0x204 x 37 / 8 Ro "Counters as of the last snapshot, high part." {
        VALUE "value" [0 +: 16] 0 "Bits 47 to 32.";
    }
}

/// A counter. Its index is its position in [`COUNTERS`]; all count only while a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// Name, in the manual and in reports.
    pub name: &'static str,
    /// Manual text.
    pub doc: &'static str,
}

macro_rules! counters {
    ($($id:ident $name:literal $doc:literal;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum CounterIndex { $($id,)* }

        /// Index of every counter.
        pub mod counter {
            use super::CounterIndex;
            $(
                #[doc = $doc]
                pub const $id: u16 = CounterIndex::$id as u16;
            )*
        }

        /// Every counter, by index.
        pub const COUNTERS: &[Counter] = &[$(Counter { name: $name, doc: $doc },)*];
    };
}

counters! {
    CYCLES "cycles" "Cycles from start to the end of the program or its fault.";
    LOAD_BUSY "load.busy" "Cycles in which LOAD works.";
    LOAD_WAIT_SEMAPHORE "load.wait_semaphore" "Cycles in which LOAD waits for a semaphore.";
    LOAD_STALL_MEMORY "load.stall_memory" "Cycles in which LOAD waits for DRAM or a buffer.";
    LOAD_NO_INSTRUCTION "load.no_instruction" "Cycles in which LOAD has no launch.";
    GEMM_BUSY "gemm.busy" "Cycles in which GEMM works.";
    GEMM_WAIT_SEMAPHORE "gemm.wait_semaphore" "Cycles in which GEMM waits for a semaphore.";
    GEMM_STALL_MEMORY "gemm.stall_memory" "Cycles in which GEMM waits for a buffer.";
    GEMM_NO_INSTRUCTION "gemm.no_instruction" "Cycles in which GEMM has no launch.";
    VECTOR_BUSY "vector.busy" "Cycles in which VECTOR works.";
    VECTOR_WAIT_SEMAPHORE "vector.wait_semaphore" "Cycles in which VECTOR waits for a semaphore.";
    VECTOR_STALL_MEMORY "vector.stall_memory" "Cycles in which VECTOR waits for a buffer.";
    VECTOR_NO_INSTRUCTION "vector.no_instruction" "Cycles in which VECTOR has no launch.";
    STORE_BUSY "store.busy" "Cycles in which STORE works.";
    STORE_WAIT_SEMAPHORE "store.wait_semaphore" "Cycles in which STORE waits for a semaphore.";
    STORE_STALL_MEMORY "store.stall_memory" "Cycles in which STORE waits for DRAM or a buffer.";
    STORE_NO_INSTRUCTION "store.no_instruction" "Cycles in which STORE has no launch.";
    LOAD_RETIRED "load.retired" "Launches of LOAD that have retired.";
    GEMM_RETIRED "gemm.retired" "Launches of GEMM that have retired.";
    VECTOR_RETIRED "vector.retired" "Launches of VECTOR that have retired.";
    STORE_RETIRED "store.retired" "Launches of STORE that have retired.";
    ARRAY_ACTIVE "array.active" "Cycles in which the array takes a vector of activations.";
    ARRAY_WAIT_WEIGHTS "array.wait_weights" "Cycles in which the array idles because weights are not in place.";
    ARRAY_WAIT_RESIDUAL "array.wait_residual" "Cycles in which the array idles because a residual vector is not there.";
    ARRAY_OTHER "array.other" "Cycles in which the array idles for any other reason.";
    READ_BYTES "read.bytes" "Bytes of all read beats, whole beats counted.";
    READ_BURSTS "read.bursts" "Read bursts begun.";
    READ_LATENCY "read.latency" "Sum of the times of all read bursts from request to last beat, in cycles.";
    WRITE_BYTES "write.bytes" "Bytes of all write beats, whole beats counted.";
    WRITE_BURSTS "write.bursts" "Write bursts begun.";
    IBUF_CONFLICTS "ibuf.conflicts" "Accesses to IBUF put off for a cycle by one of higher priority.";
    VMEM_CONFLICTS "vmem.conflicts" "Accesses to VMEM put off for a cycle by one of higher priority.";
    UNIT_BUSY "unit.busy" "Cycles in which UNIT works.";
    UNIT_WAIT_SEMAPHORE "unit.wait_semaphore" "Cycles in which UNIT waits for a semaphore.";
    UNIT_STALL_MEMORY "unit.stall_memory" "Cycles in which UNIT waits for a buffer.";
    UNIT_NO_INSTRUCTION "unit.no_instruction" "Cycles in which UNIT has no launch.";
    UNIT_RETIRED "unit.retired" "Launches of UNIT that have retired.";
}

/// Index of the class counters `busy`, `wait_semaphore`, `stall_memory` and `no_instruction` of the
/// engine at this position of [`ENGINE_NAMES`]. They add up to `cycles`.
pub const fn engine_classes(engine: u16) -> Range<u16> {
    // Not every design has UNIT, so its counters are the last.
    let first = if engine < 4 { counter::LOAD_BUSY + 4 * engine } else { counter::UNIT_BUSY };
    first..first + 4
}

/// The counters of a design with so many engines.
pub fn counters(engines: usize) -> &'static [Counter] {
    let most = if engines < ENGINE_NAMES.len() { counter::UNIT_BUSY } else { u16::MAX };
    COUNTERS.get(..usize::from(most)).unwrap_or(COUNTERS)
}

/// The registers of a design with so many engines: arrays over engines and counters have as many
/// members as there are of those.
pub fn registers(engines: usize) -> Vec<Csr> {
    let sized = |reg: &Csr| {
        let most = match reg.offset {
            offset if offset == counter_lo::REG.offset || offset == counter_hi::REG.offset => {
                counters(engines).len()
            }
            _ if usize::from(reg.count) == ENGINE_NAMES.len() => engines,
            _ => usize::from(reg.count),
        };
        Csr { count: u16::try_from(most).unwrap_or(reg.count), ..*reg }
    };
    REGISTERS.iter().map(sized).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_aligned_unique_and_inside_the_window() {
        let mut seen = std::collections::BTreeSet::new();
        for csr in REGISTERS {
            for index in 0..csr.count {
                let offset = csr.at(index);
                assert_eq!(offset % 4, 0, "{}", csr.name);
                assert!(u32::from(offset) < WINDOW_BYTES, "{}", csr.name);
                assert!(seen.insert(offset), "{}[{index}] shares its offset", csr.name);
            }
        }
    }

    #[test]
    fn fields_do_not_overlap() {
        for csr in REGISTERS {
            let mut used = 0;
            for field in csr.fields {
                assert!(field.lo + field.width <= 32, "{}.{}", csr.name, field.name);
                assert_eq!(used & field.mask(), 0, "{}.{}", csr.name, field.name);
                used |= field.mask();
            }
        }
    }

    #[test]
    fn arrays_have_the_size_of_what_they_show() {
        assert_eq!(usize::from(counter_lo::REG.count), COUNTERS.len());
        assert_eq!(usize::from(counter_hi::REG.count), COUNTERS.len());
        assert_eq!(base_lo::REG.count, NUM_BASES);
        assert_eq!(usize::from(engine_state::REG.count), ENGINE_NAMES.len());
    }

    #[test]
    fn classes_are_the_four_of_one_engine() {
        for (engine, name) in (0..).zip(ENGINE_NAMES) {
            for index in engine_classes(engine) {
                assert!(COUNTERS[usize::from(index)].name.starts_with(name));
            }
        }
    }
}
