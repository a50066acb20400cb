"""A family is one file and one registration: a made-up one is read, inspected, converted and blended."""

from collections import OrderedDict

import numpy as np
import pytest
from conftest import pico_file

import blend
from blend.networks import families, stylegan2
from blend.networks.families import Argument, Family, Part, Role
from blend.networks.layers import Layer
from blend.networks.network import Network
from blend.run import main

ARGUMENTS = OrderedDict([
    ("resolution", Argument(int, 32, choices=(8, 16, 32), shapes_variables=True)),
    ("strands", Argument(int, 2, 1, 9, shapes_variables=True)),
    ("wave", Argument(float, 1.0, 0, 10, changes_pictures=True)),
    ("remark", Argument(str, "")),
])


def _variables(architecture):
    return OrderedDict(("G_synthesis/%dx%d/Loom/weight" % (2 ** r, 2 ** r), (architecture.strands, 3))
                       for r in range(2, architecture.resolution.bit_length()))


def _locate(name):
    parts = name.split("/")
    if len(parts) == 4 and parts[2] == "Loom":
        return Layer("conv", int(parts[1].partition("x")[0]), "Loom", 0)
    return None


LOOM = Family("Loom", {"generator": Role(ARGUMENTS, Part(("G_loom",), _variables))}, _locate,
              lambda architecture: [("strands", "%d of wave %g" % (architecture.strands, architecture.wave))])


@pytest.fixture
def loom():
    families.register(LOOM)
    yield
    families._REGISTERED.remove(LOOM)


def woven(seed=0, **kwargs):
    """A NetworkFile of the made-up family."""
    random = np.random.RandomState(seed)
    architecture = LOOM.roles["generator"].architecture(kwargs)
    variables = OrderedDict((name, random.randn(*shape).astype(np.float32))
                            for name, shape in _variables(architecture).items())
    return blend.NetworkFile(Network("Gs", "G_loom", kwargs, variables))


def test_it_is_inspected_converted_and_blended(loom, tmp_path, capsys):
    low, high = woven(1, strands=3), woven(2, strands=3)
    paths = [str(tmp_path / name) for name in ("low.pkl", "high.pkl")]
    for networks, path in zip((low, high), paths):
        networks.save(path)
    assert main(["inspect", paths[0], "--variables"]) == 0
    said = capsys.readouterr().out
    assert "family   Loom" in said and "strands  3 of wave 1" in said and "G_synthesis/8x8/Loom/weight 3x3" in said
    there, back = str(tmp_path / "low.safetensors"), str(tmp_path / "back.pkl")
    assert main(["convert", paths[0], there]) == 0
    assert main(["convert", there, back, "--format", "tensorflow"]) == 0
    assert open(back, "rb").read() == open(paths[0], "rb").read()
    for ending in (".pt", "-torch.pkl"):
        assert main(["convert", paths[0], str(tmp_path / "low") + ending] + ["--format", "pytorch"] * (
            ending == "-torch.pkl")) == 2
        assert "Loom" in capsys.readouterr().err
    with pytest.raises(blend.BlendError, match="of Loom, of which no pictures"):
        blend.generate(low, seeds=[1])
    mixed = str(tmp_path / "mixed.pkl")
    assert main(paths + ["--resolution", "8", "--no-pictures", "--save", mixed]) == 0
    found = blend.load(mixed).Gs.variables
    for name, value in found.items():
        whose = high if name.split("/")[1] in ("16x16", "32x32") else low
        assert np.array_equal(value, whose.Gs.variables[name])


def test_its_errors_come_from_its_table(loom, tmp_path):
    path = str(tmp_path / "low.pkl")
    for kwargs, words in (({"strands": 10}, "strands 10; supported: a whole number from 1 to 9"),
                          ({"resolution": 64}, "resolution 64; supported: 8, 16, 32"),
                          ({"wave": "high"}, "wave 'high'; supported: a number from 0 to 10")):
        woven(**kwargs).save(path)
        with pytest.raises(blend.NetworkFileError) as error:
            blend.load(path)
        assert words in str(error.value)
    with pytest.raises(blend.MismatchError, match="wave: 1.0 in the low network, 2.0 in the high one"):
        blend.blend(woven(), woven(wave=2.0), 8)
    with pytest.raises(blend.MismatchError, match="strands"):
        blend.blend(woven(), woven(strands=3), 8)
    assert blend.blend(woven(remark="a"), woven(remark="b"), 8).Gs.resolution == 32


def test_without_it_nothing_of_it_is_known(tmp_path):
    path = str(tmp_path / "low.pkl")
    bare = Network("Gs", "G_loom", {}, {})
    blend.NetworkFile(bare).write(blend.checkpoints.Target(path, "safetensors"))
    with pytest.raises(blend.NetworkFileError, match="built by G_loom where a generator has G_main"):
        blend.load(path)


def test_architectures_are_values():
    network = pico_file().Gs
    architecture = network.architecture
    assert architecture is network.architecture and architecture.latent_size == architecture["latent_size"] == 8
    assert hash(architecture) == hash(pico_file(seed=3).Gs.architecture) and architecture == pico_file().Gs.architecture
    assert dict(architecture.items())["resolution"] == 16 and dict(**architecture)["fmap_max"] == 8
    with pytest.raises(AttributeError):
        architecture.latent_size = 9
    with pytest.raises(KeyError):
        architecture["no such argument"]


def test_every_argument_of_stylegan2_says_what_it_does():
    """What shapes variables by the table does, and nothing else: each argument changed by itself."""
    other = {int: lambda n: n * 2 or 1, float: lambda n: (n or 1.0) * 2, bool: lambda n: not n,
             tuple: lambda n: (1, 2, 1)}
    for role in ("generator", "discriminator"):
        part = stylegan2.STYLEGAN2_ADA.roles[role]
        labels = {"label_size": 2, "mapping_layers": 2, "resolution": 16, "fmap_base": 64, "fmap_max": 16}
        base = part.architecture(labels)

        def shapes(architecture, part=part):
            return [part.own.variables(architecture)] + [each.variables(architecture)
                                                         for each in part.components.values()]

        for name, argument in part.arguments.items():
            if name in ("label_embedding", "mbstd_num_features", "mbstd_group_size"):
                continue  # of the family itself; has one value; matters where it is 0 or 1
            value = base[name]
            new = next((each for each in argument.choices if each != value), None) or other[argument.type](value or 0)
            changed = part.architecture(dict(labels, **{name: new}))
            if name == "fmap_min":
                changed = part.architecture(dict(labels, fmap_min=16))
            assert (shapes(changed) != shapes(base)) == argument.shapes_variables, (role, name)
