"""`Network`: one network of a file as plain data, and what must be true of it."""

from collections import OrderedDict

import numpy as np

from blend.errors import MismatchError, NetworkFileError
from blend.networks import families, stylegan2  # noqa: F401  registers its family
from blend.system.pending import Pending, settled


class Network(object):
    """One network of a file. Not changed in place: `replaced` returns a new one.

    name: as its maker chose. static_kwargs: build arguments that were set. components: OrderedDict of
    sub-networks by role ('synthesis', 'mapping'). own_variables: OrderedDict of local name to array, or to a Kept where
    the file has none.
    extra: everything else that the file says of it (build_module_src, version, …), carried through unread.
    """

    def __init__(self, name, build_func_name, static_kwargs, own_variables, components=None, extra=None):
        self.name = name
        self.build_func_name = build_func_name
        self.static_kwargs = dict(static_kwargs)
        self.own_variables = OrderedDict(own_variables)
        self.components = OrderedDict(components or {})
        self.extra = dict(extra or {})
        self._architecture = None

    def __getstate__(self):
        return dict(self.__dict__, _architecture=None)  # made anew, of a type that pickle does not find by name

    @property
    def variables(self):
        """OrderedDict of global name to float32 array, components' names as prefixes, in the file's order.

        Generators are named as blending sees them: `G_synthesis/…` and `G_mapping/…`, whatever the file says.
        """
        return OrderedDict((name, settled(value)) for name, value in self.stored.items())

    @property
    def stored(self):
        """`variables` as they lie there: a Kept stands for what the file lacks and nobody has asked for yet."""
        stored = OrderedDict(self.own_variables)
        for role, component in self.components.items():
            for name, value in component.stored.items():
                stored["G_%s/%s" % (role, name)] = value
        return stored

    @property
    def _family_and_role(self):
        functions = OrderedDict((role, part.build_func_name) for role, part in self.components.items())
        belongs = families.belongs(self.build_func_name, functions)
        if belongs is None:
            raise NetworkFileError("network %s is built by %s; blend knows %s" % (
                self.name, self.build_func_name, families.known()))
        return belongs

    @property
    def family(self):
        """The Family that it belongs to. NetworkFileError: none that is known."""
        return self._family_and_role[0]

    @property
    def role(self):
        """'generator' or 'discriminator'. NetworkFileError: it is of no known family."""
        return self._family_and_role[1]

    @property
    def is_generator(self):
        """Whether it makes pictures; discriminators judge them."""
        return self.role == "generator"

    @property
    def architecture(self):
        """Every build argument that shapes the network or its pictures, as an immutable tuple with names.

        What was set, else the default of the family's function: `architecture.latent_size`, or
        `architecture["latent_size"]`. NetworkFileError: it is of no known family.
        """
        if self._architecture is None:
            family, role = self._family_and_role
            self._architecture = family.roles[role].architecture(self.static_kwargs)
        return self._architecture

    @property
    def resolution(self):
        """Pixels of a side of its images."""
        return self.architecture.resolution

    def replaced(self, variables):
        """The same network with other values. MismatchError: names or shapes are not this network's."""
        stored = self.stored
        misfits = ["%s: %s here, %s given" % (name, _shape(stored.get(name)), _shape(variables.get(name)))
                   for name in list(stored) + [name for name in variables if name not in stored]
                   if _shape(stored.get(name)) != _shape(variables.get(name))]
        if misfits:
            raise MismatchError("these variables do not fit %s: %s" % (self.name, "; ".join(misfits[:5])))
        return self.filled(OrderedDict((name, variables[name]) for name in stored))

    def filled(self, variables):
        """The same network with the variables of its parts, by global name, whatever it had before."""
        components, own = OrderedDict(), OrderedDict(variables)
        for role, part in self.components.items():
            prefix = "G_%s/" % role
            components[role] = part.filled(OrderedDict(
                (name[len(prefix):], own.pop(name)) for name in list(own) if name.startswith(prefix)))
        return self.changed(own_variables=own, components=components)

    def changed(self, **fields):
        """The same network with other fields, those of `__init__`."""
        state = dict(name=self.name, build_func_name=self.build_func_name, static_kwargs=self.static_kwargs,
                     own_variables=self.own_variables, components=self.components, extra=self.extra)
        return Network(**dict(state, **fields))

    def __repr__(self):
        return "<Network %s %s, %d variables>" % (self.name, self.build_func_name, len(self.stored))


def check(network, role):
    """Raise NetworkFileError unless a network is a `role` of a known family, with all its variables.

    role: 'generator' or 'discriminator'.
    """
    for part, shapes, optional in _layout(network, role):
        _check_shapes(part, shapes, optional)


def checked(network, role):
    """`check` without the scalars that the architecture does not know: (the network without them, their names).

    No graph uses them; files of Colab forks have such. role: 'generator' or 'discriminator'. NetworkFileError: as
    `check`.
    """
    idle, kept = [], {}
    for part, shapes, optional in _layout(network, role):
        names = [name for name, value in part.own_variables.items() if name not in shapes and np.shape(value) == ()]
        idle += [name for name in names if name not in idle]
        kept[id(part)] = part if not names else part.changed(own_variables=[
            (name, value) for name, value in part.own_variables.items() if name not in names])
        _check_shapes(kept[id(part)], shapes, optional)
    if not idle:
        return network, idle
    components = OrderedDict((name, kept[id(part)]) for name, part in network.components.items())
    return kept[id(network)].changed(components=components), idle


def expected_variables(network, role):
    """OrderedDict of global name to the shape that each of its variables should have, by its arguments.

    role: 'generator' or 'discriminator'. NetworkFileError: it is none of a known family, or its arguments are out of
    range.
    """
    expected = OrderedDict()
    for part, shapes, optional in _layout(network, role):
        prefix = "".join("G_%s/" % name for name, component in network.components.items() if component is part)
        expected.update((prefix + name, shape) for name, shape in shapes.items()
                        if name not in optional or name in part.own_variables)
    return expected


def _layout(network, role):
    """[(network or component, {name: shape} of its own variables, names that may be missing)]."""
    functions = OrderedDict((name, part.build_func_name) for name, part in network.components.items())
    belongs = families.belongs(network.build_func_name, functions)
    if belongs is None or belongs[1] != role:
        families.refuse(network.name, network.build_func_name, functions, role)
    family = belongs[0]
    for part in [network] + list(network.components.values()):
        fork = family.fork(part.static_kwargs, part.own_variables)
        if fork is not None:
            raise NetworkFileError("is a network of a fork of %s %s; blend reads others" % (family.name, fork))
    table = family.roles[role]
    if set(network.components) != set(table.components) or any(
            component.components for component in network.components.values()):
        raise NetworkFileError("network %s has the components %s" % (
            network.name, ", ".join(sorted(map(str, network.components))) or "(none)"))
    architecture = network.architecture
    table.check(network.name, architecture)
    layout = [(network, table.own.variables(architecture), table.own.optional)]
    for name, part in table.components.items():
        layout.append((network.components[name], part.variables(architecture), part.optional))
    return layout


def _check_shapes(network, shapes, optional):
    own_shapes = OrderedDict((name, np.shape(value)) for name, value in network.own_variables.items())
    misfits = ["%s should be %r, is %s" % (name, shape, _shape(network.own_variables.get(name)))
               for name, shape in shapes.items()
               if own_shapes.get(name) != shape and not (name in optional and name not in own_shapes)]
    misfits += ["%s is not a variable of this architecture" % name for name in own_shapes if name not in shapes]
    if misfits:
        raise NetworkFileError("network %s does not fit its static_kwargs: %s" % (
            network.name, "; ".join(misfits[:3])))


def check_same_architecture(low, high, noun, called=("the low network", "the high one")):
    """Raise MismatchError, with the first differences, unless two networks have the same layers.

    `lod` (without meaning) and arguments that change neither variables nor arithmetic (conv_clamp, a limit that few
    values reach) may differ. noun: 'networks', or what else messages call both. called: what they call either.
    """
    if low.resolution != high.resolution:
        raise MismatchError("these %s cannot be blended: %s makes pictures of %dx%d, %s of %dx%d" % (
            noun, called[0], low.resolution, low.resolution, called[1], high.resolution, high.resolution))
    misfits = differences(low, high, called)
    if misfits:
        more = "; and %d more" % (len(misfits) - 4) if len(misfits) > 4 else ""
        raise MismatchError("these %s cannot be blended, they have different layers: %s%s" % (
            noun, "; ".join(misfits[:4]), more))


def differences(low, high, called):
    """What keeps two networks from being blended, in words, one argument or variable each. called: as above."""
    a, b = low.stored, high.stored
    names = [name for name in list(a) + [name for name in b if name not in a] if name != "lod"]
    misfits = ["%s: %s in %s, %s in %s" % (name, _shape(a.get(name)), called[0], _shape(b.get(name)), called[1])
               for name in names if _shape(a.get(name)) != _shape(b.get(name))]
    arguments = low.family.roles[low.role].arguments
    a, b = low.architecture, high.architecture
    keys = [key for key in a.keys() if a[key] != b.get(key)]
    # The same layers can be described in several ways, by fmap_base for instance.
    if not misfits and not any(arguments[key].changes_pictures for key in keys):
        return []
    return ["%s: %r in %s, %r in %s" % (key, a[key], called[0], b.get(key), called[1]) for key in keys
            if arguments[key].changes_pictures or arguments[key].shapes_variables] + misfits


def not_finite(network, variables=None):
    """OrderedDict of variable name to the number of its values that are NaN or infinite; of all, or of `variables`."""
    counts = OrderedDict()
    if variables is None:
        variables = network.stored if isinstance(network, Network) else network.variables
    for name, value in variables.items():
        if isinstance(value, Pending):
            continue  # a Kept one is finite where the weights are; others look when they are made
        # The sum is enough for the common case, and needs no memory; values near the largest float32 only look bad.
        if not np.isfinite(np.sum(value, dtype=np.float64)):
            count = int(np.size(value) - np.count_nonzero(np.isfinite(value)))
            if count:
                counts[name] = count
    return counts


def check_finite(network, called, variables=None):
    """Raise NetworkFileError with the variables of a network, all or these, that hold NaN or infinite values.

    called: what the message calls the network.
    """
    broken = ["%s has %d of %d" % (name, count, network.variables[name].size)
              for name, count in not_finite(network, variables).items()]
    if broken:
        more = "; and %d more variables" % (len(broken) - 4) if len(broken) > 4 else ""
        raise NetworkFileError("%s: weights are NaN or infinite: %s%s" % (called, "; ".join(broken[:4]), more))


def _shape(value):
    return "missing" if value is None else "%r" % (np.shape(value),)
