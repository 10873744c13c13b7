//! What the shell watches on every bus, and what it does about it: rules that a custom logic broke,
//! time-outs, and the window after one in which a bus answers nothing.

use std::fmt;

/// A bus between shell and custom logic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bus {
    /// Registers behind BAR0 of the application's function.
    Ocl,
    /// Registers behind BAR4 of the management function.
    Sda,
    /// Registers behind BAR1 of the application's function, on F1 only.
    Bar1,
    /// The host's accesses to the card's memory.
    Pcis,
    /// The custom logic's accesses to the host's memory.
    Pcim,
    /// Interrupts.
    Interrupt,
    /// Reset, of the card and of the PCI function.
    Reset,
}

impl Bus {
    /// The AXI4-Lite buses, in the order of the pins.
    pub const LITE: [Bus; super::pins::NUM_LITE] = [Bus::Ocl, Bus::Sda, Bus::Bar1];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Bus::Ocl => "ocl",
            Bus::Sda => "sda",
            Bus::Bar1 => "bar1",
            Bus::Pcis => "pcis",
            Bus::Pcim => "pcim",
            Bus::Interrupt => "interrupt",
            Bus::Reset => "reset",
        }
    }
}

macro_rules! rules {
    ($($name:ident $text:literal;)*) => {
        /// A rule of the shell's interface.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $text] $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];

            /// The rule in words.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Rule::$name => $text,)*
                }
            }
        }
    };
}

rules! {
    Timeout "every transaction is answered within 8 us (5 s for the shell's own DMA engine)";
    Handshake "valid and payload stay as they are until ready";
    Unexpected "an answer belongs to a transaction that waits for one, and carries its ID";
    LastBeat "the last beat of a burst, and no other, is marked";
    ErrorResponse "transactions of the host are answered with OKAY";
    Size "transfers to the host are 64 bytes wide (AxSIZE 6)";
    Incr "bursts are of kind INCR";
    Crosses4K "a burst does not cross a boundary of 4 KiB";
    BusMaster "the host has allowed the card to be bus master";
    Range "addresses in the host's memory are those the host has given out";
    Strobes "write strobes of more than 8 bytes are contiguous";
    FirstByte "the address of a write is that of the 4 bytes in which its first enabled byte lies";
    DuplicateId "no two reads with one ID are under way";
    Outstanding "at most 32 transactions are under way in each direction";
    WriteData "write data is complete within 8 us of its address";
    ReadReady "read data is taken within 8 us";
    ResponseReady "write responses are taken within 8 us";
    Again "a vector is asked for again only after its acknowledge, for one cycle each";
    Silent "nothing is offered during reset";
    FunctionReset "a function-level reset is reported as done, and nothing else is";
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Clock cycle.
    pub cycle: u64,
    /// Where.
    pub bus: Bus,
    /// The rule.
    pub rule: Rule,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cycle {}, {}: {}; the rule: {}",
            self.cycle,
            self.bus.name(),
            self.seen,
            self.rule.text()
        )
    }
}

/// Collects the rules that were broken.
#[derive(Debug, Default)]
pub struct Log {
    /// In the order in which they were seen.
    pub violations: Vec<Violation>,
}

impl Log {
    /// Adds one.
    pub fn report(&mut self, cycle: u64, bus: Bus, rule: Rule, seen: impl Into<String>) {
        self.violations.push(Violation { cycle, bus, rule, seen: seen.into() });
    }
}

/// Times of a shell, in cycles of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Patience with a transaction: 8 us.
    pub timeout: u64,
    /// The same for the shell's own DMA engine: 5 s.
    pub dma_timeout: u64,
    /// How long a bus answers nothing after a time-out: 4 ms.
    pub moderation: u64,
    /// How soon a transaction of that window is ended: 16 ns.
    pub refusal: u64,
}

impl Default for Times {
    /// At 250 MHz.
    fn default() -> Self {
        Times { timeout: 2000, dma_timeout: 1_250_000_000, moderation: 1_000_000, refusal: 4 }
    }
}

/// What a read gives that was not answered.
pub const NO_ANSWER: u8 = 0xff;

/// The state of a bus whose transactions the shell times.
#[derive(Debug, Default)]
pub struct Health {
    poisoned_until: Option<u64>,
    timeouts: u64,
}

impl Health {
    /// Notes a time-out.
    pub fn timed_out(&mut self, cycle: u64, times: &Times) {
        self.timeouts += 1;
        self.poisoned_until = Some(cycle + times.moderation);
    }

    /// Whether the bus answers nothing in this cycle.
    pub fn is_poisoned(&self, cycle: u64) -> bool {
        self.poisoned_until.is_some_and(|until| cycle < until)
    }

    /// How many transactions got no answer.
    pub fn timeouts(&self) -> u64 {
        self.timeouts
    }
}
