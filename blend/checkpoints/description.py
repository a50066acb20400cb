"""What a NetworkFile is beside its arrays, as one JSON text, for formats that hold tensors only.

Names, static_kwargs and everything that a TensorFlow file says of a network are in it, so that the way back gives
the same file. Long texts (sources, the same in several networks) stand once.
"""

import base64
import json
from collections import OrderedDict

import numpy as np

from blend.checkpoints.contents import ROLES, Contents
from blend.checkpoints.pickle_reader import SIMPLE_DTYPES, EasyDict
from blend.errors import BlendError, NetworkFileError
from blend.networks.network import Network, expected_variables
from blend.system.files import whole_number

MOST = 2 ** 19  # bytes; that of a TensorFlow file with its source has some 60,000
_LONG = 200
_MOST_ARRAY = 2 ** 18


def describe(networks):
    """The JSON text. BlendError: a value that has no place in it."""
    texts = _Texts()
    described = OrderedDict((role, _described(network, texts)) for role, network in networks.by_role.items())
    text = json.dumps(OrderedDict([("blend", 1), ("networks", described), ("texts", list(texts))]))
    if len(text) > MOST:
        raise BlendError("the networks carry too much text (%d bytes) for this format" % len(text))
    return text


class _Texts(OrderedDict):
    """Long texts, each once; together no more than has a place."""

    size = 0

    def index(self, text):
        if text not in self:
            self.size += len(text)
            if self.size > MOST:
                raise BlendError("the networks carry too much text for this format")
            self[text] = len(self)
        return self[text]


def _described(network, texts):
    """The JSON value of a network: everything but its arrays."""
    return OrderedDict([
        ("name", network.name), ("build_func_name", network.build_func_name),
        ("static_kwargs", _encode(network.static_kwargs, texts)), ("extra", _encode(network.extra, texts)),
        ("variables", list(network.own_variables)),
        ("components", OrderedDict((role, _described(part, texts)) for role, part in network.components.items()))])


def _encode(value, texts):
    """JSON for plain values; what JSON lacks becomes {"$": tag, "v": content}."""
    if value is None or isinstance(value, (bool, int, float)) and not isinstance(value, np.generic):
        return value
    if isinstance(value, str):
        if len(value) < _LONG:
            return value
        return {"$": "text", "v": texts.index(value)}
    if type(value) is list:
        return [_encode(item, texts) for item in value]
    if isinstance(value, tuple):
        return {"$": "tuple", "v": [_encode(item, texts) for item in value]}
    if isinstance(value, dict):
        tag = "EasyDict" if isinstance(value, EasyDict) else "dict"
        return {"$": tag, "v": [[_encode(key, texts), _encode(item, texts)] for key, item in value.items()]}
    if isinstance(value, (bytes, memoryview)):
        return {"$": "bytes", "v": base64.b64encode(value).decode("ascii")}
    if isinstance(value, (np.ndarray, np.generic)) and value.nbytes <= _MOST_ARRAY:
        tag = "array" if isinstance(value, np.ndarray) else "scalar"
        return {"$": tag, "v": [value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode("ascii")]}
    raise BlendError("a network carries a %s, which has no place in this format" % type(value).__name__)


def rebuild(text, sources):
    """The Contents of a JSON text. sources: {role: an object whose get(name, shape) gives a variable or None}.

    NetworkFileError: not such a text, or a variable is missing.
    """
    try:
        if len(text) > MOST:
            raise NetworkFileError("a description of %d bytes" % len(text))
        document = json.loads(text, parse_int=whole_number)
        if document["blend"] != 1:
            raise NetworkFileError("was written by a newer version of blend")
        described, texts = document["networks"], document["texts"]
        if type(texts) is not list or not all(type(line) is str for line in texts):
            raise ValueError("texts that are none")
        bare = {role: _rebuilt(described[role], texts, 0) for role in ROLES if role in described}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise NetworkFileError("its description of the networks is broken (%s: %s)" % (
            type(error).__name__, str(error)[:100]))
    if "Gs" not in bare:
        raise NetworkFileError("its description of the networks is broken (there is no Gs)")
    return Contents(**{role: _filled(network, names, role, sources) for role, (network, names) in bare.items()})


def _filled(network, names, role, sources):
    """A network with its variables, in the order of `names`."""
    expected = expected_variables(network, "discriminator" if role == "D" else "generator")
    if len(names) != len(set(names)) or set(names) - {"lod"} != set(expected) - {"lod"}:
        raise NetworkFileError("its description of %s has other variables than the architecture" % role)
    variables = OrderedDict()
    for name in names:
        variables[name] = sources[role].get(name, expected.get(name, ())) if role in sources else None
        if variables[name] is None:
            raise NetworkFileError("the tensor of %s is missing" % name)
    return network.filled(variables)


def _rebuilt(described, texts, depth):
    """(a Network without variables, the global names of its variables)."""
    name, function = described["name"], described["build_func_name"]
    if type(name) is not str or type(function) is not str or depth > 1:
        raise ValueError("a network without a name")
    names, parts = [str(variable) for variable in described["variables"]], OrderedDict()
    for role, part in described["components"].items():
        parts[role], local_names = _rebuilt(part, texts, depth + 1)
        names += ["G_%s/%s" % (role, local) for local in local_names]
    kwargs, extra = _decode(described["static_kwargs"], texts), _decode(described["extra"], texts)
    if not isinstance(kwargs, dict) or not isinstance(extra, dict):
        raise ValueError("arguments that are no dict")
    return Network(name, function, kwargs, {}, parts, extra), names


def _decode(value, texts):
    if isinstance(value, list):
        return [_decode(item, texts) for item in value]
    if not isinstance(value, dict):
        return value
    tag, content = value["$"], value["v"]
    if tag == "text":
        return texts[content]
    if tag == "tuple":
        return tuple(_decode(item, texts) for item in content)
    if tag in ("dict", "EasyDict"):
        decoded = {} if tag == "dict" else EasyDict()
        decoded.update((_key(_decode(key, texts)), _decode(item, texts)) for key, item in content)
        return decoded
    if tag == "bytes":
        return base64.b64decode(content)
    dtype, shape, data = content
    if tag not in ("array", "scalar") or str(dtype).lstrip("<>|=") not in SIMPLE_DTYPES:
        raise ValueError("a value of unknown kind")
    array = np.frombuffer(base64.b64decode(data), str(dtype)).reshape(shape)
    return array if tag == "array" else array[()]


def _key(value):
    if not isinstance(value, (str, int, type(None))) or isinstance(value, int) and abs(value) >= 2 ** 31:
        raise ValueError("a dict with odd keys")
    return value
