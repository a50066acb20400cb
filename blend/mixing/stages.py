"""A merge recipe carried out: networks in, one network out."""

from collections import Counter

from blend.errors import BlendError
from blend.mixing.blends import merge_files
from blend.mixing.methods import METHODS, PARAMETERS
from blend.mixing.plan import Weights


def run(recipe, load):
    """(the merged NetworkFile, the plan of the last stage: OrderedDict of variable name to Share).

    Large arrays are `Pending`, made while the network is written. load: a function of an Entry that gives its
    NetworkFile. BlendError: networks that do not fit, or layers that they do not have; then nothing was merged yet.
    """
    results = {entry.network: load(entry) for entry in recipe.sources}
    uses = Counter(entry.network for stage in recipe.stages for entry in stage.entries)
    for stage in recipe.stages:
        base = None if stage.base is None else results[stage.base.network]
        try:
            results[stage.name], changes = merge_files(
                stage.method, [results[entry.network] for entry in stage.networks], weights_of(stage), base,
                _parameters(stage), [entry.label for entry in stage.entries],
                pending=uses[stage.name] <= 1)  # what several later stages use is made once
        except BlendError as error:
            where = "" if stage.name is None else "stage %s: " % stage.name
            raise type(error)("%s%s" % (where, error))
    return results[recipe.stages[-1].name], changes


def weights_of(stage):
    """The `Weights` of a Stage, with what its method takes where nothing is said."""
    method, count = METHODS[stage.method], len(stage.networks)
    given = [entry.weight for entry in stage.networks]
    # Users of other programs list the ancestor among the networks.
    whole = [0 if stage.base is not None and entry.network == stage.base.network else 1 for entry in stage.networks]
    if not method.normalised:
        given = [default if weight is None else weight for weight, default in zip(given, whole)]
    elif stage.method == "slerp" and "t" in stage.parameters:
        given = [None, stage.parameters["t"]]
    elif given.count(None) > 1:
        given = whole
    return Weights(tuple(given), stage.mapping, stage.dlatent_avg, stage.noise_buffers, stage.torgb,
                   method.normalised and stage.parameters.get("normalize", True), count if method.base else 0)


def _parameters(stage):
    """Of the method: a number each, or one for each network."""
    parameters = {key: value for key, value in stage.parameters.items() if key in PARAMETERS}
    if any(entry.density is not None for entry in stage.networks):
        common = parameters.get("density", PARAMETERS["density"].default)
        parameters["density"] = tuple(common if entry.density is None else entry.density for entry in stage.networks)
    return parameters
