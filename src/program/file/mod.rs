//! Program files: a header with a checksum, then three sections.
//!
//! ```text
//!  0  magic          8 bytes  89 'N' 'P' 'U' 0d 0a 1a 0a
//!  8  version        u32      [`FORMAT_VERSION`]
//! 12  sections       u32      number of sections, 3
//! 16  length         u64      bytes of the whole file
//! 24  checksum       32 bytes SHA-256 of everything after it
//! 56  sections       each: name, 4 bytes; length, u64; content
//! ```
//!
//! `META` is JSON: the target, regions, tensors, provenance and layers. `CODE` is the instruction words.
//! `DATA` is the regions' initial bytes, one region after the other. Numbers are little endian.
//! This module turns programs into bytes and back; it touches no files.

use super::{
    LayerInfo, MAX_REGION_BYTES, MAX_REGIONS, MAX_SEMAPHORES, MAX_WORDS, NetworkView, Program,
    Provenance, Region, RegionKind, Target, Tensor,
};
use crate::isa::{Engine, ISA_VERSION};
use sha2::{Digest, Sha256};

/// Version of the format; counts up with every change.
pub const FORMAT_VERSION: u32 = 2;

/// First bytes of a program file. Line ends and the end-of-file character show when the file was
/// sent as text.
pub const MAGIC: [u8; 8] = *b"\x89NPU\r\n\x1a\n";

const HEADER: usize = 56;
const SECTION_COUNT: u32 = 3;
const SECTIONS: [&str; 3] = ["META", "CODE", "DATA"];

/// Why bytes are not a program.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is nothing.
    #[error("the file is empty")]
    Empty,
    /// Another kind of file.
    #[error("not a program file: it starts with {found}, a program with {expected}", expected = hex(&MAGIC))]
    Foreign {
        /// First bytes found.
        found: String,
    },
    /// A program file of another version.
    #[error(
        "format version {found}, but this npugen reads version {FORMAT_VERSION}; make the program again"
    )]
    Version {
        /// Version found.
        found: u32,
    },
    /// Not the sections of this version.
    #[error("{found} sections, but a program of this version has {SECTION_COUNT}")]
    Sections {
        /// Number in the header.
        found: u32,
    },
    /// Bytes are missing.
    #[error("truncated: {found} bytes of {expected}")]
    Truncated {
        /// Bytes there are.
        found: usize,
        /// Bytes there should be.
        expected: u64,
    },
    /// There are too many bytes.
    #[error("{extra} bytes follow the end of the program")]
    Trailing {
        /// How many.
        extra: u64,
    },
    /// The content is not what was written.
    #[error("damaged: the checksum of the content is {found}, the header says {expected}")]
    Checksum {
        /// Checksum of the content.
        found: String,
        /// Checksum in the header.
        expected: String,
    },
    /// The sections are not those of a program.
    #[error("section {index} at byte {offset}: {problem}")]
    Section {
        /// Position among the sections.
        index: usize,
        /// Where it starts.
        offset: usize,
        /// What is wrong.
        problem: String,
    },
    /// The metadata cannot be read.
    #[error("section META: {0}")]
    Metadata(#[from] serde_json::Error),
    /// The metadata contradict themselves or the other sections.
    #[error("section META: {0}")]
    Inconsistent(String),
    /// The program uses another instruction set.
    #[error(
        "instruction table version {found}, but this npugen has version {ISA_VERSION}; make the program again"
    )]
    Isa {
        /// Version found.
        found: u32,
    },
}

impl FileError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            FileError::Empty | FileError::Foreign { .. } => {
                "give a file written by `npugen asm`; assembly text must end in .npuasm"
            }
            FileError::Version { .. } | FileError::Isa { .. } | FileError::Sections { .. } => {
                "make the program again with this npugen, or use the npugen that made it"
            }
            FileError::Truncated { .. }
            | FileError::Trailing { .. }
            | FileError::Checksum { .. } => {
                "copy the file again (in binary mode), or make it again"
            }
            FileError::Section { .. } | FileError::Metadata(_) => "make the program again",
            FileError::Inconsistent(_) => "correct the declarations of regions, tensors and layers",
        }
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    isa_version: u32,
    target: Target,
    regions: Vec<RegionMetadata>,
    tensors: Vec<Tensor>,
    provenance: Provenance,
    layers: Vec<LayerInfo>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionMetadata {
    base: u8,
    name: String,
    kind: RegionKind,
    size: u64,
    data: u64,
}

impl Program {
    /// The content of a program file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FileError> {
        self.consistent().map_err(FileError::Inconsistent)?;
        let regions = self.regions.iter().map(|region| RegionMetadata {
            base: region.base,
            name: region.name.clone(),
            kind: region.kind,
            size: region.size,
            data: length(&region.data),
        });
        let metadata = serde_json::to_vec(&Metadata {
            isa_version: ISA_VERSION,
            target: self.target.clone(),
            regions: regions.collect(),
            tensors: self.tensors.clone(),
            provenance: self.provenance.clone(),
            layers: self.layers.clone(),
        })?;
        let code: Vec<u8> = self.code.iter().flat_map(|word| word.to_le_bytes()).collect();
        let data: Vec<u8> =
            self.regions.iter().flat_map(|region| region.data.iter().copied()).collect();

        let mut body = Vec::new();
        for (name, content) in SECTIONS.iter().zip([metadata, code, data]) {
            body.extend_from_slice(name.as_bytes());
            body.extend_from_slice(&length(&content).to_le_bytes());
            body.extend_from_slice(&content);
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&SECTION_COUNT.to_le_bytes());
        bytes.extend_from_slice(&(length(&body) + HEADER as u64).to_le_bytes());
        bytes.extend_from_slice(&Sha256::digest(&body));
        bytes.append(&mut body);
        Ok(bytes)
    }

    /// The program in a file's content.
    pub fn from_bytes(bytes: &[u8]) -> Result<Program, FileError> {
        check_header(bytes)?;
        let [metadata, code, data] = sections(bytes)?;
        // The version comes first: metadata of another version need not have today's fields.
        #[derive(serde::Deserialize)]
        struct Version {
            isa_version: u32,
        }
        let found = serde_json::from_slice::<Version>(metadata)?.isa_version;
        if found != ISA_VERSION {
            return Err(FileError::Isa { found });
        }
        let metadata: Metadata = serde_json::from_slice(metadata)?;
        let (words, rest) = code.as_chunks::<8>();
        if !rest.is_empty() {
            let problem = format!("CODE has {} bytes, not a multiple of 8", code.len());
            return Err(FileError::Inconsistent(problem));
        }
        let program = Program {
            target: metadata.target,
            code: words.iter().map(|word| u64::from_le_bytes(*word)).collect(),
            regions: regions(metadata.regions, data)?,
            tensors: metadata.tensors,
            provenance: metadata.provenance,
            layers: metadata.layers,
        };
        program.consistent().map_err(FileError::Inconsistent)?;
        Ok(program)
    }

    /// Whether regions and tensors fit each other.
    pub(crate) fn consistent(&self) -> Result<(), String> {
        if self.code.len() > MAX_WORDS {
            return Err(format!(
                "{} instructions, but a program has at most {MAX_WORDS}",
                self.code.len()
            ));
        }
        if self.target.semaphores > MAX_SEMAPHORES {
            return Err(format!(
                "{} semaphores, but a machine has at most {MAX_SEMAPHORES}",
                self.target.semaphores
            ));
        }
        if !self.provenance.is_orderly(self.code.len()) {
            return Err("the notes do not follow the order of the instructions".to_owned());
        }
        for layer in &self.layers {
            let LayerInfo { name, engine, .. } = layer;
            if !Engine::QUEUED.iter().any(|known| known.name() == engine) {
                return Err(format!("layer `{name}`: there is no engine `{engine}` with a queue"));
            }
            let word = |c: char| c.is_ascii_alphanumeric() || "_+-.".contains(c);
            if layer.kernel.is_empty() || !layer.kernel.chars().all(word) {
                let kernel = &layer.kernel;
                return Err(format!("layer `{name}`: `{kernel}` cannot be the name of a kernel"));
            }
        }
        for (index, region) in self.regions.iter().enumerate() {
            let name = &region.name;
            if region.size > MAX_REGION_BYTES {
                return Err(format!(
                    "region `{name}` has {} bytes, but a region has at most {MAX_REGION_BYTES}",
                    region.size
                ));
            }
            if usize::from(region.base) >= MAX_REGIONS {
                return Err(format!(
                    "region `{name}`: base register {} does not exist (0 to {} do)",
                    region.base,
                    MAX_REGIONS - 1
                ));
            }
            if self.regions.iter().take(index).any(|other| other.base == region.base) {
                return Err(format!(
                    "region `{name}`: base register {} has a region already",
                    region.base
                ));
            }
            if length(&region.data) > region.size {
                return Err(format!(
                    "region `{name}` has {} bytes, but its content has {}",
                    region.size,
                    region.data.len()
                ));
            }
        }
        for (index, tensor) in self.tensors.iter().enumerate() {
            let name = &tensor.name;
            if self.tensors.iter().take(index).any(|other| other.name == *name) {
                return Err(format!("tensor `{name}` is declared twice"));
            }
            if !tensor.scale.is_finite() {
                return Err(format!(
                    "tensor `{name}`: scale {} is not a finite number",
                    tensor.scale
                ));
            }
            let Some(region) = self.region(tensor.region) else {
                return Err(format!(
                    "tensor `{name}`: base register {} has no region",
                    tensor.region
                ));
            };
            let end = tensor.bytes().and_then(|bytes| bytes.checked_add(tensor.offset));
            if end.is_none_or(|end| end > region.size) {
                let end = end.map_or("beyond 2^64".to_owned(), |end| end.to_string());
                return Err(format!(
                    "tensor `{name}` ends at byte {end} of region `{}`, which has {}",
                    region.name, region.size
                ));
            }
            if let Some(view) = &tensor.network {
                let of_tensor = |problem| format!("tensor `{name}`: {problem}");
                view.consistent(tensor).map_err(of_tensor)?;
            }
        }
        Ok(())
    }
}

impl NetworkView {
    /// Whether it is a view of the tensor's elements.
    fn consistent(&self, tensor: &Tensor) -> Result<(), String> {
        let elements: u64 = tensor.shape.iter().product();
        let times = |product: u64, extent: u64| product.checked_mul(extent);
        let seen = self.shape.iter().copied().try_fold(1, times);
        let walked = self.walk.iter().map(|[extent, _]| *extent).try_fold(1, times);
        if elements == 0 || seen != Some(elements) || walked != Some(elements) {
            return Err(format!(
                "the network sees {:?} in a walk of {:?}, which are not the {elements} elements of {:?}",
                self.shape, self.walk, tensor.shape
            ));
        }
        let last = self.walk.iter().try_fold(0u64, |last, [extent, distance]| {
            last.checked_add(extent.saturating_sub(1).checked_mul(*distance)?)
        });
        if last.is_none_or(|last| last >= elements) {
            return Err(format!("the walk {:?} leaves its {elements} elements", self.walk));
        }
        Ok(())
    }
}

impl Tensor {
    /// Bytes it occupies; `None` when that overflows.
    pub fn bytes(&self) -> Option<u64> {
        let mut shape = self.shape.clone();
        if let (super::Layout::Blocked(block), Some(channels)) = (self.layout, shape.last_mut()) {
            *channels = channels.checked_next_multiple_of(u64::from(block.max(1)))?;
        }
        let elements = shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size))?;
        elements.checked_mul(u64::from(self.dtype.bits())).map(|bits| bits.div_ceil(8))
    }
}

fn check_header(bytes: &[u8]) -> Result<(), FileError> {
    if bytes.is_empty() {
        return Err(FileError::Empty);
    }
    let start = bytes.get(..MAGIC.len().min(bytes.len())).unwrap_or(bytes);
    if !MAGIC.starts_with(start) {
        return Err(FileError::Foreign { found: hex(start) });
    }
    let truncated = |expected| FileError::Truncated { found: bytes.len(), expected };
    let header = bytes.first_chunk::<HEADER>().ok_or(truncated(HEADER as u64))?;
    let mut reader = Reader { bytes: header, position: MAGIC.len() };
    let version = reader.array().map(u32::from_le_bytes);
    let sections = reader.array().map(u32::from_le_bytes);
    let expected = reader.array().map(u64::from_le_bytes);
    let checksum: Option<[u8; 32]> = reader.array();
    let (Some(version), Some(count), Some(expected), Some(checksum)) =
        (version, sections, expected, checksum)
    else {
        return Err(truncated(HEADER as u64));
    };
    if version != FORMAT_VERSION {
        return Err(FileError::Version { found: version });
    }
    if count != SECTION_COUNT {
        return Err(FileError::Sections { found: count });
    }
    let found = length(bytes);
    if found < expected {
        return Err(truncated(expected));
    }
    if found > expected {
        return Err(FileError::Trailing { extra: found - expected });
    }
    let content = bytes.get(HEADER..).unwrap_or_default();
    let digest = Sha256::digest(content);
    if digest.as_slice() != checksum {
        return Err(FileError::Checksum { found: hex(&digest), expected: hex(&checksum) });
    }
    Ok(())
}

fn sections(bytes: &[u8]) -> Result<[&[u8]; 3], FileError> {
    let mut reader = Reader { bytes, position: HEADER };
    let mut found: [&[u8]; 3] = [&[]; 3];
    for (index, (name, content)) in SECTIONS.iter().zip(&mut found).enumerate() {
        let offset = reader.position;
        let fail = |problem: String| FileError::Section { index, offset, problem };
        let tag: [u8; 4] = reader.array().ok_or_else(|| fail(format!("{name} is missing")))?;
        if tag != name.as_bytes() {
            return Err(fail(format!("it is named {}, not {name}", hex(&tag))));
        }
        let size = reader.array().map(u64::from_le_bytes);
        let size = size.ok_or_else(|| fail(format!("{name} has no length")))?;
        let taken = usize::try_from(size).ok().and_then(|size| reader.take(size));
        *content =
            taken.ok_or_else(|| fail(format!("{name} has {size} bytes, more than the file")))?;
    }
    if reader.position != bytes.len() {
        let (offset, problem) = (reader.position, "bytes after the last section".to_owned());
        return Err(FileError::Section { index: SECTIONS.len(), offset, problem });
    }
    Ok(found)
}

fn regions(metadata: Vec<RegionMetadata>, data: &[u8]) -> Result<Vec<Region>, FileError> {
    let mut reader = Reader { bytes: data, position: 0 };
    let mut regions = Vec::new();
    for RegionMetadata { base, name, kind, size, data: bytes } in metadata {
        let content = usize::try_from(bytes).ok().and_then(|bytes| reader.take(bytes));
        let Some(content) = content else {
            let problem = format!(
                "region `{name}` has {bytes} bytes of content, more than DATA is left with"
            );
            return Err(FileError::Inconsistent(problem));
        };
        regions.push(Region { base, name, kind, size, data: content.to_vec() });
    }
    if reader.position != data.len() {
        let problem =
            format!("the regions take {} bytes of DATA, which has {}", reader.position, data.len());
        return Err(FileError::Inconsistent(problem));
    }
    Ok(regions)
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.position.checked_add(count)?;
        let taken = self.bytes.get(self.position..end)?;
        self.position = end;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(if bytes.len() > 8 { "" } else { " " })
}

#[cfg(test)]
mod tests;
