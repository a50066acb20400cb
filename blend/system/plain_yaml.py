"""YAML (and JSON, which is a part of it) as plain data, from people who write it and from strangers.

Read are null, booleans, numbers, texts, lists and dicts. What small files can blow up with is refused: anchors and
aliases, tags, keys that stand twice, endless numbers, deep nesting.
"""

import json
import re
from collections import OrderedDict

from blend.errors import BlendError
from blend.system.files import open_regular, reason, whole_number

_MOST = 2 ** 18  # bytes; of which PyYAML reads some 500,000 a second
_MOST_VALUES = 5000
_DEEPEST = 12
_LONGEST_NUMBER = 30
_TAGS = ("null", "bool", "int", "float", "str", "seq", "map")
# PyYAML follows YAML 1.1, for which 1e-3 is a text.
_FLOAT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")


def read(path):
    """The documents of a file, a list. BlendError: it cannot be read, or is not such a text, and in which line."""
    try:
        with open_regular(path) as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise BlendError("%s: cannot be read (%s)" % (path, reason(error)))
    if len(data) > _MOST:
        raise BlendError("%s: has more than %d bytes; a recipe has some hundred" % (path, _MOST))
    try:
        return parse(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise BlendError("%s: is no text in UTF-8" % path)
    except BlendError as error:
        raise BlendError("%s: %s" % (path, error))


def parse(text):
    """The documents of a text, a list. BlendError: it is no such text, and in which line.

    >>> parse("a: [1, 0.5, x]")
    [{'a': [1, 0.5, 'x']}]
    """
    import yaml  # a twentieth of a second

    if text.lstrip()[:1] in ("{", "["):
        try:
            return [json.loads(text, object_pairs_hook=_unique, parse_int=whole_number)]
        except (ValueError, RecursionError):
            pass  # YAML has such brackets, too, and says what is wrong
    documents = []
    try:
        loader = _loader(yaml)(text)
        while loader.check_data():
            documents.append(loader.get_data())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BlendError("%s%s" % ("line %d: " % (mark.line + 1) if mark else "", _in_words(error)))
    except yaml.YAMLError as error:
        raise BlendError("not YAML (%s)" % " ".join(str(error).split())[:100])
    except (ValueError, OverflowError) as error:
        raise BlendError("a value that cannot be read (%s)" % str(error)[:100])
    return documents


def _in_words(error):
    """PyYAML's words for what is wrong, in ours where those speak of its insides."""
    problem = error.problem or error.context or "not YAML"
    if "'\\t'" in problem:
        return "a tab; indent with spaces"
    if "block" in problem or "mapping values" in problem or "could not find expected" in problem:
        return "the indentation, or a missing colon, does not fit the lines above"
    if "stream end" in problem:
        return "the text ends too early: a bracket or a quote is not closed"
    return problem


def dump(value):
    """Plain data as YAML, dicts in their order; tuples are lists."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))  # puts "1e5" into quotes
    Dumper.add_representer(OrderedDict, lambda dumper, value: dumper.represent_dict(value.items()))
    Dumper.add_representer(tuple, Dumper.represent_list)
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)


def _unique(pairs):
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a key stands twice")
    return mapping


def _loader(yaml):
    """A SafeLoader that builds plain data only; made when YAML is first read."""
    class Loader(yaml.SafeLoader):
        _depth = _values = 0

        def compose_node(self, parent, index):
            event = self.peek_event()
            self._values += 1
            problem = _problem(yaml, event, self._depth, self._values)
            if problem is not None:
                raise yaml.constructor.ConstructorError(None, None, problem, event.start_mark)
            self._depth += 1
            node = super(Loader, self).compose_node(parent, index)
            self._depth -= 1
            if node.tag.rpartition(":")[2] not in _TAGS:
                node.tag = "tag:yaml.org,2002:str"  # dates and such: what they look like
            return node

        def construct_mapping(self, node, deep=False):
            mapping = {}
            for key_node, value_node in node.value:
                key = self.construct_object(key_node, deep=True)
                if not isinstance(key, str) or key in mapping:
                    problem = "%s stands twice" % key[:50] if isinstance(key, str) else "a key that is no text"
                    raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
                mapping[key] = self.construct_object(value_node, deep=True)
            return mapping

        def construct_yaml_map(self, node):
            yield self.construct_mapping(node)

        def construct_number(self, node):
            text = str(node.value)
            if len(text) > _LONGEST_NUMBER:
                raise yaml.constructor.ConstructorError(
                    None, None, "a number of %d characters" % len(text), node.start_mark)
            if _FLOAT.match(text):
                return float(text)
            if node.tag.endswith("float"):
                return self.construct_yaml_float(node)
            return self.construct_yaml_int(node)

    _teach(Loader)
    return Loader


def _problem(yaml, event, depth, count):
    """Why the value that begins with an event is not read, in words, or None. count: of the values so far."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        return "anchors and aliases (&, *) are not read; write the value out"
    if getattr(event, "tag", None) is not None:
        return "tags (!) are not read"
    if depth >= _DEEPEST:
        return "nested too deeply"
    return "more than %d values" % _MOST_VALUES if count > _MOST_VALUES else None


def _teach(loader):
    """Let a class of loaders read numbers and dicts as `_loader`'s methods do."""
    for word in ("int", "float"):
        loader.add_constructor("tag:yaml.org,2002:" + word, loader.construct_number)
    loader.add_constructor("tag:yaml.org,2002:map", loader.construct_yaml_map)
    loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))
