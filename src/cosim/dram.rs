//! The memory at the other end of the machine's AXI4 port: latency, bandwidth, limits, seeded
//! stalls, interleaving and injected errors. Outputs are registered: what it drives in a cycle
//! depends on earlier cycles only.
//!
//! Reads see the memory as it is when their beat is offered; writes take effect when their response
//! is offered. Both are the latest moments AXI allows, so a machine that relies on less is caught.

use std::collections::VecDeque;

use super::error::Error;
use super::memory::Memory;
use super::pins::{AxiRequest, AxiResponse};
use super::protocol::{Burst, BusRules, Checker};
use super::rng::Rng;
use super::sparse::Refusal;

/// Chance, in percent of the cycles, that a channel pauses although it could go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stalls {
    /// ARREADY low.
    pub ar: u8,
    /// RVALID low.
    pub r: u8,
    /// AWREADY low.
    pub aw: u8,
    /// WREADY low.
    pub w: u8,
    /// BVALID low.
    pub b: u8,
}

impl Stalls {
    /// The same chance on every channel.
    pub fn all(percent: u8) -> Self {
        Self { ar: percent, r: percent, aw: percent, w: percent, b: percent }
    }
}

/// Response of an injected error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorResponse {
    /// SLVERR.
    Slave,
    /// DECERR.
    Decode,
}

impl ErrorResponse {
    /// The response code.
    pub const fn code(self) -> u32 {
        match self {
            ErrorResponse::Slave => 2,
            ErrorResponse::Decode => 3,
        }
    }
}

/// An error put on one burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InjectedError {
    /// Which burst, counted from zero in the order of acceptance.
    pub burst: u64,
    /// With which response.
    pub response: ErrorResponse,
}

/// How the memory behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DramOptions {
    /// Cycles from the accepted address (writes: the last data beat) to the first answer.
    pub latency: u32,
    /// Share of the cycles in which a direction may move a beat, 1 to 100.
    pub bandwidth_percent: u8,
    /// Read bursts accepted and not yet answered, at most.
    pub max_reads: usize,
    /// Write bursts accepted and not yet answered, at most.
    pub max_writes: usize,
    /// Random pauses.
    pub stalls: Stalls,
    /// Mix the beats of read bursts with different IDs, and reorder such bursts.
    pub interleave: bool,
    /// Accept a write address only while write data is offered, which AXI allows.
    pub address_waits_for_data: bool,
    /// Seed of pauses and interleaving.
    pub seed: u64,
    /// Error on a read burst.
    pub read_error: Option<InjectedError>,
    /// Error on a write burst.
    pub write_error: Option<InjectedError>,
}

impl Default for DramOptions {
    fn default() -> Self {
        Self {
            latency: 100,
            bandwidth_percent: 100,
            max_reads: 64,
            max_writes: 64,
            stalls: Stalls::default(),
            interleave: false,
            address_waits_for_data: false,
            seed: 0,
            read_error: None,
            write_error: None,
        }
    }
}

/// What moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DramCounts {
    /// Read bursts accepted.
    pub read_bursts: u64,
    /// Read beats moved.
    pub read_beats: u64,
    /// Write bursts accepted.
    pub write_bursts: u64,
    /// Write beats moved.
    pub write_beats: u64,
}

#[derive(Debug)]
struct Read {
    burst: Burst,
    ready_at: u64,
    done: u32,
    response: u32,
}

#[derive(Debug)]
struct WriteBeat {
    data: [u8; super::pins::MAX_BUS_BYTES],
    strobes: [u8; super::pins::MAX_BUS_BYTES / 8],
    last: bool,
}

#[derive(Debug)]
struct Write {
    burst: Burst,
    beats: Vec<WriteBeat>,
    /// Earliest cycle of the response, known once all beats are there.
    ready_at: Option<u64>,
    response: u32,
}

/// Unused bandwidth that can be saved up, in beats.
const BANDWIDTH_BURST: u32 = 4;

/// One direction's share of the bus.
#[derive(Debug)]
struct Bandwidth {
    percent: u32,
    credit: u32,
}

impl Bandwidth {
    fn new(percent: u8) -> Self {
        let percent = u32::from(percent.clamp(1, 100));
        Self { percent, credit: 100 }
    }

    fn tick(&mut self) {
        self.credit = (self.credit + self.percent).min(100 * BANDWIDTH_BURST);
    }

    fn take(&mut self) -> bool {
        if self.percent == 100 {
            return true;
        }
        if self.credit < 100 {
            return false;
        }
        self.credit -= 100;
        true
    }
}

/// The memory and its port.
#[derive(Debug)]
pub struct Dram {
    memory: Memory,
    options: DramOptions,
    checker: Checker,
    rng: Rng,
    reads: VecDeque<Read>,
    /// Burst whose beats are being sent, by ID, when bursts are not interleaved.
    current_read: Option<u32>,
    writes: VecDeque<Write>,
    /// Data that came before its address.
    early: VecDeque<WriteBeat>,
    read_bandwidth: Bandwidth,
    write_bandwidth: Bandwidth,
    response: AxiResponse,
    counts: DramCounts,
}

/// Data beats accepted ahead of their address.
const MAX_EARLY_BEATS: usize = 256;

impl Dram {
    /// A memory with this content behind a port of this form.
    pub fn new(memory: Memory, rules: BusRules, options: DramOptions) -> Self {
        Self {
            memory,
            checker: Checker::new(rules),
            rng: Rng::new(options.seed),
            reads: VecDeque::new(),
            current_read: None,
            writes: VecDeque::new(),
            early: VecDeque::new(),
            read_bandwidth: Bandwidth::new(options.bandwidth_percent),
            write_bandwidth: Bandwidth::new(options.bandwidth_percent),
            response: AxiResponse::default(),
            counts: DramCounts::default(),
            options,
        }
    }

    /// What the port drives in this cycle.
    pub fn response(&self) -> &AxiResponse {
        &self.response
    }

    /// The content.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The content, to be changed between runs.
    pub fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Takes another content, with nothing under way.
    pub fn set_memory(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// What moved so far.
    pub fn counts(&self) -> DramCounts {
        self.counts
    }

    /// Bursts accepted and not fully answered: (reads, writes).
    pub fn outstanding(&self) -> (usize, usize) {
        (
            self.reads.len() + self.response.rvalid as usize,
            self.writes.len() + self.response.bvalid as usize,
        )
    }

    /// A cycle in reset.
    pub fn reset_cycle(&mut self, cycle: u64, request: &AxiRequest) -> Result<(), Error> {
        self.checker.check_reset(cycle, request)
    }

    /// Ends a cycle: the machine drove `request` while the port drove [`Dram::response`].
    pub fn clock(&mut self, cycle: u64, request: &AxiRequest) -> Result<(), Error> {
        self.checker.check(cycle, request, &self.response)?;
        self.read_bandwidth.tick();
        self.write_bandwidth.tick();
        self.accept_read_address(cycle, request)?;
        self.accept_write_address(request)?;
        self.accept_write_data(cycle, request)?;
        self.drive_read_data(cycle, request)?;
        self.drive_write_response(cycle, request)?;
        self.drive_ready(request);
        Ok(())
    }

    fn accept_read_address(&mut self, cycle: u64, request: &AxiRequest) -> Result<(), Error> {
        if request.arvalid == 0 || self.response.arready == 0 {
            return Ok(());
        }
        let burst = Burst { id: request.arid, address: request.araddr, beats: request.arlen + 1 };
        let bytes = self.checker.rules().bytes;
        let start = burst.beat_address(0, bytes);
        if !self.memory.readable(start, u64::from(burst.beats) * bytes as u64) {
            return Err(Error::Protocol {
                cycle,
                signal: "m_axi_araddr",
                message: format!(
                    "{} beats from {:#x} are outside the memory given to the machine",
                    burst.beats, burst.address
                ),
            });
        }
        let response = injected(self.options.read_error, self.counts.read_bursts);
        self.counts.read_bursts += 1;
        self.reads.push_back(Read {
            burst,
            ready_at: cycle + u64::from(self.options.latency.max(1)),
            done: 0,
            response,
        });
        Ok(())
    }

    fn accept_write_address(&mut self, request: &AxiRequest) -> Result<(), Error> {
        if request.awvalid == 0 || self.response.awready == 0 {
            return Ok(());
        }
        let response = injected(self.options.write_error, self.counts.write_bursts);
        self.counts.write_bursts += 1;
        self.writes.push_back(Write {
            burst: Burst { id: request.awid, address: request.awaddr, beats: request.awlen + 1 },
            beats: Vec::new(),
            ready_at: None,
            response,
        });
        Ok(())
    }

    fn accept_write_data(&mut self, cycle: u64, request: &AxiRequest) -> Result<(), Error> {
        if request.wvalid != 0 && self.response.wready != 0 {
            self.counts.write_beats += 1;
            self.early.push_back(WriteBeat {
                data: request.wdata,
                strobes: request.wstrb,
                last: request.wlast != 0,
            });
        }
        let latency = u64::from(self.options.latency.max(1));
        for write in &mut self.writes {
            while write.ready_at.is_none() {
                let Some(beat) = self.early.pop_front() else {
                    return Ok(());
                };
                let last = write.beats.len() + 1 == write.burst.beats as usize;
                if beat.last != last {
                    return Err(Error::Protocol {
                        cycle,
                        signal: "m_axi_wlast",
                        message: format!(
                            "is {} in beat {} of a burst of {} beats at {:#x}",
                            u32::from(beat.last),
                            write.beats.len() + 1,
                            write.burst.beats,
                            write.burst.address
                        ),
                    });
                }
                write.beats.push(beat);
                if last {
                    write.ready_at = Some(cycle + latency);
                }
            }
        }
        Ok(())
    }

    /// Picks the read burst that sends its next beat, if one may.
    fn pick_read(&mut self, cycle: u64) -> Option<usize> {
        let next = cycle + 1;
        if let (Some(id), false) = (self.current_read, self.options.interleave) {
            return self.reads.iter().position(|read| read.burst.id == id);
        }
        // The oldest burst of each ID may send; bursts of one ID keep their order.
        let mut heads: Vec<usize> = Vec::new();
        for (index, read) in self.reads.iter().enumerate() {
            let first_of_id = heads.iter().all(|&head| self.reads[head].burst.id != read.burst.id);
            if first_of_id {
                heads.push(index);
            }
        }
        heads.retain(|&head| self.reads[head].ready_at <= next);
        if heads.is_empty() {
            return None;
        }
        let choice =
            if self.options.interleave { self.rng.below(heads.len() as u64) as usize } else { 0 };
        heads.get(choice).copied()
    }

    fn drive_read_data(&mut self, cycle: u64, request: &AxiRequest) -> Result<(), Error> {
        if self.response.rvalid != 0 {
            if request.rready == 0 {
                return Ok(());
            }
            self.counts.read_beats += 1;
            self.response.rvalid = 0;
        }
        if self.reads.is_empty() || self.rng.chance(self.options.stalls.r) {
            return Ok(());
        }
        let Some(index) = self.pick_read(cycle) else {
            return Ok(());
        };
        if !self.read_bandwidth.take() {
            return Ok(());
        }
        let bytes = self.checker.rules().bytes;
        let read = &mut self.reads[index];
        let address = read.burst.beat_address(read.done, bytes);
        let word = &mut self.response.rdata[..bytes];
        if let Err(Refusal::Unwritten(at)) = self.memory.read(address, word) {
            return Err(Error::Protocol {
                cycle,
                signal: "m_axi_araddr",
                message: format!(
                    "byte {at:#x} was read and never written: the memory's error correction \
                     answers that with an error"
                ),
            });
        }
        read.done += 1;
        let last = read.done == read.burst.beats;
        self.response.rvalid = 1;
        self.response.rid = read.burst.id;
        self.response.rresp = read.response;
        self.response.rlast = u32::from(last);
        self.current_read = (!last).then_some(read.burst.id);
        if last {
            self.reads.remove(index);
        }
        Ok(())
    }

    fn drive_write_response(&mut self, cycle: u64, request: &AxiRequest) -> Result<(), Error> {
        if self.response.bvalid != 0 {
            if request.bready == 0 {
                return Ok(());
            }
            self.response.bvalid = 0;
        }
        let due = self
            .writes
            .front()
            .is_some_and(|write| write.ready_at.is_some_and(|at| at <= cycle + 1));
        if !due || self.rng.chance(self.options.stalls.b) {
            return Ok(());
        }
        if let Some(write) = self.writes.pop_front() {
            if write.response == 0 {
                self.commit(cycle, &write)?;
            }
            self.response.bvalid = 1;
            self.response.bid = write.burst.id;
            self.response.bresp = write.response;
        }
        Ok(())
    }

    fn commit(&mut self, cycle: u64, write: &Write) -> Result<(), Error> {
        let bytes = self.checker.rules().bytes;
        let start = write.burst.address;
        let violation = |signal, message| Error::Protocol { cycle, signal, message };
        for (index, beat) in (0..).zip(&write.beats) {
            let address = write.burst.beat_address(index, bytes);
            let first = (0..bytes).find(|&lane| beat.strobes[lane / 8] >> (lane % 8) & 1 != 0);
            if let Some(target) = first.map(|lane| address + lane as u64)
                && target < start
            {
                return Err(violation(
                    "m_axi_wstrb",
                    format!("enables byte {target:#x}, below the burst's address {start:#x}"),
                ));
            }
            match self.memory.write(address, &beat.data[..bytes], &beat.strobes) {
                Ok(()) => {}
                Err(Refusal::Outside(target)) => {
                    return Err(violation(
                        "m_axi_awaddr",
                        format!(
                            "byte {target:#x} of the burst at {start:#x} is outside the memory the machine may write"
                        ),
                    ));
                }
                Err(Refusal::Unwritten(target)) => {
                    return Err(violation(
                        "m_axi_wstrb",
                        format!(
                            "changes a part of the 8 bytes at {target:#x}, which were never written: the memory's error correction answers that with an error"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    fn drive_ready(&mut self, request: &AxiRequest) {
        let stalls = self.options.stalls;
        let room_reads = self.reads.len() < self.options.max_reads;
        self.response.arready = u32::from(room_reads && !self.rng.chance(stalls.ar));

        let room_writes = self.writes.len() < self.options.max_writes;
        // Data offered and not yet matched with an address is still there in the next cycle.
        let data_waits =
            !self.early.is_empty() || (request.wvalid != 0 && self.response.wready == 0);
        let address = room_writes && (!self.options.address_waits_for_data || data_waits);
        self.response.awready = u32::from(address && !self.rng.chance(stalls.aw));

        let room_data = self.early.len() < MAX_EARLY_BEATS;
        let data = room_data && !self.rng.chance(stalls.w) && self.write_bandwidth.take();
        self.response.wready = u32::from(data);
    }
}

fn injected(error: Option<InjectedError>, burst: u64) -> u32 {
    match error {
        Some(error) if error.burst == burst => error.response.code(),
        _ => 0,
    }
}
