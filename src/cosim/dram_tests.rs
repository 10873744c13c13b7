//! The memory model against a master written in Rust.

use super::dram::{Dram, DramOptions, ErrorResponse, InjectedError, Stalls};
use super::error::Error;
use super::memory::Memory;
use super::pins::AxiRequest;
use super::protocol::BusRules;
use super::rng::Rng;

const BUS: usize = 16;
const SOURCE: u64 = 0x1_0000;
const TARGET: u64 = 0x8_0000;
const SIZE: usize = 16384;

fn rules() -> BusRules {
    BusRules { bytes: BUS, max_burst: 16, read_ids: 0..2, write_ids: 0..1 }
}

fn pattern() -> Vec<u8> {
    (0..SIZE).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn dram(options: DramOptions) -> Dram {
    let mut memory = Memory::default();
    memory.add(SOURCE, &pattern(), false).unwrap();
    memory.add(TARGET, &[0; SIZE], true).unwrap();
    Dram::new(memory, rules(), options)
}

fn read_request(address: u64, beats: u32, id: u32) -> AxiRequest {
    AxiRequest {
        arvalid: 1,
        arid: id,
        araddr: address,
        arlen: beats - 1,
        arsize: 4,
        arburst: 1,
        rready: 1,
        ..AxiRequest::default()
    }
}

/// Reads the source in bursts of random length with alternating IDs; returns the beats per ID, in
/// order, and the number of cycles.
fn read_all(dram: &mut Dram, seed: u64) -> (Vec<Vec<u8>>, [Vec<u64>; 2], u64) {
    let mut rng = Rng::new(seed);
    let mut address = SOURCE;
    let mut offer: Option<AxiRequest> = None;
    let mut bytes = vec![Vec::new(), Vec::new()];
    let mut expected = [Vec::new(), Vec::new()];
    let mut received = 0;
    for cycle in 0..200_000 {
        if offer.is_none() && address < SOURCE + SIZE as u64 {
            let page = ((address | 4095) + 1 - address) / BUS as u64;
            let beats = (1 + rng.below(16)).min(page);
            let id = rng.below(2) as u32;
            expected[id as usize].extend((0..beats).map(|i| address + i * BUS as u64));
            offer = Some(read_request(address, beats as u32, id));
            address += beats * BUS as u64;
        }
        let mut request = offer.clone().unwrap_or_default();
        request.rready = u32::from(rng.chance(80));
        let response = dram.response().clone();
        dram.clock(cycle, &request).unwrap();
        if request.arvalid != 0 && response.arready != 0 {
            offer = None;
        }
        if response.rvalid != 0 && request.rready != 0 {
            bytes[response.rid as usize].extend_from_slice(&response.rdata[..BUS]);
            received += BUS;
        }
        if received == SIZE {
            return (bytes, expected, cycle);
        }
    }
    panic!("reads did not finish");
}

#[test]
fn reads_return_the_right_bytes_in_order_per_id() {
    let content = pattern();
    for seed in 0..20 {
        let mut dram = dram(DramOptions {
            latency: 1 + seed as u32 * 7,
            bandwidth_percent: if seed % 3 == 0 { 40 } else { 100 },
            max_reads: 1 + seed as usize % 5,
            stalls: Stalls::all((seed * 4) as u8),
            interleave: seed % 2 == 1,
            seed,
            ..DramOptions::default()
        });
        let (bytes, expected, _) = read_all(&mut dram, seed + 100);
        for id in 0..2 {
            let want: Vec<u8> = expected[id]
                .iter()
                .flat_map(|&at| {
                    let offset = (at - SOURCE) as usize;
                    content[offset..offset + BUS].to_vec()
                })
                .collect();
            assert!(bytes[id] == want, "seed {seed}, id {id}");
        }
        assert_eq!(dram.outstanding(), (0, 0));
    }
}

#[test]
fn latency_is_counted_from_the_accepted_address() {
    let mut dram = dram(DramOptions::default());
    let mut accepted = None;
    for cycle in 0..300 {
        let request = if accepted.is_none() {
            read_request(SOURCE, 2, 0)
        } else {
            AxiRequest { rready: 1, ..AxiRequest::default() }
        };
        let response = dram.response().clone();
        dram.clock(cycle, &request).unwrap();
        if request.arvalid != 0 && response.arready != 0 {
            accepted = Some(cycle);
        }
        if response.rvalid != 0 {
            assert_eq!(cycle, accepted.unwrap() + 100);
            return;
        }
    }
    panic!("no answer");
}

#[test]
fn bandwidth_is_a_share_of_the_cycles() {
    let mut dram = dram(DramOptions { bandwidth_percent: 50, ..DramOptions::default() });
    let mut beats = 0;
    for cycle in 0..2200 {
        let mut request = read_request(SOURCE, 16, 0);
        request.rready = 1;
        beats += u32::from(dram.response().rvalid != 0 && cycle >= 200);
        dram.clock(cycle, &request).unwrap();
    }
    assert_eq!(beats, 1000);
}

/// Writes bursts of random length, data before or after the address as the memory likes.
fn write_all(dram: &mut Dram, seed: u64) -> Result<Vec<u32>, Error> {
    let content = pattern();
    let mut rng = Rng::new(seed);
    let mut bursts = Vec::new();
    let mut at = 0;
    while at < SIZE {
        let page = (4096 - at % 4096) / BUS;
        let beats = (1 + rng.below(16) as usize).min(page);
        bursts.push((at, beats));
        at += beats * BUS;
    }
    let (mut next_address, mut next_data, mut beat) = (0, 0, 0);
    let mut responses = Vec::new();
    for cycle in 0..200_000 {
        let mut request = AxiRequest { bready: u32::from(cycle % 3 != 0), ..AxiRequest::default() };
        if let Some(&(at, beats)) = bursts.get(next_address) {
            request.awvalid = 1;
            request.awaddr = TARGET + at as u64;
            request.awlen = beats as u32 - 1;
            request.awsize = 4;
            request.awburst = 1;
        }
        if let Some(&(at, beats)) = bursts.get(next_data) {
            let from = at + beat * BUS;
            request.wvalid = 1;
            request.wdata[..BUS].copy_from_slice(&content[from..from + BUS]);
            request.wstrb[..2].copy_from_slice(&[0xff, 0xff]);
            request.wlast = u32::from(beat + 1 == beats);
        }
        let response = dram.response().clone();
        dram.clock(cycle, &request)?;
        if request.awvalid != 0 && response.awready != 0 {
            next_address += 1;
        }
        if request.wvalid != 0 && response.wready != 0 {
            beat += 1;
            if request.wlast != 0 {
                beat = 0;
                next_data += 1;
            }
        }
        if request.bready != 0 && response.bvalid != 0 {
            responses.push(response.bresp);
        }
        if responses.len() == bursts.len() {
            return Ok(responses);
        }
    }
    panic!("writes did not finish");
}

#[test]
fn writes_arrive_whole() {
    for seed in 0..20 {
        let mut dram = dram(DramOptions {
            latency: 1 + seed as u32 * 5,
            max_writes: 1 + seed as usize % 4,
            bandwidth_percent: if seed % 4 == 0 { 30 } else { 100 },
            stalls: Stalls::all((seed * 4) as u8),
            address_waits_for_data: seed % 2 == 1,
            seed,
            ..DramOptions::default()
        });
        let responses = write_all(&mut dram, seed).unwrap();
        assert!(responses.iter().all(|&response| response == 0));
        assert!(dram.memory().block(TARGET).unwrap() == pattern());
        assert_eq!(dram.outstanding(), (0, 0));
    }
}

#[test]
fn an_injected_error_hits_the_chosen_burst() {
    let mut dram = dram(DramOptions {
        write_error: Some(InjectedError { burst: 3, response: ErrorResponse::Decode }),
        ..DramOptions::default()
    });
    let responses = write_all(&mut dram, 5).unwrap();
    let hit: Vec<usize> = (0..responses.len()).filter(|&i| responses[i] != 0).collect();
    assert_eq!((hit, responses[3]), (vec![3], 3));
}

/// Drives two cycles of requests and returns the violation's signal.
fn violation(first: AxiRequest, second: AxiRequest) -> Option<(u64, &'static str)> {
    let mut dram = dram(DramOptions {
        max_reads: 0,
        max_writes: 0,
        stalls: Stalls { w: 100, ..Stalls::default() },
        ..DramOptions::default()
    });
    for (cycle, request) in [(7, first), (8, second)] {
        match dram.clock(cycle, &request) {
            Ok(()) => {}
            Err(Error::Protocol { cycle, signal, .. }) => return Some((cycle, signal)),
            Err(other) => panic!("{other}"),
        }
    }
    None
}

fn write_request() -> AxiRequest {
    AxiRequest {
        awvalid: 1,
        awaddr: TARGET,
        awlen: 1,
        awsize: 4,
        awburst: 1,
        wvalid: 1,
        ..AxiRequest::default()
    }
}

#[test]
fn every_rule_of_a_waiting_channel_is_checked() {
    type Change = fn(&mut AxiRequest);
    let cases: [(Change, &str); 12] = [
        (|r| r.arvalid = 0, "m_axi_arvalid"),
        (|r| r.araddr += 16, "m_axi_araddr"),
        (|r| r.arid = 1, "m_axi_arid"),
        (|r| r.arlen = 0, "m_axi_arlen"),
        (|r| r.awvalid = 0, "m_axi_awvalid"),
        (|r| r.awaddr += 16, "m_axi_awaddr"),
        (|r| r.awlen = 2, "m_axi_awlen"),
        (|r| r.wvalid = 0, "m_axi_wvalid"),
        (|r| r.wdata[3] = 1, "m_axi_wdata"),
        (|r| r.wstrb[1] = 1, "m_axi_wstrb"),
        (|r| r.wlast = 1, "m_axi_wlast"),
        (|r| r.awid = 1, "m_axi_awid"),
    ];
    for (change, signal) in cases {
        let mut first = write_request();
        first.arvalid = 1;
        first.araddr = SOURCE;
        first.arlen = 1;
        first.arsize = 4;
        first.arburst = 1;
        let mut second = first.clone();
        assert_eq!(violation(first.clone(), second.clone()), None);
        change(&mut second);
        assert_eq!(violation(first, second), Some((8, signal)));
    }
}

#[test]
fn every_rule_of_a_burst_is_checked() {
    type Change = fn(&mut AxiRequest);
    let cases: [(Change, &str); 8] = [
        (|r| r.arburst = 2, "m_axi_arburst"),
        (|r| r.arsize = 3, "m_axi_arsize"),
        (|r| r.arlen = 16, "m_axi_arlen"),
        (|r| r.arid = 2, "m_axi_arid"),
        (|r| r.araddr = SOURCE + 4096 - 16, "m_axi_araddr"),
        (|r| r.arburst = 0, "m_axi_arburst"),
        (|r| r.arsize = 5, "m_axi_arsize"),
        (|r| r.araddr = SOURCE + 4096 - 8, "m_axi_araddr"),
    ];
    for (change, signal) in cases {
        let mut request = read_request(SOURCE, 2, 0);
        change(&mut request);
        assert_eq!(violation(request.clone(), request), Some((7, signal)), "{signal}");
    }
}

#[test]
fn a_misplaced_last_beat_is_found() {
    for (beats, last_at) in [(2, 0), (2, 5)] {
        let mut dram = dram(DramOptions::default());
        let mut sent = 0;
        let mut found = None;
        for cycle in 0..10 {
            let mut request = write_request();
            request.awlen = beats - 1;
            request.wstrb = [0xff; 16];
            request.awvalid = u32::from(cycle < 2);
            request.wlast = u32::from(sent == last_at);
            sent += u32::from(dram.response().wready != 0);
            if let Err(Error::Protocol { signal, .. }) = dram.clock(cycle, &request) {
                found = Some(signal);
                break;
            }
        }
        assert_eq!(found, Some("m_axi_wlast"));
    }
}

#[test]
fn access_outside_the_given_memory_is_an_error() {
    let mut dram = dram(DramOptions::default());
    let request = read_request(0x4000, 1, 0);
    dram.clock(0, &request).unwrap();
    let error = dram.clock(1, &request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cycle 1: AXI protocol violation on `m_axi_araddr`: 1 beats from 0x4000 are outside the memory given to the machine"
    );
}
