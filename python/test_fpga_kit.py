"""The script that has AWS make an image, against a command line of AWS that only pretends."""

import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile

import pytest

COMMON = pathlib.Path(__file__).parents[1] / "templates/fpga/common"

SHELL = "0x10212415"
DCP = "x.SH_CL_routed.dcp"

# Notes every call, and answers as files in its folder say.
FAKE = f"""#!{sys.executable}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:3]) + "\\n")
with open(here / "tokens", "a") as tokens:
    words = sys.argv
    tokens.write("".join(words[words.index(w) + 1] + "\\n" for w in words if w == "--client-token"))
what = sys.argv[2]
refusal = here / f"refuse {{what}}"
if refusal.exists():
    sys.exit(refusal.read_text())
if what == "head-bucket":
    print(json.dumps({{"BucketRegion": "us-east-1"}}))
if what == "describe-fpga-images":
    print(json.dumps({{"FpgaImages": [{{"State": json.loads((here / "state").read_text())}}]}}))
elif what in ("create-fpga-image", "copy-fpga-image"):
    print(json.dumps({{"FpgaImageId": "afi-" + what[:4], "FpgaImageGlobalId": "agfi-1"}}))
"""


def archive(path, **changes):
    """An archive as the kit of AWS makes it."""
    dcp = b"checkpoint"
    manifest = {
        "manifest_format_version": 2,
        "dcp_hash": hashlib.sha256(dcp).hexdigest(),
        "shell_version": SHELL,
        "dcp_file_name": DCP,
    }
    manifest.update(changes)
    text = "".join(f"{key}={value}\n\n" for key, value in manifest.items()).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in ((DCP, dcp), ("x.manifest.txt", text)):
            member = tarfile.TarInfo(f"./to_aws/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.fixture
def kit(tmp_path):
    """A folder with the script, an archive, and pretended tools."""
    text = (COMMON / "create_afi.py").read_text().replace("[[ view.shell_version() ]]", SHELL)
    text = re.sub(r"\[\[ .*? \]\]", "here", text)
    (tmp_path / "create_afi.py").write_text(text)
    archive(tmp_path / "x.tar")
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


# Every code that AWS documents, in its words where it gives more than the code.
CODES = [
    ("INACCESSIBLE_INPUT", "cannot read the archive"),
    ("INPUT_SIZE_ILLEGAL", "too large or empty"),
    ("DCP_INTEGRITY_UNVERIFIED", "not the checkpoint's"),
    ("MANIFEST_NOT_FOUND", "no manifest"),
    ("MANIFEST_PARSE_FAILED", "cannot be read"),
    ("SHELL_VERSION_INVALID", "wrong shell"),
    ("SHELL_VERSION_DEPRECATED", "too old"),
    ("PCIID_SYNTAX_INVALID", "malformed"),
    ("PCIID_FORBIDDEN", "not allowed"),
    ("CLK_ILLEGAL", "clock recipe"),
    ("CORRUPT_ARCHIVE", "upload again"),
    ("DCP_NOT_FOUND", "no checkpoint"),
    ("DCP_CORRUPT", "damaged"),
    ("DCP_NOT_ENCRYPTED", "not encrypted"),
    ("TOOL_VERSION_INVALID", "does not take this Vivado"),
    ("UNSUPPORTED_DESIGN_LOGIC", "forbidden primitive"),
    ("UNKNOWN_BITSTREAM_GENERATE_ERROR", "see the logs"),
    ("NOT_FOUND", "image to copy is gone"),
    ("INVALID_STATE", "image to copy is not available"),
    ("SOMETHING_NEW", "the logs in the bucket"),
]


@pytest.mark.parametrize(("code", "words"), CODES)
def test_a_failed_image_is_explained(kit, code, words):
    """Each code with its remedy; the next start asks for another image, of another token."""
    (kit / "state").write_text(json.dumps({"Code": "failed", "Message": f"{code}: no"}))
    status, said, _ = run(kit)
    assert status == 1 and words in said and "Traceback" not in said, said
    (kit / "state").write_text('{"Code": "available"}')
    status, said, calls = run(kit)
    assert status == 0 and "ec2 create-fpga-image" in calls and "s3 cp" in calls, said
    tokens = (kit / "tokens").read_text().split()
    assert len(set(tokens)) == 2 and max(map(len, tokens)) <= 64, tokens


def test_a_refused_copy_leaves_the_image(kit):
    """Only the copy is asked for again."""
    run(kit)
    (kit / "state").write_text('{"Code": "failed", "Message": "INVALID_STATE: no"}')
    state = json.loads((kit / "x.afi.json").read_text())
    (kit / "x.afi.json").write_text(json.dumps({**state, "copied eu-west-2": "afi-copy"}))
    fake = (kit / "aws").read_text()
    (kit / "aws").write_text(fake.replace('here / "state"', 'here / sys.argv[4]'))
    (kit / "us-east-1").write_text('{"Code": "available"}')
    (kit / "eu-west-2").write_text('{"Code": "failed", "Message": "INVALID_STATE: no"}')
    status, said, _ = run(kit, "--copy-to", "eu-west-2")
    assert status == 1 and "not available" in said, said
    (kit / "eu-west-2").write_text('{"Code": "available"}')
    status, said, calls = run(kit, "--copy-to", "eu-west-2")
    assert status == 0, said
    assert calls == [
        "ec2 describe-fpga-images", "ec2 copy-fpga-image", "ec2 describe-fpga-images",
    ]  # fmt: skip


# What the command line of AWS says of a bucket, in its own words.
BUCKETS = [
    ("(404) when calling the HeadBucket operation: Not Found", "--make-bucket"),
    ("(403) when calling the HeadBucket operation: Forbidden", "another account's"),
    ("(301) when calling the HeadBucket operation: Moved Permanently", "another region"),
]


@pytest.mark.parametrize(("error", "words"), BUCKETS)
def test_a_bad_bucket_is_explained_before_anything_is_sent(kit, error, words):
    """Nothing is uploaded to where nothing is."""
    (kit / "refuse head-bucket").write_text(f"An error occurred {error}")
    status, said, calls = run(kit)
    assert status == 1 and words in said and "Traceback" not in said, said
    assert calls == ["s3api head-bucket"]


def test_a_bucket_of_another_region_is_refused(kit):
    """The command line follows a bucket into its region; the maker of images does not."""
    status, said, calls = run(kit, "--region", "eu-west-2")
    assert status == 1 and "is in us-east-1" in said, said
    assert calls == ["s3api head-bucket"]


def test_a_bucket_is_made_where_there_is_none(kit):
    """And only there: started again, the script finds it."""
    missing = kit / "refuse head-bucket"
    missing.write_text("An error occurred (404) when calling the HeadBucket operation: Not Found")
    (kit / "refuse cp").write_text("the line was cut")
    status, said, calls = run(kit, "--make-bucket")
    assert status == 1 and calls == ["s3api head-bucket", "s3 mb", "s3 cp"], said
    missing.unlink()
    (kit / "refuse cp").unlink()
    status, said, calls = run(kit, "--make-bucket")
    assert status == 0 and calls[:2] == ["s3api head-bucket", "s3 cp"], said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shell_version": "0x04261818"}, f"built for shell 0x04261818, not {SHELL}"),
        ({"dcp_hash": "0" * 64}, "hash is not that"),
        ({"dcp_file_name": "y.dcp"}, "no checkpoint y.dcp"),
    ],
)
def test_a_bad_archive_is_not_uploaded(kit, changes, words):
    """What AWS would find hours later."""
    archive(kit / "x.tar", **changes)
    status, said, calls = run(kit)
    assert status == 1 and words in said and "Traceback" not in said, said
    assert calls == []
    (kit / "x.tar").write_text("nothing")
    assert "is no archive" in run(kit)[1]


def test_violated_timing_is_never_uploaded(kit):
    """AWS's kit makes an archive all the same."""
    (kit / "violated").touch()
    status, said, calls = run(kit)
    assert status == 1 and "nothing was uploaded" in said, said
    assert calls == []


def test_another_archive_does_not_continue_the_first(kit):
    """The state belongs to the bytes."""
    run(kit)
    archive(kit / "x.tar", date="later")
    status, said, calls = run(kit)
    assert status == 1 and "another archive" in said and calls == [], said
