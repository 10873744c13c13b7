//! Files in and out: read as a whole but never without limit, written as a whole or not at all.
//! Knows nothing of their content.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use crate::error::Error;
use crate::units::Bytes;

/// Longest configuration. One with every key and a comment on each has a few KiB.
pub const CONFIG_LIMIT: Bytes = Bytes(1 << 20);

/// Longest assembly text, longest array.
pub const DATA_LIMIT: Bytes = Bytes(1 << 30);

/// Longest program file.
pub const PROGRAM_LIMIT: Bytes = Bytes(1 << 32);

/// The bytes of a file of at most `limit` bytes. A file without end, such as a device, is no
/// danger.
pub fn read(path: &Path, limit: Bytes) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    let mut bytes = Vec::new();
    let read = file.take(limit.0 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::read(path, error))?;
    if bytes.len() as u64 > limit.0 {
        return Err(Error::TooLong { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// The first `count` bytes of a file, or all of a shorter one.
pub fn start(path: &Path, count: u64) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    let mut bytes = Vec::new();
    let read = file.take(count).read_to_end(&mut bytes);
    read.map_err(|error| Error::read(path, error))?;
    Ok(bytes)
}

/// The text of a file of at most `limit` bytes.
pub fn read_text(path: &Path, limit: Bytes) -> Result<String, Error> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        Error::NotText { path: path.to_owned(), at, byte }
    })
}

/// Writes a file that appears complete or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |error| Error::write(path, error);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".npugen-");
    // Temporary files are their owner's alone; results are everybody's, as the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
