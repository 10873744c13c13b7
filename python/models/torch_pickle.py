"""Reads weights in torch's legacy file format (before the zip container) without torch.

The file is a sequence of pickles: a magic number, a version, the sizes of C types, the object, the
list of storage keys; then each storage as a 64-bit count and little-endian elements. The object's
pickle refers to storages by persistent identifier and builds tensors by calling
`torch._utils._rebuild_tensor_v2`. Only the names below are resolved: a file cannot make this
reader import or call anything else.
"""

import collections
import io
import pickle

import numpy as np

from .cache import ModelError

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
}


class _Tensor:
    """A tensor whose storage has not been read yet."""

    def __init__(self, storage, offset, shape, strides, *_):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self, storages):
        data = storages[self.storage][self.offset :]
        strides = [stride * data.itemsize for stride in self.strides]
        last = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides))
        if 0 not in self.shape and not 0 <= last < len(data):
            raise ValueError(f"a tensor of shape {self.shape} goes beyond storage {self.storage}")
        view = np.lib.stride_tricks.as_strided(data, self.shape, strides)
        return np.ascontiguousarray(view).reshape(self.shape)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which weights have no need of")

    def persistent_load(self, pid):
        kind, dtype, key, _location, count, *view = pid
        if kind != "storage" or any(part is not None for part in view):
            raise pickle.UnpicklingError(f"unknown reference {pid!r}")
        self.storages[key] = (dtype, count)
        return key


def load(data, place):
    """The tensors of a file, by name, as arrays; `place` names the file in messages."""
    stream = io.BytesIO(data)

    def value(storages=None):
        unpickler = _Unpickler(stream)
        unpickler.storages = {} if storages is None else storages
        return unpickler.load()

    try:
        if (magic := value()) != MAGIC:
            raise ValueError(f"it begins with {magic!r}, not with {MAGIC:#x}")
        if (version := value()) != VERSION:
            raise ValueError(f"protocol version {version!r}, not {VERSION}")
        if not (sizes := value())["little_endian"]:
            raise ValueError(f"not little-endian: {sizes!r}")
        found = {}
        tensors = value(found)
        storages = {}
        for key in value():
            dtype, expected = found[key]
            (count,) = np.frombuffer(stream.read(8), "<i8")
            if count != expected:
                raise ValueError(f"storage {key} holds {count} elements, not {expected}")
            raw = stream.read(int(count) * dtype.itemsize)
            storages[key] = np.frombuffer(raw, dtype, count)
        return {name: tensor.array(storages) for name, tensor in tensors.items()}
    except (pickle.UnpicklingError, ValueError, KeyError, TypeError, EOFError) as error:
        raise ModelError(
            place,
            f"is no torch file of the legacy format: {error}",
            "use a file that torch.save wrote with _use_new_zipfile_serialization=False",
        ) from error
