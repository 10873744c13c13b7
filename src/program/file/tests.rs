use super::*;
use crate::isa::ISA_VERSION;
use crate::program::{Dtype, Layout, Memory, NetworkView};
use proptest::prelude::*;

pub(crate) fn sample() -> Program {
    let mut provenance = Provenance::default();
    provenance.push(1, "conv1 tile 0");
    Program {
        target: Target {
            name: "tiny".into(),
            config: "array:\n  rows: 4\n".into(),
            fingerprint: 0xfedc_ba98_7654_3210,
            semaphores: 4,
        },
        code: vec![0, 3 << 60, 4 << 60],
        regions: vec![
            Region { base: 0, name: "in".into(), kind: RegionKind::Input, size: 64, data: vec![] },
            Region {
                base: 2,
                name: "w".into(),
                kind: RegionKind::Weights,
                size: 9,
                data: vec![1, 2, 255],
            },
        ],
        tensors: vec![Tensor {
            name: "x".into(),
            region: 0,
            offset: 8,
            shape: vec![1, 2, 2, 3],
            layout: Layout::Blocked(4),
            dtype: Dtype::Int8,
            scale: 0.1,
            zero: -3,
            network: None,
        }],
        provenance,
        layers: vec![LayerInfo {
            name: "conv1".into(),
            nodes: vec!["conv1".into(), "relu1".into()],
            kernel: "conv".into(),
            engine: "gemm".into(),
            macs: 1 << 40,
            tensor: "y".into(),
            shape: vec![2, 2, 4],
            place: Memory::Ibuf,
            remark: String::new(),
        }],
    }
}

#[test]
fn a_program_survives_its_file() {
    let program = sample();
    let bytes = program.to_bytes().unwrap();
    assert_eq!(Program::from_bytes(&bytes).unwrap(), program);
    assert_eq!(program.to_bytes().unwrap(), bytes);
}

fn refused(bytes: &[u8]) -> String {
    Program::from_bytes(bytes).unwrap_err().to_string()
}

/// The file with its checksum made right again.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let size = length(&bytes).to_le_bytes();
    bytes[16..24].copy_from_slice(&size);
    let digest = Sha256::digest(&bytes[HEADER..]);
    bytes[24..56].copy_from_slice(&digest);
    bytes
}

fn with_metadata(change: impl Fn(&str) -> String) -> Vec<u8> {
    let bytes = sample().to_bytes().unwrap();
    let size = usize::try_from(u64::from_le_bytes(bytes[60..68].try_into().unwrap())).unwrap();
    let metadata = change(std::str::from_utf8(&bytes[68..68 + size]).unwrap());
    let mut changed = bytes[..60].to_vec();
    changed.extend(length(metadata.as_bytes()).to_le_bytes());
    changed.extend(metadata.as_bytes());
    changed.extend(&bytes[68 + size..]);
    resealed(changed)
}

#[test]
fn every_truncation_and_every_flipped_bit_is_noticed() {
    let bytes = sample().to_bytes().unwrap();
    for end in 0..bytes.len() {
        let message = refused(&bytes[..end]);
        let expected = if end < HEADER { HEADER } else { bytes.len() };
        match end {
            0 => assert_eq!(message, "the file is empty"),
            _ => assert_eq!(message, format!("truncated: {end} bytes of {expected}")),
        }
    }
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Program::from_bytes(&damaged).is_err(), "bit {bit}");
    }
}

#[test]
fn foreign_and_damaged_files_are_told_apart() {
    assert_eq!(
        refused(b"name: npu\n"),
        "not a program file: it starts with 6e 61 6d 65 3a 20 6e 70, a program with 89 4e 50 55 0d 0a 1a 0a"
    );
    let bytes = sample().to_bytes().unwrap();
    let mut version = bytes.clone();
    version[8] = 9;
    assert_eq!(
        refused(&version),
        "format version 9, but this npugen reads version 2; make the program again"
    );
    let mut sections = bytes.clone();
    sections[12] = 4;
    assert_eq!(refused(&sections), "4 sections, but a program of this version has 3");
    let mut longer = bytes.clone();
    longer.extend([0, 0]);
    assert_eq!(refused(&longer), "2 bytes follow the end of the program");
    let mut damaged = bytes.clone();
    damaged[70] ^= 1;
    let message = refused(&damaged);
    assert!(message.starts_with("damaged: the checksum of the content is "), "{message}");
    assert!(message.contains(&hex(&bytes[24..56])), "{message}");
}

#[test]
fn sections_are_checked() {
    let bytes = sample().to_bytes().unwrap();
    let mut named = bytes.clone();
    named[56] = b'X';
    assert_eq!(
        refused(&resealed(named)),
        "section 0 at byte 56: it is named 58 45 54 41, not META"
    );
    let mut large = bytes.clone();
    large[66] = 1;
    let message = refused(&resealed(large));
    assert!(message.starts_with("section 0 at byte 56: META has 28"), "{message}");
    assert!(message.ends_with(" bytes, more than the file"), "{message}");
    assert_eq!(
        refused(&resealed(bytes[..HEADER].to_vec())),
        "section 0 at byte 56: META is missing"
    );
    assert_eq!(
        refused(&resealed(bytes[..62].to_vec())),
        "section 0 at byte 56: META has no length"
    );
    let mut longer = bytes.clone();
    longer.push(0);
    let message = refused(&resealed(longer));
    assert_eq!(message, format!("section 3 at byte {}: bytes after the last section", bytes.len()));
}

#[test]
fn metadata_are_checked() {
    let refused = |from: &str, to: &str| {
        refused(&with_metadata(|text| {
            assert!(text.contains(from), "{text}");
            text.replace(from, to)
        }))
    };
    assert_eq!(
        refused(&format!("\"isa_version\":{ISA_VERSION}"), "\"isa_version\":8"),
        format!(
            "instruction table version 8, but this npugen has version {ISA_VERSION}; make the program again"
        )
    );
    assert!(
        refused("\"kind\":\"input\"", "\"kind\":\"other\"").contains("unknown variant `other`")
    );
    assert!(refused("\"zero\":", "\"zeros\":").contains("unknown field `zeros`"));
    assert_eq!(
        refused("\"engine\":\"gemm\"", "\"engine\":\"ctrl\""),
        "section META: layer `conv1`: there is no engine `ctrl` with a queue"
    );
    assert_eq!(
        refused("\"kernel\":\"conv\"", "\"kernel\":\"a b\""),
        "section META: layer `conv1`: `a b` cannot be the name of a kernel"
    );
    assert!(refused("\"place\":\"ibuf\"", "\"place\":\"pbuf\"").contains("unknown variant `pbuf`"));
    assert_eq!(
        refused("\"base\":2", "\"base\":8"),
        "section META: region `w`: base register 8 does not exist (0 to 7 do)"
    );
    assert_eq!(
        refused("\"base\":2", "\"base\":0"),
        "section META: region `w`: base register 0 has a region already"
    );
    assert_eq!(
        refused("\"size\":9", "\"size\":2"),
        "section META: region `w` has 2 bytes, but its content has 3"
    );
    assert_eq!(
        refused("\"data\":3", "\"data\":4"),
        "section META: region `w` has 4 bytes of content, more than DATA is left with"
    );
    assert_eq!(
        refused("\"data\":3", "\"data\":2"),
        "section META: the regions take 2 bytes of DATA, which has 3"
    );
    assert_eq!(
        refused("\"region\":0", "\"region\":5"),
        "section META: tensor `x`: base register 5 has no region"
    );
    assert_eq!(
        refused("\"offset\":8", "\"offset\":49"),
        "section META: tensor `x` ends at byte 65 of region `in`, which has 64"
    );
    assert_eq!(
        refused("[1,2,2,3]", "[1,4294967296,4294967296,3]"),
        "section META: tensor `x` ends at byte beyond 2^64 of region `in`, which has 64"
    );
    assert_eq!(
        refused("\"semaphores\":4", "\"semaphores\":17"),
        "section META: 17 semaphores, but a machine has at most 16"
    );
    assert_eq!(
        refused("[1,\"conv1 tile 0\"]", "[4,\"conv1 tile 0\"]"),
        "section META: the notes do not follow the order of the instructions"
    );
    assert_eq!(
        refused("\"size\":64", "\"size\":1099511627777"),
        "section META: region `in` has 1099511627777 bytes, but a region has at most 1099511627776"
    );
    let mut program = sample();
    program.tensors[0].scale = f32::NAN;
    let message = program.to_bytes().unwrap_err().to_string();
    assert_eq!(message, "section META: tensor `x`: scale NaN is not a finite number");
    let mut program = sample();
    program.tensors.push(program.tensors[0].clone());
    let message = program.to_bytes().unwrap_err().to_string();
    assert_eq!(message, "section META: tensor `x` is declared twice");
    let refused = |shape: &[u64], walk: &[[u64; 2]]| {
        let mut program = sample();
        let (shape, walk) = (shape.to_vec(), walk.to_vec());
        program.tensors[0].network = Some(NetworkView { shape, walk, float: true });
        program.to_bytes().map_err(|error| error.to_string())
    };
    assert!(refused(&[3, 4], &[[3, 1], [4, 3]]).is_ok());
    assert_eq!(
        refused(&[1 << 63, 4], &[[12, 1]]).unwrap_err(),
        "section META: tensor `x`: the network sees [9223372036854775808, 4] in a walk of [[12, 1]], which are not the 12 elements of [1, 2, 2, 3]"
    );
    assert_eq!(
        refused(&[12], &[[4, 3], [3, 2]]).unwrap_err(),
        "section META: tensor `x`: the walk [[4, 3], [3, 2]] leaves its 12 elements"
    );
}

proptest! {
    #[test]
    fn scales_keep_every_bit(bits in any::<u32>()) {
        let mut program = sample();
        program.tensors[0].scale = f32::from_bits(bits);
        prop_assume!(program.tensors[0].scale.is_finite());
        let read = Program::from_bytes(&program.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(read.tensors[0].scale.to_bits(), bits);
    }
}
