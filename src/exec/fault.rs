//! Faults as every executor reports them: the table of docs/rtl.md.

use crate::isa::Engine;

macro_rules! causes {
    ($($name:ident = $number:literal $text:literal;)*) => {
        /// Why the machine stopped.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause {
            $(#[doc = $text] $name,)*
        }

        impl Cause {
            /// Every cause, by number.
            pub const ALL: &'static [Cause] = &[$(Cause::$name,)*];

            /// Number in the error register.
            pub const fn number(self) -> u8 {
                match self {
                    $(Cause::$name => $number,)*
                }
            }

            /// What it means.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Cause::$name => $text,)*
                }
            }
        }
    };
}

causes! {
    IllegalInstruction = 1 "illegal instruction";
    IllegalRegister = 2 "illegal register or function";
    FieldRange = 3 "field out of range";
    Configuration = 4 "illegal configuration of a launch";
    BufferRange = 5 "buffer address out of range";
    RegionRange = 6 "DRAM address outside its region";
    AxiRead = 7 "AXI read error";
    AxiWrite = 8 "AXI write error";
    PackedWeight = 9 "most negative weight in a packed cell";
    Watchdog = 10 "watchdog: nothing retired for the programmed time";
    SemaphoreOwner = 11 "semaphore: not the declared engine";
    SemaphoreOverflow = 12 "semaphore overflow";
    TransposerOrder = 13 "transposer used out of order";
    Fingerprint = 14 "fingerprint mismatch";
    UnitHandshake = 15 "a compute unit broke the handshake";
}

impl Cause {
    /// The cause with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Cause> {
        Cause::ALL.iter().copied().find(|cause| cause.number() == number)
    }

    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Cause::AxiRead | Cause::AxiWrite => {
                "the memory answered with an error: check that it exists at this address"
            }
            Cause::Watchdog => {
                "raise the watchdog, or see with `npugen lint` whether a launch waits for ever"
            }
            Cause::PackedWeight => {
                "keep weights above the most negative value, or build with `array.packed: false`"
            }
            Cause::UnitHandshake => {
                "docs/units.md has the contract: `out_valid` and `out_data` stay as they are until `out_ready`, and a group has as many words as `outputs`"
            }
            Cause::Fingerprint => "make the program again for this hardware",
            _ => "`npugen lint` finds this before a run; docs/machine.md has the rules",
        }
    }
}

/// A fault: what the error registers hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The engine; [`Engine::Ctrl`] for fetch and decoder.
    pub engine: Engine,
    /// Why.
    pub cause: Cause,
    /// Instruction: the oldest launch of the engine that has not retired, or the decoder's word.
    pub pc: usize,
    /// Word address in a buffer, offset in a region or number of a semaphore, as the cause has it.
    /// For a region the executor translates from its bus address.
    pub address: u64,
}

impl Fault {
    /// How a compute unit broke the handshake: the rule that `npu_unit_check` reports.
    fn broken_rule(&self) -> &'static str {
        match self.address {
            1 => "`out_valid` fell before `out_ready` came",
            2 => "`out_data` changed before `out_ready` came",
            3 => "`out_valid` rose for a word more than the groups taken so far have",
            _ => "unknown rule",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.cause == Cause::UnitHandshake {
            return write!(
                f,
                "fault {} in `{}` at instruction {}: {}: {}",
                self.cause.number(),
                self.engine.name(),
                self.pc,
                self.cause.text(),
                self.broken_rule()
            );
        }
        write!(
            f,
            "fault {} in `{}` at instruction {}: {} (address {:#x})",
            self.cause.number(),
            self.engine.name(),
            self.pc,
            self.cause.text(),
            self.address
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_document() {
        let page = include_str!("../../docs/rtl.md");
        for &cause in Cause::ALL {
            assert_eq!(Cause::from_number(cause.number()), Some(cause));
            let cell = format!("| {} | ", cause.number());
            assert!(page.contains(&cell), "docs/rtl.md has no fault cause {}", cause.number());
        }
        assert_eq!(Cause::from_number(0), None);
        assert!(page.contains("| 12 | semaphore overflow |"));
    }
}
