//! Where the parts of a program lie in DRAM.

use super::{Error, Job};
use crate::exec::ExecError;
use crate::program::{MAX_REGIONS, Program};

/// How the parts are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Far apart, each in a slot of so many address bits, so that an access outside its region is
    /// noticed.
    Slots {
        /// Log2 of a slot's bytes.
        bits: u32,
        /// At addresses that are aligned to nothing.
        misalign: bool,
    },
    /// One after the other from address zero, each at the start of a page.
    Packed {
        /// Bytes there are.
        bytes: u64,
    },
}

/// Pages of a packed layout, and the room left free at the end of a slot.
pub const PAGE: u64 = 4096;

impl Layout {
    /// The slots that fit into a bus of this width.
    pub fn slots(addr_bits: usize, misalign: bool) -> Layout {
        Layout::Slots { bits: addr_bits.saturating_sub(4).min(40) as u32, misalign }
    }
}

/// A program and where its parts lie.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The program.
    pub program: Program,
    /// Addresses and sizes, as the machine is told.
    pub job: Job,
}

impl Loaded {
    /// Finds a place for every region and for the code.
    pub fn new(program: &Program, layout: Layout, watchdog: u32) -> Result<Loaded, Error> {
        let code = program.code.len() as u64 * 8;
        let (program_address, bases) = match layout {
            Layout::Slots { bits, misalign } => slots(program, bits, misalign)?,
            Layout::Packed { bytes } => packed(program, code, bytes)?,
        };
        let job = Job {
            program_address,
            program_words: program.code.len() as u32,
            fingerprint: program.target.fingerprint,
            bases,
            watchdog,
        };
        Ok(Loaded { program: program.clone(), job })
    }

    /// The instructions as bytes.
    pub fn code(&self) -> Vec<u8> {
        self.program.code.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Address of the region in which these bytes are.
    pub fn region(&self, region: u8, offset: u64, length: u64) -> Result<u64, ExecError> {
        let known = || {
            let regions = self.program.regions.iter();
            regions.map(|region| format!("{} `{}`", region.base, region.name)).collect()
        };
        let found = self
            .program
            .region(region)
            .ok_or_else(|| ExecError::Region { region, known: known() })?;
        if offset.checked_add(length).is_none_or(|end| end > found.size) {
            return Err(ExecError::Range {
                name: found.name.clone(),
                offset,
                length,
                size: found.size,
            });
        }
        let base = self.job.bases.iter().find(|base| base.0 == region);
        Ok(base.map_or(0, |base| base.1))
    }
}

/// Address of the code, and number, address and size of every region.
type Places = (u64, Vec<(u8, u64, u64)>);

fn slots(program: &Program, bits: u32, misalign: bool) -> Result<Places, Error> {
    let slot = |index: u64| (index + 1) << bits;
    let room = (1_u64 << bits).saturating_sub(2 * PAGE);
    let mut bases = Vec::new();
    for region in &program.regions {
        let index = u64::from(region.base);
        let shift = if misalign { 16 * (index + 1) + 2 * index + 1 } else { 0 };
        fits(&region.name, region.size, room)?;
        bases.push((region.base, slot(index) + shift, region.size));
    }
    Ok((slot(MAX_REGIONS as u64), bases))
}

fn packed(program: &Program, code: u64, bytes: u64) -> Result<Places, Error> {
    let mut next = 0;
    let mut bases = Vec::new();
    for region in &program.regions {
        fits(&region.name, region.size, bytes - next)?;
        bases.push((region.base, next, region.size));
        // A region without bytes has a page too: the next one's address is its own.
        next = (next + region.size.max(1)).next_multiple_of(PAGE).min(bytes);
    }
    fits("the instructions", code, bytes - next)?;
    Ok((next, bases))
}

fn fits(name: &str, size: u64, room: u64) -> Result<(), Error> {
    if size <= room {
        return Ok(());
    }
    Err(Error::Room { name: name.to_owned(), size, room })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Region, RegionKind};

    fn program(sizes: &[u64]) -> Program {
        let regions = (0..).zip(sizes).map(|(base, &size)| Region {
            base,
            name: format!("r{base}"),
            kind: RegionKind::Input,
            size,
            data: Vec::new(),
        });
        Program { code: vec![0; 3], regions: regions.collect(), ..Program::default() }
    }

    #[test]
    fn packed_parts_share_no_page() {
        let program = program(&[1, 4096, 0, 4097]);
        let loaded = Loaded::new(&program, Layout::Packed { bytes: 1 << 20 }, 7).unwrap();
        let starts: Vec<u64> = loaded.job.bases.iter().map(|base| base.1).collect();
        assert_eq!(starts, [0, 0x1000, 0x2000, 0x3000]);
        assert_eq!((loaded.job.program_address, loaded.job.program_words), (0x5000, 3));
        assert_eq!(loaded.region(1, 4095, 1).unwrap(), 0x1000);
        assert!(matches!(loaded.region(1, 4095, 2), Err(ExecError::Range { size: 4096, .. })));
        assert!(matches!(loaded.region(4, 0, 0), Err(ExecError::Region { region: 4, .. })));
    }

    #[test]
    fn what_has_no_room_is_named() {
        let error = |sizes: &[u64], layout| {
            Loaded::new(&program(sizes), layout, 0).unwrap_err().to_string()
        };
        assert_eq!(
            error(&[4096, 1 << 20], Layout::Packed { bytes: 1 << 20 }),
            "region `r1` of 1048576 bytes does not fit: 1044480 bytes are left for it"
        );
        assert_eq!(
            error(&[1 << 20], Layout::Packed { bytes: 1 << 20 }),
            "region `the instructions` of 24 bytes does not fit: 0 bytes are left for it"
        );
        assert_eq!(
            error(&[1 << 20], Layout::slots(24, false)),
            "region `r0` of 1048576 bytes does not fit: 1040384 bytes are left for it"
        );
    }
}
