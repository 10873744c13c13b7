"""Kits from their sources to the archive, with stubs for Vivado and AWS's kit; and that whatever is
planted is found."""

import pathlib
import subprocess
import sys
import types

import boto3
import pytest
from botocore.stub import Stubber

ROOT = pathlib.Path(__file__).resolve().parents[1]
NPUGEN = ROOT / "target/debug/npugen"
sys.path.insert(0, str(ROOT / "fpga/check"))
import cli  # noqa: E402
import dry_run  # noqa: E402
import lint  # noqa: E402

TARGETS = ("aws-f1", "aws-f2")
DDR = {"aws-f1": "ddr4_core.xci", "aws-f2": "cl_ddr4.xci"}


@pytest.fixture(scope="session")
def kits(tmp_path_factory):
    """A kit for each card, whose machine has a clock of its own."""
    folder = tmp_path_factory.mktemp("kits")
    for target in TARGETS:
        settings = ["--set", "axi.data_bits=512", "--set", "clock_mhz=125"]
        command = [NPUGEN, "fpga", target, "-c", "tiny", *settings, "-o", folder / target]
        subprocess.run(command, check=True, capture_output=True)
    return folder


class Bench:
    """A copy of a kit, with everything to build it."""

    def __init__(self, kits, target, scratch):
        self.scratch = scratch
        self.target, self.kit, self.settings = dry_run.prepare(kits / target, scratch)
        self.scripts = self.kit / "cl_npu/build/scripts"
        self.constraints = self.kit / "cl_npu/build/constraints"
        self.hdk = pathlib.Path(self.settings["HDK_SHELL_DIR"])

    def build(self, *arguments, **settings):
        """Runs `build.sh`."""
        return dry_run.build(
            self.kit, self.settings, self.scratch, arguments, **settings
        )

    def change(self, path, old, new):
        """Plants something."""
        text = path.read_text()
        assert old in text, f"{path} has no {old}"
        path.write_text(text.replace(old, new, 1))

    def refused(self, *words, **settings):
        """The build must end with an error that has these words."""
        result = self.build(**settings)
        assert result.status, result.said
        for word in words:
            assert word in result.said, result.said


@pytest.fixture(params=TARGETS)
def bench(request, kits, tmp_path):
    """For each card."""
    return Bench(kits, request.param, tmp_path)


def test_a_kit_builds_from_its_sources_to_the_archive(bench):
    """And once more: the second archive is the second build's."""
    for _ in range(2):
        result = bench.build()
        assert result.status == 0, result.said
        dry_run.check_order(bench.target, result.log)
        archive = dry_run.check_archive(bench.target, bench.kit)
        assert str(archive) in result.said
    with pytest.raises(lint.Problem, match="synth_design"):
        dry_run.check_order(bench.target, [li for li in result.log if "synth_design" not in li])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("read_ip ", "read_ips ", 'invalid command name "read_ips"'),
        ("-top cl_npu", "-topp cl_npu", "synth_design has no option -topp"),
        ("cl_synth_user.xdc", "cl_synth_usr.xdc", "cl_synth_usr.xdc is not there"),
        ("-top cl_npu", "-top cl_other", "could hold the top cl_other"),
    ],
)
def test_a_mistake_in_a_script_is_found(bench, old, new, words):
    """Vivado would find it after minutes or hours."""
    bench.change(bench.scripts / "synth_cl_npu.tcl", old, new)
    bench.refused(words, "build.sh: the kit's build ended with an error")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("set_false_path -through [get_ports sh_cl_nothing]", "nothing is called sh_cl_nothing"),
        ("set_false_path -to [get_cells NPU_SYSTEM/u_absent]", "NPU_SYSTEM/u_absent"),
        ("if {1} {}", 'invalid command name "if"'),
        ("set_max_delay 4 -fro x -to y", "set_max_delay has no option -fro"),
    ],
)
def test_a_constraint_that_misses_is_found(bench, line, words):
    """Vivado only warns of objects that are not there."""
    path = bench.constraints / "cl_synth_user.xdc"
    path.write_text(f"{path.read_text()}{line}\n")
    bench.refused("cl_synth_user.xdc", words)


def test_a_renamed_block_is_missed_by_the_floorplan(bench):
    """Its cells are looked up in what slang elaborates."""
    cells = pathlib.Path(bench.settings["STUB_CELLS"])
    cells.write_text(cells.read_text().replace("u_regs", "u_registers"))
    bench.refused("_pnr_user.xdc", "NPU_SYSTEM/u_regs")


def test_a_source_that_is_missing_or_plain_is_found(bench):
    """Each file is named."""
    bench.change(bench.scripts / "encrypt.tcl", "encrypt -k $key -lang verilog $copies", "")
    bench.refused("was not encrypted")
    (bench.kit / "cl_npu/design/npu_gemm.sv").unlink()
    bench.refused("design/npu_gemm.sv is missing")


def test_a_file_of_the_kit_that_is_missing_is_named(bench):
    """An older or newer kit."""
    next(bench.scratch.rglob(DDR[bench.target])).unlink()
    bench.refused("read_ip: ", f"{DDR[bench.target]} is not there")


def test_no_licence_for_encryption_is_told(bench):
    """On one's own machine it is asked for separately."""
    bench.refused("EncryptedWriter_v2", STUB_LICENCE="no")


def test_another_shell_is_refused(bench):
    """Before anything is built."""
    version = bench.hdk / "shell_version.txt"
    version.write_text(version.read_text().replace("1", "2"))
    bench.refused("this project is for", "check out the branch")
    assert bench.build().log == []


def test_another_vivado_or_no_kit_is_refused(bench):
    """Before anything is built."""
    bench.refused("v2016.4", STUB_VERSION="2016.4")
    bench.refused("HDK_SHELL_DIR is /nowhere", HDK_SHELL_DIR="/nowhere")
    bench.refused("HDK_DIR is not set: source hdk_setup.sh", HDK_DIR="")


def test_the_key_is_one_that_the_tool_knows(kits, tmp_path):
    """F1's keys have years."""
    bench = Bench(kits, "aws-f1", tmp_path)
    for version, key in (("2019.1", "_2017_4"), ("2024.1", "_2024_1")):
        log = bench.build(STUB_VERSION=version).log
        used = next(line for line in log if line.startswith("encrypt"))
        assert f"vivado_keyfile{key}.txt" in used


def test_violated_timing_ends_the_build_and_the_upload(bench):
    """Although there is an archive."""
    bench.refused("timing violated", STUB_SLACK="-1.5")
    archive = next((bench.kit / "cl_npu/build/checkpoints").rglob("*.tar"))
    command = [sys.executable, bench.kit / "create_afi.py", "--archive", archive, "--bucket", "b"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "nothing was uploaded" in done.stderr, done.stderr


def test_the_timing_asked_for_is_that_of_the_archive(bench):
    """An archive whose reports a later build has removed is not uploaded by the later's timing."""
    bench.build()
    archive = next((bench.kit / "cl_npu/build/checkpoints").rglob("*.tar"))
    assert bench.build("--check-only").status == 0
    assert bench.build("--check-only", archive).status == 0
    other = bench.build("--check-only", "20_01_01-000000.Developer_CL.tar")
    assert other.status and "no " in other.said and "20_01_01-000000" in other.said, other.said


def test_the_shells_checkpoint_is_missed_before_anything_is_built(bench):
    """It is downloaded when the kit's setup script is sourced."""
    next(bench.hdk.rglob("from_aws/*.dcp")).unlink()
    bench.refused("which downloads it")
    assert bench.build().log == []


def test_f2_builds_without_encryption(kits, tmp_path):
    """With the kit's own option, and on a machine without the licence."""
    bench = Bench(kits, "aws-f2", tmp_path)
    result = bench.build("--no-encrypt", STUB_LICENCE="no")
    assert result.status == 0 and not any("encrypt -k" in line for line in result.log), result.said


def test_f1_places_the_controller_of_the_channel(kits, tmp_path):
    """Each beside its pins; the shell's own channel C has none."""
    areas = {"a": "pblock_CL_top", "b": "pblock_CL_mid", "c": None, "d": "pblock_CL_bot"}
    for channel, area in areas.items():
        kit = tmp_path / channel
        settings = ["--set", "axi.data_bits=512", "--memory", channel]
        command = [NPUGEN, "fpga", "aws-f1", "-c", "tiny", *settings, "-o", kit]
        subprocess.run(command, check=True, capture_output=True)
        text = (kit / "cl_npu/build/constraints/cl_pnr_user.xdc").read_text()
        if area is None:
            assert "SH_DDR" not in text
            continue
        index = {"a": 0, "b": 1, "d": 2}[channel]
        lines = text.replace("\\\n", " ").splitlines()
        placed = [line for line in lines if "SH_DDR" in line]
        assert len(placed) == 4
        assert all(line.startswith(f"add_cells_to_pblock {area} ") for line in placed), placed
        assert f"ddr_cores.DDR4_{index}*" in placed[0] and f"ddr_inst[{index}].*" in placed[2]
        (tmp_path / f"run_{channel}").mkdir()
        bench = Bench(tmp_path, channel, tmp_path / f"run_{channel}")
        assert bench.build().status == 0


def test_f1_is_optimised_again_where_little_is_missing(kits, tmp_path):
    """As the kit's own scripts do."""
    bench = Bench(kits, "aws-f1", tmp_path)
    for slack, count in (("0.1", 1), ("-0.1", 2), ("-0.5", 1)):
        log = bench.build(STUB_SLACK=slack).log
        assert sum(line.startswith("phys_opt_design") for line in log) == count, slack


def test_a_damaged_archive_is_found(bench):
    """The hash is the checkpoint's."""
    bench.build()
    checkpoints = bench.kit / "cl_npu/build/checkpoints"
    archive = next(checkpoints.rglob("*.tar"))
    archive.write_bytes(archive.read_bytes().replace(b"checkpoint, routed", b"checkpoint, raided"))
    with pytest.raises(lint.Problem, match="dcp_hash"):
        dry_run.check_archive(bench.target, bench.kit)


def test_ports_of_another_shell_are_listed(bench, monkeypatch, capsys):
    """With a real kit at hand its list is compared with the table's."""
    ports = bench.hdk / "design/interfaces/cl_ports.vh"
    ours = (bench.kit / "sim/cl_ports.vh").read_text()
    monkeypatch.setenv("HDK_SHELL_DIR", str(bench.hdk))
    monkeypatch.setenv("HDK_SHELL_DESIGN_DIR", str(bench.hdk / "design"))
    ports.write_text(ours)
    dry_run.check_real(bench.kit, bench.target, [], bench.hdk)
    assert "ports and files are those of" in capsys.readouterr().out
    ports.write_text(ours.replace("cl_sh_id0", "cl_sh_id7").replace("[15:0] cl_sh_status_vled",
                                                                    "[7:0] cl_sh_status_vled"))
    with pytest.raises(lint.Problem) as problem:
        dry_run.check_real(bench.kit, bench.target, [], bench.hdk)
    assert "cl_sh_id0: output of 32 bits in the kit, missing" in str(problem.value)
    assert "cl_sh_status_vled: output of 16 bits in the kit, output of 8 bits" in str(problem.value)
    ports.write_text(ours)
    with pytest.raises(lint.Problem, match="lacks absent.xci"):
        dry_run.check_real(bench.kit, bench.target, [f"read_ip {bench.hdk}/absent.xci"], bench.hdk)


def test_slang_finds_what_is_planted(bench):
    """A declaration that comes too late, and an output that nobody drives."""
    design = bench.kit / "cl_npu/design"
    for old, new in (("assign cl_sh_id0 ", "// "), ("assign cl_sh_id0 ", "assign late ")):
        text = (design / "cl_npu.sv").read_text()
        assert old in text
        (design / "cl_npu.sv").write_text(text.replace(old, new, 1))
        files, includes = lint.kit_sources(bench.kit)
        includes.append(pathlib.Path(bench.settings["HDK_DIR"]) / "cl/examples/common/design")
        with pytest.raises(lint.Problem):
            lint.elaborate(files, includes, "cl_npu")
        (design / "cl_npu.sv").write_text(text)


# ---- What is asked of AWS ------------------------------------------------------------------------


@pytest.fixture
def script(kits):
    """The script that has AWS make an image, as a module."""
    return cli.load(kits / "aws-f2")


def test_the_command_line_of_aws_takes_the_arguments(script, kits):
    """And refuses others."""
    cli.check(kits / "aws-f2")
    for request in cli.requests(script):
        with pytest.raises(lint.Problem, match="is refused"):
            cli.validate([word.replace("--", "--un") for word in request])


def options(arguments):
    """`--some-name value` as `SomeName`; `A=b,C=d` as a table."""
    found = {}
    for name, value in zip(arguments[2::2], arguments[3::2], strict=True):
        key = "".join(word.capitalize() for word in name.removeprefix("--").split("-"))
        pairs = dict(pair.split("=") for pair in value.split(",")) if "=" in value else value
        found[key] = pairs
    found.pop("Region")
    return found


def test_requests_and_answers_have_the_form_of_the_service(script, monkeypatch, tmp_path):
    """The script's requests go through botocore's model of the service, and so do the answers."""
    client = boto3.client(
        "ec2", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    state = {"Code": "failed", "Message": "DCP_NOT_FOUND: no"}
    noted = script.State(tmp_path / "state.json", "hash")
    noted.note("afi", "afi-1")
    with Stubber(client) as stub:
        create, describe, copy = map(options, cli.requests(script))
        describe["FpgaImageIds"] = [describe["FpgaImageIds"]]
        answer = {"FpgaImageId": "afi-1", "FpgaImageGlobalId": "agfi-1"}
        stub.add_response("create_fpga_image", answer, create)
        stub.add_response("describe_fpga_images", {"FpgaImages": [{"State": state}]}, describe)
        stub.add_response("copy_fpga_image", {"FpgaImageId": "afi-2"}, copy)
        stub.add_client_error("create_fpga_image", "InvalidParameterValue", "no such bucket")
        made = client.create_fpga_image(**create)
        assert (made["FpgaImageId"], made["FpgaImageGlobalId"]) == ("afi-1", "agfi-1")
        monkeypatch.setattr(
            script, "aws", lambda *_: client.describe_fpga_images(**describe)
        )
        with pytest.raises(script.Failure, match="no checkpoint: build again"):
            script.wait(types.SimpleNamespace(poll=0, limit=0), noted, "us-east-1", "afi")
        assert client.copy_fpga_image(**copy)["FpgaImageId"] == "afi-2"
        with pytest.raises(client.exceptions.ClientError):
            client.create_fpga_image(**create)
        stub.assert_no_pending_responses()

