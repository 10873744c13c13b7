"""The tooling of the test models: refusals, readers and determinism. Nothing here is downloaded."""

import collections
import io
import pathlib
import pickle
import subprocess
import sys
import types

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models import graph, make, minilm, page, quantize, reference, rewrite, seeded, torch_pickle, wide
from models.cache import PACKAGES, Cache, ModelError, sha256

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The quantized tiny network below, on every machine.
TINY = "7f4ecbec6e036fb0b7e77c337ccdc7b1f80fdee28e5e03fbadfbc1ec0adb7f6d"


def tiny():
    """A network with everything that the large ones are made of."""
    net = seeded.Network("tiny", (1, 3, 12, 12))
    x = net.relu6(net.layer("input", "stem", 8, 3, 2))
    inner = net.relu6(net.layer(x, "depthwise", 8, 3, group=8))
    inner = net.layer(inner, "project", 8)
    x = net.max_pool(net.relu(net.add(inner, x, "add")), "pooled", 3, 2, 1)
    return net.end(x, classes=5)


def quantized_tiny():
    """The tiny network, its ranges made up."""
    floats = tiny()
    ranges = {name: [-3.0, 5.0] for name in quantize.watched(floats, OPERATORS)}
    ranges |= {name: [0.0, 6.0] for name in ranges if "relu" in name}
    return floats, quantize.quantize(floats, OPERATORS, ranges)


OPERATORS = ["Conv", "Gemm", "Add", "Relu", "Clip", "MaxPool", "GlobalAveragePool", "Flatten"]


def test_a_package_with_another_hash_is_refused(tmp_path):
    package = PACKAGES["foolbox"]
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / package.file).write_bytes(b"something else")
    with pytest.raises(ModelError) as error:
        Cache(tmp_path).read("foolbox", "any")
    for part in (package.file, sha256(b"something else"), package.sha256, "delete the file"):
        assert part in str(error.value)


def test_a_failed_download_says_what_to_do(tmp_path):
    def no_network(command, **_):
        assert "foolbox==3.3.4" in command and "--no-deps" in command
        return types.SimpleNamespace(returncode=1, stdout="", stderr="noise\nno connection")

    with pytest.raises(ModelError) as error:
        Cache(tmp_path, run=no_network).package("foolbox")
    for part in ("foolbox==3.3.4", "no connection", "connect", PACKAGES["foolbox"].file):
        assert part in str(error.value)
    assert list((tmp_path / "packages").iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for action in (lambda cache: cache.package("foolbox"), lambda cache: cache.write("x", b"")):
        with pytest.raises(ModelError, match="file.*cannot be made.*\n.*another --dir"):
            action(Cache(tmp_path / "file"))


def torch_file(tensors, monkeypatch):
    """A file as torch.save wrote it before version 1.6. Tensors are (key, array, offset, shape,
    strides): views of storages."""
    utils = types.ModuleType("torch._utils")
    torch = types.ModuleType("torch")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2():
        pass

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class View:
        def __init__(self, *parts):
            self.parts = parts

        def __reduce__(self):
            return _rebuild_tensor_v2, self.parts

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                count = value.array.size
                return ("storage", torch.FloatStorage, value.key, "cpu", count, None)
            return None

    Storage = collections.namedtuple("Storage", "key array")
    stream = io.BytesIO()
    storages = {}
    state = collections.OrderedDict()
    for name, (key, array, offset, shape, strides) in tensors.items():
        storages.setdefault(key, Storage(key, array))
        state[name] = View(storages[key], offset, shape, strides, False, collections.OrderedDict())
    for value in (torch_pickle.MAGIC, torch_pickle.VERSION, {"little_endian": True}):
        pickle.dump(value, stream, 2)
    Pickler(stream, 2).dump(state)
    pickle.dump(sorted(storages), stream, 2)
    for key in sorted(storages):
        array = storages[key].array
        stream.write(np.array([array.size], "<i8").tobytes() + array.astype("<f4").tobytes())
    return stream.getvalue()


def test_torch_files_are_read(monkeypatch):
    numbers = np.arange(24, dtype=np.float32)
    file = torch_file(
        {
            "whole": ("7", numbers, 0, (2, 3, 4), (12, 4, 1)),
            "turned": ("7", numbers, 4, (4, 3), (1, 4)),
            "other": ("8", numbers[:1] + 5, 0, (), ()),
        },
        monkeypatch,
    )
    found = torch_pickle.load(file, "here")
    assert np.array_equal(found["whole"], numbers.reshape(2, 3, 4))
    assert np.array_equal(found["turned"], numbers[4:16].reshape(3, 4).T)
    assert found["other"] == 5 and found["other"].shape == ()


def test_torch_files_that_are_cut_or_go_beyond_their_storage_are_refused(monkeypatch):
    numbers = np.arange(24, dtype=np.float32)
    good = torch_file({"x": ("7", numbers, 0, (24,), (1,))}, monkeypatch)
    beyond = torch_file({"x": ("7", numbers, 1, (24,), (1,))}, monkeypatch)
    for data in (good[:-1], good[:60], b"", b"PK\x03\x04", beyond):
        with pytest.raises(ModelError, match="here: is no torch file"):
            torch_pickle.load(data, "here")


def test_torch_files_cannot_call_anything(tmp_path):
    class Evil:
        def __reduce__(self):
            return pathlib.Path.touch, (tmp_path / "called",)

    with pytest.raises(ModelError, match="which weights have no need of"):
        torch_pickle.load(pickle.dumps(Evil(), 2), "here")
    assert not (tmp_path / "called").exists()


def test_networks_are_the_same_bytes_everywhere():
    program = "import test_models as t; print(t.sha256(t.graph.serialize(t.quantized_tiny()[1])))"
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT / "python",
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == TINY


def test_seeded_numbers_have_the_deviation_asked_for():
    numbers = seeded.seeded("m", "t", (100, 1000), 0.5)
    assert abs(numbers.mean()) < 0.01 and abs(numbers.std() - 0.5) < 0.005
    assert numbers.dtype == np.float32
    assert not np.array_equal(numbers, seeded.seeded("m", "u", (100, 1000), 0.5))


def test_same_padding_puts_the_odd_pixel_at_the_end():
    assert graph.same_pads(224, 3, 2) == (0, 1)
    assert graph.same_pads(112, 5, 2) == (1, 2)
    assert graph.same_pads(7, 5, 1) == (2, 2)


def test_references_hold_every_tensor_and_the_exact_rule(tmp_path):
    floats, made = quantized_tiny()
    feeds = [{"input": seeded.seeded("x", str(i), (1, 3, 12, 12), 1.0)} for i in range(2)]
    data, plain = graph.serialize(made), graph.serialize(floats)
    arrays, gone = reference.run("tiny", data, plain, feeds)
    assert gone == []
    wanted = {f"tensor/{n.output[0]}" for n in made.graph.node if n.op_type == "QuantizeLinear"}
    assert {key for key in arrays if key.startswith("tensor/")} == wanted
    assert arrays["output/output"].shape == (2, 1, 5)
    assert reference.pack(arrays) == reference.pack(reference.run("tiny", data, plain, feeds)[0])

    # The depthwise convolution, in integers.
    c = {name: numpy_helper.to_array(t) for name, t in graph.initializers(made).items()}
    x = arrays["tensor/stem.relu6_QuantizeLinear_Output"][1, 0].astype(np.int64)
    x = np.pad(x - c["stem.relu6_zero_point"], ((0, 0), (1, 1), (1, 1)))
    weights = c["depthwise.weight_quantized"][:, 0].astype(np.int64)
    total = c["depthwise.bias_quantized"].astype(np.int64)[:, None, None] + sum(
        weights[:, i, j, None, None] * x[:, i : i + 6, j : j + 6] for i in range(3) for j in range(3)
    )
    scale = c["stem.relu6_scale"] * c["depthwise.weight_scale"] / c["depthwise.relu6_scale"]
    y = np.rint(total.astype(np.float32) * scale[:, None, None]) + c["depthwise.relu6_zero_point"]
    assert np.array_equal(
        np.clip(y, -128, 127), arrays["tensor/depthwise.relu6_QuantizeLinear_Output"][1, 0]
    )


def test_ranges_of_another_model_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(quantize, "RANGES", tmp_path)
    floats = tiny()
    with pytest.raises(ModelError, match="is missing\n.*calibrate tiny"):
        quantize.read_ranges("tiny", floats, OPERATORS)
    feeds = [{"input": np.ones((1, 3, 12, 12), np.float32)}]
    quantize.calibrate("tiny", floats, OPERATORS, feeds)
    ranges = quantize.read_ranges("tiny", floats, OPERATORS)
    assert ranges["input"] == [1.0, 1.0] and ranges["stem.relu6"][0] >= 0
    floats.graph.name = "changed"
    with pytest.raises(ModelError, match="belongs to the float model"):
        quantize.read_ranges("tiny", floats, OPERATORS)


def test_a_made_file_with_another_hash_is_refused(tmp_path):
    path = tmp_path / "pins.json"
    make.Pins(path, rewrite=True).check("net", "here", "11")
    make.Pins(path).check("net", "here", "11")
    make.Pins(path).check("new", "here", "22")
    with pytest.raises(ModelError, match="here: its sha256 is 22, but 11 is pinned\n.*--pin"):
        make.Pins(path).check("net", "here", "22")


def test_shapes_fold_and_scalars_stay_scalars():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "last"], ["size"]),
        helper.make_node("Cast", ["size"], ["divisor"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["x", "divisor"], ["y"]),
        helper.make_node("Neg", ["x"], ["unused"]),
    ]
    value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 4]) for n in "xy"]
    last = numpy_helper.from_array(np.array(1), "last")
    body = helper.make_graph(nodes, "g", value[:1], value[1:], [last])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)])
    rewrite.fix_input(model, "x", (2, 4))
    rewrite.fold(model)
    assert [node.op_type for node in model.graph.node] == ["Div"]
    (divisor,) = model.graph.initializer
    assert list(divisor.dims) == [] and numpy_helper.to_array(divisor) == 4
    with pytest.raises(ModelError, match="has no input z; it has x"):
        rewrite.fix_input(model, "z", (1,))


def test_words_are_cut_into_the_longest_pieces(monkeypatch):
    known = {w: i for i, w in enumerate(["[UNK]", "[CLS]", "[SEP]", "play", "##ing", "##in", ",", "a"])}
    monkeypatch.setattr(minilm, "vocabulary", lambda _: known)
    assert minilm.pieces(None, "Playing, a xyz") == [3, 4, 6, 7, 0]
    (feed, _) = minilm.feeds(None, 6, ["a play", "playing"], masked=True)
    assert feed["input_ids"].tolist() == [[1, 7, 3, 2, 0, 0]]
    assert feed["attention_mask"].tolist() == [[1, 1, 1, 1, 0, 0]]
    (feed, _) = minilm.feeds(None, 6, ["a play", "playing"], masked=False)
    assert feed["input_ids"].tolist() == [[1, 7, 3, 3, 4, 2]]


def encoder():
    """A transformer's layer with everything that its products are quantized between."""
    rng = np.random.default_rng(5)
    constants, nodes = {}, []

    def node(operator, output, *inputs, **attributes):
        names = []
        for index, value in enumerate(inputs):
            if not isinstance(value, str):
                names.append(f"{output}.{index}")
                constants[names[-1]] = np.asarray(value)
            else:
                names.append(value)
        nodes.append(helper.make_node(operator, names, [output], name=output, **attributes))
        return output

    def layer(x, output, inner, outer):
        weights = rng.normal(0, 0.3, (inner, outer)).astype(np.float32)
        y = node("MatMul", f"{output}_product", x, weights)
        return node("Add", output, y, rng.normal(0, 0.3, outer).astype(np.float32))

    def heads(x, order):
        x = node("Reshape", f"{x}_heads", x, np.array([1, 8, 2, 8]))
        return node("Transpose", f"{x}_turned", x, perm=order)

    half = np.float32(0.5)
    q = node("Mul", "q_scaled", heads(layer("x", "q", 16, 16), [0, 2, 1, 3]), half)
    k = node("Mul", "k_scaled", heads(layer("x", "k", 16, 16), [0, 2, 3, 1]), half)
    share = node("Softmax", "share", node("MatMul", "scores", q, k), axis=-1)
    mixed = node("MatMul", "mixed", share, heads(layer("x", "v", 16, 16), [0, 2, 1, 3]))
    mixed = node("Transpose", "mixed_turned", mixed, perm=[0, 2, 1, 3])
    mixed = node("Reshape", "joined", mixed, np.array([1, 8, 16]))
    x = node("Add", "residual", layer(mixed, "attention", 16, 16), "x")
    wide_layer = layer(x, "wide", 16, 64)
    bell = node("Erf", "bell", node("Div", "divided", wide_layer, np.float32(1.4142135)))
    bell = node("Mul", "halved", half, node("Add", "above", bell, np.float32(1)))
    gelu = node("Mul", "gelu", wide_layer, bell)
    node("Add", "y", layer(gelu, "narrow", 64, 16), x)
    # One channel of the GELU far above the others, for one token.
    constants["wide_product.1"][:, 7] *= 20
    values = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    border = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8, 16]) for n in "xy"]
    body = helper.make_graph(nodes, "encoder", border[:1], border[1:], values)
    return graph.clean(helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)]))


def test_wide_quantization_keeps_the_value_and_what_is_not_a_product(tmp_path, monkeypatch):
    monkeypatch.setattr(quantize, "RANGES", tmp_path)
    floats = encoder()
    feeds = [{"x": seeded.seeded("wide", str(i), (1, 8, 16), 1.0)} for i in range(4)]
    (wanted,) = quantize.session(graph.serialize(floats), quantize.LEVEL.ORT_DISABLE_ALL).run(
        None, feeds[0]
    )
    wide.calibrate("encoder", floats, feeds)
    plan = wide.read_plan("encoder", floats)
    assert list(plan["copies"]) == ["gelu"] and plan["copies"]["gelu"].count(7) > 3

    # Rewritten, not quantized: the same up to rounding.
    rewritten = wide.prepare(floats)
    wide.split(rewritten, plan["copies"])
    same = rewritten.finish()
    (found,) = quantize.session(graph.serialize(same), quantize.LEVEL.ORT_DISABLE_ALL).run(
        None, feeds[0]
    )
    assert np.allclose(found, wanted, rtol=1e-4, atol=1e-4)
    assert "Softmax" not in graph.operators(same) and graph.operators(same)["Mul"] == 2

    made = wide.quantize_model(floats, plan)
    arrays, gone = reference.run(
        "encoder", graph.serialize(made), graph.serialize(floats), feeds, exact=False
    )
    assert gone == [] and reference.cosine(arrays["output/y"], arrays["float/y"]) > 0.999
    # Operands of six layers, three of which share one, and of two products of activations.
    assert sum(key.startswith("tensor/") for key in arrays) == 4 + 4
    assert arrays["tensor/share_QuantizeLinear_Output"].max(axis=-1).min() == 127
    # Residual sums read what was not quantized.
    sums = {node.output[0]: list(node.input) for node in made.graph.node if node.op_type == "Add"}
    assert "x" in sums["residual"] and "residual" in sums["y"]
    with pytest.raises(ModelError, match="belongs to the float model"):
        floats.graph.name = "changed"
        wide.read_plan("encoder", floats)
    with pytest.raises(ModelError, match="is missing\n.*calibrate other"):
        wide.read_plan("other", floats)


@pytest.mark.parametrize("arguments", [["make", "resnet5"], ["reference"]])
def test_names_that_are_not_known_are_refused(arguments, tmp_path):
    command = [sys.executable, ROOT / "scripts" / "models.py", *arguments, "--dir", tmp_path]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 1
    assert told.stderr.startswith("error: ") and "resnet50_int8" in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_model_has_ranges_and_pins():
    pins = make.Pins().hashes
    for model in make.MODELS.values():
        assert (quantize.RANGES / f"{model.ranges_name}.json").exists()
        assert {model.name, model.float_name} <= set(pins)
        assert (f"{model.name}_reference" in pins) == model.exact
    stored = {path.stem for path in quantize.RANGES.iterdir()}
    assert stored == {model.ranges_name for model in make.MODELS.values()}
    text = (ROOT / "docs" / "models.md").read_text()
    assert [pin for pin in pins.values() if pin not in text] == []
    for part in (page.HEAD, page.FORMS, page.REPRODUCIBLE, page.REFERENCES):
        assert part in text
