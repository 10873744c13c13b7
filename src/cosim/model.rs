//! A loaded simulation model. The only place with foreign calls.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use libloading::Library;

use super::error::Error;
use super::pins::{Inputs, Outputs};

type Create = unsafe extern "C" fn() -> *mut c_void;
type Destroy = unsafe extern "C" fn(*mut c_void);
type Step<P> = unsafe extern "C" fn(
    *mut c_void,
    *const <P as Pins>::Inputs,
    *mut <P as Pins>::Outputs,
) -> c_int;
type Message = unsafe extern "C" fn(*const c_void) -> *const c_char;
type TraceOpen = unsafe extern "C" fn(*mut c_void, *const c_char, u64) -> c_int;
type TraceClose = unsafe extern "C" fn(*mut c_void);
type Layout = unsafe extern "C" fn() -> u32;
type ProbeOpen = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> u32;
type Samples = unsafe extern "C" fn(*const c_void) -> *const u8;
type MemoryCount = unsafe extern "C" fn(*const c_void) -> u32;
type MemoryAt = unsafe extern "C" fn(*const c_void, u32, *mut RawMemory);

/// The pins of a top module.
///
/// # Safety
/// Both structures are `repr(C)`, hold plain numbers only, and have the layout of the structures of
/// the same names in the top module's `pins.h`.
pub unsafe trait Pins {
    /// Everything driven into the module but the clock.
    type Inputs;
    /// Everything the module drives.
    type Outputs;
}

/// The pins of `npu_top`.
#[derive(Debug, Clone, Copy)]
pub enum NpuPins {}

// SAFETY: `pins.h` beside this file mirrors `pins.rs`, field by field.
unsafe impl Pins for NpuPins {
    type Inputs = Inputs;
    type Outputs = Outputs;
}

/// The shim's description of a RAM array.
#[repr(C)]
struct RawMemory {
    scope: *const c_char,
    data: *const u8,
    depth: u32,
    word_bytes: u32,
    word_bits: u32,
}

/// A RAM array of the running model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamArray {
    /// Instance path, from the top module.
    pub path: String,
    /// Words.
    pub depth: u32,
    /// Bits per word.
    pub word_bits: u32,
    word_bytes: usize,
    data: *const u8,
}

/// Bytes of a signal's place among the samples.
pub const PROBE_BYTES: usize = 16;

/// One instance of a top module, in simulation.
pub struct Model<P: Pins = NpuPins> {
    handle: *mut c_void,
    step: Step<P>,
    destroy: Destroy,
    message: Message,
    trace_open: TraceOpen,
    trace_close: TraceClose,
    probe: ProbeOpen,
    samples: Samples,
    probes: usize,
    memory_count: MemoryCount,
    memory_at: MemoryAt,
    cycle: u64,
    // Last: the code must outlive everything that points into it.
    _library: Library,
}

// SAFETY: the instance and its context are reached through this value only; the shim keeps no
// state of its own outside them.
unsafe impl<P: Pins> Send for Model<P> {}

impl<P: Pins> std::fmt::Debug for Model<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model at cycle {}", self.cycle)
    }
}

fn load_error(path: &Path, message: impl Into<String>) -> Error {
    Error::Load { path: path.to_path_buf(), message: message.into() }
}

/// Looks up one function of the library.
///
/// # Safety
/// `T` must be the type the shim gives the function of this name.
unsafe fn symbol<T: Copy>(library: &Library, path: &Path, name: &str) -> Result<T, Error> {
    // SAFETY: by the caller's promise.
    let found = unsafe { library.get::<T>(name.as_bytes()) };
    found.map(|symbol| *symbol).map_err(|error| load_error(path, error.to_string()))
}

impl<P: Pins> Model<P> {
    /// Loads a library and makes one instance.
    pub fn load(path: &Path) -> Result<Self, Error> {
        // SAFETY: the library was built by `build` from the shim, whose initialisers only
        // construct the C++ run-time's own statics; the types below mirror the shim's.
        unsafe {
            let library =
                Library::new(path).map_err(|error| load_error(path, error.to_string()))?;
            let layout: Layout = symbol(&library, path, "npugen_layout")?;
            let expected = (size_of::<P::Inputs>() << 16 | size_of::<P::Outputs>()) as u32;
            if layout() != expected {
                return Err(load_error(path, "its pin layout is another version's"));
            }
            let create: Create = symbol(&library, path, "npugen_create")?;
            let message: Message = symbol(&library, path, "npugen_error")?;
            let step = symbol(&library, path, "npugen_step")?;
            let destroy = symbol(&library, path, "npugen_destroy")?;
            let trace_open = symbol(&library, path, "npugen_trace_open")?;
            let trace_close = symbol(&library, path, "npugen_trace_close")?;
            let probe = symbol(&library, path, "npugen_probe")?;
            let samples = symbol(&library, path, "npugen_samples")?;
            let memory_count = symbol(&library, path, "npugen_memory_count")?;
            let memory_at = symbol(&library, path, "npugen_memory")?;
            let handle = create();
            if handle.is_null() {
                return Err(load_error(path, text(message(handle))));
            }
            Ok(Self {
                handle,
                step,
                destroy,
                message,
                trace_open,
                trace_close,
                probe,
                samples,
                probes: 0,
                memory_count,
                memory_at,
                cycle: 0,
                _library: library,
            })
        }
    }

    /// Number of the next cycle.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// One clock cycle: drives the inputs, reports the outputs of this cycle, takes the edge.
    pub fn step(&mut self, inputs: &P::Inputs, outputs: &mut P::Outputs) -> Result<(), Error> {
        // SAFETY: the handle is live and the structures have the shim's layout.
        let status = unsafe { (self.step)(self.handle, inputs, outputs) };
        if status != 0 {
            return Err(Error::Simulator {
                cycle: self.cycle,
                // SAFETY: the shim returns a string owned by the live instance.
                message: unsafe { text((self.message)(self.handle)) },
            });
        }
        self.cycle += 1;
        Ok(())
    }

    /// Starts a waveform file with the next cycle; needs a debug library. Time 2 n and 2 n + 1 of
    /// the file are the halves of cycle `origin` + n.
    pub fn trace_open(&mut self, path: &Path, origin: u64) -> Result<(), Error> {
        let name = CString::new(path.as_os_str().as_encoded_bytes())
            .map_err(|_| load_error(path, "the waveform's path contains a zero byte"))?;
        // SAFETY: the handle is live and the string ends in zero.
        let status = unsafe { (self.trace_open)(self.handle, name.as_ptr(), origin) };
        if status == 0 {
            return Ok(());
        }
        Err(Error::Waveform { path: path.to_path_buf(), message: "it cannot be opened".into() })
    }

    /// Ends the waveform file.
    pub fn trace_close(&mut self) {
        // SAFETY: the handle is live.
        unsafe { (self.trace_close)(self.handle) }
    }

    /// Lets a signal be copied in every cycle; needs a library built for observation. Whether the
    /// model has it.
    pub fn probe(&mut self, scope: &str, name: &str) -> bool {
        let (Ok(scope), Ok(name)) = (CString::new(scope), CString::new(name)) else {
            return false;
        };
        // SAFETY: the handle is live and the strings end in zero.
        let bytes = unsafe { (self.probe)(self.handle, scope.as_ptr(), name.as_ptr()) };
        self.probes += usize::from(bytes != 0);
        bytes != 0
    }

    /// The signals of the last cycle, settled, in the order of [`Model::probe`].
    pub fn samples(&self) -> &[[u8; PROBE_BYTES]] {
        if self.probes == 0 {
            return &[];
        }
        // SAFETY: the shim keeps so many places of this size, until the next call that is given
        // this model mutably.
        unsafe { std::slice::from_raw_parts((self.samples)(self.handle).cast(), self.probes) }
    }

    /// The RAM arrays, sorted by path; empty unless the library is a debug one.
    pub fn ram_arrays(&self) -> Vec<RamArray> {
        let mut arrays = Vec::new();
        // SAFETY: the handle is live, the index below the count, the strings owned by the instance.
        unsafe {
            for index in 0..(self.memory_count)(self.handle) {
                let mut raw = RawMemory {
                    scope: std::ptr::null(),
                    data: std::ptr::null(),
                    depth: 0,
                    word_bytes: 0,
                    word_bits: 0,
                };
                (self.memory_at)(self.handle, index, &mut raw);
                arrays.push(RamArray {
                    path: text(raw.scope),
                    depth: raw.depth,
                    word_bits: raw.word_bits,
                    word_bytes: raw.word_bytes as usize,
                    data: raw.data,
                });
            }
        }
        arrays.sort_by(|a, b| a.path.cmp(&b.path));
        arrays
    }

    /// Content of one word of an array of this model, least significant byte first.
    pub fn ram_word(&self, array: &RamArray, index: u32) -> Option<Vec<u8>> {
        if index >= array.depth {
            return None;
        }
        let bytes = (array.word_bits as usize).div_ceil(8);
        // SAFETY: the array belongs to this model, which is live, and the index is inside.
        let word = unsafe {
            std::slice::from_raw_parts(
                array.data.add(index as usize * array.word_bytes),
                bytes.min(array.word_bytes),
            )
        };
        Some(word.to_vec())
    }
}

impl<P: Pins> Drop for Model<P> {
    fn drop(&mut self) {
        // SAFETY: the handle is live and not used again.
        unsafe {
            (self.trace_close)(self.handle);
            (self.destroy)(self.handle);
        }
    }
}

/// # Safety
/// The pointer is null or leads to a string that ends in zero.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: by the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.so");
        std::fs::write(&path, "no library").unwrap();
        let error = Model::<NpuPins>::load(&path).unwrap_err();
        assert!(error.to_string().starts_with("cannot load the compiled model `"), "{error}");
        assert_eq!(error.exit_status(), 6);
    }
}
