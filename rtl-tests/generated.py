"""Designs that npugen builds, for benches. NPUGEN names a built program; without it Cargo builds one."""

import functools
import os
import pathlib
import subprocess
import tempfile

REPO = pathlib.Path(__file__).resolve().parent.parent


def emit(options, directory):
    """Build a design with these options of `npugen build`; the folder it is in."""
    program = os.environ.get("NPUGEN")
    command = [program] if program else ["cargo", "run", "--quiet", "--"]
    output = pathlib.Path(directory) / "out"
    command += ["build", *options, "-o", str(output)]
    done = subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout[-4000:]}"
    return output


def sources(output):
    """The Verilog files of a built design, vendor cells last."""
    return [str(path) for folder in ("rtl", "sim") for path in sorted(output.glob(f"{folder}/*.v"))]


@functools.lru_cache(maxsize=None)
def _tiny():
    directory = tempfile.TemporaryDirectory(prefix="npugen-generated-")
    return directory, emit(["-c", "configs/tiny.yaml"], directory.name)


def module(name):
    """Path of the generated module `name` of configs/tiny.yaml."""
    return str(_tiny()[1] / "rtl" / f"{name}.v")
