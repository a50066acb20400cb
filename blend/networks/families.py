"""Families of networks: the tables that say what a family is made of, and which family a network belongs to.

A family is one file with a `Family`; `register` makes the rest of the package know it: reading and its errors,
`inspect`, converting, and blending. Families import nothing of networks; networks ask their family.
"""

from collections import OrderedDict
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple, Union

import numpy as np

from blend.errors import BlendError, NetworkFileError, brief
from blend.networks.layers import Layer

MOST_TAPS = 16      # numbers of a filter
_LARGEST = 2 ** 20   # of any size that a file may state
_LEAST_SUM = 0.001   # of a filter's numbers


class Argument(NamedTuple):
    """One argument of a network's build function: what files may say, and what follows from it.

    type: int, float, bool, str, or tuple (a few numbers). None is a value where `default` or `none_is` says so:
    `none_is` names the argument whose value it then takes. least, most: of a number. choices: all values that there
    are, where they can be listed.
    """

    type: type
    default: Union[int, float, str, tuple, None]  # a bool is an int
    least: float = 0
    most: float = _LARGEST
    choices: tuple = ()
    is_optional: bool = False        # None is a value of its own
    none_is: Optional[str] = None    # the argument that None stands for
    changes_pictures: bool = False   # by arithmetic alone: networks that differ in it do not blend
    shapes_variables: bool = False

    def fits(self, value):
        """Whether a value has the type and is in range."""
        if value is None:
            return self.is_optional or self.none_is is not None
        numbers = value[:MOST_TAPS] if type(value) is self.type is tuple else (value,)
        types = (int, float) if self.type in (float, tuple) else (self.type,)
        if not numbers or not all(type(number) in types for number in numbers):
            return False
        if self.type is tuple:
            return (2 <= len(value) <= MOST_TAPS and sum(value) > _LEAST_SUM
                    and all(abs(number) <= self.most for number in value))
        if self.choices:
            return value in self.choices
        return self.type is str or self.least <= value <= self.most

    @property
    def range(self):
        """What values there are, in words."""
        if self.choices:
            return ", ".join(map(str, self.choices))
        if self.type is tuple:
            return "2 to %d numbers" % MOST_TAPS
        if self.type in (bool, str):
            return {bool: "yes or no", str: "a text"}[self.type]
        return "a %snumber from %g to %g" % ("whole " if self.type is int else "", self.least, self.most)


class Architecture(object):
    """The mixin of architectures, named tuples of a role's arguments: they are mappings, too.

    `architecture["resolution"]` is `architecture.resolution`.
    """

    __slots__ = ()

    def __getitem__(self, key):
        if isinstance(key, str):
            if key not in self._fields:
                raise KeyError(key)
            return getattr(self, key)
        return tuple.__getitem__(self, key)

    def get(self, key, default=None):
        """The value of an argument, or `default` where the family has no such argument."""
        return getattr(self, key) if key in self._fields else default

    def keys(self):
        """The names of the arguments."""
        return self._fields

    def items(self):
        """(name, value) of all arguments."""
        return list(zip(self._fields, self))

    def __reduce__(self):  # copies in other processes have to make the type first
        return _architecture_of, (self.argument_types, tuple(self))


class Part(NamedTuple):
    """A network, or a component of one: the functions that build it, and its own variables.

    variables: a function of the architecture that gives {name: shape}, in the order of files. optional: names that
    files may lack.
    """

    functions: Tuple[str, ...]
    variables: Callable[[Architecture], Dict[str, tuple]]
    optional: Tuple[str, ...] = ()


class Role(NamedTuple):
    """What a generator or a discriminator of a family is: arguments, the network's own part, its components.

    resolved: a function of {argument: value} that gives the architecture's values, with what follows from others.
    """

    arguments: Dict[str, Argument]
    own: Part
    components: Dict[str, Part] = OrderedDict()
    resolved: Callable[[dict], dict] = lambda values: values

    def architecture(self, static_kwargs):
        """The Architecture of build arguments: what a file sets, else the defaults; checked by `check`, not here."""
        values = OrderedDict()
        for name, argument in self.arguments.items():
            value = static_kwargs.get(name, argument.default)
            if isinstance(value, (np.generic, np.ndarray)) and value.size <= MOST_TAPS:
                value = value.tolist()
            values[name] = tuple(value) if isinstance(value, list) else value
        for name, argument in self.arguments.items():
            if values[name] is None and argument.none_is is not None:
                values[name] = values[argument.none_is]
        architecture = _architecture_type(tuple((name, argument.type) for name, argument in self.arguments.items()))
        return architecture(**self.resolved(values))

    def check(self, name, architecture):
        """Raise NetworkFileError, naming the network, unless every argument has its type and is in range."""
        for key, argument in self.arguments.items():
            if not argument.fits(architecture[key]):
                raise NetworkFileError("network %s has %s %s; supported: %s" % (
                    name, key, brief(architecture[key]), argument.range))


class Family(NamedTuple):
    """A family of networks.

    roles: 'generator' and, if there is one, 'discriminator'. locate: a function of a variable's global name that gives
    its Layer, or None for names of other families. summary: a function of a generator's architecture that gives the
    lines of `inspect`, as (word, text). fork: a function of static_kwargs and own variables of a network, or of a
    component, that says which fork of the family it comes from, or None.
    """

    name: str
    roles: Dict[str, Role]
    locate: Callable[[str], Optional[Layer]]
    summary: Callable[[Architecture], List[Tuple[str, str]]]
    fork: Callable[[dict, dict], Optional[str]] = lambda static_kwargs, own_variables: None


def _architecture_of(fields, values):
    return _architecture_type(fields)(*values)


_ARCHITECTURE_TYPES = {}


def _architecture_type(fields):
    """The immutable type of architectures with these fields, (name, type)."""
    if fields not in _ARCHITECTURE_TYPES:
        plain = NamedTuple("Architecture", [(name, Optional[type_]) for name, type_ in fields])
        _ARCHITECTURE_TYPES[fields] = type(
            "Architecture", (Architecture, plain), {"__slots__": (), "argument_types": fields})
    return _ARCHITECTURE_TYPES[fields]


_REGISTERED = []
# Build functions of families that are known by name alone.
_UNSUPPORTED = {
    "G_style": "StyleGAN 1", "D_basic": "StyleGAN 1", "G_paper": "Progressive GAN", "D_paper": "Progressive GAN",
    "G_synthesis_stylegan_revised": "StyleGAN2's configs a to d (progressive growing)",
    "D_stylegan": "StyleGAN2's configs a to d (progressive growing)",
}


def register(family):
    """Let the package know a family; returns it."""
    _REGISTERED.append(family)
    return family


def belongs(function, components):
    """(Family, 'generator' or 'discriminator') of a network by its build function and its components', or None.

    components: {role: build function}.
    """
    for family in _REGISTERED:
        for name, role in family.roles.items():
            has_components = all(components.get(key, component.functions[0]) in component.functions
                                 for key, component in role.components.items())
            if function in role.own.functions and has_components:
                return family, name
    return None


def refuse(name, function, components, role):
    """Raise the NetworkFileError of a network that is no `role` of a known family, and say what it is instead."""
    for builder in [function] + list(components.values()):
        if builder in _UNSUPPORTED:
            raise NetworkFileError("is a network of %s (%s); blend reads %s" % (
                _UNSUPPORTED[builder], builder, known()))
    tables = [family.roles[role] for family in _REGISTERED if role in family.roles]
    fitting = [table for table in tables if function in table.own.functions]
    subject, wanted = "network %s" % name, [builder for table in tables for builder in table.own.functions]
    for part in components if fitting else ():
        wanted = [builder for table in fitting if part in table.components
                  for builder in table.components[part].functions]
        if components[part] not in wanted:
            subject, function = "the %s of %s" % (part, name), components[part]
            break
    raise NetworkFileError("%s is built by %s where a %s has %s; other architectures are not supported" % (
        subject, function, role, " or ".join(sorted(set(wanted))) or "none"))


def known():
    """The names of the registered families, for messages."""
    return ", ".join(family.name for family in _REGISTERED)


def locate(name):
    """The Layer of a variable of a generator, by its global name. BlendError: no family has such a variable."""
    for family in _REGISTERED:
        layer = family.locate(name)
        if layer is not None:
            return layer
    raise BlendError("variable %s belongs to no layer of a %s generator" % (name, known()))
