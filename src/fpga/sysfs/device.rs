//! The search for a card among the PCI devices.

use std::path::{Path, PathBuf};

use super::file;
use crate::fpga::error::Error;
use crate::fpga::target::Target;

/// Vendor of the cards without an image.
const AMAZON: u16 = 0x1d0f;

/// Devices of the application's function without an image: F1, F2.
const CLEARED: [u16; 2] = [0x1042, 0x9048];

/// Byte of the configuration space with the command register's low half, and its bus-master bit.
const COMMAND: usize = 4;
const BUS_MASTER: u8 = 1 << 2;

/// A PCI device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its folder in sysfs.
    pub path: PathBuf,
    /// Its PCI address, such as `0000:00:1d.0`.
    pub address: String,
}

/// A file with a number such as `0x1d0f`; nothing when there is none.
fn number(path: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(path).ok()?;
    u16::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
}

impl Device {
    /// The card with the image's ids; `choice` is the PCI address of one among several.
    pub fn find(target: Target, choice: Option<&str>, sysfs: &Path) -> Result<Device, Error> {
        let ids = target.facts().id0;
        let (device, vendor) = ((ids >> 16) as u16, ids as u16);
        let root = sysfs.join("bus/pci/devices");
        let mut found = Vec::new();
        let mut cleared = 0;
        for entry in std::fs::read_dir(&root).map_err(file("list", &root))? {
            let entry = entry.map_err(file("list", &root))?;
            let path = entry.path();
            let address = entry.file_name().to_string_lossy().into_owned();
            let Some(ids) = number(&path.join("vendor")).zip(number(&path.join("device"))) else {
                continue;
            };
            if ids.0 == AMAZON && CLEARED.contains(&ids.1) {
                cleared += 1;
            }
            if ids == (vendor, device) && choice.is_none_or(|choice| choice == address) {
                found.push(Device { path, address });
            }
        }
        found.sort_by(|a, b| a.address.cmp(&b.address));
        if found.len() > 1 {
            let found = found.into_iter().map(|device| device.address).collect();
            return Err(Error::ManyDevices { found });
        }
        found.pop().ok_or(Error::NoDevice { root, vendor, device, cleared })
    }

    /// Whether the card may read and write the host's memory.
    pub fn check_bus_master(&self) -> Result<(), Error> {
        let path = self.path.join("config");
        let space = std::fs::read(&path).map_err(file("read", &path))?;
        match space.get(COMMAND) {
            Some(command) if command & BUS_MASTER != 0 => Ok(()),
            _ => Err(Error::BusMaster { device: self.address.clone() }),
        }
    }

    /// Which of the XDMA driver's instances is this card's: its channels stand below the device.
    pub fn xdma_instance(&self) -> Result<u32, Error> {
        let path = self.path.join("xdma");
        let Ok(entries) = std::fs::read_dir(&path) else { return Err(Error::NoDriver { path }) };
        let instance = |name: &str| name.strip_prefix("xdma")?.strip_suffix("_h2c_0")?.parse().ok();
        entries
            .filter_map(Result::ok)
            .find_map(|entry| instance(&entry.file_name().to_string_lossy()))
            .ok_or(Error::NoDriver { path })
    }
}
