"""The script that has AWS make an image, against a command line of AWS that only pretends."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

COMMON = pathlib.Path(__file__).parents[1] / "templates/fpga/common"

# Notes every call, and answers as files in its folder say.
FAKE = f"""#!{sys.executable}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:3]) + "\\n")
what = sys.argv[2]
if what == "head-bucket" and (here / "no_bucket").exists():
    sys.exit("An error occurred (NoSuchBucket) when calling HeadBucket")
if what == "describe-fpga-images":
    print(json.dumps({{"FpgaImages": [{{"State": json.loads((here / "state").read_text())}}]}}))
elif what in ("create-fpga-image", "copy-fpga-image"):
    print(json.dumps({{"FpgaImageId": "afi-" + what[:4], "FpgaImageGlobalId": "agfi-1"}}))
"""


@pytest.fixture
def kit(tmp_path):
    """A folder with the script, an archive, and pretended tools."""
    text = re.sub(r"\[\[ .*? \]\]", "here", (COMMON / "create_afi.py").read_text())
    (tmp_path / "create_afi.py").write_text(text)
    (tmp_path / "x.tar").write_text("archive")
    (tmp_path / "state").write_text('{"Code": "available"}')
    for name, body in (("aws", FAKE), ("build.sh", "#!/bin/sh\n[ ! -e \"${0%/*}/violated\" ]\n")):
        (tmp_path / name).write_text(body)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(kit, *more):
    """Status and words of the script, and the calls since the last time."""
    (kit / "calls").write_text("")
    command = [sys.executable, "create_afi.py", "--archive", "x.tar", "--bucket", "b", *more]
    path = f"{kit}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=kit, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    calls = (kit / "calls").read_text().splitlines()
    return done.returncode, done.stdout + done.stderr, calls


def test_all_steps_once_and_none_again(kit):
    """A second start repeats nothing but the question whether the image is there."""
    status, said, calls = run(kit, "--copy-to", "eu-west-2")
    assert status == 0 and "agfi-1" in said, said
    assert calls == [
        "s3api head-bucket", "s3 cp", "s3api put-object", "ec2 create-fpga-image",
        "ec2 describe-fpga-images", "ec2 copy-fpga-image", "ec2 describe-fpga-images",
    ]  # fmt: skip
    status, said, calls = run(kit, "--copy-to", "eu-west-2")
    assert status == 0, said
    assert calls == ["ec2 describe-fpga-images"] * 2


def test_an_interruption_while_waiting_is_resumed(kit):
    """Pending at first: the next start waits for the same image."""
    (kit / "state").write_text('{"Code": "pending"}')
    status, said, _ = run(kit, "--limit", "0")
    assert status == 1 and "still pending" in said, said
    (kit / "state").write_text('{"Code": "available"}')
    assert run(kit)[2] == ["ec2 describe-fpga-images"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("SHELL_VERSION_INVALID", "wrong shell"),
        ("DCP_INTEGRITY_UNVERIFIED", "not the checkpoint's"),
        ("UNSUPPORTED_DESIGN_LOGIC", "forbidden primitive"),
        ("SOMETHING_NEW", "the logs in the bucket"),
    ],
)
def test_a_failed_image_is_explained(kit, code, words):
    """Each code with its remedy."""
    (kit / "state").write_text(json.dumps({"Code": "failed", "Message": f"{code}: no"}))
    status, said, _ = run(kit)
    assert status == 1 and words in said and "Traceback" not in said, said


def test_a_missing_bucket_is_named_before_anything_is_sent(kit):
    """Nothing is uploaded to where nothing is."""
    (kit / "no_bucket").touch()
    status, said, calls = run(kit)
    assert status == 1 and "--make-bucket" in said and "Traceback" not in said, said
    assert calls == ["s3api head-bucket"]


def test_violated_timing_is_never_uploaded(kit):
    """AWS's kit makes an archive all the same."""
    (kit / "violated").touch()
    status, said, calls = run(kit)
    assert status == 1 and "nothing was uploaded" in said, said
    assert calls == []


def test_another_archive_does_not_continue_the_first(kit):
    """The state belongs to the bytes."""
    run(kit)
    (kit / "x.tar").write_text("other")
    status, said, calls = run(kit)
    assert status == 1 and "another archive" in said and calls == [], said
