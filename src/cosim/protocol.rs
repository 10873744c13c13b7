//! The rules of AXI4 that bind the machine as a master, checked in every cycle.

use std::ops::Range;

use super::error::Error;
use super::pins::{AxiRequest, AxiResponse};

/// What a legal burst of this design looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusRules {
    /// Width of the data bus in bytes, a power of two.
    pub bytes: usize,
    /// Longest burst in beats.
    pub max_burst: u32,
    /// IDs the machine may read with.
    pub read_ids: Range<u32>,
    /// IDs the machine may write with.
    pub write_ids: Range<u32>,
}

/// One burst as announced on AR or AW.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// ID.
    pub id: u32,
    /// Address of the first byte.
    pub address: u64,
    /// Number of beats.
    pub beats: u32,
}

impl Burst {
    /// Address of beat `index`, rounded down to the bus width.
    pub fn beat_address(&self, index: u32, bus_bytes: usize) -> u64 {
        let bytes = bus_bytes as u64;
        (self.address & !(bytes - 1)) + u64::from(index) * bytes
    }
}

/// Remembers the previous cycle.
#[derive(Debug)]
pub struct Checker {
    rules: BusRules,
    /// What was offered and not accepted in the previous cycle.
    held: AxiRequest,
}

/// Names of one address channel's signals, for messages.
struct Names {
    id: &'static str,
    address: &'static str,
    length: &'static str,
    size: &'static str,
    burst: &'static str,
}

const AR: Names = Names {
    id: "m_axi_arid",
    address: "m_axi_araddr",
    length: "m_axi_arlen",
    size: "m_axi_arsize",
    burst: "m_axi_arburst",
};

const AW: Names = Names {
    id: "m_axi_awid",
    address: "m_axi_awaddr",
    length: "m_axi_awlen",
    size: "m_axi_awsize",
    burst: "m_axi_awburst",
};

fn violation(cycle: u64, signal: &'static str, message: impl Into<String>) -> Error {
    Error::Protocol { cycle, signal, message: message.into() }
}

/// A payload signal that must hold while its channel waits.
fn hold<T: PartialEq + std::fmt::LowerHex>(
    cycle: u64,
    signal: &'static str,
    before: T,
    now: T,
) -> Result<(), Error> {
    if before == now {
        return Ok(());
    }
    Err(violation(
        cycle,
        signal,
        format!("changed from {before:#x} to {now:#x} while valid waits for ready"),
    ))
}

impl Checker {
    /// Starts after reset, with nothing offered.
    pub fn new(rules: BusRules) -> Self {
        Self { rules, held: AxiRequest::default() }
    }

    /// The rules in force.
    pub fn rules(&self) -> &BusRules {
        &self.rules
    }

    /// Checks one cycle: stability of everything that waits, and the form of every burst.
    pub fn check(
        &mut self,
        cycle: u64,
        request: &AxiRequest,
        response: &AxiResponse,
    ) -> Result<(), Error> {
        self.check_stability(cycle, request)?;
        if request.arvalid != 0 {
            let burst =
                Burst { id: request.arid, address: request.araddr, beats: request.arlen + 1 };
            self.check_burst(cycle, &burst, request.arsize, request.arburst, &AR)?;
        }
        if request.awvalid != 0 {
            let burst =
                Burst { id: request.awid, address: request.awaddr, beats: request.awlen + 1 };
            self.check_burst(cycle, &burst, request.awsize, request.awburst, &AW)?;
        }
        self.remember(request, response);
        Ok(())
    }

    /// Checks one cycle for the stability of everything that waits, and for nothing else.
    pub fn check_handshake(
        &mut self,
        cycle: u64,
        request: &AxiRequest,
        response: &AxiResponse,
    ) -> Result<(), Error> {
        let stable = self.check_stability(cycle, request);
        self.remember(request, response);
        stable
    }

    /// Nothing may be offered while reset is active.
    pub fn check_reset(&mut self, cycle: u64, request: &AxiRequest) -> Result<(), Error> {
        self.held = AxiRequest::default();
        for (signal, valid) in [
            ("m_axi_arvalid", request.arvalid),
            ("m_axi_awvalid", request.awvalid),
            ("m_axi_wvalid", request.wvalid),
        ] {
            if valid != 0 {
                return Err(violation(cycle, signal, "high during reset"));
            }
        }
        Ok(())
    }

    fn remember(&mut self, request: &AxiRequest, response: &AxiResponse) {
        let held = &mut self.held;
        held.arvalid = u32::from(request.arvalid != 0 && response.arready == 0);
        held.awvalid = u32::from(request.awvalid != 0 && response.awready == 0);
        held.wvalid = u32::from(request.wvalid != 0 && response.wready == 0);
        if held.arvalid != 0 {
            held.araddr = request.araddr;
            held.arid = request.arid;
            held.arlen = request.arlen;
        }
        if held.awvalid != 0 {
            held.awaddr = request.awaddr;
            held.awid = request.awid;
            held.awlen = request.awlen;
        }
        if held.wvalid != 0 {
            held.wlast = request.wlast;
            held.wdata = request.wdata;
            held.wstrb = request.wstrb;
        }
    }

    fn check_stability(&self, cycle: u64, now: &AxiRequest) -> Result<(), Error> {
        let held = &self.held;
        for (signal, before, valid) in [
            ("m_axi_arvalid", held.arvalid, now.arvalid),
            ("m_axi_awvalid", held.awvalid, now.awvalid),
            ("m_axi_wvalid", held.wvalid, now.wvalid),
        ] {
            if before != 0 && valid == 0 {
                return Err(violation(cycle, signal, "fell before ready"));
            }
        }
        if held.arvalid != 0 {
            hold(cycle, AR.address, held.araddr, now.araddr)?;
            hold(cycle, AR.id, held.arid, now.arid)?;
            hold(cycle, AR.length, held.arlen, now.arlen)?;
        }
        if held.awvalid != 0 {
            hold(cycle, AW.address, held.awaddr, now.awaddr)?;
            hold(cycle, AW.id, held.awid, now.awid)?;
            hold(cycle, AW.length, held.awlen, now.awlen)?;
        }
        if held.wvalid != 0 {
            hold(cycle, "m_axi_wlast", held.wlast, now.wlast)?;
            if held.wdata != now.wdata {
                return Err(violation(cycle, "m_axi_wdata", "changed while valid waits for ready"));
            }
            if held.wstrb != now.wstrb {
                return Err(violation(cycle, "m_axi_wstrb", "changed while valid waits for ready"));
            }
        }
        Ok(())
    }

    fn check_burst(
        &self,
        cycle: u64,
        burst: &Burst,
        size: u32,
        kind: u32,
        names: &Names,
    ) -> Result<(), Error> {
        let rules = &self.rules;
        if kind != 1 {
            return Err(violation(cycle, names.burst, format!("is {kind}; only INCR (1) is used")));
        }
        let full = rules.bytes.trailing_zeros();
        if size != full {
            return Err(violation(
                cycle,
                names.size,
                format!("is {size}; a full-width beat has {full}"),
            ));
        }
        if burst.beats > rules.max_burst {
            return Err(violation(
                cycle,
                names.length,
                format!("announces {} beats; the limit is {}", burst.beats, rules.max_burst),
            ));
        }
        let last = burst.beat_address(burst.beats - 1, rules.bytes) + rules.bytes as u64 - 1;
        if burst.address >> 12 != last >> 12 {
            return Err(violation(
                cycle,
                names.address,
                format!(
                    "{:#x} with {} beats of {} bytes crosses a 4 KiB boundary",
                    burst.address, burst.beats, rules.bytes
                ),
            ));
        }
        let ids = if names.id == AR.id { &rules.read_ids } else { &rules.write_ids };
        if !ids.contains(&burst.id) {
            return Err(violation(cycle, names.id, format!("is {}; legal are {ids:?}", burst.id)));
        }
        Ok(())
    }
}
