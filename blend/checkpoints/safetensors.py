"""Networks as safetensors: the tensors by their names, and what they are in the metadata.

The format is Hugging Face's: eight bytes with the length of a JSON header {name: {dtype, shape, data_offsets}}, then
the data. Tensors are called Gs/, G/ or D/ and the variable's name. A file of another maker has no description.
"""

import json
import struct
from collections import OrderedDict

import numpy as np

from blend.checkpoints import description
from blend.checkpoints.contents import ROLES
from blend.errors import NetworkFileError, brief
from blend.system.files import whole_number, write_array

NAME = "safetensors"
_MOST_HEADER = 2 ** 21


def recognise(view):
    """Whether the bytes begin like a safetensors file."""
    return len(view) >= 10 and bytes(view[8:9]) == b"{" and struct.unpack("<Q", view[:8])[0] <= len(view) - 8


def read(view):
    """The Contents of a file's bytes. Arrays are views."""
    length = struct.unpack("<Q", view[:8])[0]
    if length > _MOST_HEADER:
        raise NetworkFileError("a safetensors header of %d bytes; that of a network has some %d" % (length, 10 ** 5))
    try:
        header = json.loads(bytes(view[8:8 + length]).decode("utf-8"), object_pairs_hook=_unique,
                            parse_int=whole_number)
    except (ValueError, RecursionError) as error:
        raise NetworkFileError("not a safetensors file (%s)" % str(error)[:100])
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("blend"), str):
        raise NetworkFileError("a safetensors file that does not say which network it holds; blend reads its own ones")
    variables, data = {role: {} for role in ROLES}, view[8 + length:]
    for name, entry in header.items():
        role, _, local = name.partition("/")
        if role not in variables:
            raise NetworkFileError("the tensor %s is of none of the networks %s" % (
                brief(name), ", ".join(ROLES)))
        variables[role][local] = _tensor(name, entry, data)
    _check_filled(header, len(data))
    return description.rebuild(metadata["blend"], {role: _Tensors(tensors) for role, tensors in variables.items()})


class _Tensors(dict):
    """Variables as `description.rebuild` asks for them."""

    def get(self, name, _shape):
        return super(_Tensors, self).get(name)


def _unique(pairs):
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("a name stands twice in its header")
    return entries


def _tensor(name, entry, data):
    try:
        shape, (start, end) = tuple(entry["shape"]), entry["data_offsets"]
        are_counts = all(type(n) is int and n >= 0 for n in shape + (start, end))
        if entry["dtype"] != "F32" or type(entry["shape"]) is not list or not are_counts or len(shape) > 8:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise NetworkFileError("the tensor %s is not of type F32 with a shape and data_offsets" % brief(name))
    count = 1
    for n in shape:
        count *= n
    if end - start != 4 * count or end > len(data):
        raise NetworkFileError("the tensor %s needs %d bytes, the file has %d for it" % (
            brief(name), 4 * count, max(min(end, len(data)) - start, 0)))
    if not count:
        raise NetworkFileError("the tensor %s is empty" % brief(name))
    return np.frombuffer(data[start:end], "<f4").reshape(shape)


def _check_filled(header, size):
    """Tensors may neither overlap nor leave gaps, in which other things could hide."""
    position = 0
    for start, end in sorted(entry["data_offsets"] for entry in header.values()):
        if start != position:
            raise NetworkFileError("the tensors of the file overlap or leave gaps")
        position = end
    if position != size:
        raise NetworkFileError("the file has %d bytes of tensors, its header speaks of %d" % (size, position))


def write(networks, file):
    """Write to an open binary file. Returns what the format cannot hold: nothing."""
    header = OrderedDict([("__metadata__", OrderedDict([("format", "np"), ("blend", description.describe(networks))]))])
    arrays, position = [], 0
    for role, network in networks.by_role.items():
        for name, value in network.variables.items():
            end = position + value.nbytes
            header["%s/%s" % (role, name)] = OrderedDict([
                ("dtype", "F32"), ("shape", list(np.shape(value))), ("data_offsets", [position, end])])
            arrays.append(value)
            position = end
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for array in arrays:
        write_array(file, np.asarray(array, "<f4"))
    return []
