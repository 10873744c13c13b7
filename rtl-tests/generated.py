"""Modules that npugen generates, for benches: made once per process from configs/tiny.yaml.

NPUGEN names a built program; without it Cargo builds one.
"""

import functools
import os
import pathlib
import subprocess
import tempfile

REPO = pathlib.Path(__file__).resolve().parent.parent


@functools.lru_cache(maxsize=None)
def _output():
    directory = tempfile.TemporaryDirectory(prefix="npugen-generated-")
    program = os.environ.get("NPUGEN")
    command = [program] if program else ["cargo", "run", "--quiet", "--"]
    output = pathlib.Path(directory.name) / "out"
    command += ["build", "-c", "configs/tiny.yaml", "-o", str(output)]
    done = subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout[-4000:]}"
    return directory, output


def module(name):
    """Path of the generated module `name`."""
    return str(_output()[1] / "rtl" / f"{name}.v")
