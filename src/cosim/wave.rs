//! Looks into a waveform file: which cycles it holds and what signals were.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

use vcd::{Command, IdCode, Parser, ScopeItem, Value};

use super::error::Error;

/// Half clock cycles per cycle: the unit of time in the files.
const HALVES: u64 = 2;

/// The content of a waveform file, for a few signals of the top module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wave {
    /// First cycle in the file.
    pub first: u64,
    /// Last cycle in the file.
    pub last: u64,
    /// Number of signals in the file.
    pub signals: usize,
    /// Per signal asked for: its changes, as (cycle, value in hexadecimal).
    pub changes: BTreeMap<String, Vec<(u64, String)>>,
}

impl Wave {
    /// Reads a file, keeping the named signals of the top module.
    pub fn read(path: &Path, names: &[&str]) -> Result<Wave, Error> {
        let file = std::fs::File::open(path).map_err(super::error::file("open", path))?;
        Wave::parse(BufReader::new(file), names)
            .map_err(|error| Error::Waveform { path: path.to_path_buf(), message: error })
    }

    fn parse(input: impl std::io::BufRead, names: &[&str]) -> Result<Wave, String> {
        let mut parser = Parser::new(input);
        let header = parser.parse_header().map_err(|error| error.to_string())?;
        let mut wave = Wave::default();
        let mut wanted: BTreeMap<IdCode, Vec<String>> = BTreeMap::new();
        collect(&header.items, names, &mut wanted, &mut wave.signals);
        let mut time = None;
        for command in parser {
            match command.map_err(|error| error.to_string())? {
                Command::Timestamp(stamp) => {
                    let cycle = stamp / HALVES;
                    wave.first = if time.is_none() { cycle } else { wave.first };
                    wave.last = cycle;
                    time = Some(cycle);
                }
                Command::ChangeVector(id, value) => {
                    let digits = hexadecimal(value.iter());
                    wave.note(&wanted, id, time, &digits);
                }
                Command::ChangeScalar(id, value) => {
                    wave.note(&wanted, id, time, &value.to_string());
                }
                _ => {}
            }
        }
        Ok(wave)
    }

    fn note(
        &mut self,
        wanted: &BTreeMap<IdCode, Vec<String>>,
        id: IdCode,
        time: Option<u64>,
        value: &str,
    ) {
        for name in wanted.get(&id).into_iter().flatten() {
            let list = self.changes.entry(name.clone()).or_default();
            list.push((time.unwrap_or(0), value.to_owned()));
        }
    }

    /// Value of a signal at the end of a cycle.
    pub fn value(&self, name: &str, cycle: u64) -> Option<&str> {
        let changes = self.changes.get(name)?;
        let known = changes.iter().take_while(|change| change.0 <= cycle);
        known.last().map(|change| change.1.as_str())
    }
}

/// Finds the variables: Verilator puts the module into a scope of the model's name.
fn collect(
    items: &[ScopeItem],
    names: &[&str],
    wanted: &mut BTreeMap<IdCode, Vec<String>>,
    count: &mut usize,
) {
    for item in items {
        match item {
            ScopeItem::Var(var) => {
                *count += 1;
                if names.contains(&var.reference.as_str()) {
                    let list = wanted.entry(var.code).or_default();
                    if !list.contains(&var.reference) {
                        list.push(var.reference.clone());
                    }
                }
            }
            ScopeItem::Scope(scope) => collect(&scope.items, &[], wanted, count),
            _ => {}
        }
        if let ScopeItem::Scope(scope) = item {
            // Only the outermost scopes: a name may occur again deeper.
            if ["TOP", "npu_top"].contains(&scope.identifier.as_str()) {
                let mut ignored = 0;
                collect(&scope.items, names, wanted, &mut ignored);
            }
        }
    }
}

fn hexadecimal(bits: impl Iterator<Item = Value>) -> String {
    let bits: Vec<u8> = bits.map(|bit| u8::from(bit == Value::V1)).collect();
    let mut digits = String::new();
    for nibble in bits.rchunks(4).rev() {
        let digit = nibble.iter().fold(0, |value, bit| value << 1 | bit);
        digits.push_str(&format!("{digit:x}"));
    }
    let short = digits.trim_start_matches('0');
    if short.is_empty() { "0".into() } else { short.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "$version test $end\n$timescale 1ps $end\n\
        $scope module TOP $end\n$var wire 1 ! clk $end\n$var wire 8 \" pc [7:0] $end\n\
        $scope module npu_top $end\n$var wire 8 \" pc [7:0] $end\n\
        $scope module u_core $end\n$var wire 8 # pc [7:0] $end\n\
        $upscope $end\n$upscope $end\n$upscope $end\n$enddefinitions $end\n\
        #10\n0!\nb00000101 \"\nb11111111 #\n#11\n1!\n#12\n0!\n#13\n1!\n#14\nb00011100 \"\n";

    #[test]
    fn files_that_are_no_waveforms_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.vcd");
        let error = Wave::read(&path, &[]).unwrap_err();
        assert!(error.to_string().starts_with("cannot open `"), "{error}");
        std::fs::write(&path, "$scope module").unwrap();
        let error = Wave::read(&path, &[]).unwrap_err();
        assert!(matches!(error, Error::Waveform { .. }), "{error}");
        assert_eq!(error.exit_status(), 6);
    }

    #[test]
    fn signals_are_found_in_the_top_module_only() {
        let wave = Wave::parse(TEXT.as_bytes(), &["pc"]).unwrap();
        assert_eq!((wave.first, wave.last, wave.signals), (5, 7, 4));
        assert_eq!(wave.value("pc", 5), Some("5"));
        assert_eq!(wave.value("pc", 6), Some("5"));
        assert_eq!(wave.value("pc", 7), Some("1c"));
        assert_eq!(wave.value("pc", 4), None);
        assert_eq!(wave.value("clk", 6), None, "not asked for");
    }

    #[test]
    fn a_damaged_file_is_refused() {
        assert!(Wave::parse("$scope module".as_bytes(), &[]).is_err());
    }
}
