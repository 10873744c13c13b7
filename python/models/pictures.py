"""Pictures from packages, and how networks want them."""

import io
import re

import numpy as np

from .cache import ModelError

SIZE = 224
# Pillow's numbers for its filters.
BILINEAR, BICUBIC = 2, 3

# Colour photographs of scikit-image; two more come from scikit-learn. None is in the labelled set.
CALIBRATION = [
    *("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "hubble_deep_field.jpg"),
    *("ihc.png", "motorcycle_left.png", "retina.jpg"),
]


def decode(data):
    """The RGB picture in a file."""
    try:
        # Only calibration and references look at pictures.
        from PIL import Image
    except ImportError as error:
        raise ModelError(
            *("pillow", "is not installed"),
            ".venv/bin/pip install -r scripts/requirements-models.txt",
        ) from error
    return Image.open(io.BytesIO(data)).convert("RGB")


def labelled(cache):
    """Twenty ImageNet pictures with their labels."""
    found = []
    for member in cache.members("foolbox", "foolbox/data/imagenet_"):
        label = int(re.fullmatch(r".*_\d+_(\d+)\.jpg", member).group(1))
        found.append((decode(cache.read("foolbox", member)), label))
    return found


def calibration(cache):
    """Ten pictures that share nothing with the labelled ones."""
    found = [decode(cache.read("scikit-image", f"skimage/data/{name}")) for name in CALIBRATION]
    for name in ["china.jpg", "flower.jpg"]:
        found.append(decode(cache.read("scikit-learn", f"sklearn/datasets/images/{name}")))
    return found


def centred(picture):
    """EfficientNet's input: the middle 87.5 %, 224 x 224 by bicubic interpolation, (rgb-127)/128,
    channels first."""
    side = round(0.875 * min(picture.size))
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    small = picture.resize((SIZE, SIZE), BICUBIC, box=box)
    pixels = (np.asarray(small, np.float32) - 127.0) / 128.0
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def caffe(picture):
    """open_nsfw's input: 256 x 256 by bilinear interpolation, the middle 224 x 224, blue first, less
    the mean, channels last."""
    small = picture.resize((256, 256), BILINEAR).crop((16, 16, 240, 240))
    pixels = np.asarray(small, np.float32)[:, :, ::-1] - np.array([104, 117, 123], np.float32)
    return np.ascontiguousarray(pixels[None])
