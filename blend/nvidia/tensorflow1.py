"""TensorFlow as programs of 2019 expect it, on 1.15 and on 2.x alike."""

import contextlib
import sys
import types

import tensorflow.compat.v1 as tf

from blend.engine import tensorflow


class _TensorFlow1(types.ModuleType):
    """`tensorflow.compat.v1` under the name of `tensorflow`."""

    def __getattr__(self, name):
        return getattr(tf, name)


def install():
    """Let `import tensorflow` give TensorFlow 1 from now on, in graph mode; on TensorFlow 1.15 it does already."""
    if tensorflow.__version__.startswith("1.") or isinstance(sys.modules["tensorflow"], _TensorFlow1):
        return
    tf.disable_v2_behavior()
    module = _TensorFlow1("tensorflow")
    for name in ("__path__", "__file__", "__spec__", "compat"):  # so that its submodules are still found
        setattr(module, name, getattr(tensorflow, name))
    sys.modules["tensorflow"] = module


@contextlib.contextmanager
def stand_ins(*names):
    """Empty modules of these names, where TensorFlow 2 has none, while the block imports what wants them."""
    if tensorflow.__version__.startswith("1."):
        yield
        return
    before = {name: sys.modules.get(name) for name in names}
    for name in names:
        sys.modules[name] = types.ModuleType(name)
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, sys.modules[name])
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module
