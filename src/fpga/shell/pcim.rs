//! The host's memory, as the custom logic reaches it: an AXI4 bus of 512 bits with the shell as its
//! slave. What the shell refuses is answered with SLVERR and reported; what makes the shell give
//! the bus up ends it until the next reset.

use std::collections::{HashMap, VecDeque};

use super::health::{Bus, Log, Rule, Times};
use crate::cosim::error::Error;
use crate::cosim::pins::{AxiRequest, AxiResponse};
use crate::cosim::protocol::{BusRules, Checker};
use crate::cosim::rng::Rng;

/// Bytes of a beat.
const BEAT: usize = 64;

/// Bytes of a page.
const PAGE: u64 = 4096;

/// Most transactions under way in each direction.
const OUTSTANDING: usize = 32;

/// Beats that wait for their address.
const EARLY: usize = 256;

const OKAY: u32 = 0;
const SLVERR: u32 = 2;

/// The host's memory: the pages it has given out, by physical address.
#[derive(Debug, Default)]
pub struct HostMemory {
    pages: HashMap<u64, Box<[u8; PAGE as usize]>>,
}

impl HostMemory {
    /// Gives out pages from this address on; they hold 0xFF, as the shell's own test bench has it.
    pub fn give(&mut self, address: u64, bytes: u64) {
        for page in address / PAGE..(address + bytes).div_ceil(PAGE) {
            self.pages.entry(page).or_insert_with(|| Box::new([0xff; PAGE as usize]));
        }
    }

    /// Whether all these bytes were given out.
    pub fn contains(&self, address: u64, length: u64) -> bool {
        let Some(end) = address.checked_add(length) else { return false };
        (address / PAGE..end.div_ceil(PAGE)).all(|page| self.pages.contains_key(&page))
    }

    /// Copies bytes out; what was not given out stays as it is.
    pub fn read(&self, address: u64, into: &mut [u8]) {
        for (at, byte) in (address..).zip(into) {
            if let Some(page) = self.pages.get(&(at / PAGE)) {
                *byte = page[(at % PAGE) as usize];
            }
        }
    }

    /// Changes a byte.
    pub fn set(&mut self, address: u64, byte: u8) {
        if let Some(page) = self.pages.get_mut(&(address / PAGE)) {
            page[(address % PAGE) as usize] = byte;
        }
    }
}

#[derive(Debug)]
struct Burst {
    id: u32,
    address: u64,
    beats: u32,
    response: u32,
    /// When its address was accepted.
    since: u64,
    /// When it may be answered.
    ready_at: u64,
    moved: u32,
}

impl Burst {
    fn base(&self) -> u64 {
        self.address & !(BEAT as u64 - 1)
    }
}

#[derive(Debug)]
struct Beat {
    data: [u8; BEAT],
    strobes: u64,
    last: bool,
}

/// How the bus behaves.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// Cycles from an accepted burst to its answer, at least.
    pub latency: u64,
    /// Pauses, in percent of the cycles.
    pub gaps: u8,
    /// The host has allowed the card to be bus master.
    pub bus_master: bool,
}

/// The bus.
#[derive(Debug)]
pub struct Pcim {
    memory: HostMemory,
    response: AxiResponse,
    checker: Checker,
    manners: Manners,
    reads: VecDeque<Burst>,
    writes: VecDeque<Burst>,
    early: VecDeque<Beat>,
    /// Enabled bytes of the write whose data is coming: first, last and how many.
    enabled: Option<(u64, u64, u64)>,
    /// The read that sends its beats.
    current: Option<u32>,
    waits: [u64; 2],
    dead: bool,
    rng: Rng,
}

impl Pcim {
    /// A bus to this memory.
    pub fn new(memory: HostMemory, manners: Manners, seed: u64) -> Pcim {
        let rules =
            BusRules { bytes: BEAT, max_burst: 64, read_ids: 0..1 << 16, write_ids: 0..1 << 16 };
        Pcim {
            memory,
            response: AxiResponse::default(),
            checker: Checker::new(rules),
            manners,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            early: VecDeque::new(),
            enabled: None,
            current: None,
            waits: [0; 2],
            dead: false,
            rng: Rng::new(seed),
        }
    }

    /// What the bus carries to the custom logic.
    pub fn response(&self) -> &AxiResponse {
        &self.response
    }

    /// The host's memory.
    pub fn memory(&self) -> &HostMemory {
        &self.memory
    }

    /// The same, to be changed.
    pub fn memory_mut(&mut self) -> &mut HostMemory {
        &mut self.memory
    }

    /// Allows the card to be bus master, or forbids it.
    pub fn set_bus_master(&mut self, allowed: bool) {
        self.manners.bus_master = allowed;
    }

    /// Whether the shell has given the bus up.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.reads.is_empty()
            && self.writes.is_empty()
            && self.early.is_empty()
            && self.response.rvalid == 0
            && self.response.bvalid == 0
    }

    /// Ends a cycle: the custom logic drove `request` while the bus carried [`Pcim::response`].
    pub fn clock(&mut self, cycle: u64, request: &AxiRequest, times: &Times, log: &mut Log) {
        if self.dead {
            self.response = AxiResponse::default();
            return;
        }
        if let Err(Error::Protocol { signal, message, .. }) =
            self.checker.check_handshake(cycle, request, &self.response)
        {
            let name = signal.trim_start_matches("m_axi_");
            log.report(cycle, Bus::Pcim, Rule::Handshake, format!("{name} {message}"));
        }
        self.accept_read(cycle, request, log);
        self.accept_write(cycle, request, log);
        self.accept_data(cycle, request, log);
        self.patience(cycle, request, times, log);
        self.drive_read(cycle, request);
        self.drive_response(cycle, request);
        self.drive_ready();
    }

    /// What the shell thinks of a burst: its answer.
    fn judge(&self, cycle: u64, burst: &Burst, size: u32, kind: u32, log: &mut Log) -> u32 {
        let end = burst.base() + u64::from(burst.beats) * BEAT as u64;
        let Burst { address, beats, .. } = *burst;
        let broken = if size != BEAT.trailing_zeros() {
            (Rule::Size, format!("a burst at {address:#x} has size {size}"))
        } else if kind != 1 {
            (Rule::Incr, format!("a burst at {address:#x} has kind {kind}"))
        } else if address / PAGE != (end - 1) / PAGE {
            (Rule::Crosses4K, format!("{beats} beats from {address:#x} end at {end:#x}"))
        } else if !self.manners.bus_master {
            (Rule::BusMaster, format!("a burst at {address:#x} with bus mastering off"))
        } else if !self.memory.contains(burst.base(), end - burst.base()) {
            (Rule::Range, format!("{beats} beats from {address:#x} lie outside"))
        } else {
            return OKAY;
        };
        log.report(cycle, Bus::Pcim, broken.0, broken.1);
        SLVERR
    }

    fn ready_at(&mut self, cycle: u64) -> u64 {
        let spread = if self.manners.gaps == 0 { 0 } else { self.manners.latency };
        cycle + self.manners.latency + self.rng.below(spread + 1)
    }

    fn accept_read(&mut self, cycle: u64, request: &AxiRequest, log: &mut Log) {
        if request.arvalid == 0 || self.response.arready == 0 {
            return;
        }
        let mut burst = Burst {
            id: request.arid,
            address: request.araddr,
            beats: request.arlen + 1,
            response: OKAY,
            since: cycle,
            ready_at: self.ready_at(cycle),
            moved: 0,
        };
        burst.response = self.judge(cycle, &burst, request.arsize, request.arburst, log);
        if self.reads.iter().any(|read| read.id == burst.id) {
            let seen = format!("a second read with ID {:#x}", burst.id);
            log.report(cycle, Bus::Pcim, Rule::DuplicateId, seen);
            burst.response = SLVERR;
        }
        self.reads.push_back(burst);
        self.outstanding(cycle, self.reads.len(), log);
    }

    fn accept_write(&mut self, cycle: u64, request: &AxiRequest, log: &mut Log) {
        if request.awvalid == 0 || self.response.awready == 0 {
            return;
        }
        let mut burst = Burst {
            id: request.awid,
            address: request.awaddr,
            beats: request.awlen + 1,
            response: OKAY,
            since: cycle,
            ready_at: u64::MAX,
            moved: 0,
        };
        burst.response = self.judge(cycle, &burst, request.awsize, request.awburst, log);
        self.writes.push_back(burst);
        self.outstanding(cycle, self.writes.len(), log);
    }

    fn outstanding(&self, cycle: u64, count: usize, log: &mut Log) {
        if count > OUTSTANDING {
            log.report(cycle, Bus::Pcim, Rule::Outstanding, format!("{count} are under way"));
        }
    }

    fn accept_data(&mut self, cycle: u64, request: &AxiRequest, log: &mut Log) {
        if request.wvalid != 0 && self.response.wready != 0 {
            let mut beat = Beat { data: [0; BEAT], strobes: 0, last: request.wlast != 0 };
            beat.data.copy_from_slice(&request.wdata[..BEAT]);
            let mut strobes = [0; BEAT / 8];
            strobes.copy_from_slice(&request.wstrb[..BEAT / 8]);
            beat.strobes = u64::from_le_bytes(strobes);
            self.early.push_back(beat);
        }
        let ready_at = self.ready_at(cycle);
        for burst in self.writes.iter_mut().filter(|burst| burst.ready_at == u64::MAX) {
            while let Some(beat) = self.early.pop_front() {
                let base = burst.base() + u64::from(burst.moved) * BEAT as u64;
                burst.moved += 1;
                for lane in (0..BEAT as u64).filter(|lane| beat.strobes >> lane & 1 != 0) {
                    let at = base + lane;
                    let (first, _, count) = self.enabled.unwrap_or((at, at, 0));
                    self.enabled = Some((first, at, count + 1));
                    if burst.response == OKAY {
                        self.memory.set(at, beat.data[lane as usize]);
                    }
                }
                let last = burst.moved == burst.beats;
                if beat.last != last {
                    let seen = format!("wlast is {} in beat {}", u32::from(beat.last), burst.moved);
                    log.report(cycle, Bus::Pcim, Rule::LastBeat, seen);
                    burst.response = SLVERR;
                }
                if last {
                    if let Some((rule, seen)) = bytes(burst.address, self.enabled.take()) {
                        log.report(cycle, Bus::Pcim, rule, seen);
                        burst.response = SLVERR;
                    }
                    burst.ready_at = ready_at;
                    break;
                }
            }
            if burst.ready_at == u64::MAX {
                return;
            }
        }
    }

    /// Ends the bus when the custom logic keeps it waiting.
    fn patience(&mut self, cycle: u64, request: &AxiRequest, times: &Times, log: &mut Log) {
        self.waits = [
            if self.response.rvalid != 0 && request.rready == 0 { self.waits[0] + 1 } else { 0 },
            if self.response.bvalid != 0 && request.bready == 0 { self.waits[1] + 1 } else { 0 },
        ];
        let late = |burst: &Burst| {
            burst.ready_at == u64::MAX && cycle.saturating_sub(burst.since) >= times.timeout
        };
        let broken = if let Some(burst) = self.writes.iter().find(|burst| late(burst)) {
            let Burst { moved, beats, address, .. } = burst;
            (Rule::WriteData, format!("{moved} of {beats} beats came for {address:#x}"))
        } else if self.waits[0] >= times.timeout {
            (Rule::ReadReady, "rready stays low".to_owned())
        } else if self.waits[1] >= times.timeout {
            (Rule::ResponseReady, "bready stays low".to_owned())
        } else {
            return;
        };
        log.report(cycle, Bus::Pcim, broken.0, broken.1);
        self.dead = true;
    }

    fn drive_read(&mut self, cycle: u64, request: &AxiRequest) {
        if self.response.rvalid != 0 {
            if request.rready == 0 {
                return;
            }
            self.response.rvalid = 0;
        }
        if self.rng.chance(self.manners.gaps) {
            return;
        }
        // Reads of different IDs are answered in any order, each without a break.
        let due = |burst: &Burst| burst.ready_at <= cycle;
        let index = match self.current {
            Some(id) => self.reads.iter().position(|read| read.id == id),
            None if self.manners.gaps > 0 => {
                let ready: Vec<usize> =
                    (0..self.reads.len()).filter(|&index| due(&self.reads[index])).collect();
                ready.get(self.rng.below(ready.len() as u64) as usize).copied()
            }
            None => self.reads.iter().position(due),
        };
        let Some(index) = index else { return };
        let read = &mut self.reads[index];
        let address = read.base() + u64::from(read.moved) * BEAT as u64;
        self.memory.read(address, &mut self.response.rdata[..BEAT]);
        read.moved += 1;
        let last = read.moved == read.beats;
        self.response.rvalid = 1;
        self.response.rid = read.id;
        self.response.rresp = read.response;
        self.response.rlast = u32::from(last);
        self.current = (!last).then_some(read.id);
        if last {
            self.reads.remove(index);
        }
    }

    fn drive_response(&mut self, cycle: u64, request: &AxiRequest) {
        if self.response.bvalid != 0 {
            if request.bready == 0 {
                return;
            }
            self.response.bvalid = 0;
        }
        let due = self.writes.front().is_some_and(|write| write.ready_at <= cycle);
        if due
            && !self.rng.chance(self.manners.gaps)
            && let Some(write) = self.writes.pop_front()
        {
            self.response.bvalid = 1;
            self.response.bid = write.id;
            self.response.bresp = write.response;
        }
    }

    fn drive_ready(&mut self) {
        let gaps = self.manners.gaps;
        self.response.arready = u32::from(!self.rng.chance(gaps));
        self.response.awready = u32::from(!self.rng.chance(gaps));
        self.response.wready = u32::from(self.early.len() < EARLY && !self.rng.chance(gaps));
    }
}

/// The rule that the enabled bytes of a write (first, last, how many) break.
fn bytes(address: u64, enabled: Option<(u64, u64, u64)>) -> Option<(Rule, String)> {
    let Some((first, last, count)) = enabled else {
        return Some((Rule::FirstByte, format!("no byte of the write at {address:#x} is enabled")));
    };
    if first / 4 != address / 4 {
        return Some((Rule::FirstByte, format!("{first:#x} in a write at {address:#x}")));
    }
    let words = last / 4 - first / 4 + 1;
    if words > 2 && count != last - first + 1 {
        let seen = format!("{count} bytes between {first:#x} and {last:#x} are enabled");
        return Some((Rule::Strobes, seen));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enabled_bytes() {
        let rule = |address, enabled| bytes(address, enabled).map(|(rule, _)| rule);
        assert_eq!(rule(0x40, Some((0x41, 0x41, 1))), None);
        assert_eq!(rule(0x40, Some((0x40, 0x7f, 64))), None);
        assert_eq!(rule(0x40, Some((0x40, 0x47, 2))), None, "two words may have holes");
        assert_eq!(rule(0x40, Some((0x40, 0x48, 8))), Some(Rule::Strobes));
        assert_eq!(rule(0x40, Some((0x44, 0x47, 4))), Some(Rule::FirstByte));
        assert_eq!(rule(0x40, None), Some(Rule::FirstByte));
    }
}
