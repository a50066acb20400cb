"""A merge recipe: which networks are merged how, in one stage or several, as a person writes it in YAML or JSON.

    method: linear
    networks:
      - network: photo                  # a file, a URL, a name of the zoo, or of an earlier stage
      - network: cartoon
        weight: {8x8: 0.3, 16x16/Conv1: 1}

Everything that can be checked without the networks is checked here, and every mistake says where it stands.
"""

import re
from collections import OrderedDict
from typing import Dict, NamedTuple, Optional, Tuple, Union

from blend.errors import BlendError, brief, closest
from blend.mixing.blends import check_count
from blend.mixing.methods import METHODS, PARAMETERS
from blend.mixing.plan import MERGED, OUTSIDE, is_number
from blend.system import plain_yaml

BASE = "base"
_MOST = 100  # networks in a recipe, each an open file
_LARGEST = 1e6  # weight
_LAYER = re.compile(r"(\d{1,4})x\1(/[A-Za-z0-9_]{1,20})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RECIPE_KEYS = ("name", "stages", "pictures")
_STAGE_KEYS = ("name", "method", "base", "networks", "parameters", "mapping", "dlatent_avg", "noise_buffers", "torgb",
               "pictures")
_ENTRY_KEYS = ("network", "name", "sha256", "weight", "density", "parameters")
# Words of other programs and papers, and ours.
_ALSO = {"merge_method": "method"}
_OURS = {"models": "networks", "model": "network", "base_model": "base", "sources": "networks", "slices": "networks",
         "lambda": "scale", "weights": "weight", "alpha": "weight", "file": "network", "path": "network"}
_SHOWN = 60  # characters of a value in a message


class Entry(NamedTuple):
    """A network of a stage: what it is called where, its SHA-256 if it must have one, its weight and parameters."""

    network: str
    name: Optional[str] = None
    sha256: Optional[str] = None
    weight: Union[float, Dict[str, float], None] = None
    density: Optional[float] = None

    @property
    def label(self):
        """What the rest of the recipe, and messages, call it."""
        return self.name or self.network


class Stage(NamedTuple):
    """One merge. mapping, dlatent_avg, noise_buffers, torgb: as in `Weights`."""

    name: Optional[str]
    method: str
    networks: Tuple[Entry, ...]
    base: Optional[Entry] = None
    parameters: Dict[str, float] = {}
    mapping: Union[int, str] = 0
    dlatent_avg: Union[int, str] = 0
    noise_buffers: Union[int, str] = 0
    torgb: Optional[int] = None

    @property
    def entries(self):
        """Its networks and its base."""
        return self.networks + ((self.base,) if self.base else ())


class MergeRecipe(NamedTuple):
    """Stages, the last of which gives the result; later ones use earlier ones by name. pictures: options, unread."""

    stages: Tuple[Stage, ...]
    name: Optional[str] = None
    pictures: Dict[str, object] = {}

    @property
    def sources(self):
        """Every network that is no stage, an Entry each, in order."""
        names = {stage.name for stage in self.stages}
        entries = OrderedDict()
        for stage in self.stages:
            for entry in stage.entries:
                if entry.network not in names and not (entry.network in entries and entry.sha256 is None):
                    entries[entry.network] = entry
        return list(entries.values())


def read(path):
    """The MergeRecipe of a file. BlendError: it cannot be read, or what is wrong in it, and where."""
    documents = plain_yaml.read(path)
    if not documents:
        raise BlendError("%s: is empty; a merge recipe has at least method and networks" % path)
    return parse(documents[0] if len(documents) == 1 else documents, path)


def parse(value, where="recipe"):
    """The MergeRecipe of plain data: a stage, a list of stages, or a dict with `stages`. BlendError as in `read`.

    >>> parse({"method": "linear", "networks": ["photo", "cartoon"]}).stages[0].networks[1].network
    'cartoon'
    """
    if isinstance(value, dict) and "low" in value and "high" in value:
        raise BlendError("%s: is the recipe of a blend: python -m blend.run --recipe %s" % (where, where))
    if isinstance(value, dict) and "stages" in value:
        _check_keys(value, where, _RECIPE_KEYS)
        name, pictures, listed = _text(value, "name", where), value.get("pictures"), value["stages"]
    else:
        listed = value if isinstance(value, list) else [value]
        name, pictures = None, [stage.get("pictures") for stage in listed if isinstance(stage, dict)][-1:]
        pictures = pictures[0] if pictures else None
    if not isinstance(listed, list) or not listed:
        raise BlendError("%s: stages: a list of stages is expected, not %s" % (where, _shown(listed)))
    if len(listed) > _MOST:
        raise BlendError("%s: more than %d stages" % (where, _MOST))
    if pictures is not None and not isinstance(pictures, dict):
        raise BlendError("%s: pictures: options such as {seeds: [0, 1]} are expected, not %s" % (
            where, _shown(pictures)))
    places = [where if len(listed) == 1 else "%s: stage %d%s" % (where, number, _name_of(stage))
              for number, stage in enumerate(listed, 1)]
    stages = tuple(_stage(stage, place) for stage, place in zip(listed, places))
    _check_stages(stages, places)
    _check_digests(stages, places)
    if sum(len(stage.networks) for stage in stages) > _MOST:
        raise BlendError("%s: more than %d networks" % (where, _MOST))
    return MergeRecipe(stages, name or stages[-1].name, dict(pictures or {}))


def _name_of(stage):
    name = stage.get("name") if isinstance(stage, dict) else None
    return " (%s)" % name[:_SHOWN] if isinstance(name, str) else ""


def _stage(value, where):
    if not isinstance(value, dict):
        raise BlendError("%s: method and networks are expected, not %s" % (where, _shown(value)))
    value = _renamed(value, where)
    _check_keys(value, where, _STAGE_KEYS)
    method = _method(value, where)
    networks = value.get("networks")
    if not isinstance(networks, list) or not networks:
        raise BlendError("%s: networks: a list of networks is expected, not %s" % (where, _shown(networks)))
    if len(networks) > _MOST:
        raise BlendError("%s: more than %d networks" % (where, _MOST))
    entries = tuple(_entry(entry, "%s: networks[%d]" % (where, number), method)
                    for number, entry in enumerate(networks, 1))
    base = value.get("base")
    if base is not None:
        base = _entry(base, where + ": base", None)
    try:
        check_count(method, len(entries), base is not None)
    except BlendError as error:
        raise BlendError("%s: %s" % (where, error))
    parameters = _stage_parameters(value.get("parameters"), where + ": parameters", method)
    _check_weights(entries, parameters, where, method)
    stage = Stage(_text(value, "name", where), method, entries, base, parameters)
    givers = {key: _giver(value.get(key), stage, "%s: %s" % (where, key), key) for key in (
        "mapping", "dlatent_avg", "noise_buffers", "torgb")}
    if "dlatent_avg" not in value:
        givers["dlatent_avg"] = givers["mapping"]  # the average is that of what the mapping network makes
    return stage._replace(**givers)


def _method(value, where):
    method = value.get("method")
    if isinstance(method, str) and method.replace("_", "-") in METHODS:
        return method.replace("_", "-")
    raise BlendError("%s: method: %s, not %s%s" % (where, ", ".join(METHODS), _shown(method), _hint(method, METHODS)))


def _entry(value, where, method):
    """An Entry from a name, or from a dict. method: None for a base, which has no weight."""
    if isinstance(value, str):
        value = {"network": value}
    if not isinstance(value, dict):
        raise BlendError("%s: a network is expected, a name or {network: …, weight: …}, not %s" % (
            where, _shown(value)))
    _check_keys(value, where, _ENTRY_KEYS if method else _ENTRY_KEYS[:3])
    network, name, sha256 = [_text(value, key, where) for key in ("network", "name", "sha256")]
    if not network:
        raise BlendError("%s: network: a file, a URL, or a name is expected" % where)
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise BlendError("%s: sha256: 64 hexadecimal digits are expected, not %s" % (where, _shown(sha256)))
    own, place = value.get("parameters", {}), where + ": parameters"
    if not isinstance(own, dict):
        raise BlendError("%s: parameters: a dict is expected, not %s" % (where, _shown(own)))
    _check_keys(own, place, ("weight", "density"))
    for key in own:
        if key in value:
            raise BlendError("%s: %s stands twice, also in parameters" % (where, key))
    given = dict(own, **{key: value[key] for key in ("weight", "density") if key in value})
    density = given.get("density")
    if density is not None:
        _check_parameter("density", density, where, method)
    weight = given.get("weight")
    if weight is not None:
        _check_weight(weight, where + ": weight", method)
    return Entry(network, name, sha256, weight, density)


def _check_weight(weight, where, method):
    if not METHODS[method].weighted:
        raise BlendError("%s: %s takes no weights" % (where, method))
    least = -_LARGEST if METHODS[method].negative else 0
    for key, number in (weight.items() if isinstance(weight, dict) else [(None, weight)]):
        place = where if key is None else "%s: %s" % (where, _shown(key))
        if key is not None and not (_LAYER.fullmatch(key) or key in OUTSIDE.values()):
            raise BlendError("%s: layers are called 8x8 or 16x16/Conv1%s" % (place, _hint(key, OUTSIDE.values())))
        if not is_number(number):
            raise BlendError('%s: a number, or numbers by layer such as {8x8: 0.3}, is expected, not %s' % (
                place, _shown(number)))
        if not least <= number <= _LARGEST:
            raise BlendError("%s: %s takes weights %s, not %s" % (
                place, method, "from minus to plus a million" if METHODS[method].negative else "of 0 and more",
                _shown(number)))


def _stage_parameters(value, where, method):
    if value is None:
        return {}
    known = METHODS[method].parameters + {"linear": ("normalize",), "slerp": ("t",)}.get(method, ())
    if not isinstance(value, dict):
        raise BlendError("%s: a dict is expected, not %s" % (where, _shown(value)))
    value = {("scale" if key == "lambda" and "scale" in known and "scale" not in value else key): number
             for key, number in value.items()}
    _check_keys(value, where, known, "%s takes %s" % (method, ", ".join(known) or "none"))
    for key, number in value.items():
        if key == "t":
            _check_weight(number, where + ": t", method)
            for part in number.values() if isinstance(number, dict) else [number]:
                if part > 1:
                    raise BlendError("%s: t: a number from 0 to 1 is expected, not %s" % (where, _shown(part)))
        elif key == "normalize":
            if not isinstance(number, bool):
                raise BlendError("%s: normalize: true or false is expected, not %s" % (where, _shown(number)))
        else:
            _check_parameter(key, number, where, method)
    return value


def _check_parameter(key, value, where, method):
    parameter = PARAMETERS[key]
    if key not in METHODS[method].parameters:
        raise BlendError("%s: %s takes no %s" % (where, method, key))
    if not is_number(value) or parameter.is_integer and value != int(value) or (
            not parameter.least <= value <= parameter.most):
        raise BlendError("%s: %s: a %s from %g to %g is expected, not %s" % (
            where, key, "whole number" if parameter.is_integer else "number", parameter.least, parameter.most,
            _shown(value)))


def _check_weights(entries, parameters, where, method):
    """Raise BlendError unless it is clear how much of each network is taken."""
    missing = [entry for entry in entries if entry.weight is None]
    if method == "slerp" and ("t" in parameters) == (len(missing) < 2):
        raise BlendError("%s: slerp takes parameters: {t: …}, how far it is from the first network to the second, or "
                         "weights, %s" % (where, "not both" if "t" in parameters else "and has none"))
    if METHODS[method].normalised and 1 < len(missing) < len(entries):
        raise BlendError("%s: networks: %s have no weight; give all a weight, all but one (which takes what is left of "
                         "1), or none" % (where, " and ".join(entry.label[:_SHOWN] for entry in missing[:4])))


def _giver(value, stage, where, key):
    """The index of the network that gives a part, by its name or its number from 1; MERGED; None only for torgb."""
    if value is None:
        return None if key == "torgb" else 0
    if key != "torgb" and value == MERGED:
        return MERGED
    labels = [entry.label for entry in stage.networks]
    if is_number(value) and value == int(value) and 1 <= value <= len(labels):
        return int(value) - 1
    if isinstance(value, str) and labels.count(value) > 1:
        raise BlendError("%s: several networks are called %s; give each a name" % (where, _shown(value)))
    if value in labels:
        return labels.index(value)
    if stage.base is not None and value in (BASE, stage.base.label):
        return len(labels)
    choices = labels + ([BASE] if stage.base is not None else []) + ([MERGED] if key != "torgb" else [])
    raise BlendError("%s: one of %s, or a number from 1 to %d, is expected, not %s%s" % (
        where, ", ".join(label[:_SHOWN] for label in choices[:12]), len(labels), _shown(value), _hint(value, choices)))


def _check_stages(stages, places):
    """Raise BlendError unless stages have names of their own, use earlier ones only, and all serve the last."""
    names = [stage.name for stage in stages]
    used = set()
    for number, (stage, place) in enumerate(zip(stages, places)):
        if stage.name is None and number < len(stages) - 1:
            raise BlendError("%s: name: every stage but the last needs one" % place)
        if stage.name is not None and names.index(stage.name) != number:
            raise BlendError("%s: name: an earlier stage has the same" % place)
        for entry in stage.entries:
            if entry.network in names[number:]:
                raise BlendError("%s: uses %s, which is %s; a stage can use earlier ones" % (
                    place, _shown(entry.network), "itself" if entry.network == stage.name else "a later stage"))
            used.add(entry.network)
    for stage, place in zip(stages[:-1], places):
        if stage.name not in used:
            raise BlendError("%s: no later stage uses it, and the last gives the result" % place)


def _check_digests(stages, places):
    """Raise BlendError unless every network is said to be one file."""
    digests = {}
    for stage, place in zip(stages, places):
        for entry in stage.entries:
            if entry.sha256 is not None and digests.setdefault(entry.network, entry.sha256) != entry.sha256:
                raise BlendError("%s: %s has another sha256 than before" % (place, _shown(entry.network)))


def _renamed(value, where):
    for other, ours in _ALSO.items():
        if other in value:
            if ours in value:
                raise BlendError("%s: %s stands twice, also as %s" % (where, ours, other))
            value = {(ours if key == other else key): part for key, part in value.items()}
    return value


def _check_keys(value, where, known, explained=None):
    for key in value:
        if key not in known:
            ours = _OURS.get(key)
            hint = "; did you mean %s?" % ours if ours in known else _hint(key, known)
            raise BlendError("%s: unknown key %s; %s%s" % (
                where, _shown(key), explained or "there are %s" % ", ".join(known), hint))


def _text(value, key, where):
    text = value.get(key)
    if text is not None and not (isinstance(text, str) and text.strip() and text.isprintable() and len(text) <= 4096):
        raise BlendError("%s: %s: a text is expected, not %s" % (where, key, _shown(text)))
    return text


def _shown(value):
    return value[:_SHOWN] if isinstance(value, str) else brief(value)


def _hint(word, known):
    near = closest(word, known)
    return "; did you mean %s?" % near if near else ""


def with_places(recipe, place):
    """The same recipe with `place(network)` in place of every network that is no stage.

    BlendError: a stage is called what a network would be.
    """
    names = {stage.name for stage in recipe.stages}

    def placed(entry):
        if entry is None or entry.network in names:
            return entry
        network = place(entry.network)
        if network in names:
            raise BlendError("the stage %s is called like the file of the network %s; give it another name" % (
                _shown(network), _shown(entry.network)))
        return entry._replace(network=network)

    return recipe._replace(stages=tuple(stage._replace(
        base=placed(stage.base), networks=tuple(placed(entry) for entry in stage.networks)) for stage in recipe.stages))


def _giver_in_words(giver, stage):
    """Who gives a part, as recipes say it: MERGED, BASE, or the number of a network, from 1."""
    if giver == MERGED:
        return giver
    return BASE if giver == len(stage.networks) else giver + 1


def as_dict(recipe, digests=None):
    """Plain data from which `parse` makes the same recipe. digests: {network: SHA-256}, written beside each."""
    stages = [_stage_dict(stage, digests or {}) for stage in recipe.stages]
    if len(stages) == 1:
        whole = stages[0]
    else:
        whole = {"name": recipe.name} if recipe.name not in (None, recipe.stages[-1].name) else {}
        whole["stages"] = stages
    if recipe.pictures:
        whole["pictures"] = dict(recipe.pictures)
    return whole


def _stage_dict(stage, digests):
    def entry_dict(entry):
        fields = {"network": entry.network, "name": entry.name, "sha256": digests.get(entry.network, entry.sha256),
                  "weight": entry.weight, "density": entry.density}
        return {key: value for key, value in fields.items() if value is not None}

    plain = {"name": stage.name} if stage.name else {}
    plain["method"] = stage.method
    if stage.base:
        plain["base"] = entry_dict(stage.base)
    plain["networks"] = [entry_dict(entry) for entry in stage.networks]
    if stage.parameters:
        plain["parameters"] = dict(stage.parameters)
    for key in ("mapping", "dlatent_avg", "noise_buffers", "torgb"):
        giver = getattr(stage, key)
        follows = key == "dlatent_avg" and giver == stage.mapping
        if not follows and (giver not in (None, 0) or key in ("dlatent_avg", "torgb") and giver == 0):
            plain[key] = _giver_in_words(giver, stage)
    return plain
