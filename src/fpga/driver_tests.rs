//! The driver on a card made of a table: what it does when a card is not as it should be.

use std::collections::HashMap;
use std::time::Duration;

use super::backend::{Backend, Pinned, Wait};
use super::driver::{Card, CardOptions};
use super::error::Error;
use super::registers::{
    CL_WINDOW, ID_VALUE, VERSION, clock, dma_done, dma_push, dma_status, id, memory, version,
};
use crate::design::Design;
use crate::exec::{ExecError, Executor};
use crate::program::{Program, Region, RegionKind, Target};
use crate::rtl::csr::{self, Csr};

/// Registers that keep what is written, memory, and a DMA engine that copies at once.
#[derive(Debug)]
struct Table {
    registers: HashMap<u32, u32>,
    card: HashMap<u64, u8>,
    host: HashMap<u64, u8>,
    time: Duration,
    /// What `dma_status` says after a transfer; transfers copy while it is zero.
    dma_status: u32,
    /// Bytes written through the slow way.
    slow: usize,
}

fn at(register: &Csr) -> u32 {
    CL_WINDOW + u32::from(register.offset)
}

fn npu(register: &Csr) -> u32 {
    u32::from(register.offset)
}

impl Table {
    fn new(design: &Design) -> Table {
        let fingerprint = design.fingerprint().0;
        let registers = [
            (at(&id::REG), ID_VALUE),
            (at(&version::REG), version::TABLE.place(VERSION) | version::DMA.place(1)),
            (at(&clock::REG), 250),
            (at(&memory::REG), memory::READY.place(1) | memory::LOG2_BYTES.place(24)),
            (npu(&csr::id::REG), csr::ID_VALUE),
            (npu(&csr::version::REG), csr::version::CSR.place(csr::CSR_VERSION)),
            (npu(&csr::fingerprint_lo::REG), fingerprint as u32),
            (npu(&csr::fingerprint_hi::REG), (fingerprint >> 32) as u32),
        ];
        Table {
            registers: registers.into(),
            card: HashMap::new(),
            host: HashMap::new(),
            time: Duration::ZERO,
            dma_status: 0,
            slow: 0,
        }
    }

    fn with(mut self, address: u32, value: u32) -> Table {
        self.registers.insert(address, value);
        self
    }

    fn wide(&self, low: u16) -> u64 {
        let word = |offset| u64::from(*self.registers.get(&(CL_WINDOW + offset)).unwrap_or(&0));
        word(u32::from(low)) | word(u32::from(low) + 4) << 32
    }

    fn copy(&mut self, to_host: bool) {
        if self.dma_status != 0 {
            return;
        }
        let (card, host) = (self.wide(0x20), self.wide(0x28));
        assert!(card % 64 == 0 && host % 64 == 0, "{card:#x} {host:#x}");
        for index in 0..self.wide(0x30) & 0xff_ffff {
            if to_host {
                self.host.insert(host + index, *self.card.get(&(card + index)).unwrap_or(&0xcc));
            } else {
                self.card.insert(card + index, self.host[&(host + index)]);
            }
        }
        let done = self.registers.entry(at(&dma_done::REG)).or_default();
        *done += 1;
        let count = *done;
        let notify = self.wide(0x48) & !0x3f;
        for (index, byte) in (0..).zip(count.to_le_bytes()) {
            self.host.insert(notify + index, byte);
        }
    }
}

impl Backend for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn read32(&mut self, address: u32) -> Result<u32, Error> {
        if address == at(&dma_status::REG) {
            return Ok(self.dma_status);
        }
        Ok(*self.registers.get(&address).unwrap_or(&0))
    }

    fn write32(&mut self, address: u32, value: u32) -> Result<(), Error> {
        if address == npu(&csr::irq_status::REG) {
            return Ok(());
        }
        self.registers.insert(address, value);
        if address == at(&dma_push::REG) {
            self.copy(dma_push::TO_HOST.extract(value) != 0);
        }
        Ok(())
    }

    fn write_card(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        self.slow += bytes.len();
        self.card.extend((address..).zip(bytes.iter().copied()));
        Ok(())
    }

    fn read_card(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        for (at, byte) in (address..).zip(into) {
            *byte = *self.card.get(&at).unwrap_or(&0xcc);
        }
        Ok(())
    }

    fn wait_interrupt(&mut self, _vector: u32, timeout: Duration) -> Result<Wait, Error> {
        self.time += timeout;
        Ok(Wait::Unavailable)
    }

    fn pin(&mut self, bytes: u64) -> Result<Vec<Pinned>, Error> {
        Ok((0..bytes.div_ceil(4096))
            .map(|page| Pinned { address: 0x10_0000 + page * 8192, bytes: 4096 })
            .collect())
    }

    fn read_pinned(&mut self, address: u64, into: &mut [u8]) -> Result<(), Error> {
        for (at, byte) in (address..).zip(into) {
            *byte = *self.host.get(&at).unwrap_or(&0);
        }
        Ok(())
    }

    fn write_pinned(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        self.host.extend((address..).zip(bytes.iter().copied()));
        Ok(())
    }

    fn now(&self) -> Duration {
        self.time
    }

    fn pause(&mut self, time: Duration) -> Result<(), Error> {
        self.time += time.max(Duration::from_micros(1));
        Ok(())
    }
}

fn design() -> Design {
    Design::preset("tiny").unwrap()
}

fn open(table: Table) -> Result<Card<Table>, Error> {
    Card::open(&design(), table, CardOptions::simulation())
}

#[test]
fn a_card_that_is_not_ours_is_refused() {
    let table = || Table::new(&design());
    open(table()).unwrap();
    let refused = |address, value| open(table().with(address, value)).unwrap_err();
    assert!(matches!(refused(at(&id::REG), u32::MAX), Error::NoAnswer { .. }));
    assert_eq!(
        refused(at(&id::REG), 0xdead_beef).to_string(),
        "the card holds no custom logic of npugen: its register `id` reads 0xdeadbeef, not 0x4c43504e"
    );
    assert!(matches!(refused(npu(&csr::id::REG), 0xdead_beef), Error::NoClock { .. }));
    assert!(matches!(refused(at(&version::REG), 9), Error::Version { found: 9, .. }));
    let error = refused(npu(&csr::fingerprint_lo::REG), 1);
    assert!(matches!(error, Error::Host(crate::host::Error::Identity { .. })), "{error}");
    let error = refused(at(&memory::REG), memory::LOG2_BYTES.place(24));
    assert_eq!(error.to_string(), "the card's memory is not calibrated after 10ms");
    assert!(matches!(refused(at(&memory::REG), u32::MAX), Error::NoAnswer { .. }));
}

fn program(design: &Design, size: u64, data: Vec<u8>) -> Program {
    let region = Region { base: 2, name: "r".to_owned(), kind: RegionKind::Input, size, data };
    Program {
        target: Target::of(design),
        code: vec![0x1122_3344_5566_7788; 3],
        regions: vec![region],
        ..Program::default()
    }
}

#[test]
fn memory_is_written_whole_and_read_at_any_place() {
    let design = design();
    let mut card = open(Table::new(&design)).unwrap();
    let data: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    card.load(&program(&design, 100_001, data.clone())).unwrap();
    let table = card.backend_mut();
    assert_eq!(table.card[&100_031], 0, "padded to a word of the bus");
    assert_eq!(table.card.get(&100_032), None);
    assert_eq!(table.card[&102_400], 0x88, "the code is on the next page");
    assert!(table.slow < 128, "large pieces go through the engine");
    assert_eq!(card.read(2, 70, 30_000).unwrap(), data[70..30_070]);
    card.write(2, 71, &vec![7; 9000]).unwrap();
    card.write(2, 90_000, &[8; 5]).unwrap();
    let found = card.read(2, 0, 100_001).unwrap();
    let mut want = data;
    want.push(0);
    want[71..9071].fill(7);
    want[90_000..90_005].fill(8);
    assert!(found == want);
    assert!(matches!(card.read(3, 0, 1), Err(ExecError::Region { .. })));
    assert!(matches!(card.write(2, 100_000, &[0; 2]), Err(ExecError::Range { .. })));
}

#[test]
fn a_foreign_program_is_refused_and_so_is_one_without_room() {
    let design = design();
    let mut card = open(Table::new(&design)).unwrap();
    assert!(matches!(card.run(), Err(ExecError::NoProgram)));
    let other = program(&Design::preset("default").unwrap(), 1, Vec::new());
    assert!(matches!(card.load(&other), Err(ExecError::Fingerprint(_))));
    let error = card.load(&program(&design, 1 << 25, Vec::new())).unwrap_err().to_string();
    assert!(error.contains("does not fit"), "{error}");
}

#[test]
fn an_engine_that_stops_is_told_in_words() {
    let design = design();
    let mut card = open(Table::new(&design)).unwrap();
    card.load(&program(&design, 4096, Vec::new())).unwrap();
    let error = |card: &mut Card<Table>, status| {
        card.backend_mut().dma_status = status;
        card.read(2, 0, 64).unwrap_err().to_string()
    };
    let stopped =
        dma_status::ERROR.place(1) | dma_status::RESPONSE.place(2) | dma_status::SIDE.place(3);
    assert_eq!(
        error(&mut card, stopped),
        "the DMA engine stopped: a write of the host's memory was answered with SLVERR"
    );
    assert_eq!(
        error(&mut card, dma_status::BUSY.place(1)),
        "a DMA transfer is not over after 20ms"
    );
    assert!(error(&mut card, u32::MAX).contains("does not answer"));
}

#[test]
fn a_program_that_does_not_end_is_reported() {
    let design = design();
    let options = CardOptions { run: Duration::from_millis(1), ..CardOptions::simulation() };
    let mut card = Card::open(&design, Table::new(&design), options).unwrap();
    card.load(&program(&design, 64, Vec::new())).unwrap();
    let error = card.run().unwrap_err().to_string();
    assert!(error.starts_with("the program is not over after 1ms\n  decoder: waits"), "{error}");
}
