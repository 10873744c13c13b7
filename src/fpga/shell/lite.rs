//! One AXI4-Lite bus, with the shell as its master: one transaction at a time, accesses of the host
//! split into words of 32 bits.

use std::collections::{BTreeMap, VecDeque};

use super::health::{Bus, Health, Log, NO_ANSWER, Rule, Times};
use crate::cosim::pins::{LiteRequest, LiteResponse};
use crate::cosim::rng::Rng;

/// Names an access until it is over.
pub type Token = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write { data: u32, strobes: u32 },
}

#[derive(Debug, Clone, Copy)]
struct Access {
    token: Token,
    address: u32,
    kind: Kind,
    /// When the bus was ready to begin with it.
    since: Option<u64>,
}

/// The transaction on the bus.
#[derive(Debug)]
struct Current {
    access: Access,
    /// Cycles until the address and the data are offered.
    waits: [u64; 2],
    /// The host has been told that it failed; the bus still carries it.
    given_up: bool,
}

/// The bus.
#[derive(Debug)]
pub struct Lite {
    bus: Bus,
    request: LiteRequest,
    held: LiteResponse,
    queue: VecDeque<Access>,
    current: Option<Current>,
    results: BTreeMap<Token, u32>,
    health: Health,
    next: Token,
    quiet_until: u64,
    gaps: u8,
    rng: Rng,
}

/// Most cycles between the offers of address and data.
const SKEW: u64 = 6;

impl Lite {
    /// A bus with nothing under way; pauses in `gaps` percent of the cycles.
    pub fn new(bus: Bus, gaps: u8, seed: u64) -> Lite {
        Lite {
            bus,
            request: LiteRequest::default(),
            held: LiteResponse::default(),
            queue: VecDeque::new(),
            current: None,
            results: BTreeMap::new(),
            health: Health::default(),
            next: 0,
            quiet_until: 0,
            gaps,
            rng: Rng::new(seed),
        }
    }

    /// What the bus carries to the custom logic.
    pub fn request(&self) -> &LiteRequest {
        &self.request
    }

    /// Its state.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Whether nothing is waiting or under way.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.current.is_none()
    }

    /// Whether every access has been answered or given up.
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty() && self.current.as_ref().is_none_or(|current| current.given_up)
    }

    fn submit(&mut self, address: u32, kind: Kind) -> Token {
        self.next += 1;
        self.queue.push_back(Access { token: self.next, address, kind, since: None });
        self.next
    }

    /// Appends a write of the host, of any length and alignment: a transaction for every word of 32
    /// bits that it touches. The first has the host's address, the others are aligned.
    pub fn write(&mut self, address: u32, bytes: &[u8]) {
        for (at, lanes) in words(address, bytes.len()) {
            let mut data = [0; 4];
            let mut strobes = 0;
            for lane in lanes {
                let offset = (at & !3) + lane - address;
                data[lane as usize] = bytes[offset as usize];
                strobes |= 1 << lane;
            }
            self.submit(at, Kind::Write { data: u32::from_le_bytes(data), strobes });
        }
    }

    /// Appends a read of the host; a token per word.
    pub fn read(&mut self, address: u32, length: usize) -> Vec<Token> {
        words(address, length).map(|(at, _)| self.submit(at, Kind::Read)).collect()
    }

    /// The word a read has brought, when it has.
    pub fn take(&mut self, token: Token) -> Option<u32> {
        self.results.remove(&token)
    }

    /// Ends a cycle: the custom logic drove `response` while the bus carried [`Lite::request`].
    pub fn clock(&mut self, cycle: u64, response: &LiteResponse, times: &Times, log: &mut Log) {
        self.check(cycle, response, log);
        if response.awready != 0 {
            self.request.awvalid = 0;
        }
        if response.wready != 0 {
            self.request.wvalid = 0;
        }
        if response.arready != 0 {
            self.request.arvalid = 0;
        }
        self.answers(cycle, response, log);
        self.patience(cycle, times, log);
        self.begin(cycle, times);
        self.offer();
        let ready = |rng: &mut Rng, gaps| u32::from(!rng.chance(gaps));
        self.request.bready = ready(&mut self.rng, self.gaps);
        self.request.rready = ready(&mut self.rng, self.gaps);
    }

    /// Answers hold until they are taken.
    fn check(&mut self, cycle: u64, now: &LiteResponse, log: &mut Log) {
        let held = &self.held;
        let write = held.bvalid != 0 && (now.bvalid == 0 || now.bresp != held.bresp);
        let read = held.rvalid != 0
            && (now.rvalid == 0 || now.rdata != held.rdata || now.rresp != held.rresp);
        for (broken, what) in [(write, "a write's answer"), (read, "a read's answer")] {
            if broken {
                log.report(cycle, self.bus, Rule::Handshake, format!("{what} did not wait"));
            }
        }
        self.held = now.clone();
        self.held.bvalid = u32::from(now.bvalid != 0 && self.request.bready == 0);
        self.held.rvalid = u32::from(now.rvalid != 0 && self.request.rready == 0);
    }

    fn answers(&mut self, cycle: u64, response: &LiteResponse, log: &mut Log) {
        if response.bvalid != 0 && self.request.bready != 0 {
            self.answer(cycle, true, response.bresp, 0, log);
        }
        if response.rvalid != 0 && self.request.rready != 0 {
            self.answer(cycle, false, response.rresp, response.rdata, log);
        }
    }

    fn answer(&mut self, cycle: u64, write: bool, response: u32, data: u32, log: &mut Log) {
        let request = &self.request;
        let waits = self.current.as_ref().is_some_and(|current| match current.access.kind {
            Kind::Write { .. } => {
                write && current.waits == [0, 0] && request.awvalid == 0 && request.wvalid == 0
            }
            Kind::Read => !write && current.waits[0] == 0 && request.arvalid == 0,
        });
        let kind = if write { "write" } else { "read" };
        let Some(current) = self.current.take_if(|_| waits) else {
            let seen = format!("an answer to a {kind} that nobody waits for");
            log.report(cycle, self.bus, Rule::Unexpected, seen);
            return;
        };
        let Access { address, token, .. } = current.access;
        if response != 0 {
            let seen = format!("a {kind} of {address:#x} was answered with {response}");
            log.report(cycle, self.bus, Rule::ErrorResponse, seen);
        }
        if !write && !current.given_up {
            self.results.insert(token, data);
        }
    }

    fn give_up(&mut self, access: Access) {
        if access.kind == Kind::Read {
            self.results.insert(access.token, u32::from_le_bytes([NO_ANSWER; 4]));
        }
    }

    /// Ends what takes too long.
    fn patience(&mut self, cycle: u64, times: &Times, log: &mut Log) {
        let blocked = self.current.as_ref().is_some_and(|current| current.given_up);
        let waiting = match &mut self.current {
            Some(current) if !current.given_up => Some(&current.access),
            // Behind a transaction that never ends.
            Some(_) => self.queue.front(),
            None => None,
        };
        let Some(access) = waiting.copied() else { return };
        if access.since.is_none_or(|since| cycle - since < times.timeout) {
            return;
        }
        let what = if access.kind == Kind::Read { "read" } else { "write" };
        let seen = format!("a {what} of {:#x} has no answer", access.address);
        log.report(cycle, self.bus, Rule::Timeout, seen);
        self.health.timed_out(cycle, times);
        self.give_up(access);
        if blocked {
            self.queue.pop_front();
        } else if let Some(current) = &mut self.current {
            current.given_up = true;
        }
    }

    /// Begins with the next access, or ends it at once on a bus that answers nothing.
    fn begin(&mut self, cycle: u64, times: &Times) {
        if self.health.is_poisoned(cycle) {
            if cycle >= self.quiet_until
                && let Some(access) = self.queue.pop_front()
            {
                self.quiet_until = cycle + times.refusal;
                self.give_up(access);
            }
            return;
        }
        let Some(access) = self.queue.front_mut() else { return };
        access.since.get_or_insert(cycle);
        if self.current.is_some() || self.rng.chance(self.gaps) {
            return;
        }
        let access = *access;
        self.queue.pop_front();
        let mut wait = || if self.gaps == 0 { 0 } else { self.rng.below(SKEW) };
        let waits = match access.kind {
            Kind::Read => [1 + wait(), 0],
            Kind::Write { .. } => [1 + wait(), 1 + wait()],
        };
        self.current = Some(Current { access, waits, given_up: false });
    }

    fn offer(&mut self) {
        let Some(current) = &mut self.current else { return };
        let Current { access, waits, .. } = current;
        let due = waits.map(|wait| wait == 1);
        waits.iter_mut().for_each(|wait| *wait = wait.saturating_sub(1));
        let request = &mut self.request;
        match access.kind {
            Kind::Read if due[0] => {
                request.arvalid = 1;
                request.araddr = access.address;
            }
            Kind::Read => {}
            Kind::Write { data, strobes } => {
                if due[0] {
                    request.awvalid = 1;
                    request.awaddr = access.address;
                }
                if due[1] {
                    request.wvalid = 1;
                    request.wdata = data;
                    request.wstrb = strobes;
                }
            }
        }
    }
}

/// Address and byte lanes of every word of 32 bits an access touches.
fn words(address: u32, length: usize) -> impl Iterator<Item = (u32, std::ops::Range<u32>)> {
    let end = address + length as u32;
    let first = address & !3;
    (first..end).step_by(4).map(move |word| {
        let from = address.max(word);
        (from, from - word..(end - word).min(4))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the shell's specification.
    #[test]
    fn accesses_are_split_into_words() {
        let split = |address, length| words(address, length).collect::<Vec<_>>();
        assert_eq!(split(0, 8), [(0, 0..4), (4, 0..4)]);
        assert_eq!(split(1, 8), [(1, 1..4), (4, 0..4), (8, 0..1)]);
        assert_eq!(split(6, 1), [(6, 2..3)]);
        let mut bus = Lite::new(Bus::Ocl, 0, 0);
        bus.write(1, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let queued: Vec<(u32, Kind)> =
            bus.queue.iter().map(|access| (access.address, access.kind)).collect();
        assert_eq!(
            queued,
            [
                (1, Kind::Write { data: 0x0302_0100, strobes: 0xe }),
                (4, Kind::Write { data: 0x0706_0504, strobes: 0xf }),
                (8, Kind::Write { data: 8, strobes: 1 }),
            ]
        );
    }
}
