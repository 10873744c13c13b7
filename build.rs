//! Lists the leaf modules: every `templates/{rtl,sim}/*.v` without tags is embedded as it is, so
//! that a new module needs no entry anywhere.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

/// Folders below `templates/` whose plain files become part of the output.
const FOLDERS: [&str; 4] = ["rtl", "sim", "fpga/rtl", "fpga/sim"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=templates");
    println!("cargo::rerun-if-changed=askama.toml");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("templates");
    let mut code = String::from("/// Plain files: path in the output and text.\n");
    code.push_str("pub(crate) const LEAVES: &[(&str, &str)] = &[\n");
    for folder in FOLDERS {
        let mut paths = Vec::new();
        if let Ok(entries) = fs::read_dir(root.join(folder)) {
            for entry in entries {
                paths.push(entry?.path());
            }
        }
        paths.sort();
        for path in
            paths.iter().filter(|path| path.extension().is_some_and(|e| e == "v" || e == "sv"))
        {
            let text = fs::read_to_string(path)?;
            if ["[[ ", "[% ", "[%- ", "[# "].iter().any(|tag| text.contains(tag)) {
                continue;
            }
            let name = path.file_name().ok_or("a file without a name")?.display();
            writeln!(code, "    ({:?}, include_str!({path:?})),", format!("{folder}/{name}"))?;
        }
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("leaves.rs"), code)?;
    Ok(())
}
