//! Everything `npugen build` writes: the Verilog, the resolved configuration, the software's
//! headers, the documents and a manifest with a hash of each file.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{OutputFile, banner, csr_text, emit, integration, resources, simulation_models};
use crate::design::Design;
use crate::error::Error;
use crate::isa;

/// Name of the manifest in the output directory.
pub const MANIFEST: &str = "manifest.json";

/// The list of files with their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Program and version.
    pub generator: String,
    /// Name of the design.
    pub design: String,
    /// Fingerprint that programs must carry.
    pub fingerprint: String,
    /// Version of the instruction table.
    pub isa_version: u32,
    /// The module to instantiate.
    pub top: String,
    /// The files, sorted by path.
    pub files: Vec<ManifestFile>,
}

/// One file of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Path below the output directory.
    pub path: String,
    /// Length.
    pub bytes: usize,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// A complete output directory in memory.
#[derive(Debug, Clone)]
pub struct Package {
    files: Vec<OutputFile>,
}

impl Package {
    /// Everything for a design.
    pub fn new(design: &Design) -> Result<Package, Error> {
        let mut files = emit(design)?;
        let list: String = files.iter().map(|file| format!("{}\n", file.path)).collect();
        files.push(OutputFile::new("files.f", list));
        files.extend(simulation_models(design));
        let config = format!("{}{}", banner(design, "#"), design.canonical());
        files.push(OutputFile::new("config.yaml", config));
        files.push(OutputFile::new("docs/resources.md", resources::manual(design)));
        files.push(OutputFile::new("docs/integration.md", integration::manual(design)));
        let custom = design.custom_specs();
        files.push(OutputFile::new("docs/isa.md", isa::manual(&custom)));
        files.push(OutputFile::new("docs/registers.md", csr_text::manual(design.engines().len())));
        let header =
            format!("{}{}", banner(design, "//"), csr_text::c_header(design.engines().len()));
        files.push(OutputFile::new("sw/npu_regs.h", header));
        let header = format!("{}{}", banner(design, "//"), isa::c_header(&custom));
        files.push(OutputFile::new("sw/npu_isa.h", header));
        Package::of(design, "npu_top", files)
    }

    /// These files of a design, whose top module is `top`, and their manifest.
    pub fn of(design: &Design, top: &str, mut files: Vec<OutputFile>) -> Result<Package, Error> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.push(OutputFile::new(MANIFEST, manifest(design, top, &files)?));
        Ok(Package { files })
    }

    /// The files.
    pub fn files(&self) -> &[OutputFile] {
        &self.files
    }

    /// Writes the directory as a whole: it appears complete or not at all. An earlier output is
    /// replaced; files in it that npugen did not write are kept. A directory that is not an
    /// earlier output is left alone.
    pub fn write_to(&self, target: &Path) -> Result<(), Error> {
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|error| Error::write(parent, error))?;
        let old = existing(target)?;
        let staging = tempfile::Builder::new()
            .prefix(".npugen-")
            .tempdir_in(parent)
            .map_err(|error| Error::write(parent, error))?;
        let fresh = staging.path().join("new");
        for file in &self.files {
            write(&fresh.join(&file.path), &file.text)?;
        }
        let Some(old) = old else {
            // An empty directory may stand in the way.
            let _ = fs::remove_dir(target);
            return fs::rename(&fresh, target).map_err(|error| Error::write(target, error));
        };
        let retired = staging.path().join("old");
        fs::rename(target, &retired).map_err(|error| Error::write(target, error))?;
        if let Err(error) = fs::rename(&fresh, target) {
            let _ = fs::rename(&retired, target);
            return Err(Error::write(target, error));
        }
        keep_foreign(&old, &retired, target)
    }
}

/// The manifest of an earlier output at this place, if there is one.
fn existing(target: &Path) -> Result<Option<Manifest>, Error> {
    let Ok(mut entries) = fs::read_dir(target) else {
        if target.exists() {
            return Err(foreign(target));
        }
        return Ok(None);
    };
    if entries.next().is_none() {
        return Ok(None);
    }
    let text = fs::read_to_string(target.join(MANIFEST)).map_err(|_| foreign(target))?;
    serde_json::from_str(&text).map(Some).map_err(|_| foreign(target))
}

fn foreign(target: &Path) -> Error {
    Error::Occupied { path: target.to_owned() }
}

/// Moves what npugen did not write from the old output into the new one.
fn keep_foreign(manifest: &Manifest, old: &Path, new: &Path) -> Result<(), Error> {
    for file in &manifest.files {
        let _ = fs::remove_file(old.join(&file.path));
    }
    let _ = fs::remove_file(old.join(MANIFEST));
    move_rest(old, new)
}

fn move_rest(old: &Path, new: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(old).map_err(|error| Error::read(old, error))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let Some(name) = path.file_name() else { continue };
        let target = new.join(name);
        if target.is_dir() && path.is_dir() {
            move_rest(&path, &target)?;
        } else if !target.exists() && !is_empty_tree(&path) {
            fs::rename(&path, &target).map_err(|error| Error::write(&target, error))?;
        }
    }
    Ok(())
}

fn is_empty_tree(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|entries| {
        entries.filter_map(Result::ok).all(|entry| is_empty_tree(&entry.path()))
    })
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))?;
    }
    fs::write(path, text).map_err(|error| Error::write(path, error))?;
    make_executable(path, text)
}

/// Scripts can be called by their name.
#[cfg(unix)]
fn make_executable(path: &Path, text: &str) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;

    if !text.starts_with("#!") {
        return Ok(());
    }
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, mode).map_err(|error| Error::write(path, error))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path, _text: &str) -> Result<(), Error> {
    Ok(())
}

fn manifest(design: &Design, top: &str, files: &[OutputFile]) -> Result<String, Error> {
    let manifest = Manifest {
        generator: format!("npugen {}", env!("CARGO_PKG_VERSION")),
        design: design.name().to_owned(),
        fingerprint: design.fingerprint().to_string(),
        isa_version: isa::table::ISA_VERSION,
        top: top.to_owned(),
        files: files.iter().map(manifest_file).collect(),
    };
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Error::write(Path::new(MANIFEST), error.into()))?;
    Ok(text + "\n")
}

fn manifest_file(file: &OutputFile) -> ManifestFile {
    let digest = Sha256::digest(file.text.as_bytes());
    ManifestFile {
        path: file.path.clone(),
        bytes: file.text.len(),
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
