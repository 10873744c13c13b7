"""Standard networks with seeded weights: for cycles and exactness, never for accuracy.

Weights are He-initialised, so activations neither die nor explode; the last convolution of each
residual branch is scaled by a half, which is what training's batch norms do to sums that would
grow. Biases are a tenth of the weights' scale at the output.
"""

import math

from .graph import Builder, seeded


class Network(Builder):
    """A builder that makes up its weights."""

    def layer(self, x, name, filters, kernel=1, stride=1, group=1, gain=2.0):
        """A convolution with half-kernel padding."""
        depth = self.shape(x)[1] // group
        deviation = math.sqrt(gain / (depth * kernel * kernel))
        shape = (filters, depth, kernel, kernel)
        weights = seeded(self.name, f"{name}.weight", shape, deviation)
        bias = seeded(self.name, f"{name}.bias", (filters,), 0.1)
        return self.conv(x, name, weights, bias, stride, group=group)

    def end(self, x, classes=1000):
        """Pool and classifier; returns the model."""
        depth = self.shape(x)[1]
        weights = seeded(self.name, "fc.weight", (classes, depth), math.sqrt(1.0 / depth))
        self.classifier(x, weights, seeded(self.name, "fc.bias", (classes,), 0.1))
        return self.finish()


def resnet(name, blocks, bottleneck):
    """ResNet; with bottlenecks its version 1.5, whose 3x3 convolutions have the strides."""
    net = Network(name, (1, 3, 224, 224))
    x = net.relu(net.layer("input", "stem", 64, 7, 2))
    x = net.max_pool(x, "stem.pool", 3, 2, 1)
    for stage, repeats in enumerate(blocks):
        width = 64 << stage
        channels = 4 * width if bottleneck else width
        for repeat in range(repeats):
            place = f"stage{stage}.block{repeat}"
            stride = 2 if stage > 0 and repeat == 0 else 1
            if bottleneck:
                inner = net.relu(net.layer(x, f"{place}.conv1", width))
                inner = net.relu(net.layer(inner, f"{place}.conv2", width, 3, stride))
                inner = net.layer(inner, f"{place}.conv3", channels, gain=0.5)
            else:
                inner = net.relu(net.layer(x, f"{place}.conv1", width, 3, stride))
                inner = net.layer(inner, f"{place}.conv2", width, 3, gain=0.5)
            if stride != 1 or net.shape(x)[1] != channels:
                x = net.layer(x, f"{place}.shortcut", channels, 1, stride, gain=1.0)
            x = net.relu(net.add(inner, x, f"{place}.add"))
    return net.end(x)


# Expansion, channels, repeats, stride of the first.
MOBILENET = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


def mobilenetv2(name):
    """MobileNetV2 of width 1: inverted residuals with depthwise 3x3 convolutions and ReLU6."""
    net = Network(name, (1, 3, 224, 224))
    x = net.relu6(net.layer("input", "stem", 32, 3, 2))
    index = 0
    for expansion, channels, repeats, first_stride in MOBILENET:
        for repeat in range(repeats):
            place = f"block{index}"
            stride = first_stride if repeat == 0 else 1
            inner = x
            depth = expansion * net.shape(x)[1]
            if expansion > 1:
                inner = net.relu6(net.layer(x, f"{place}.expand", depth))
            inner = net.relu6(net.layer(inner, f"{place}.depthwise", depth, 3, stride, depth))
            residual = stride == 1 and net.shape(x)[1] == channels
            inner = net.layer(inner, f"{place}.project", channels, gain=0.5 if residual else 1.0)
            x = net.add(inner, x, f"{place}.add") if residual else inner
            index += 1
    return net.end(net.relu6(net.layer(x, "head", 1280)))
