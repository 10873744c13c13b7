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
import tarfile
import time

# Version of the shell that the kit is for.
SHELL = "[[ view.shell_version() ]]"

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
    "NOT_FOUND": "the image to copy is gone, or belongs to another account",
    "INVALID_STATE": "the image to copy is not available",
}

# What the command line of AWS says, and what to do.
REMEDIES = {
    "(404) when calling the HeadBucket": "the bucket does not exist: give --make-bucket",
    "(403) when calling the HeadBucket": "the bucket is another account's, or these credentials"
    " may not list it: take another name, or ask for s3:ListBucket and s3:PutObject",
    "(301) when calling the HeadBucket": "the bucket is in another region: give that --region",
    "BucketAlreadyExists": "the name is taken by another account: take another",
    "AccessDenied": "these credentials may not do that: ask for s3:PutObject",
    "UnauthorizedOperation": "these credentials may not do that: ask for ec2:CreateFpgaImage,"
    " ec2:DescribeFpgaImages and ec2:CopyFpgaImage",
    "Unable to locate credentials": "run `aws configure` first",
    "ExpiredToken": "the credentials are too old: renew them, then start this script again",
    "Could not connect to the endpoint": "there is no network, or no such region",
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
        remedies = [f"\n{text}" for words, text in REMEDIES.items() if words in said]
        raise Failure(f"`{' '.join(command)}` failed: {said}{''.join(remedies[:1])}")
    return json.loads(done.stdout) if done.stdout.lstrip().startswith("{") else {}


def sha256(file):
    """Hash of what an open file holds."""
    digest = hashlib.sha256()
    for piece in iter(lambda: file.read(1 << 20), b""):
        digest.update(piece)
    return digest.hexdigest()


class State:
    """What is done, in a file."""

    def __init__(self, path, archive):
        self.path = path
        self.done = json.loads(path.read_text()) if path.exists() else {"sha256": archive}
        if self.done["sha256"] != archive:
            raise Failure(f"{path} belongs to another archive: remove it, or give --state")

    def note(self, key, value):
        """Remembers a step."""
        self.done[key] = value
        self.write()

    def forget(self, *keys):
        """Steps that AWS refused, so that the next start asks anew."""
        kept = {key: value for key, value in self.done.items() if key not in keys}
        self.done = {**kept, "attempt": self.done.get("attempt", 0) + 1}
        self.write()

    def token(self):
        """What AWS knows one request by: repeated after an interruption, it has one image made."""
        return f"{self.done['sha256'][:32]}-{self.done.get('attempt', 0)}"

    def write(self):
        """The file, whole or not at all."""
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


def check_archive(path):
    """The manifest against the shell and the checkpoint, as AWS checks them hours later."""
    try:
        with tarfile.open(path) as archive:
            files = {pathlib.PurePath(name).name: name for name in archive.getnames()}
            names = [name for name in files if name.endswith(".manifest.txt")]
            if len(names) != 1:
                raise Failure(f"{path} has {len(names)} manifests: build again")
            lines = archive.extractfile(files[names[0]]).read().decode().splitlines()
            manifest = dict(line.split("=", 1) for line in lines if "=" in line)
            dcp = manifest.get("dcp_file_name", "")
            if dcp not in files:
                raise Failure(f"{path} has no checkpoint {dcp}: build again")
            found = sha256(archive.extractfile(files[dcp]))
    except tarfile.TarError as error:
        raise Failure(f"{path} is no archive ({error}): build again") from error
    if manifest.get("dcp_hash") != found:
        raise Failure(f"{path}: the manifest's hash is not that of {dcp}: build again")
    shell = manifest.get("shell_version", "")
    if shell.lower() != SHELL:
        raise Failure(
            f"{path} was built for shell {shell}, not {SHELL}:"
            " check out aws-fpga's branch [[ view.facts.hdk_branch ]] and build again"
        )


def find_bucket(args):
    """The bucket, in the region in which the image is to be made."""
    try:
        answer = aws("s3api", "head-bucket", "--bucket", args.bucket, "--region", args.region)
    except Failure as failure:
        if not args.make_bucket or "(404)" not in str(failure):
            raise
        aws("s3", "mb", f"s3://{args.bucket}", "--region", args.region)
        return
    region = answer.get("BucketRegion", args.region)
    if region != args.region:
        raise Failure(
            f"{args.bucket} is in {region}, the image is to be made in {args.region}:"
            " give the same region, or another bucket"
        )


def upload(args, state, key):
    """The archive, and a place for the logs."""
    if "uploaded" in state.done:
        return
    find_bucket(args)
    aws("s3", "cp", str(args.archive), f"s3://{args.bucket}/{key}", "--region", args.region)
    aws("s3api", "put-object", "--bucket", args.bucket, "--key", "logs/", "--region", args.region)
    state.note("uploaded", f"s3://{args.bucket}/{key}")


def wait(args, state, region, step, *before):
    """Until AWS has made the image of a step. Refused, the step is forgotten, and those before."""
    image = state.done[step]
    end = time.monotonic() + args.limit
    while True:
        answer = aws(*describe_arguments(region, image))
        if not answer.get("FpgaImages"):
            raise Failure(f"{image} is unknown in {region}")
        found = answer["FpgaImages"][0]["State"]
        code = found["Code"]
        if code == "available":
            return
        if code in ("failed", "unavailable"):
            state.forget(step, *before)
            message = found.get("Message", "")
            hint = REASONS.get(message.split(":")[0].strip(), "the logs in the bucket say more")
            raise Failure(f"{image} is {code}: {message}\n{hint}")
        if time.monotonic() >= end:
            raise Failure(f"{image} is still {code}: start this script again to go on waiting")
        print(f"{image}: {code}", flush=True)
        time.sleep(args.poll)


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
    check = [build, "--check-only", args.archive]
    if subprocess.run(check, stdout=subprocess.DEVNULL, check=False).returncode:
        raise Failure("nothing was uploaded, because the timing is not known to be met")

    check_archive(args.archive)
    with open(args.archive, "rb") as archive:
        digest = sha256(archive)
    state = State(args.state or args.archive.with_suffix(".afi.json"), digest)
    key = f"dcps/{args.archive.name}"
    upload(args, state, key)
    if "afi" not in state.done:
        answer = aws(*create_arguments(args, key, state.token()))
        state.note("agfi", answer["FpgaImageGlobalId"])
        state.note("afi", answer["FpgaImageId"])
    wait(args, state, args.region, "afi", "agfi", "uploaded")
    for region in args.copy_to:
        copied = f"copied {region}"
        if copied not in state.done:
            answer = aws(*copy_arguments(args, region, state.done["afi"], state.token()))
            state.note(copied, answer["FpgaImageId"])
        wait(args, state, region, copied)
    print(f"available: {state.done['agfi']}; next, on the instance: ./load.sh {state.done['agfi']}")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"create_afi.py: {failure}")
