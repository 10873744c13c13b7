//! Turns emitted Verilog into a shared library: Verilator, then the C++ compiler, behind a cache.
//!
//! A library's directory is named after a hash of everything that went into it, is prepared beside
//! its final place and moved there when complete: an interrupted build leaves nothing half.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::error::{Error, file};
use super::probe;
use crate::tools::{self, Tool};

/// The C interface, compiled with every model.
const SHIM: &str = include_str!("shim.cpp");

/// A module to simulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    /// Its name.
    pub module: &'static str,
    /// How the shim reaches its pins: the C++ text of `pins.h`.
    pub pins: &'static str,
    /// Language of its sources, as Verilator names it.
    pub language: &'static str,
}

/// The machine by itself.
pub const NPU_TOP: Top =
    Top { module: "npu_top", pins: include_str!("pins.h"), language: "1364-2005" };

/// Bits of a program counter on the retire port.
pub const PC_W: u32 = 24;

/// Name of the library in its directory.
const LIBRARY: &str = "model.so";

/// Functions are spread over files of about this size, so that they compile in parallel and the
/// compiler's effort, which grows faster than a file, stays small.
const OUTPUT_SPLIT: &str = "20000";

/// One Verilog file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// File name.
    pub name: String,
    /// Content.
    pub text: String,
}

/// What the library can do besides running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flavour {
    /// Runs as fast as possible.
    Fast,
    /// Shows the signals that times are read from.
    Probe,
    /// Can also write waveforms and show the RAM arrays.
    Debug,
}

/// How to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildOptions {
    /// Cache directory; otherwise `NPUGEN_CACHE`, `XDG_CACHE_HOME/npugen` or `HOME/.cache/npugen`.
    pub cache: Option<PathBuf>,
    /// What is needed of the library.
    pub flavour: Flavour,
    /// Compile for a short build rather than for speed, for runs of a few thousand cycles.
    pub quick: bool,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { cache: None, flavour: Flavour::Fast, quick: false }
    }
}

/// A library that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// Where it is.
    pub library: PathBuf,
    /// Time the build took, in seconds; `None` when it came from the cache.
    pub seconds: Option<f64>,
}

/// The cache directory in force.
pub fn cache_root(chosen: Option<&Path>) -> PathBuf {
    let from =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    chosen
        .map(Path::to_path_buf)
        .or_else(|| from("NPUGEN_CACHE"))
        .or_else(|| from("XDG_CACHE_HOME").map(|path| path.join("npugen")))
        .or_else(|| from("HOME").map(|path| path.join(".cache").join("npugen")))
        .unwrap_or_else(|| std::env::temp_dir().join("npugen"))
}

/// The tools and the facts about them that belong to the key.
struct Tools {
    verilator: PathBuf,
    compiler: PathBuf,
    include: PathBuf,
    versions: String,
}

fn find(tool: &Tool) -> Result<PathBuf, Error> {
    tool.find().map_err(|_| Error::ToolMissing {
        tool: tool.name,
        purpose: tool.purpose,
        install: tool.install,
    })
}

impl Tools {
    fn find() -> Result<Self, Error> {
        let verilator = find(&tools::VERILATOR)?;
        let compiler = find(&tools::COMPILER)?;
        let here = Path::new(".");
        let version = run(Command::new(&verilator).arg("--version"), here)?;
        let root = run(Command::new(&verilator).args(["--getenv", "VERILATOR_ROOT"]), here)?;
        let gcc = run(Command::new(&compiler).arg("--version"), here)?;
        Ok(Self {
            verilator,
            compiler,
            include: Path::new(root.trim()).join("include"),
            versions: format!("{}\n{}\n", version.trim(), gcc.trim()),
        })
    }
}

/// Runs a tool in a directory and returns what it printed.
/// Runs a tool to its end and returns what it printed.
pub(super) fn run(command: &mut Command, directory: &Path) -> Result<String, Error> {
    let tool = Path::new(command.get_program())
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let output = command
        .current_dir(directory)
        .output()
        .map_err(file("run", Path::new(command.get_program())))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let all = text + &String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = all.lines().collect();
    Err(Error::ToolFailed {
        tool,
        status: output.status.to_string(),
        directory: directory.to_path_buf(),
        tail: lines[lines.len().saturating_sub(20)..].join("\n"),
    })
}

/// Compiler options common to all files.
fn compiler_options(options: &BuildOptions) -> Vec<&'static str> {
    let mut flags = vec![
        "-std=gnu++17",
        "-fPIC",
        "-fvisibility=hidden",
        "-fno-gnu-unique",
        "-DVM_COVERAGE=0",
        "-DVM_TRACE_FST=0",
        "-DVL_USER_FATAL",
        "-DVL_USER_STOP",
        "-DVL_USER_FINISH",
        "-DVL_TIME_STAMP64",
    ];
    match options.flavour {
        Flavour::Fast | Flavour::Probe => {
            flags.extend(["-DVM_TRACE=0", "-DVM_TRACE_VCD=0", "-DNPUGEN_MEMORIES=0"])
        }
        Flavour::Debug => flags.extend(["-DVM_TRACE=1", "-DVM_TRACE_VCD=1", "-DNPUGEN_MEMORIES=1"]),
    }
    if has_avx2() {
        flags.push("-march=x86-64-v3");
    }
    flags
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("fma")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

fn verilator_options(top: &Top, options: &BuildOptions) -> Vec<&'static str> {
    let mut flags = vec![
        "--cc",
        "--default-language",
        top.language,
        "-O3",
        "--x-assign",
        "fast",
        "--x-initial",
        "fast",
        "--noassert",
        "--output-split",
        OUTPUT_SPLIT,
        "--top-module",
        top.module,
        "--prefix",
        "Vtop",
        "--Mdir",
        "obj",
    ];
    match options.flavour {
        Flavour::Fast => {}
        Flavour::Probe => flags.push("visible.vlt"),
        Flavour::Debug => flags.extend(["--trace", "visible.vlt"]),
    }
    flags
}

/// Makes the RAM arrays of a debug library, or the signals of one for observation, visible; the
/// emitted files stay as they are.
fn visible(flavour: Flavour) -> String {
    let signals: &[(&str, &str)] = match flavour {
        Flavour::Fast => &[],
        Flavour::Probe => &probe::SIGNALS.map(|signal| (signal.module, signal.name)),
        Flavour::Debug => &[("npu_ram_1r1w", "mem")],
    };
    let mut text = "`verilator_config\n".to_owned();
    for (module, name) in signals {
        text += &format!("public_flat_rd -module \"{module}\" -var \"{name}\"\n");
    }
    text
}

fn key(top: &Top, sources: &[Source], tools: &Tools, options: &BuildOptions) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(&tools.versions);
    add(SHIM);
    add(top.pins);
    add(&visible(options.flavour));
    add(if options.quick { "quick, in units" } else { "fast" });
    for flag in compiler_options(options).into_iter().chain(verilator_options(top, options)) {
        add(flag);
    }
    for source in sources {
        add(&source.name);
        add(&source.text);
    }
    hex(&hash.finalize()[..12])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Builds the library for these files, or finds it in the cache.
pub fn build(top: &Top, sources: &[Source], options: &BuildOptions) -> Result<Built, Error> {
    let tools = Tools::find()?;
    let root = cache_root(options.cache.as_deref()).join("cosim");
    let place = root.join(key(top, sources, &tools, options));
    let library = place.join(LIBRARY);
    if library.is_file() {
        return Ok(Built { library, seconds: None });
    }
    std::fs::create_dir_all(&root).map_err(file("create the directory", &root))?;
    let _turn = lock(&place)?;
    if library.is_file() {
        return Ok(Built { library, seconds: None });
    }
    let start = Instant::now();
    let work = tempfile::Builder::new()
        .prefix("build-")
        .tempdir_in(&root)
        .map_err(file("create a directory in", &root))?;
    let made = work.path().join("made");
    compile_model(top, sources, &tools, options, &root, work.path(), &made)?;
    settle(&made, &place)?;
    Ok(Built { library, seconds: Some(start.elapsed().as_secs_f64()) })
}

/// Waits until nobody else builds the same model; the lock ends with the file.
fn lock(place: &Path) -> Result<std::fs::File, Error> {
    let path = place.with_extension("lock");
    let lock = std::fs::File::create(&path).map_err(file("create", &path))?;
    lock.lock().map_err(file("lock", &path))?;
    Ok(lock)
}

/// Moves a finished directory to its place; a process that was faster has made the same.
fn settle(made: &Path, place: &Path) -> Result<(), Error> {
    match std::fs::rename(made, place) {
        Err(error) if !place.is_dir() => Err(file("move the build to", place)(error)),
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(file("write", path))
}

fn compile_model(
    top: &Top,
    sources: &[Source],
    tools: &Tools,
    options: &BuildOptions,
    root: &Path,
    work: &Path,
    made: &Path,
) -> Result<(), Error> {
    std::fs::create_dir_all(made).map_err(file("create the directory", made))?;
    let mut names: Vec<&str> = Vec::new();
    for source in sources {
        write(&work.join(&source.name), &source.text)?;
        if source.name.ends_with(".v") || source.name.ends_with(".sv") {
            names.push(&source.name);
        }
    }
    write(&work.join("visible.vlt"), &visible(options.flavour))?;
    run(Command::new(&tools.verilator).args(verilator_options(top, options)).args(&names), work)?;
    let objects = work.join("obj");
    write(&objects.join("shim.cpp"), SHIM)?;
    write(&objects.join("pins.h"), top.pins)?;
    let runtime = runtime(tools, options, root, work)?;
    let files = cpp_files(&objects)?;
    let files = if options.quick { units(&files, &objects)? } else { files };
    let compiled = compile_all(&files, tools, options, &objects)?;
    run(
        Command::new(&tools.compiler)
            .args(["-shared", "-Wl,-Bsymbolic", "-pthread", "-o"])
            .arg(made.join(LIBRARY))
            .args(&compiled)
            .args(&runtime),
        &objects,
    )?;
    Ok(())
}

/// C++ files of a directory, largest first, so that the last to be compiled is a small one.
fn cpp_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(file("list", directory))? {
        let entry = entry.map_err(file("list", directory))?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "cpp") {
            let size = entry.metadata().map_err(file("read", &path))?.len();
            files.push((size, path));
        }
    }
    files.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Two files that include all of these: most of a short build is reading the same headers.
fn units(files: &[PathBuf], directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut made = Vec::new();
    for first in 0..2 {
        // Largest first, as they come, so every other one is about half of the work.
        let names = files.iter().skip(first).step_by(2).filter_map(|path| path.file_name());
        let text: String =
            names.map(|name| format!("#include \"{}\"\n", name.to_string_lossy())).collect();
        let path = directory.join(format!("unit_{first}.cpp"));
        write(&path, &text)?;
        made.push(path);
    }
    Ok(made)
}

/// Verilator marks what runs once, at construction, in the file name: not worth optimising.
fn optimisation(path: &Path, quick: bool) -> &'static str {
    let name = path.to_string_lossy();
    if quick || name.ends_with("__Slow.cpp") || name.ends_with("__Syms.cpp") {
        "-O0"
    } else {
        "-O2"
    }
}

fn compile_all(
    files: &[PathBuf],
    tools: &Tools,
    options: &BuildOptions,
    directory: &Path,
) -> Result<Vec<OsString>, Error> {
    files
        .par_iter()
        .map(|path| {
            let object = directory.join(path.with_extension("o").file_name().unwrap_or_default());
            run(
                Command::new(&tools.compiler)
                    .args(compiler_options(options))
                    .arg(optimisation(path, options.quick))
                    .arg(format!("-DNPUGEN_PC_W={PC_W}"))
                    .arg("-I.")
                    .arg("-I")
                    .arg(&tools.include)
                    .arg("-I")
                    .arg(tools.include.join("vltstd"))
                    .arg("-c")
                    .arg(path)
                    .arg("-o")
                    .arg(&object),
                directory,
            )?;
            Ok(object.into_os_string())
        })
        .collect()
}

/// Verilator's run-time library: the same for every design, so compiled once per kind of build.
fn runtime(
    tools: &Tools,
    options: &BuildOptions,
    root: &Path,
    work: &Path,
) -> Result<Vec<OsString>, Error> {
    let mut names = vec!["verilated.cpp", "verilated_threads.cpp"];
    if options.flavour == Flavour::Debug {
        names.extend(["verilated_vcd_c.cpp", "verilated_dpi.cpp"]);
    }
    let place = root.join(format!("runtime-{}", key(&NPU_TOP, &[], tools, options)));
    if !place.is_dir() {
        let made = work.join("runtime");
        std::fs::create_dir_all(&made).map_err(file("create the directory", &made))?;
        let files: Vec<PathBuf> = names.iter().map(|name| tools.include.join(name)).collect();
        compile_all(&files, tools, options, &made)?;
        settle(&made, &place)?;
    }
    Ok(names.iter().map(|name| place.join(Path::new(name).with_extension("o")).into()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_directory_can_be_chosen() {
        assert_eq!(cache_root(Some(Path::new("here"))), Path::new("here"));
    }

    #[test]
    fn a_failing_tool_is_quoted() {
        let error = run(
            Command::new("sh").args(["-c", "echo first; echo last >&2; exit 3"]),
            Path::new("."),
        )
        .unwrap_err()
        .to_string();
        assert!(error.contains("`sh` failed (exit status: 3)"), "{error}");
        assert!(error.ends_with("first\nlast"), "{error}");
    }

    #[test]
    fn a_missing_tool_names_its_installation() {
        let nothing = Tool {
            name: "nothing",
            programs: &["npugen-no-such-tool"],
            purpose: "a test",
            install: "sudo apt-get install it",
            required: true,
        };
        let error = find(&nothing).unwrap_err();
        assert!(error.is_missing_tool());
        assert_eq!(
            error.to_string(),
            "`nothing` was not found on PATH (needed for: a test). Install it with: sudo apt-get install it"
        );
    }
}
