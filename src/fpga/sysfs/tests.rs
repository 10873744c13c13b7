//! The back end on a tree that looks like the kernel's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::map::physical;
use super::{Places, Sysfs};
use crate::fpga::backend::{Backend, Wait};
use crate::fpga::error::Error;
use crate::fpga::target::Target;

const SLOT: &str = "0000:00:1d.0";

fn places(root: &Path) -> Places {
    Places { sysfs: root.join("sys"), dev: root.join("dev"), pagemap: root.join("pagemap") }
}

/// A PCI device with BARs of 64 KiB, or of none.
fn device(root: &Path, slot: &str, vendor: &str, id: &str) {
    let path = root.join("sys/bus/pci/devices").join(slot);
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("vendor"), format!("{vendor}\n")).unwrap();
    fs::write(path.join("device"), format!("{id}\n")).unwrap();
    fs::write(path.join("config"), [0x0f, 0x1d, 0, 0xf0, 6, 0, 0, 0]).unwrap();
    for bar in ["resource0", "resource4"] {
        fs::write(path.join(bar), vec![0; 1 << 16]).unwrap();
    }
}

/// An F1 card's character devices.
fn xdma(root: &Path) {
    let below = root.join("sys/bus/pci/devices").join(SLOT).join("xdma/xdma3_h2c_0");
    fs::create_dir_all(below).unwrap();
    fs::create_dir_all(root.join("dev")).unwrap();
    for name in ["xdma3_h2c_0", "xdma3_c2h_0"] {
        fs::write(root.join("dev").join(name), vec![5; 8192]).unwrap();
    }
}

fn open(root: &Path, target: Target) -> Result<Sysfs, Error> {
    Sysfs::open(target, None, places(root))
}

#[test]
fn registers_and_memory_are_those_of_the_bars() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    device(root, SLOT, "0x1d0f", "0xf000");
    device(root, "0000:00:02.0", "0x8086", "0x1237");
    let mut card = open(root, Target::AwsF2).unwrap();
    assert_eq!(card.device().address, SLOT);
    card.write32(0x1010, 0x1234_5678).unwrap();
    assert_eq!(card.read32(0x1010).unwrap(), 0x1234_5678);
    let bytes: Vec<u8> = (1..=99).collect();
    card.write_card(0x203, &bytes).unwrap();
    let mut found = vec![0; 101];
    card.read_card(0x202, &mut found).unwrap();
    assert_eq!((found[0], found[100]), (0, 0));
    assert_eq!(found[1..100], bytes);
    let bar = root.join("sys/bus/pci/devices").join(SLOT);
    assert_eq!(fs::read(bar.join("resource0")).unwrap()[0x1010], 0x78);
    assert_eq!(fs::read(bar.join("resource4")).unwrap()[0x203..0x206], [1, 2, 3]);
    let error = card.read_card(0xffff, &mut found).unwrap_err();
    assert!(matches!(error, Error::Outside { size: 0x1_0000, .. }), "{error}");
    assert!(matches!(card.read32(0x1_0000), Err(Error::Outside { .. })));
    let wait = card.wait_interrupt(0, Duration::ZERO).unwrap();
    assert_eq!(wait, Wait::Unavailable);
}

#[test]
fn f1_moves_bytes_through_its_driver() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    device(root, SLOT, "0x1d0f", "0xf000");
    let error = open(root, Target::AwsF1).unwrap_err();
    assert!(matches!(error, Error::NoDriver { .. }), "{error}");
    assert!(error.remedy().contains("XDMA driver"));
    xdma(root);
    let mut card = open(root, Target::AwsF1).unwrap();
    card.write_card(100, &[1, 2, 3]).unwrap();
    let written = fs::read(root.join("dev/xdma3_h2c_0")).unwrap();
    assert_eq!(written[99..104], [5, 1, 2, 3, 5]);
    let mut found = [0; 4];
    card.read_card(4096, &mut found).unwrap();
    assert_eq!(found, [5; 4]);
    assert_eq!(card.wait_interrupt(0, Duration::ZERO).unwrap(), Wait::Unavailable);
    fs::write(root.join("dev/xdma3_events_0"), [1, 0, 0, 0]).unwrap();
    assert_eq!(card.wait_interrupt(0, Duration::from_millis(1)).unwrap(), Wait::Raised);
    fs::remove_file(root.join("dev/xdma3_c2h_0")).unwrap();
    let error = open(root, Target::AwsF1).unwrap_err().to_string();
    assert!(error.ends_with("dev/xdma3_c2h_0`"), "{error}");
}

#[test]
fn a_card_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert!(matches!(open(root, Target::AwsF2), Err(Error::File { action: "list", .. })));
    device(root, "0000:00:02.0", "0x1d0f", "0x9048");
    let error = open(root, Target::AwsF2).unwrap_err();
    assert!(error.to_string().starts_with("no PCI device 1d0f:f000 below `"), "{error}");
    assert!(error.to_string().ends_with("(but 1 without an image)"), "{error}");
    assert_eq!(error.exit_status(), 6);
    device(root, SLOT, "0x1d0f", "0xf000");
    device(root, "0000:00:1e.0", "0x1d0f", "0xf000");
    let error = open(root, Target::AwsF2).unwrap_err().to_string();
    assert_eq!(error, "2 cards with the image's ids: 0000:00:1d.0, 0000:00:1e.0");
    let chosen = Sysfs::open(Target::AwsF2, Some("0000:00:1e.0"), places(root)).unwrap();
    assert_eq!(chosen.device().address, "0000:00:1e.0");
}

#[test]
fn a_file_that_may_not_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    device(root, SLOT, "0x1d0f", "0xf000");
    let bar = root.join("sys/bus/pci/devices").join(SLOT).join("resource0");
    fs::set_permissions(&bar, fs::Permissions::from_mode(0o000)).unwrap();
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let error = super::file("open", &bar)(denied);
    assert!(error.to_string().starts_with("no permission to open `"), "{error}");
    assert_eq!(error.remedy(), "run as root");
    // Root may open everything.
    if fs::File::open(&bar).is_err() {
        let error = open(root, Target::AwsF2).unwrap_err();
        assert!(matches!(error, Error::Permission { action: "open", .. }), "{error}");
    }
}

#[test]
fn memory_for_the_card_needs_bus_mastering() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    device(root, SLOT, "0x1d0f", "0xf000");
    let mut card = open(root, Target::AwsF2).unwrap();
    let config = root.join("sys/bus/pci/devices").join(SLOT).join("config");
    fs::write(&config, [0x0f, 0x1d, 0, 0xf0, 2, 0, 0, 0]).unwrap();
    let error = card.pin(4096).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bus mastering of 0000:00:1d.0 is off: the card cannot reach the host's memory"
    );
    fs::write(&config, [0x0f, 0x1d, 0, 0xf0, 6, 0, 0, 0]).unwrap();
    // Without huge pages it says so; with some, this tree has no page map.
    match card.pin(4096).unwrap_err() {
        Error::NoHugePages { source } => {
            let error = Error::NoHugePages { source };
            assert!(error.to_string().starts_with("no huge page of 2 MiB can be had: "));
            assert!(error.remedy().contains("nr_hugepages"));
        }
        error => assert!(matches!(error, Error::File { action: "open", .. }), "{error}"),
    }
    let error = card.read_pinned(0x1000, &mut [0]).unwrap_err();
    assert!(matches!(error, Error::Outside { .. }), "{error}");
}

#[test]
fn physical_addresses_come_from_the_page_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pagemap");
    let entries = [0, 1 << 63 | 0x12_3456, 0x77, 1 << 63];
    let bytes: Vec<u8> = entries.iter().flat_map(|entry: &u64| entry.to_le_bytes()).collect();
    fs::write(&path, bytes).unwrap();
    assert_eq!(physical(&path, 0x1080).unwrap(), 0x1_2345_6080);
    for hidden in [0, 0x2000, 0x3000] {
        let error = physical(&path, hidden).unwrap_err();
        assert!(error.to_string().contains("does not tell physical addresses"), "{error}");
    }
    assert!(matches!(physical(&path, 0x4000), Err(Error::File { action: "read", .. })));
}
