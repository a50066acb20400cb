"""The part of NVIDIA's `dnnlib` that programs for its networks need, over blend's graphs and under NVIDIA's names.

Nothing that is stored in a network file is executed. `legacy` gives it to programs where NVIDIA's repository is not.
"""

import contextlib
import inspect
import threading
from collections import OrderedDict

import numpy as np
import tensorflow.compat.v1 as tf

from blend.carried import stylegan2_graph
from blend.engine import generator, quiet_stderr
from blend.errors import NetworkFileError, brief
from blend.system.pending import settled


class EasyDict(dict):
    """A dict whose items are attributes as well."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name)

    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__


_graph = threading.RLock()  # held while networks are built: threads share a graph
_opened = []  # sessions of this process, as `init_tf` opened them


def init_tf(config_dict=None):
    """Open the default session, once; the options of NVIDIA's sessions are not needed here."""
    if tf.get_default_session() is None:
        with quiet_stderr():
            _opened.append(tf.InteractiveSession(config=tf.ConfigProto(
                allow_soft_placement=True, gpu_options=tf.GPUOptions(allow_growth=True))))


@contextlib.contextmanager
def _session():
    """The default session, inside its graph. TensorFlow's defaults are each thread's own; others join the first."""
    is_first = threading.current_thread() is threading.main_thread() or not _opened
    if tf.get_default_session() is not None or is_first:
        init_tf()
        yield tf.get_default_session()
    else:
        with _opened[-1].graph.as_default(), _opened[-1].as_default() as session:
            yield session


def run(*args, **kwargs):
    """`run` of the default session: expressions, or a dict of them, to arrays."""
    with _session() as session:
        return session.run(*args, **kwargs)


def set_vars(var_to_value_dict):
    """Give variables these values (arrays), without growing the graph."""
    with _session() as session:
        generator.set_variables(session, var_to_value_dict.items())


def is_tf_expression(x):
    return isinstance(x, (tf.Tensor, tf.Variable, tf.Operation))


def convert_images_to_uint8(images, drange=(-1, 1), nchw_to_nhwc=False, shrink=1):
    """Images [N,C,H,W] in a range of values to uint8, made smaller by averages of shrink x shrink pixels."""
    images = tf.transpose(tf.cast(images, tf.float32), [0, 2, 3, 1])
    if shrink > 1:
        images = tf.nn.avg_pool(images, ksize=[1, shrink, shrink, 1], strides=[1, shrink, shrink, 1], padding="VALID")
    scale = 255 / (drange[1] - drange[0])
    images = tf.saturate_cast(images * scale + (0.5 - drange[0] * scale), tf.uint8)
    return images if nchw_to_nhwc else tf.transpose(images, [0, 3, 1, 2])


TFUTIL = [init_tf, run, set_vars, is_tf_expression, convert_images_to_uint8]


def restored(parsed):
    """The Network for a network of a file; it is built when it is first used."""
    network = object.__new__(Network)
    network.__setstate__(dict(
        parsed.extra, name=parsed.name, static_kwargs=parsed.static_kwargs, build_func_name=parsed.build_func_name,
        components={role: restored(part) for role, part in parsed.components.items()},
        variables=[(name, settled(value)) for name, value in parsed.own_variables.items()]))
    return network


class Network(object):
    """A network in the default graph, with NVIDIA's names for what it has; built by the functions of `stylegan2_graph`.

    name, scope, static_kwargs, components; own_vars, vars (with those of the components) and trainables: OrderedDicts
    of local name to tf.Variable; input_shape(s), output_shape(s): with None for the number of samples.
    What comes from a file is built when it is first used.
    """

    def __init__(self, name, func_name, **static_kwargs):
        self._setup(name, func_name.__name__, static_kwargs, {}, {})
        run([var.initializer for var in self.own_vars.values()])

    def __getattr__(self, name):
        with _graph:
            if "_state" in self.__dict__:
                self._build_once()
        return object.__getattribute__(self, name)

    def _build_once(self):
        state = self.__dict__.pop("_state")
        try:
            with _session():
                self._build_from(dict(state))
        except (ArithmeticError, LookupError, TypeError, ValueError, tf.errors.OpError) as error:
            self.__dict__["_state"] = state
            raise NetworkFileError("network %s cannot be built as its file says (%s: %s)" % (
                brief(state.get("name")), type(error).__name__, " ".join(str(error).split())[:200]))

    def _build_from(self, state):
        kept = [state.pop(key) for key in ("name", "build_func_name", "static_kwargs", "components", "variables")]
        self._setup(*kept[:4], extra=state)
        set_vars({self.own_vars[name]: value for name, value in kept[4]})

    def _setup(self, name, function, static_kwargs, components, extra):
        self.name, self._function, self._extra = name, function, dict(extra)
        self.static_kwargs, self.components = EasyDict(static_kwargs), EasyDict(components)
        self._build = getattr(stylegan2_graph, function)
        self._runs = {}
        init_tf()
        with tf.name_scope(None):
            self.scope = tf.get_default_graph().unique_name(name)
        required = [parameter.name for parameter in inspect.signature(self._build).parameters.values()
                    if parameter.default is parameter.empty and parameter.kind == parameter.POSITIONAL_OR_KEYWORD]
        with self._inside(False), tf.control_dependencies(None):
            inputs = [tf.placeholder(tf.float32, name=input_name) for input_name in required]
            outputs = self._outputs(inputs, {"is_template_graph": True})
        self.input_shapes, self.output_shapes = [
            [expression.shape.as_list() for expression in expressions] for expressions in (inputs, outputs)]
        self.input_shape, self.output_shape = self.input_shapes[0], self.output_shapes[0]
        self.own_vars = OrderedDict(
            (var.name[len(self.scope) + 1:].split(":")[0], var) for var in tf.global_variables(self.scope + "/"))
        self.vars = OrderedDict(self.own_vars)
        for part in self.components.values():
            self.vars.update((part.name + "/" + name, var) for name, var in part.vars.items())
        self.trainables = OrderedDict((name, var) for name, var in self.vars.items() if var.trainable)

    def _inside(self, reuse):
        scope = tf.VariableScope(reuse, self.scope)  # a scope of its own, wherever this is called from
        return tf.variable_scope(scope, auxiliary_name_scope=not reuse)

    def _outputs(self, inputs, kwargs):
        outputs = self._build(*inputs, components=self.components, **dict(self.static_kwargs, **kwargs))
        return list(outputs) if isinstance(outputs, tuple) else [outputs]

    def get_output_for(self, *inputs, **dynamic_kwargs):
        """The network's outputs for expressions; None in place of an input means zeros."""
        as_list = dynamic_kwargs.pop("return_as_list", False)
        count = tf.shape(next(expression for expression in inputs if expression is not None))[0]
        expressions = [tf.zeros([count] + shape[1:]) if expression is None else expression
                       for expression, shape in zip(inputs, self.input_shapes)]
        inputs = [tf.identity(expression) for expression in expressions]
        with tf.name_scope(self.name), self._inside(True):
            outputs = self._outputs(inputs, dynamic_kwargs)
        for expression, used in zip(expressions, inputs):
            expression.set_shape(used.shape)  # the build functions say what shape they take
        if as_list:
            return outputs
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def run(self, *in_arrays, input_transform=None, output_transform=None, return_as_list=False, print_progress=False,
            minibatch_size=None, num_gpus=1, assume_frozen=False, **dynamic_kwargs):
        """Arrays in, arrays out; None in place of an input means zeros.

        output_transform: {"func": a function of the outputs, and its other arguments}. The number of GPUs and
        assume_frozen make no difference here.
        """
        inputs, outputs = self._expressions(input_transform, output_transform, dynamic_kwargs)
        count = next(len(array) for array in in_arrays if array is not None)
        arrays = [np.zeros([count] + shape[1:], np.float32) if array is None else array
                  for array, shape in zip(in_arrays, self.input_shapes)]
        size, batches = minibatch_size or count, []
        for start in range(0, count, size):
            if print_progress:
                print("\r%d / %d" % (start, count), end="")
            batches.append(run(outputs, {placeholder: array[start:start + size]
                                         for placeholder, array in zip(inputs, arrays)}))
        if print_progress:
            print("\r%d / %d" % (count, count))
        results = [np.concatenate(parts) for parts in zip(*batches)]
        if return_as_list:
            return results
        return results[0] if len(results) == 1 else tuple(results)

    def _expressions(self, input_transform, output_transform, dynamic_kwargs):
        """(inputs, outputs) of `run`, which become a part of the graph at the first call with such arguments."""
        key = repr([sorted(options.items(), key=str) for options in (
            input_transform or {}, output_transform or {}, dynamic_kwargs)])
        with _graph, _session(), tf.name_scope(None), tf.control_dependencies(None):
            if key not in self._runs:
                inputs = [tf.placeholder(tf.float32, shape) for shape in self.input_shapes]
                outputs = self.get_output_for(*_transformed(input_transform, inputs), return_as_list=True,
                                              **dynamic_kwargs)
                self._runs[key] = inputs, _transformed(output_transform, outputs)
            return self._runs[key]

    def clone(self, name=None, **new_static_kwargs):
        """A network of the same kind with variables of its own, of the same values."""
        clone = object.__new__(Network)
        parts = {role: part.clone() for role, part in self.components.items()}
        clone._setup(name or self.name, self._function, dict(self.static_kwargs, **new_static_kwargs), parts,
                    self._extra)
        clone.copy_vars_from(self)
        return clone

    def copy_vars_from(self, src_net):
        """Take the values of the variables that another network has under the same names."""
        set_vars(run({var: src_net.vars[name] for name, var in self.vars.items() if name in src_net.vars}))

    def find_var(self, var_or_local_name):
        return self.vars[var_or_local_name] if isinstance(var_or_local_name, str) else var_or_local_name

    def get_var(self, var_or_local_name):
        """The value of a variable, as an array."""
        return run(self.find_var(var_or_local_name))

    def set_var(self, var_or_local_name, new_value):
        set_vars({self.find_var(var_or_local_name): new_value})

    def __getstate__(self):
        if "_state" in self.__dict__:
            return self._state
        values = run(list(self.own_vars.values()))
        return dict(dict({"version": 4}, **self._extra), name=self.name, static_kwargs=dict(self.static_kwargs),
                    components=dict(self.components), build_func_name=self._function,
                    variables=list(zip(self.own_vars, values)))

    def __setstate__(self, state):
        self.__dict__["_state"] = state


# So that what is pickled here opens in NVIDIA's code.
Network.__module__ = "dnnlib.tflib.network"


def _transformed(transform, expressions):
    if transform is None:
        return expressions
    options = dict(transform)
    outputs = options.pop("func")(*expressions, **options)
    return [outputs] if is_tf_expression(outputs) else list(outputs)
