//! Program files and assembly with random damage: refused with an error or read, never a panic, a
//! hang or a program that cannot be written again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;

use npugen::cosim::rng::Rng;
use npugen::design::Design;
use npugen::program::{Program, Target, asm, disasm, lint};
use sha2::{Digest, Sha256};

/// Mutants of each kind; a campaign sets `NPUGEN_MUTANTS` to a million.
fn mutants() -> u64 {
    std::env::var("NPUGEN_MUTANTS").map_or(3000, |count| count.parse().unwrap())
}

fn tiny() -> Design {
    Design::preset("tiny").unwrap()
}

fn hello() -> String {
    fs::read_to_string(common::root().join("examples/hello.npuasm")).unwrap()
}

/// Puts the length and the checksum of the header right, so that damage behind it is reached.
fn reseal(bytes: &mut [u8]) {
    if bytes.len() >= 56 {
        let length = (bytes.len() as u64).to_le_bytes();
        bytes[16..24].copy_from_slice(&length);
        let digest = Sha256::digest(&bytes[56..]);
        bytes[24..56].copy_from_slice(&digest);
    }
}

/// Changes a few bytes: flips, replacements, cuts, insertions, repeated stretches.
fn damage(bytes: &mut Vec<u8>, rng: &mut Rng, alphabet: &[u8]) {
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len().max(1) as u64) as usize;
        let other = alphabet[rng.below(alphabet.len() as u64) as usize];
        match rng.below(5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            1 if at < bytes.len() => bytes[at] = other,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, other),
            _ => {
                let end = (at + rng.below(40) as usize).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = rng.below(bytes.len() as u64 + 1) as usize;
                bytes.splice(to..to, part);
            }
        }
    }
}

#[test]
fn damaged_program_files() {
    let design = tiny();
    let text = hello();
    let sound = asm::assemble("hello", &text, Some(&Target::of(&design))).unwrap();
    let bytes = sound.to_bytes().unwrap();
    let all: Vec<u8> = (0..=255).collect();
    let mut read = 0;
    for seed in 0..mutants() {
        let mut rng = Rng::new(seed);
        let mut mutant = bytes.clone();
        damage(&mut mutant, &mut rng, &all);
        if rng.below(8) != 0 {
            reseal(&mut mutant);
        }
        match Program::from_bytes(&mutant) {
            Err(error) => {
                assert!(!error.to_string().is_empty() && !error.remedy().is_empty());
            }
            Ok(program) => {
                read += 1;
                let again = Program::from_bytes(&program.to_bytes().unwrap()).unwrap();
                assert_eq!(again, program, "seed {seed}");
                let text = disasm::disassemble(&program, disasm::Options::default());
                assert_eq!(asm::assemble("again", &text, None).unwrap(), program, "seed {seed}");
                let _ = lint::lint(&design, &program).to_string();
            }
        }
    }
    assert!(read > mutants() / 30, "only {read} mutants were read: the damage is too coarse");
}

#[test]
fn damaged_assembly() {
    let design = tiny();
    let target = Target::of(&design);
    let alphabet = b"0123456789abcdefx=.,;*\"\\ \n\t-_srunetfctagdo\xc3\xa4";
    let mut read = 0;
    for seed in 0..mutants() {
        let mut rng = Rng::new(seed);
        let mut mutant = hello().into_bytes();
        damage(&mut mutant, &mut rng, alphabet);
        let text = String::from_utf8_lossy(&mutant);
        match asm::assemble("mutant", &text, Some(&target)) {
            Err(errors) => {
                let lines = text.split('\n').count();
                for error in &errors.errors {
                    assert!((1..=lines).contains(&error.line), "seed {seed}: {error}");
                    assert!(error.span.offset() + error.span.len() <= text.len(), "seed {seed}");
                }
                let mut shown = String::new();
                let theme = miette::GraphicalTheme::unicode_nocolor();
                let handler = miette::GraphicalReportHandler::new_themed(theme);
                handler.render_report(&mut shown, errors.as_ref()).unwrap();
            }
            Ok(program) => {
                read += 1;
                assert_eq!(Program::from_bytes(&program.to_bytes().unwrap()).unwrap(), program);
                let _ = lint::lint(&design, &program).to_string();
            }
        }
    }
    assert!(read > mutants() / 30, "only {read} mutants were read: the damage is too coarse");
}
