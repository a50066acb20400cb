"""What Python's pickle would execute in a file that our reader accepts: nothing that the reader did not see.

    python tests/agreement.py [RUNS] [SEED]

changes a valid TensorFlow pickle opcode by opcode (opcodes moved, copied, dropped, and others put in: values that are
remembered and set again, popped, built twice), reads it with our reader, and where that accepts it, with Python's
unpickler, whose classes stand for NVIDIA's and note the texts that they would execute. test_hostile.py does so for a
fixed number of runs.
"""

import collections
import io
import pickle
import pickletools
import random
import sys

import hostile
from conftest import pico_file

from blend import NetworkFileError, checkpoints
from blend.networks.network import Network

EXTRA = [b"0", b"1", b"(", b"b", b"s", b"u", b"}", b"]", b")", b"N", b"t", b"e", b"a", b"R", b"\x81", b"\x85", b"\x86",
         hostile.text("build_module_src"), hostile.text("EVIL"), hostile.text("components"), hostile.text("synthesis"),
         hostile.name("dnnlib.util", "EasyDict"), hostile.name("collections", "OrderedDict"),
         hostile.name("dnnlib.tflib.network", "Network")]
FORMS = [b"}" + hostile.text("build_module_src") + hostile.text("EVIL") + b"s",
         hostile.text("build_module_src") + hostile.text("EVIL") + b"s",
         hostile.name("dnnlib.util", "EasyDict") + b")\x81",
         hostile.name("dnnlib.tflib.network", "Network") + b")\x81}" + hostile.text("build_module_src")
         + hostile.text("EVIL") + b"sb0"]


def valid():
    """The opcodes, as bytes, of a small file whose parts carry a text each."""
    def with_text(network, text):
        parts = [(role, with_text(part, text + role)) for role, part in network.components.items()]
        return Network(network.name, network.build_func_name, network.static_kwargs, network.own_variables,
                       collections.OrderedDict(parts), {"version": 4, "build_module_src": text})

    made = pico_file(resolution=4, channels=1, latent=1, layers=1)
    with io.BytesIO() as stream:
        checkpoints.FORMATS["tensorflow"].write(made._replace(Gs=with_text(made.Gs, "Gs")), stream)
        data = stream.getvalue()
    starts = [position for _, _, position in pickletools.genops(data)] + [len(data)]
    return [data[start:end] for start, end in zip(starts, starts[1:])]


def changed(opcodes, chance):
    """A list of opcodes with some changes, by a random.Random."""
    opcodes = list(opcodes)
    for _ in range(chance.choice((1, 1, 2, 3, 4))):
        place, other = chance.randrange(1, len(opcodes)), chance.randrange(1, len(opcodes))
        index = chance.choice((chance.randrange(40), 5000))
        change = chance.randrange(8)
        if change == 0:
            del opcodes[place]
        elif change == 1:
            opcodes.insert(place, opcodes[other])
        elif change == 2:
            opcodes[place:place] = opcodes[other:other + chance.randrange(1, 12)]
        elif change == 3:
            opcodes.insert(place, chance.choice(EXTRA))
        elif change == 4:
            opcodes.insert(place, chance.choice(FORMS))
        elif change == 5:  # what is there now is remembered, and comes again later
            opcodes.insert(place, hostile.put(index))
            later = chance.randrange(place, len(opcodes))
            opcodes.insert(later, hostile.get(index) + chance.choice(FORMS) + chance.choice((b"0", b"")))
        elif change == 6:  # built and dropped
            opcodes.insert(place, hostile.get(index) + b"0")
        else:
            opcodes[place], opcodes[other] = opcodes[other], opcodes[place]
    return b"".join(opcodes)


class Noting(pickle.Unpickler):
    """Python's unpickler with stand-ins for NVIDIA's classes; `texts` are what they would execute."""

    def __init__(self, data):
        super(Noting, self).__init__(io.BytesIO(data), encoding="latin1")
        self.texts = texts = []

        class Stand(object):
            def __setstate__(self, state):
                texts.append(getattr(state, "build_module_src", None) or state["build_module_src"])

        class EasyDict(dict):
            def __getattr__(self, name):
                try:
                    return self[name]
                except KeyError:
                    raise AttributeError(name)

        class Array(object):
            def __setstate__(self, state):
                pass

        self._classes = {"Network": Stand, "EasyDict": EasyDict, "OrderedDict": collections.OrderedDict,
                         "ndarray": Array, "encode": lambda text, _encoding: text.encode("latin1")}
        self._classes.update((name, lambda *_: Array()) for name in ("dtype", "_reconstruct", "scalar"))

    def find_class(self, module, name):
        return self._classes[name]


def disagreement(data):
    """Texts that Python would execute in a file and our reader did not see; None if the reader refuses the file."""
    try:
        networks = checkpoints.parse(data)
    except NetworkFileError:
        return None
    seen = [part.extra.get("build_module_src") for network in (networks.Gs, networks.G, networks.D)
            if network is not None for part in [network] + list(network.components.values())]
    unpickler = Noting(data)
    try:
        unpickler.load()
    except Exception:  # whatever goes wrong there comes after what was executed
        pass
    return [text for text in unpickler.texts if text not in seen]


def run(runs, seed=0):
    """(how many changed files were accepted, those in which the two disagree)."""
    chance, opcodes, accepted, wrong = random.Random(seed), valid(), 0, []
    for _ in range(runs):
        data = changed(opcodes, chance)
        texts = disagreement(data)
        accepted += texts is not None
        if texts:
            wrong.append(data)
    return accepted, wrong


def main(runs="100000", seed="0"):
    accepted, wrong = run(int(runs), int(seed))
    print("accepted %d, disagree in %d" % (accepted, len(wrong)))
    for data in wrong[:3]:
        print(repr(data))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
