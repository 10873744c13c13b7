//! Bad input of every kind: each ends in a message that names place, value, limit and remedy, in
//! the documented exit status, and leaves nothing behind. Messages about configurations are in
//! `config_errors.rs`, those of the assembler beside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stop at the first surprise"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{files, npugen, root};
use npugen::error::EXIT_STATUS;

/// Arguments, exit status, and what the message must say, spaces and line ends counting as one.
type Case<'a> = (&'a str, i32, &'a [&'a str]);

/// A NumPy array with this header and these bytes.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Everything the cases below are about.
fn kitchen() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let hello = fs::read_to_string(root().join("examples/hello.npuasm")).unwrap();
    write("hello.npuasm", hello.as_bytes());
    let made = npugen(folder.path(), &["asm", "hello.npuasm", "-c", "tiny"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let program = fs::read(folder.path().join("hello.npu")).unwrap();
    let mut newer = program.clone();
    newer[8] = 3;
    write("newer.npu", &newer);
    write("empty.npu", b"");
    write("short.npu", &program[..program.len() - 9]);
    write("crlf.npu", b"\x89NPU\n\x1a\n and more");

    write("empty.yaml", b"");
    write("binary.yaml", b"name: \xff\xfe");
    write("long.yaml", &vec![b'#'; (1 << 20) + 1]);
    write("deep.yaml", "a: {".repeat(5000).as_bytes());
    write("nested.yaml", "[".repeat(5000).as_bytes());
    let levels = (1..12).map(|i| format!("k{i}: &k{i} [{}]\n", format!("*k{}, ", i - 1).repeat(9)));
    write("bomb.yaml", format!("k0: &k0 x\n{}", levels.collect::<String>()).as_bytes());
    write("two.yaml", b"name: a\n---\nname: b\n");
    write("nan.yaml", b"array: {rows: .nan}\n");
    write("null_key.yaml", b"null: 4\n");
    write("list_key.yaml", b"? [a]\n: 3\n");
    write("huge.yaml", b"array: {rows: 1000000000000000000000000000000000000000000}\n");
    write("wide.yaml", format!("name: {}\n", "x".repeat(100_000)).as_bytes());
    write("escape.yaml", b"\"a\\e[31m\": 1\n");
    let many: String = (0..2000).map(|i| format!("k{i}: {i}\n")).collect();
    write("many.yaml", many.as_bytes());

    write("many.npuasm", "bad line\n".repeat(1000).as_bytes());
    write("wide.npuasm", "x".repeat(1 << 20).as_bytes());
    write("latin.npuasm", b".note \"\xe4\"\n");
    let region = |size: &str, data: &str| {
        format!(".npu \"tiny\"\n.region 0 input {size} \"r\"\n{data}\nend\n")
    };
    write("endless.npuasm", region("0xffffffffffffffff", "").as_bytes());
    write("repeat.npuasm", region("0x10000000000", ".data 00 * 0x10000000000").as_bytes());
    write("large.npuasm", region("0x10000000000", "").as_bytes());

    write("short.npy", &npy("|i1", "3,", &[0; 3]));
    write("promise.npy", &npy("|i1", "1099511627776,", &[0; 3]));
    write("overflow.npy", &npy("|i1", &"99999999999999999999, ".repeat(4), &[0; 3]));
    write("float.npy", &npy("<f4", "8, 4", &[0; 128]));
    write("wide.npy", &npy("<i4", "8, 4", &[77; 128]));
    write("double.npy", &npy("<f8", "8, 4", &[0; 256]));
    write("cut.npy", b"\x93NUMPY\x01");
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::create_dir(folder.path().join("mine")).unwrap();
    write("mine/thesis.txt", b"words");
    folder
}

fn words(text: &str) -> String {
    let plain = text.replace('│', " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs each case; none may change the folder or panic.
fn check(folder: &Path, cases: &[Case<'_>], environment: &[(&str, &str)]) {
    let before = files(folder);
    for (arguments, status, parts) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_npugen"))
            .args(arguments.split(' '))
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let told = words(&String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(*status), "{arguments}: {told}");
        for part in *parts {
            assert!(told.contains(part), "{arguments}: {part:?} is not in: {told}");
        }
        let clap = told.starts_with("error: ");
        assert!(clap || told.contains("help: "), "{arguments}: no remedy in: {told}");
        assert!(told.len() < 20_000, "{arguments}: a message of {} bytes", told.len());
        assert!(!told.contains('\x1b'), "{arguments}: {told:?}");
        assert_eq!(files(folder), before, "{arguments}: files came or went");
    }
}

#[test]
fn configurations_that_are_none() {
    let folder = kitchen();
    let deep = ["cannot be read as YAML: groups and lists are nested too deeply"];
    let cases: &[Case<'_>] = &[
        ("build -c binary.yaml", 1, &["`binary.yaml` is not text: byte 6 is 0xff", "UTF-8"]),
        ("build -c long.yaml", 1, &["`long.yaml` is longer than 1 MiB"]),
        #[cfg(unix)]
        ("build -c /dev/zero", 1, &["`/dev/zero` is longer than 1 MiB"]),
        ("build -c folder", 1, &["cannot read `folder`", "check the path"]),
        ("build -c ./nowhere", 1, &["cannot read `./nowhere`", "check the path"]),
        ("build -c nowhere", 2, &["no configuration `nowhere`", "default, edge, tiny", "a file"]),
        ("build -c deep.yaml", 1, &deep),
        ("build -c nested.yaml", 1, &deep),
        ("build -c bomb.yaml", 1, &["far larger than any configuration (line "]),
        ("build -c two.yaml", 1, &["`---` begins a second document", "(line 3)"]),
        ("build -c nan.yaml", 1, &["non-finite float `.nan` (line 1)"]),
        ("build -c null_key.yaml", 1, &["a key is empty (line 1)"]),
        ("build -c list_key.yaml", 1, &["a key is not a word (line 1)"]),
        ("build -c huge.yaml", 1, &["`array.rows` is 1000000", "from 1 to 256 (line 1)"]),
        ("build -c wide.yaml", 1, &["xxx...\", but must be a name of at most 32"]),
        ("build -c escape.yaml", 1, &["`a\\u{1b}[31m` is not a key"]),
        ("build -c many.yaml", 1, &["2000 problems", "the first 50 of them here", "`k49`"]),
        ("build --rows -3", 1, &["`array.rows` is -3", "from 1 to 256", "`--rows -3`"]),
        ("build --cols 99999999999", 1, &["`array.cols` is 99999999999", "1 to 256"]),
        ("build --rows 1.5", 2, &["invalid value '1.5' for '--rows"]),
        ("build --set array..rows=3", 2, &["`array..rows=3` is not of the form key=value"]),
        ("build --set =3", 2, &["`=3` is not of the form key=value", "docs/config.md"]),
        ("build --set array.rows=NaN", 1, &["`array.rows` is \"NaN\"", "1 to 256"]),
        ("build --set array.rows=1e99", 1, &["`array.rows` is 1", "1 to 256"]),
        ("build --set array=3", 1, &["`array` is 3, but must be a group of keys"]),
        ("build --set array.rows=*a", 1, &["`array.rows` cannot be read as YAML"]),
    ];
    check(folder.path(), cases, &[]);
}

#[test]
fn programs_and_data_that_are_none() {
    let folder = kitchen();
    let cases: &[Case<'_>] = &[
        ("disasm empty.npu", 1, &["`empty.npu`: the file is empty", "written by `npugen asm`"]),
        ("disasm short.npu", 1, &["truncated: ", "copy the file again"]),
        ("disasm newer.npu", 1, &["format version 3, but this npugen reads version 2"]),
        ("disasm crlf.npu", 1, &["not a program file: it starts with 89 4e 50 55 0a"]),
        ("disasm hello.npuasm", 1, &["not a program file", "must end in .npuasm"]),
        #[cfg(unix)]
        ("disasm /dev/zero", 1, &["not a program file: it starts with 00 00"]),
        ("disasm folder", 1, &["cannot read `folder`"]),
        ("run hello.npu -c edge", 1, &["hardware is `edge`", "array.rows: hardware 16, program 4"]),
        ("lint hello.npu -c edge", 1, &["array.rows: hardware 16, program 4", "make the program"]),
        ("asm hello.npu -c tiny", 1, &["`hello.npu` is not text: byte 0 is 0x89"]),
        ("asm latin.npuasm -c tiny", 1, &["`latin.npuasm` is not text: byte 7 is 0xe4"]),
        ("asm many.npuasm -c tiny", 1, &["50 mistakes", "no further ones were looked for"]),
        ("asm wide.npuasm -c tiny", 1, &["line 1, column 1: unknown statement `xxx", "xxx..."]),
        ("asm hello.npuasm", 1, &["the design to assemble for is not known", "(`-c`)"]),
        ("asm hello.npuasm -c edge", 1, &["text is for `tiny`, but the design given is `edge`"]),
        (
            "asm endless.npuasm -c tiny",
            1,
            &["region `r` has 18446744073709551615 bytes", "at most"],
        ),
        ("asm repeat.npuasm -c tiny", 1, &["count is 1099511627776", "0 to 1073741824"]),
        ("asm", 2, &["required arguments were not provided"]),
        ("run hello.npu -i x=short.npy", 1, &["3 elements were given", "shape [8, 4] has 32"]),
        ("run hello.npu -i x=float.npy", 1, &["its elements are int8"]),
        ("run hello.npu -i x=wide.npy", 1, &["element 0 is 1296911693", "int8 holds -128 to 127"]),
        ("run hello.npu -i x=promise.npy", 1, &["not a NumPy array, or a part of one"]),
        ("run hello.npu -i x=overflow.npy", 1, &["not a NumPy array, or a part of one"]),
        ("run hello.npu -i x=double.npy", 1, &["`double.npy` is not a NumPy array of a known"]),
        ("run hello.npu -i x=cut.npy", 1, &["not a NumPy array, or a part of one"]),
        ("run hello.npu -i x=absent.npy", 1, &["cannot read `absent.npy`"]),
        ("run hello.npu -i z=short.npy", 2, &["the program has no tensor `z`", "it has: x, y"]),
        ("run hello.npu -i x", 2, &["`x` is not of the form TENSOR=FILE.npy"]),
        ("run hello.npu -o z=z.npy", 2, &["the program has no tensor `z`"]),
        ("run hello.npu --vcd a.vcd", 2, &["golden model has no waveform", "--on rtl"]),
        ("run hello.npu --on rtl --vcd a.vcd --from 9 --to 3", 2, &["end in cycle 3", "`--to`"]),
        ("run hello.npu --on rtl --rtl-dir mine", 2, &["`mine` is no directory with Verilog"]),
        ("run hello.npu --on rtl --bandwidth 0", 2, &["0 is not in 1..=100"]),
        ("bench gemm --m 0", 2, &["sizes must be positive"]),
        ("bench gemm --m 99999999 --n 99999999", 2, &["the limit is 68719476736", "a part of it"]),
        ("bench conv --pad 99999999999999", 2, &["the limit is 68719476736"]),
        ("bench conv --kernel 9 --size 3", 2, &["kernel not larger than the padded input"]),
    ];
    check(folder.path(), cases, &[]);
}

#[test]
fn places_that_cannot_be_written() {
    let folder = kitchen();
    let cases: &[Case<'_>] = &[
        ("build -c tiny -o empty.npu", 6, &["`empty.npu` exists and was not made by npugen"]),
        ("build -c tiny -o empty.npu/out", 6, &["cannot write `empty.npu`", "permissions"]),
        ("build -c tiny -o mine", 6, &["`mine` exists and was not made by npugen", "another"]),
        ("build -c tiny -o .", 6, &["`.` exists and was not made by npugen"]),
        ("asm hello.npuasm -c tiny -o folder", 6, &["cannot write `folder`"]),
        ("asm hello.npuasm -c tiny -o empty.npu/x", 6, &["cannot write `empty.npu/x`"]),
        ("disasm hello.npu -o empty.npu/x", 6, &["cannot write `empty.npu/x`"]),
        ("run hello.npu -o y=empty.npu/y.npy", 6, &["cannot write `empty.npu/y.npy`"]),
        ("run hello.npu -o y=folder", 6, &["cannot write `folder`"]),
        ("demo --golden-only --save folder", 6, &["cannot write `folder`"]),
    ];
    check(folder.path(), cases, &[]);
}

#[test]
fn tools_that_are_missing() {
    let folder = kitchen();
    let only_verilator = tempfile::tempdir().unwrap();
    let verilator = only_verilator.path().join("verilator");
    fs::write(&verilator, "#!/bin/sh\nexit 1\n").unwrap();
    #[cfg(unix)]
    fs::set_permissions(&verilator, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = only_verilator.path().display().to_string();
    let no_verilator = ["`verilator` is needed but was not found", "apt-get install verilator"];
    let cases: &[Case<'_>] = &[
        ("run hello.npu --on rtl", 4, &no_verilator),
        ("compare hello.npu", 4, &no_verilator),
        ("bench gemm --m 8 --n 8 --k 8", 4, &no_verilator),
        ("fuzz --programs 1", 4, &no_verilator),
        ("demo", 4, &no_verilator),
    ];
    check(folder.path(), cases, &[("PATH", "")]);
    let cases: &[Case<'_>] =
        &[("compare hello.npu", 4, &["`c++ compiler` is needed", "apt-get install g++"])];
    check(folder.path(), cases, &[("PATH", &path)]);
    // A tool that is there and fails is told with its output.
    let compiler = only_verilator.path().join("g++");
    fs::write(&compiler, "#!/bin/sh\necho no room >&2\nexit 1\n").unwrap();
    #[cfg(unix)]
    fs::set_permissions(&compiler, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let cases: &[Case<'_>] = &[("compare hello.npu", 6, &["`verilator` failed (exit status: 1)"])];
    check(folder.path(), cases, &[("PATH", &path)]);
}

/// A region that no computer has room for is refused, not tried.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_not_there() {
    let folder = kitchen();
    let limited = |arguments: &str| {
        let program = env!("CARGO_BIN_EXE_npugen");
        let command = format!("ulimit -v 8000000; exec {program} {arguments}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).current_dir(folder.path()).env("NO_COLOR", "1");
        let output = shell.output().unwrap();
        (output.status.code(), words(&String::from_utf8(output.stderr).unwrap()))
    };
    let (status, told) = limited("run large.npuasm -c tiny");
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("region `r` has 1099511627776 bytes, more than this computer"), "{told}");
}

/// A disk that fills up in mid-write leaves neither the file nor a part of it.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full() {
    let folder = kitchen();
    let program = env!("CARGO_BIN_EXE_npugen");
    for (limit, arguments) in
        [(4, "build -c tiny -o out"), (0, "asm hello.npuasm -c tiny -o new.npu")]
    {
        let before = files(folder.path());
        let output = Command::new("sh")
            // The signal of the limit is ignored, so that the write fails, as on a full disk.
            .args(["-c", &format!("trap '' XFSZ; ulimit -f {limit}; exec {program} {arguments}")])
            .current_dir(folder.path())
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let told = words(&String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(6), "{arguments}: {told}");
        assert!(told.contains("cannot write `") && told.contains("the space left"), "{told}");
        assert_eq!(files(folder.path()), before, "{arguments}");
    }
}

#[test]
fn an_error_of_the_bus_in_mid_run_is_status_5() {
    let folder = kitchen();
    let run = |arguments: &[&str]| {
        let mut all = vec!["run", "hello.npu", "--on", "rtl", "--quick-build"];
        all.extend(arguments);
        let output = npugen(folder.path(), &all);
        (output.status.code(), words(&String::from_utf8(output.stderr).unwrap()))
    };
    let (status, told) = run(&["-o", "y=y.npy"]);
    if status == Some(4) && std::env::var_os("CI").is_none() {
        eprintln!("skipped: {told}");
        return;
    }
    assert_eq!(status, Some(0), "{told}");
    fs::remove_file(folder.path().join("y.npy")).unwrap();
    let before = files(folder.path());
    for (arguments, parts) in [
        (["--read-error", "0"], ["fault 7 in `ctrl` at instruction 0: AXI read error", "memory"]),
        (["--read-error", "3"], ["fault 7 in `load` at instruction ", "check that it exists"]),
        (["--write-error", "0"], ["fault 8 in `store` at instruction ", "AXI write error"]),
        (["--watchdog", "10"], ["fault 10 in `ctrl`", "raise the watchdog"]),
    ] {
        let (status, told) = run(&[arguments[0], arguments[1], "-o", "y=y.npy"]);
        assert_eq!(status, Some(5), "{arguments:?}: {told}");
        assert!(parts.iter().all(|part| told.contains(part)), "{arguments:?}: {told}");
        assert_eq!(files(folder.path()), before, "{arguments:?}");
    }
}

#[test]
fn the_exit_statuses_are_documented() {
    let help = npugen(root(), &["--help"]).stdout;
    let help = String::from_utf8(help).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (status, meaning) in EXIT_STATUS {
        assert!(help.contains(&format!("\n  {status}  {meaning}\n")), "{help}");
        assert!(readme.contains(&format!("| {status} | {meaning} |\n")), "README.md: {status}");
    }
}

/// Files are readable for everybody the umask allows, although they began as private ones.
#[cfg(unix)]
#[test]
fn results_have_ordinary_permissions() {
    let folder = kitchen();
    let mode = |name: &str| {
        let meta = fs::metadata(folder.path().join(name)).unwrap();
        std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777
    };
    assert_eq!(mode("hello.npu"), mode("hello.npuasm"));
}
