"""Network files: read without executing, written whole."""

import io
import os
import pickle
import struct
import sys
import types

import numpy as np
import pytest
from conftest import SOURCE, golden, pico_file

import blend
from blend.checkpoints import tensorflow_pickle
from blend.checkpoints.pickle_reader import Machine
from blend.system import files


def same(one, other):
    assert one.name == other.name and one.build_func_name == other.build_func_name
    assert one.static_kwargs == other.static_kwargs and one.extra == other.extra
    a, b = one.variables, other.variables
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype and a[name].tobytes() == b[name].tobytes(), name


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "network.pkl")


@pytest.mark.parametrize("name", ["skip64", "resnet32", "orig32", "labels32"])
def test_round_trip(name, path):
    networks = golden(name).a
    networks.save(path)
    found = blend.load(path)
    for role in ("G", "D", "Gs"):
        same(getattr(found, role), getattr(networks, role))


def test_gs_alone_and_unknown_things_are_carried_through(path):
    networks = pico_file(later={"a": [1, 2.5, None, True, (3, "x")], "b": 2 ** 60})
    networks.Gs.static_kwargs["unknown_option"] = "kept"
    networks.save(path)
    found = blend.load(path)
    assert found.G is None and found.D is None
    same(found.Gs, networks.Gs)
    assert found.Gs.static_kwargs["unknown_option"] == "kept" and found.Gs.extra["build_module_src"] == SOURCE
    again = path + "2.pkl"
    found.save(again)
    assert open(path, "rb").read() == open(again, "rb").read()


def test_arrays_are_views_of_the_file(pico, path):
    pico.save(path)
    for name, value in blend.load(path).Gs.variables.items():
        if value.ndim:
            assert not value.flags.owndata and not value.flags.writeable, name


class NetworkClass(object):
    """What Python's own pickle needs to write and read NVIDIA's class."""

    def __getstate__(self):
        return self.state

    def __setstate__(self, state):
        self.state = state


@pytest.fixture
def nvidia(monkeypatch):
    """Modules with the names that NVIDIA's class has."""
    names = ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network")
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    cls = type("Network", (NetworkClass,), {"__module__": names[-1]})
    monkeypatch.setattr(sys.modules[names[-1]], "Network", cls, raising=False)
    return cls


def as_nvidia(network, cls):
    made = cls()
    made.state = dict(network.extra, name=network.name, static_kwargs=network.static_kwargs,
                      build_func_name=network.build_func_name,
                      components={role: as_nvidia(each, cls) for role, each in network.components.items()},
                      variables=[(name, value if value.ndim else value[()])
                                 for name, value in network.own_variables.items()])
    return made


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_reads_what_python_pickles(protocol, nvidia, path):
    networks = golden("skip64").a
    with open(path, "wb") as file:
        pickle.dump(tuple(as_nvidia(each, nvidia) for each in (networks.G, networks.D, networks.Gs)), file, protocol)
    found = blend.load(path)
    for role in ("G", "D", "Gs"):
        same(getattr(found, role), getattr(networks, role))


def test_python_unpickles_what_we_write(nvidia, path):
    networks = golden("skip64").a
    networks.save(path)
    with open(path, "rb") as file:
        found = pickle.load(file)
    assert [each.state["name"] for each in found] == ["G", "D", "Gs"]
    state = found[2].state
    assert type(dict(state["variables"])["lod"]) is np.float32 and state["version"] == 4
    weights = dict(state["components"]["synthesis"].state["variables"])
    assert np.array_equal(weights["8x8/Conv1/weight"], networks.Gs.variables["G_synthesis/8x8/Conv1/weight"])


def test_reads_a_file_of_python_2():
    """tests/golden/python2.pkl: written by Python 2.7 with NumPy 1.16, protocol 2."""
    found = blend.load(os.path.join(os.path.dirname(__file__), "golden", "python2.pkl")).Gs
    assert found.extra["build_module_src"].startswith("# long text") and found.resolution == 4
    weight = found.variables["G_synthesis/4x4/Conv/weight"]
    assert np.array_equal(weight.ravel(), np.arange(weight.size, dtype=np.float32)) and not weight.flags.owndata


def test_fortran_order_and_big_endian(nvidia, path):
    networks = pico_file()
    name, values = "G_mapping/Dense0/weight", np.arange(64, dtype=np.float32).reshape(8, 8)
    networks.Gs.components["mapping"].own_variables["Dense0/weight"] = np.asfortranarray(values)
    networks.save(path)
    assert np.array_equal(blend.load(path).Gs.variables[name], values)
    array = Machine(pickle.dumps(values.astype(">f4"), 2)).load()
    assert np.array_equal(array, values)


class Sentinel(object):
    """Unpickling this makes a file: proof that something ran."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("where", ["bare", "variables", "static_kwargs", "components", "extra"])
def test_nothing_is_executed(where, protocol, nvidia, path, tmp_path):
    bomb = Sentinel(str(tmp_path / "it ran"))
    value = as_nvidia(pico_file().Gs, nvidia)
    if where == "bare":
        value = bomb
    elif where == "variables":
        value.state["variables"].append(("more", bomb))
    else:
        value.state.setdefault(where, {})
        value.state[where]["more"] = bomb
    with open(path, "wb") as file:
        pickle.dump(value, file, protocol)
    with pytest.raises(blend.ForbiddenGlobalError) as error:
        blend.load(path)
    assert "mkdir" in str(error.value) and path in str(error.value)
    assert not (tmp_path / "it ran").exists()
    assert "\n" not in str(error.value)


BAD = [
    (b"cos\nsystem\n(S'echo'\ntR.", "os.system"),              # protocol 0: REDUCE
    (b"\x80\x02(ios\nsystem\n.", "os.system"),                    # INST
    (b"\x80\x02(cos\nsystem\no.", "os.system"),                # OBJ
    (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),   # STACK_GLOBAL
    (b"\x80\x04\x8c\x05numpy\x8c\x0dcore.fromfile\x93.", "numpy.core.fromfile"),  # below an allowed module
    (b"\x80\x04\x8c\x0bos\nblend: x\x8c\x06s\x1b[31m\x93.", "os\\nblend: x.s\\x1b[31m"),  # forged terminal output
    (b"\x80\x02cnumpy\nload\n.", "numpy.load"),                # other function of an allowed module
    (b"\x80\x02\x82\x01.", "0x82"),                            # EXT1
    (b"\x80\x02PX\n.", "0x50"),                                # PERSID
    (b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.", "'O'"),  # dtype object
    (b"\x80\x02K\x01K\x02\x85R.", "cannot be called"),
    (b"\x80\x02cnumpy\nndarray\n)R.", "cannot be called"),
    (b"\x80\x02cdnnlib.tflib.network\nNetwork\n)\x81K\x01b.", "state is not a dict"),
    (b"\x80\x02h\x07.", "KeyError"), (b"\x80\x02t.", "no mark"), (b"\x80\x02.", "IndexError"),
    (b"\x80\x02}K\x01s.", "IndexError"), (b"\x80\x02]K\x01K\x01s.", "not a dict"),
    (b"\x80\x09N.", "protocol 9"), (b"\x80\x02N", "truncated"),
    (b"\x80\x04\x8e" + struct.pack("<Q", 2 ** 62) + b".", "truncated"),
    (b"\x80\x02T" + struct.pack("<i", -5) + b".", "truncated"),
    (b"\x80\x02]q\x00h\x00a.", "holds a list"),                # a list that holds itself
    (b"\x80\x02}(" + b")" + b"\x85" * 100000 + b"K\x01u.", "key of type tuple"),  # hashing it overflows the stack
    (b"\x80\x02K\x01\x85q\x000" + b"".join(b"h%ch%c\x86q%c0" % (i, i, i + 1) for i in range(39))
     + b"}h\x27K\x01s.", "key of type tuple"),                  # hashing it takes 2^39 steps
    (b"\x80\x02" + b"N0" * 600000 + b"N.", "opcodes"),
    (b"\x80\x02K\x01.", "holds a int"), (b"\x80\x02)\x85\x85.", "holds a tuple"), (b"", "empty"),
    (b"PK\x03\x04", "zip"), (b"<html>", "web page"), (b"\x80", "truncated"),
]


@pytest.mark.parametrize("payload, says", BAD, ids=range(len(BAD)))
def test_bad_files_are_named_in_one_line(payload, says, path):
    with open(path, "wb") as file:
        file.write(payload)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert path in str(error.value) and says in str(error.value) and str(error.value).isprintable()


def test_state_that_explodes(path):
    wide = ["x"] * 100
    for _ in range(5):
        wide = [wide] * 100  # shared: small in the file, 10^12 values to whoever walks it
    networks = pico_file(later=wide)
    with pytest.raises(blend.NetworkFileError) as error:
        tensorflow_pickle.check_plain(networks.Gs)
    assert "more than" in str(error.value)
    deep = []
    for _ in range(20):
        deep = [deep]
    pico_file(later=deep).save(path)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert "deep" in str(error.value)


def test_old_versions_are_written_as_version_4(path):
    pico_file(version=2).save(path)
    assert blend.load(path).Gs.extra["version"] == 4


def test_truncated_anywhere(pico, path):
    pico.save(path)
    whole = open(path, "rb").read()
    for length in list(range(0, 200)) + list(range(200, len(whole), 97)):
        with open(path, "wb") as file:
            file.write(whole[:length])
        with pytest.raises(blend.NetworkFileError):
            blend.load(path)


def test_shape_that_lies(path):
    networks = pico_file()
    networks.save(path)
    data = open(path, "rb").read()
    place = data.index(struct.pack("<I", 64) + networks.Gs.variables["G_synthesis/noise0"].tobytes())
    shape = data.rindex(b"(" + b"".join(b"J" + struct.pack("<i", n) for n in (1, 1, 4, 4)) + b"t", 0, place)
    for lie in (5, -4, 2 ** 31 - 1):
        with open(path, "wb") as file:
            file.write(data[:shape + 17] + struct.pack("<i", lie) + data[shape + 21:])
        with pytest.raises(blend.NetworkFileError):
            blend.load(path)


@pytest.mark.parametrize("change, says", [
    (lambda n: setattr(n, "build_func_name", "G_synthesis_stylegan_revised"), "G_synthesis_stylegan_revised"),
    (lambda n: n.static_kwargs.update(resolution=48), "48"),
    (lambda n: n.static_kwargs.update(architecture=3), "architecture"),
    (lambda n: n.components.pop("mapping"), "components"),
    (lambda n: n.components["synthesis"].own_variables.pop("noise3"), "noise3"),
    (lambda n: n.own_variables.update(dlatent_avg=np.zeros(8)), "dlatent_avg"),
    (lambda n: n.own_variables.update(more=np.zeros(8, np.float32)), "more is not a variable"),
    (lambda n: n.static_kwargs.update(fmap_max=4), "(1, 4, 4, 4), is (1, 8, 4, 4)"),
    (lambda n: n.static_kwargs.update(latent_size=10 ** 9), "latent_size"),
    (lambda n: n.static_kwargs.update(mapping_layers=10 ** 9), "mapping_layers"),
    (lambda n: n.static_kwargs.update(mapping_layers=3), "Dense2/weight should be (8, 8), is missing"),
    (lambda n: n.static_kwargs.update(label_size=-1), "label_size"),
    (lambda n: n.static_kwargs.update(nonlinearity="tanh"), "tanh"),
    (lambda n: n.static_kwargs.update(resample_kernel=[]), "resample_kernel"),
    (lambda n: n.static_kwargs.update(fmap_base=float("inf")), "fmap_base"),
    (lambda n: setattr(n.components["mapping"], "build_func_name", "G_style"), "G_style"),
    (lambda n: n.components.update(mapping=n.components["synthesis"]), "the mapping of Gs"),
])
def test_networks_that_are_not_stylegan2(change, says, path):
    networks = pico_file()
    change(networks.Gs)
    networks.save(path)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert says in str(error.value)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.pkl", tmp_path):
        with pytest.raises(blend.NetworkFileError):
            blend.load(str(path))


def test_a_failed_save_leaves_the_old_file_and_no_debris(pico, path, tmp_path):
    pico.save(path)
    before = open(path, "rb").read()
    broken = pico.Gs.replaced(pico.Gs.variables)
    broken.static_kwargs["late"] = io.StringIO()  # cannot be pickled
    with pytest.raises(blend.BlendError):
        pico._replace(Gs=broken).save(path)
    with pytest.raises(KeyboardInterrupt), files.replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert open(path, "rb").read() == before and os.listdir(str(tmp_path)) == ["network.pkl"]


def test_saving_over_a_loaded_file(pico, pico_other, path):
    pico.save(path)
    loaded = blend.load(path)
    pico_other.save(path)
    same(loaded.Gs, pico.Gs)  # the map still shows the old file
    loaded.save(path)
    same(blend.load(path).Gs, pico.Gs)


def test_unwritable_targets(pico, tmp_path):
    for target in (tmp_path / "no" / "such" / "folder.pkl", tmp_path):
        with pytest.raises(blend.BlendError) as error:
            pico.save(str(target))
        assert "cannot be written" in str(error.value)
