//! The host's accesses to the card's memory: an AXI4 bus of 512 bits with the shell as its master.
//!
//! Accesses of the processor (through BAR4) come as single words of 64 bytes or a few of them, with
//! an unaligned address and partial strobes where the host's bytes are, the last of them after a while; the shell's DMA engine, on
//! shells that have one, moves up to 4 KiB at a time. Writes of the processor are posted; its reads
//! do not pass them.

use std::collections::{BTreeMap, VecDeque};

use super::health::{Bus, Health, Log, NO_ANSWER, Rule, Times};
use super::lite::Token;
use crate::cosim::pins::{AxiRequest, AxiResponse};
use crate::cosim::rng::Rng;

/// Bytes of a beat.
pub const BEAT: u64 = 64;

/// Bytes of one store of the processor, which is not cut.
const STORE: u64 = 8;

/// Longest time in cycles that a write stays in the processor's buffers when nothing pushes it out.
const LINGER: u64 = 4000;

/// A burst stays within its page of this size.
const PAGE: u64 = 4096;

/// Most transactions under way in each direction.
pub const OUTSTANDING: usize = 32;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The processor, through BAR4.
    Processor,
    /// A channel of the shell's DMA engine.
    Dma(u32),
}

impl Source {
    /// The ID its transactions carry.
    pub const fn id(self) -> u32 {
        match self {
            Source::Processor => 0x20,
            Source::Dma(channel) => channel,
        }
    }

    const fn patience(self, times: &Times) -> u64 {
        match self {
            Source::Processor => times.timeout,
            Source::Dma(_) => times.dma_timeout,
        }
    }

    /// Most beats of a burst.
    const fn beats(self) -> u64 {
        match self {
            // Packets of 256 bytes.
            Source::Processor => 4,
            Source::Dma(_) => PAGE / BEAT,
        }
    }
}

#[derive(Debug)]
struct Beat {
    data: [u8; BEAT as usize],
    strobes: u64,
}

#[derive(Debug)]
struct Burst {
    token: Token,
    source: Source,
    address: u64,
    beats: u32,
    /// Bytes asked for, from `address` on.
    bytes: u64,
    write: Vec<Beat>,
    read: Vec<u8>,
    /// Cycles for which a write that nothing follows stays in the processor's buffers.
    lingers: u64,
    /// Cycles until address and data may be offered.
    waits: [u64; 2],
    address_taken: bool,
    /// Beats moved.
    moved: u32,
    since: Option<u64>,
    given_up: bool,
}

impl Burst {
    fn what(&self) -> String {
        let kind = if self.write.is_empty() { "read" } else { "write" };
        format!("{kind} of {} bytes at {:#x}", self.bytes, self.address)
    }
}

/// One direction: what waits, and what is on the bus, oldest first.
#[derive(Debug, Default)]
struct Direction {
    queue: VecDeque<Burst>,
    active: VecDeque<Burst>,
}

impl Direction {
    /// Brings the next burst to the bus, if one more may be under way.
    fn begin(&mut self, cycle: u64) {
        if self.active.len() < OUTSTANDING {
            self.active.extend(self.queue.pop_front());
        } else if let Some(burst) = self.queue.front_mut()
            && self.active.iter().all(|burst| burst.given_up)
        {
            burst.since.get_or_insert(cycle);
        }
    }

    fn is_settled(&self) -> bool {
        self.queue.is_empty() && self.active.iter().all(|burst| burst.given_up)
    }
}

/// The bus.
#[derive(Debug)]
pub struct Pcis {
    request: AxiRequest,
    held: AxiResponse,
    writes: Direction,
    reads: Direction,
    results: BTreeMap<Token, Vec<u8>>,
    health: Health,
    next: Token,
    quiet_until: u64,
    gaps: u8,
    skew: u64,
    rng: Rng,
}

impl Pcis {
    /// A bus with nothing under way; pauses in `gaps` percent of the cycles, with at most `skew`
    /// cycles between the address and the data of a write.
    pub fn new(gaps: u8, skew: u64, seed: u64) -> Pcis {
        Pcis {
            request: AxiRequest::default(),
            held: AxiResponse::default(),
            writes: Direction::default(),
            reads: Direction::default(),
            results: BTreeMap::new(),
            health: Health::default(),
            next: 0,
            quiet_until: 0,
            gaps,
            skew,
            rng: Rng::new(seed),
        }
    }

    /// What the bus carries to the custom logic.
    pub fn request(&self) -> &AxiRequest {
        &self.request
    }

    /// Its state.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Whether nothing waits and everything on the bus has been answered.
    pub fn is_idle(&self) -> bool {
        [&self.writes, &self.reads]
            .iter()
            .all(|direction| direction.queue.is_empty() && direction.active.is_empty())
    }

    /// Whether every access has been answered or given up.
    pub fn is_settled(&self) -> bool {
        self.writes.is_settled() && self.reads.is_settled()
    }

    /// Transactions under way: (reads, writes).
    pub fn outstanding(&self) -> (usize, usize) {
        (self.reads.active.len(), self.writes.active.len())
    }

    fn burst(&mut self, source: Source, address: u64, bytes: u64) -> Burst {
        self.next += 1;
        let (gaps, skew) = (self.gaps, self.skew);
        let mut wait = || if gaps == 0 { 0 } else { self.rng.below(skew + 1) };
        Burst {
            token: self.next,
            source,
            address,
            beats: ((address % BEAT + bytes).div_ceil(BEAT)) as u32,
            bytes,
            write: Vec::new(),
            read: Vec::new(),
            lingers: 0,
            waits: [wait(), wait()],
            address_taken: false,
            moved: 0,
            since: None,
            given_up: false,
        }
    }

    /// Where the burst that begins at `address` ends at the latest: the processor's writes are cut
    /// as its write buffers happen to be emptied.
    fn end(&mut self, source: Source, address: u64, end: u64) -> u64 {
        let longest = address / BEAT * BEAT + source.beats() * BEAT;
        let limit = end.min(longest).min(address / PAGE * PAGE + PAGE);
        if source == Source::Processor && self.rng.chance(self.gaps) {
            let cut = address + 1 + self.rng.below(limit - address);
            return cut.next_multiple_of(STORE).min(limit);
        }
        limit
    }

    /// Appends a write.
    pub fn write(&mut self, source: Source, mut address: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = self.end(source, address, address + bytes.len() as u64);
            let (part, rest) = bytes.split_at((end - address) as usize);
            let mut burst = self.burst(source, address, part.len() as u64);
            if source == Source::Processor && self.gaps > 0 {
                burst.lingers = self.rng.below(LINGER);
            }
            for index in 0..u64::from(burst.beats) {
                let base = address / BEAT * BEAT + index * BEAT;
                let mut beat = Beat { data: [0; BEAT as usize], strobes: 0 };
                for at in base.max(address)..(base + BEAT).min(end) {
                    beat.data[(at - base) as usize] = part[(at - address) as usize];
                    beat.strobes |= 1 << (at - base);
                }
                burst.write.push(beat);
            }
            self.writes.queue.push_back(burst);
            (address, bytes) = (end, rest);
        }
    }

    /// Appends a read; its tokens, one per burst, bring the bytes in order.
    pub fn read(&mut self, source: Source, mut address: u64, length: u64) -> Vec<Token> {
        let last = address + length;
        let mut tokens = Vec::new();
        while address < last {
            let longest = match source {
                // A load of the processor.
                Source::Processor => address / BEAT * BEAT + BEAT,
                Source::Dma(_) => address / PAGE * PAGE + PAGE,
            };
            let end = last.min(longest);
            let burst = self.burst(source, address, end - address);
            tokens.push(burst.token);
            self.reads.queue.push_back(burst);
            address = end;
        }
        tokens
    }

    /// The bytes a read has brought, when it is over.
    pub fn take(&mut self, token: Token) -> Option<Vec<u8>> {
        self.results.remove(&token)
    }

    /// Ends a cycle: the custom logic drove `response` while the bus carried [`Pcis::request`].
    pub fn clock(&mut self, cycle: u64, response: &AxiResponse, times: &Times, log: &mut Log) {
        self.check(cycle, response, log);
        self.accepted(response);
        self.write_response(cycle, response, log);
        self.read_data(cycle, response, log);
        self.patience(cycle, times, log);
        self.begin(cycle, times);
        self.offer_addresses(cycle);
        self.offer_data();
        self.request.bready = u32::from(!self.rng.chance(self.gaps));
        self.request.rready = u32::from(!self.rng.chance(self.gaps));
    }

    /// Answers hold until they are taken.
    fn check(&mut self, cycle: u64, now: &AxiResponse, log: &mut Log) {
        let held = &self.held;
        let write =
            held.bvalid != 0 && (now.bvalid, now.bid, now.bresp) != (1, held.bid, held.bresp);
        let read = held.rvalid != 0
            && ((now.rvalid, now.rid, now.rresp, now.rlast)
                != (1, held.rid, held.rresp, held.rlast)
                || now.rdata != held.rdata);
        for (broken, what) in [(write, "a write's answer"), (read, "a read's beat")] {
            if broken {
                log.report(cycle, Bus::Pcis, Rule::Handshake, format!("{what} did not wait"));
            }
        }
        let waits_write = now.bvalid != 0 && self.request.bready == 0;
        let waits_read = now.rvalid != 0 && self.request.rready == 0;
        if waits_write || waits_read {
            self.held.clone_from(now);
        }
        self.held.bvalid = u32::from(waits_write);
        self.held.rvalid = u32::from(waits_read);
    }

    /// Takes back what the custom logic has accepted.
    fn accepted(&mut self, response: &AxiResponse) {
        let request = &mut self.request;
        if request.awvalid != 0 && response.awready != 0 {
            request.awvalid = 0;
            if let Some(burst) = self.writes.active.iter_mut().find(|burst| !burst.address_taken) {
                burst.address_taken = true;
            }
        }
        if request.arvalid != 0 && response.arready != 0 {
            request.arvalid = 0;
            if let Some(burst) = self.reads.active.iter_mut().find(|burst| !burst.address_taken) {
                burst.address_taken = true;
            }
        }
        if request.wvalid != 0 && response.wready != 0 {
            request.wvalid = 0;
            let incomplete = |burst: &&mut Burst| burst.moved < burst.beats;
            if let Some(burst) = self.writes.active.iter_mut().find(incomplete) {
                burst.moved += 1;
            }
        }
    }

    fn write_response(&mut self, cycle: u64, response: &AxiResponse, log: &mut Log) {
        if response.bvalid == 0 || self.request.bready == 0 {
            return;
        }
        let waits = |burst: &Burst| {
            burst.source.id() == response.bid && burst.address_taken && burst.moved == burst.beats
        };
        let found = self.writes.active.iter().position(waits);
        let Some(burst) = found.and_then(|index| self.writes.active.remove(index)) else {
            let seen = format!("an answer with ID {:#x} to no write", response.bid);
            log.report(cycle, Bus::Pcis, Rule::Unexpected, seen);
            return;
        };
        if response.bresp != 0 {
            let seen = format!("a {} was answered with {}", burst.what(), response.bresp);
            log.report(cycle, Bus::Pcis, Rule::ErrorResponse, seen);
        }
    }

    fn read_data(&mut self, cycle: u64, response: &AxiResponse, log: &mut Log) {
        if response.rvalid == 0 || self.request.rready == 0 {
            return;
        }
        let waits = |burst: &Burst| burst.source.id() == response.rid && burst.address_taken;
        let Some(index) = self.reads.active.iter().position(waits) else {
            let seen = format!("a beat with ID {:#x} for no read", response.rid);
            log.report(cycle, Bus::Pcis, Rule::Unexpected, seen);
            return;
        };
        let burst = &mut self.reads.active[index];
        burst.moved += 1;
        burst.read.extend_from_slice(&response.rdata[..BEAT as usize]);
        let last = burst.moved == burst.beats;
        if last != (response.rlast != 0) {
            let seen =
                format!("a {}: rlast is {} in beat {}", burst.what(), response.rlast, burst.moved);
            log.report(cycle, Bus::Pcis, Rule::LastBeat, seen);
        }
        if response.rresp != 0 {
            let seen = format!("a {} was answered with {}", burst.what(), response.rresp);
            log.report(cycle, Bus::Pcis, Rule::ErrorResponse, seen);
        }
        if last
            && let Some(burst) = self.reads.active.remove(index)
            && !burst.given_up
        {
            let from = (burst.address % BEAT) as usize;
            let bytes = burst.read[from..from + burst.bytes as usize].to_vec();
            self.results.insert(burst.token, bytes);
        }
    }

    /// Ends what takes too long; the bus carries it on, for nobody.
    fn patience(&mut self, cycle: u64, times: &Times, log: &mut Log) {
        for (direction, reading) in [(&mut self.writes, false), (&mut self.reads, true)] {
            let full = direction.active.len() == OUTSTANDING;
            let queued = direction.queue.front_mut().filter(|_| full);
            for burst in direction.active.iter_mut().chain(queued) {
                let late = |since| cycle - since >= burst.source.patience(times);
                if burst.given_up || !burst.since.is_some_and(late) {
                    continue;
                }
                let seen = format!("a {} has no answer", burst.what());
                log.report(cycle, Bus::Pcis, Rule::Timeout, seen);
                self.health.timed_out(cycle, times);
                burst.given_up = true;
                if reading {
                    self.results.insert(burst.token, vec![NO_ANSWER; burst.bytes as usize]);
                }
            }
            if direction.queue.front().is_some_and(|burst| burst.given_up) {
                direction.queue.pop_front();
            }
        }
    }

    /// Brings bursts from the queues to the bus, or ends them at once on one that answers nothing.
    fn begin(&mut self, cycle: u64, times: &Times) {
        if self.health.is_poisoned(cycle) {
            if cycle >= self.quiet_until {
                let given_up =
                    self.writes.queue.pop_front().or_else(|| self.reads.queue.pop_front());
                if let Some(burst) = given_up {
                    self.quiet_until = cycle + times.refusal;
                    if burst.write.is_empty() {
                        let nothing = vec![NO_ANSWER; burst.bytes as usize];
                        self.results.insert(burst.token, nothing);
                    }
                }
            }
            return;
        }
        // A read pushes the processor's writes out; so does a write behind them.
        let pushed = self.reads.queue.iter().any(|burst| burst.source == Source::Processor);
        if let [last] = self.writes.queue.make_contiguous()
            && last.lingers > 0
            && !pushed
        {
            last.lingers -= 1;
            return self.reads.begin(cycle);
        }
        // A read of the processor waits for all its writes.
        let pending = |burst: &Burst| burst.source == Source::Processor && !burst.given_up;
        let posted = self.writes.queue.iter().chain(&self.writes.active).any(pending);
        self.writes.begin(cycle);
        let waits = |burst: &Burst| posted && burst.source == Source::Processor;
        if !self.reads.queue.front().is_some_and(waits) {
            self.reads.begin(cycle);
        }
    }

    /// Offers the next address of each direction, at most the number that may be under way.
    fn offer_addresses(&mut self, cycle: u64) {
        let request = &mut self.request;
        if request.awvalid == 0
            && let Some(burst) = self.writes.active.iter_mut().find(|burst| !burst.address_taken)
        {
            if burst.waits[0] > 0 || self.rng.chance(self.gaps) {
                burst.waits[0] = burst.waits[0].saturating_sub(1);
            } else {
                burst.since.get_or_insert(cycle + 1);
                request.awvalid = 1;
                request.awid = burst.source.id();
                request.awaddr = burst.address;
                request.awlen = burst.beats - 1;
                request.awsize = BEAT.trailing_zeros();
                request.awburst = 1;
            }
        }
        if request.arvalid == 0
            && let Some(burst) = self.reads.active.iter_mut().find(|burst| !burst.address_taken)
        {
            if burst.waits[0] > 0 || self.rng.chance(self.gaps) {
                burst.waits[0] = burst.waits[0].saturating_sub(1);
            } else {
                burst.since.get_or_insert(cycle + 1);
                request.arvalid = 1;
                request.arid = burst.source.id();
                request.araddr = burst.address;
                request.arlen = burst.beats - 1;
                request.arsize = BEAT.trailing_zeros();
                request.arburst = 1;
            }
        }
    }

    /// Offers the next beat of the oldest write that lacks some, before its address or after it.
    fn offer_data(&mut self) {
        if self.request.wvalid != 0 {
            return;
        }
        let incomplete = |burst: &&mut Burst| burst.moved < burst.beats;
        let Some(burst) = self.writes.active.iter_mut().find(incomplete) else { return };
        if burst.waits[1] > 0 || self.rng.chance(self.gaps) {
            burst.waits[1] = burst.waits[1].saturating_sub(1);
            return;
        }
        let beat = &burst.write[burst.moved as usize];
        self.request.wvalid = 1;
        self.request.wdata[..BEAT as usize].copy_from_slice(&beat.data);
        self.request.wstrb[..8].copy_from_slice(&beat.strobes.to_le_bytes());
        self.request.wlast = u32::from(burst.moved + 1 == burst.beats);
    }
}
