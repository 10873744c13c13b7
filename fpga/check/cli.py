"""What a kit asks of AWS, checked by AWS's own command line, which sends nothing: with
`--generate-cli-skeleton output` it checks the arguments and prints what an answer looks like."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import types

from lint import Problem


def load(kit):
    """The script that has AWS make an image, as a module."""
    spec = importlib.util.spec_from_file_location("create_afi", pathlib.Path(kit) / "create_afi.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def requests(script):
    """Everything that is asked of EC2."""
    args = types.SimpleNamespace(region="us-east-1", name="tiny", bucket="bucket-of-mine")
    return [
        script.create_arguments(args, "dcps/x.tar", "token"),
        script.describe_arguments("us-east-1", "afi-1"),
        script.copy_arguments(args, "eu-west-2", "afi-1", "token"),
    ]


def validate(request):
    """The answer that the command line expects to a request."""
    command = [sys.executable, "-m", "awscli", *request, "--generate-cli-skeleton", "output"]
    environment = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"`aws {' '.join(request)}` is refused: {done.stderr.strip()}")
    return json.loads(done.stdout)


def check(kit):
    """All requests of a kit; the answers must have what the script reads of them."""
    create, describe, copy = (validate(request) for request in requests(load(kit)))
    for answer, names in ((create, ("FpgaImageId", "FpgaImageGlobalId")), (copy, ("FpgaImageId",))):
        if any(name not in answer for name in names):
            raise Problem(f"an answer of AWS has no {' or no '.join(names)}")
    if "Code" not in describe["FpgaImages"][0]["State"]:
        raise Problem("an answer of AWS has no state of an image")
    print("aws: arguments and answers are those of the command line")
