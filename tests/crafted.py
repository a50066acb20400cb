"""Pickles in which our reader, as it once was, saw one text and Python's pickle executes another.

`FORMS`: {name: a function of a NetworkFile and of a text that gives such a file's bytes}. What a reader that takes the
last word sees is the NetworkFile; what NVIDIA's loader executes first is the text.
"""

import io
from collections import OrderedDict

from blend.checkpoints.pickle_reader import EasyDict
from blend.checkpoints.pickle_writer import Emitter, network_state
from blend.networks.network import Network

SOURCE = "build_module_src"


class _Crafting(Emitter):
    """An Emitter that writes every network as its `form` says."""

    def __init__(self, file, text):
        super(_Crafting, self).__init__(file)
        self._text_of_stranger = text

    def _emit(self, value):
        if isinstance(value, Network):
            self._network(value)
        else:
            super(_Crafting, self)._emit(value)

    def _object(self, state):
        """A network whose state is what a function emits."""
        self._global("dnnlib.tflib.network", "Network")
        self._write(b")\x81")
        state()
        self._write(b"b")


class _BuiltAndDropped(_Crafting):
    """A: each network stands before another of the same state, which is built with the text and popped."""

    def _network(self, network):
        state = network_state(network)
        self._object(lambda: self._emit(dict(state, **{SOURCE: self._text_of_stranger})))
        self._write(b"0")
        self._object(lambda: self._emit(state))


class _SetAfterBuild(_Crafting):
    """B: each state has the text while the network is built, and blend's own text after that."""

    def _network(self, network):
        state, key = network_state(network), ("state", id(network))

        def remembered():
            self._emit(dict(state, **{SOURCE: self._text_of_stranger}))
            self._remember(key)

        self._object(remembered)
        self._write(b"j" + self._memo[key].to_bytes(4, "little"))
        self._emit(SOURCE)
        self._emit(state[SOURCE])
        self._write(b"s0")


class _OtherDict(_Crafting):
    """C: each state is an EasyDict with the text as an item, and blend's own text as an attribute."""

    def _network(self, network):
        state = network_state(network)

        def two_faced():
            self._emit(EasyDict(state, **{SOURCE: self._text_of_stranger}))
            self._emit({SOURCE: state[SOURCE]})
            self._write(b"b")

        self._object(two_faced)


def _bytes(kind):
    def made(networks, text):
        with io.BytesIO() as stream:
            kind(stream, text).dump((networks.G, networks.D, networks.Gs))
            return stream.getvalue()
    return made


FORMS = OrderedDict([("built and dropped", _bytes(_BuiltAndDropped)), ("set after BUILD", _bytes(_SetAfterBuild)),
                     ("another dict", _bytes(_OtherDict))])


def touching(path, text):
    """A text that makes a file, and then does what another text does."""
    return "open(%r, 'w').close()\n%s" % (path, text)
