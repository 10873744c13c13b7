"""Proofs by bounded model checking, and by induction where the state allows it."""

import pathlib

import pytest

import harness

HERE = pathlib.Path(__file__).parent
PROPS = [str(HERE / "stream_props.v"), str(HERE / "formal_queue.v")]
READER = ["npu_axi_reader", "npu_axi_bursts", "npu_fifo", "npu_fifo_ram", "npu_ram_1r1w"]
WRITER = ["npu_axi_writer", "npu_axi_bursts", "npu_fifo", "npu_fifo_ram", "npu_ram_1r1w"]


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_npu_fifo(depth):
    harness.prove("queue_formal", [*PROPS[:1], str(HERE / "queue_formal.v"), "npu_fifo",
                                   "npu_skid_buffer", "npu_fifo_ram", "npu_ram_1r1w"],
                  {"KIND": 0, "DEPTH": depth}, depth=10)


def test_npu_skid_buffer():
    harness.prove("queue_formal", [*PROPS[:1], str(HERE / "queue_formal.v"), "npu_fifo",
                                   "npu_skid_buffer", "npu_fifo_ram", "npu_ram_1r1w"],
                  {"KIND": 1}, depth=10)


def test_npu_fifo_ram():
    harness.prove("queue_formal", [*PROPS[:1], str(HERE / "queue_formal.v"), "npu_fifo",
                                   "npu_skid_buffer", "npu_fifo_ram", "npu_ram_1r1w"],
                  {"KIND": 2, "DEPTH": 4}, depth=10)


def test_npu_axi_reader():
    harness.prove("axi_reader_formal", [*PROPS, str(HERE / "axi_reader_formal.v"), *READER],
                  depth=10)


def test_npu_axi_writer():
    # Eight cycles are a request, its burst of two beats and the response; each cycle more takes the
    # solver ten times as long. Longer traffic is the business of npu_store_datapath's bench.
    harness.prove("axi_writer_formal", [*PROPS, str(HERE / "axi_writer_formal.v"), *WRITER],
                  depth=8)


@pytest.mark.parametrize("ports", [3])
def test_npu_cl_arbiter(ports):
    harness.prove("cl_arbiter_formal", [str(HERE / "cl_arbiter_formal.v"), "npu_cl_arbiter"],
                  {"PORTS": ports}, depth=8)
