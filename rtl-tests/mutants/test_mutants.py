"""Every planted bug must be caught by the test its patch names.

A mutant is `<module>__<what>.patch`: a patch against templates/rtl/<module>.v whose first line is
`# caught by: <pytest arguments>`.
"""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

import harness

HERE = pathlib.Path(__file__).parent
MUTANTS = sorted(HERE.glob("*.patch"))


@pytest.mark.parametrize("patch", MUTANTS, ids=lambda path: path.stem)
def test_mutant_is_caught(patch, tmp_path):
    module = patch.stem.split("__")[0]
    first = patch.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# caught by: "), f"{patch.name} must name the test that catches it"
    # The copy keeps its name: lint compares it with the module's.
    source = tmp_path / f"{module}.v"
    source.write_bytes(harness.source_path(module).read_bytes())
    done = subprocess.run(["patch", "-s", str(source), str(patch)], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{patch.name} no longer applies: {done.stdout}"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider",
               *shlex.split(first.removeprefix("# caught by: "))]
    environment = dict(os.environ, NPUGEN_RTL_OVERRIDE=f"{module}={source}")
    done = subprocess.run(command, cwd=harness.REPO, env=environment, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # Status 1 is "tests ran and some failed"; anything else says nothing about the mutant.
    assert done.returncode == 1, f"{patch.name} was not caught:\n{done.stdout[-3000:]}"
    assert "BuildError" not in done.stdout, f"{patch.name} does not build:\n{done.stdout[-3000:]}"
