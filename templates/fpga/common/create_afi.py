#!/usr/bin/env python3
"""Uploads an archive, has AWS make an image of it, waits, and copies it to other regions.

Every step is noted in a state file: started again after an interruption it goes on where it was.
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import time

# What a failed image's code means, and what to do.
REASONS = {
    "INACCESSIBLE_INPUT": "AWS cannot read the archive: check bucket, key, region and policy",
    "INPUT_SIZE_ILLEGAL": "the archive is too large or empty: build again",
    "DCP_INTEGRITY_UNVERIFIED": "the hash in the manifest is not the checkpoint's: build again",
    "MANIFEST_NOT_FOUND": "the archive has no manifest: build again",
    "MANIFEST_PARSE_FAILED": "the manifest cannot be read: build again",
    "SHELL_VERSION_INVALID": "wrong shell: check out aws-fpga's branch [[ view.facts.hdk_branch ]]",
    "SHELL_VERSION_DEPRECATED": "the shell is too old: take the newest aws-fpga",
    "PCIID_SYNTAX_INVALID": "the PCI ids in the manifest are malformed: make the kit again",
    "PCIID_FORBIDDEN": "the PCI ids are not allowed: make the kit again",
    "CLK_ILLEGAL": "the manifest's clock recipe is unknown: use build.sh's",
    "CORRUPT_ARCHIVE": "the archive is damaged: upload again",
    "DCP_NOT_FOUND": "the archive has no checkpoint: build again",
    "DCP_CORRUPT": "the checkpoint is damaged: build again",
    "DCP_NOT_ENCRYPTED": "the checkpoint is not encrypted, which F1 demands: use build.sh",
    "TOOL_VERSION_INVALID": "AWS does not take this Vivado: use the newest FPGA Developer AMI",
    "UNSUPPORTED_DESIGN_LOGIC": "forbidden primitive or loop: the logs name it",
    "UNKNOWN_BITSTREAM_GENERATE_ERROR": "AWS could not make the bitstream: see the logs",
}


class Failure(Exception):
    """Something to tell the user, without a traceback."""


def aws(*arguments):
    """Output of the AWS command line, from JSON."""
    command = ["aws", *arguments, "--output", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Failure("`aws` is not on the path: pip install awscli") from error
    if done.returncode:
        said = done.stderr.strip()
        remedy = ""
        if "NoSuchBucket" in said:
            remedy = "\nthe bucket does not exist: create it, or give --make-bucket"
        elif "credentials" in said:
            remedy = "\nrun `aws configure` first"
        raise Failure(f"`{' '.join(command)}` failed: {said}{remedy}")
    return json.loads(done.stdout) if done.stdout.lstrip().startswith("{") else {}


def sha256(path):
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class State:
    """What is done, in a file."""

    def __init__(self, path, archive):
        self.path = path
        self.done = json.loads(path.read_text()) if path.exists() else {"sha256": archive}
        if self.done["sha256"] != archive:
            raise Failure(f"{path} belongs to another archive: remove it, or give --state")

    def note(self, key, value):
        """Remembers a step, whole or not at all."""
        self.done[key] = value
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.done, indent=2) + "\n")
        fresh.replace(self.path)


def create_arguments(args, key, token):
    """Arguments of `aws` that ask for an image."""
    return [
        "ec2", "create-fpga-image", "--region", args.region, "--name", args.name,
        "--description", "npugen [[ view.design.name() ]] [[ view.design.fingerprint() ]]",
        "--input-storage-location", f"Bucket={args.bucket},Key={key}",
        "--logs-storage-location", f"Bucket={args.bucket},Key=logs",
        "--client-token", token,
    ]  # fmt: skip


def describe_arguments(region, image):
    """Arguments of `aws` that ask for an image's state."""
    return ["ec2", "describe-fpga-images", "--region", region, "--fpga-image-ids", image]


def copy_arguments(args, region, image, token):
    """Arguments of `aws` that copy an image into another region."""
    return [
        "ec2", "copy-fpga-image", "--region", region, "--source-region", args.region,
        "--source-fpga-image-id", image, "--client-token", token,
    ]  # fmt: skip


def upload(args, state, key):
    """The archive, and a place for the logs."""
    if "uploaded" in state.done:
        return
    if args.make_bucket:
        aws("s3", "mb", f"s3://{args.bucket}", "--region", args.region)
    aws("s3api", "head-bucket", "--bucket", args.bucket, "--region", args.region)
    aws("s3", "cp", str(args.archive), f"s3://{args.bucket}/{key}", "--region", args.region)
    aws("s3api", "put-object", "--bucket", args.bucket, "--key", "logs/", "--region", args.region)
    state.note("uploaded", f"s3://{args.bucket}/{key}")


def wait(region, image, poll, limit):
    """Until AWS has made an image."""
    end = time.monotonic() + limit
    while True:
        answer = aws(*describe_arguments(region, image))
        if not answer.get("FpgaImages"):
            raise Failure(f"{image} is unknown in {region}")
        found = answer["FpgaImages"][0]["State"]
        code = found["Code"]
        if code == "available":
            return
        if code in ("failed", "unavailable"):
            message = found.get("Message", "")
            reasons = [text for name, text in REASONS.items() if name in message]
            hint = reasons[0] if reasons else "the logs in the bucket say more"
            raise Failure(f"{image} is {code}: {message}\n{hint}")
        if time.monotonic() >= end:
            raise Failure(f"{image} is still {code}: start this script again to go on waiting")
        print(f"{image}: {code}", flush=True)
        time.sleep(poll)


def main():
    """All steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", required=True, type=pathlib.Path)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--make-bucket", action="store_true", help="create the bucket")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--copy-to", action="append", default=[], metavar="REGION")
    parser.add_argument("--name", default="[[ view.design.name() ]]")
    parser.add_argument("--state", type=pathlib.Path, help="default: beside the archive")
    parser.add_argument("--poll", type=float, default=60, help="seconds between questions")
    parser.add_argument("--limit", type=float, default=6 * 3600, help="seconds to wait")
    args = parser.parse_args()
    if not args.archive.is_file():
        raise Failure(f"{args.archive} is not there: run build.sh first")
    build = pathlib.Path(__file__).resolve().parent / "build.sh"
    if subprocess.run([build, "--check-only"], stdout=subprocess.DEVNULL, check=False).returncode:
        raise Failure("nothing was uploaded, because the timing is not known to be met")

    digest = sha256(args.archive)
    state = State(args.state or args.archive.with_suffix(".afi.json"), digest)
    key = f"dcps/{args.archive.name}"
    upload(args, state, key)
    if "afi" not in state.done:
        answer = aws(*create_arguments(args, key, digest[:32]))
        state.note("agfi", answer["FpgaImageGlobalId"])
        state.note("afi", answer["FpgaImageId"])
    wait(args.region, state.done["afi"], args.poll, args.limit)
    for region in args.copy_to:
        if f"copied {region}" not in state.done:
            answer = aws(*copy_arguments(args, region, state.done["afi"], digest[:32]))
            state.note(f"copied {region}", answer["FpgaImageId"])
        wait(region, state.done[f"copied {region}"], args.poll, args.limit)
    print(f"available: {state.done['agfi']}; next, on the instance: ./load.sh {state.done['agfi']}")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"create_afi.py: {failure}")
