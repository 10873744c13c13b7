//! Lists the leaf modules: every `templates/rtl/*.v` without tags is embedded as it is, so that a
//! new module needs no entry anywhere.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=templates");
    println!("cargo::rerun-if-changed=askama.toml");
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("templates/rtl");
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "v") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut code = String::from("/// Leaf modules: file name and text.\n");
    code.push_str("pub(crate) const LEAVES: &[(&str, &str)] = &[\n");
    for path in paths {
        let text = fs::read_to_string(&path)?;
        if ["[[ ", "[% ", "[%- ", "[# "].iter().any(|tag| text.contains(tag)) {
            continue;
        }
        let name = path.file_name().ok_or("a file without a name")?;
        writeln!(code, "    ({:?}, include_str!({:?})),", name.display().to_string(), path)?;
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("leaves.rs"), code)?;
    Ok(())
}
