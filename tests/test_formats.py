"""Every format: read, written, round trips to the bit, pictures as the original repositories compute them."""

import json
import os
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from conftest import GOLDEN, golden, pico_file
from test_nvidia import needs_repository, python

import blend
from blend import carried, run
from blend.checkpoints import layouts, pytorch_pickle, tensorflow_pickle, torch_files
from blend.engine.generator import Discriminator
from blend.networks.network import not_finite

TORCH = ["ada-pytorch.pkl", "ada-pytorch-labels.pkl", "stylegan3.pkl", "rosinality.pt", "rosinality-legacy.pt"]
ENDING = {"tensorflow": ".pkl", "pytorch": ".pkl", "rosinality": ".pt", "safetensors": ".safetensors"}
TOLERANCE = 5e-6


def near(found, expected, tolerance=TOLERANCE):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


def equal(one, other):
    """The same variables to the bit."""
    a, b = one.variables, other.variables
    assert list(a) == list(b)
    for name in a:
        assert a[name].shape == b[name].shape and a[name].tobytes() == b[name].tobytes(), name


def same_file(one, other):
    """Everything that a TensorFlow file says, to the bit."""
    for role in ("Gs", "G", "D"):
        a, b = getattr(one, role), getattr(other, role)
        assert (a is None) == (b is None)
        for x, y in zip([a] + list(a.components.values()), [b] + list(b.components.values())) if a else ():
            assert x.name == y.name and x.build_func_name == y.build_func_name
            assert x.static_kwargs == y.static_kwargs and x.extra == y.extra
            equal(x, y)


@pytest.fixture(scope="module")
def reference():
    with np.load(os.path.join(GOLDEN, "torch.npz")) as arrays:
        return {key: arrays[key] for key in arrays.files}


@pytest.mark.parametrize("name", TORCH + ["ada-tensorflow.pkl"])
def test_files_give_their_repositories_pictures(name, reference):
    networks = blend.load(os.path.join(GOLDEN, name))
    kind = os.path.splitext(name)[0].replace("-legacy", "")
    found = {key.split("/")[1]: value for key, value in reference.items() if key.startswith(kind + "/")}
    labels = found.get("c") if networks.Gs.architecture["label_size"] else None
    near(blend.generate(networks, z=found["z"], labels=labels, psi=0.6, output="float32"), found["images"])
    weight = networks.Gs.variables["G_synthesis/8x8/Conv0_up/weight"]
    kind = "modulated up" if name.startswith("rosinality") else "up"
    assert np.array_equal(layouts.TRANSFORMS[kind].to_torch(weight), found["weight"])
    no_labels = np.zeros((len(found["z"]), 0), np.float32)
    near(Discriminator(networks.D).score(found["images"], no_labels if labels is None else labels), found["scores"])
    expected = {"rosinality.pt": "rosinality", "rosinality-legacy.pt": "rosinality", "ada-tensorflow.pkl": "tensorflow"}
    assert networks.format == expected.get(name, "pytorch")
    assert bool(networks.left_out) == (networks.format != "tensorflow")


@pytest.mark.parametrize("format", ["pytorch", "safetensors"])
def test_tensorflow_ada_files_come_back_to_the_bit(format, tmp_path):
    """State version 5, `G_synthesis`, LabelEmbed, arguments that StyleGAN2 does not know."""
    networks = blend.load(os.path.join(GOLDEN, "ada-tensorflow.pkl"))
    assert networks.Gs.extra["version"] == 5 and "G_mapping/LabelEmbed/weight" in networks.Gs.variables
    paths = [str(tmp_path / each) for each in ("first.pkl", "other", "back.pkl")]
    networks.save(paths[0])
    networks.save(paths[1], format)
    blend.load(paths[1]).save(paths[2], "tensorflow")
    assert open(paths[0], "rb").read() == open(paths[2], "rb").read()
    same_file(blend.load(paths[2]), networks)


def test_clamp_is_part_of_the_pictures(reference):
    networks = blend.load(os.path.join(GOLDEN, "ada-pytorch.pkl"))
    assert networks.Gs.architecture["conv_clamp"] == 1
    unclamped = networks.Gs.changed(static_kwargs=dict(networks.Gs.static_kwargs, conv_clamp=None))
    free = blend.generate(unclamped, z=reference["ada-pytorch/z"], psi=0.6, output="float32")
    assert np.abs(free - reference["ada-pytorch/images"]).max() > 0.01


@pytest.mark.parametrize("format", ["pytorch", "rosinality", "safetensors"])
@pytest.mark.parametrize("name", ["skip64", "resnet32", "orig32", "labels32"])
def test_tensorflow_files_come_back_to_the_bit(name, format, tmp_path):
    networks, path = golden(name).a, str(tmp_path / "other") + ENDING[format]
    if format == "rosinality" and name != "skip64" or format == "pytorch" and name == "labels32":
        with pytest.raises(blend.BlendError) as error:
            networks.save(path, format)
        assert ("label" if name == "labels32" else "architecture") in str(error.value)
        assert os.listdir(str(tmp_path)) == []
        return
    networks.save(path, format)
    there = blend.load(path)
    assert there.format == format
    same_file(there, networks)
    back = str(tmp_path / "back.pkl")
    there.save(back, "tensorflow")
    networks.save(str(tmp_path / "first.pkl"))
    assert open(back, "rb").read() == open(str(tmp_path / "first.pkl"), "rb").read()


@pytest.mark.parametrize("format", sorted(ENDING))
@pytest.mark.parametrize("name", TORCH)
def test_torch_files_come_back_to_the_bit(name, format, tmp_path):
    """Through any format: the tensors are those of the original, the pickle's modules too."""
    networks, path = blend.load(os.path.join(GOLDEN, name)), str(tmp_path / "other") + ENDING[format]
    if format == "rosinality" and "labels" in name:
        with pytest.raises(blend.BlendError) as error:
            networks.save(path, format)
        assert "label_size" in str(error.value)
        return
    lost = networks.save(path, format)
    there = blend.load(path)
    back = str(tmp_path / "back") + ENDING[networks.format]
    there.save(back, networks.format)
    tensors = [tensors_of(each) for each in (os.path.join(GOLDEN, name), back)]
    assert set(tensors[0]) <= set(tensors[1])
    for key, value in tensors[0].items():
        assert value.tobytes() == tensors[1][key].tobytes(), key
    z = np.random.RandomState(5).randn(2, 8)
    one, other = [blend.generate(each, z=z, output="float32") for each in (networks, there)]
    if format != "rosinality" or networks.Gs.architecture["conv_clamp"] is None:
        assert np.array_equal(one, other)
    if format == "rosinality" and networks.format == "pytorch":
        assert any("conv_clamp" in what for what in lost)


def tensors_of(path):
    """{name: array} of a PyTorch file, with no regard to what they mean."""
    with open(path, "rb") as file:
        value = torch_files.read(file.read()).value
    found = {}
    for entry in ("G_ema", "G", "D", "g_ema", "g", "d"):
        if isinstance(value.get(entry), dict):
            found.update((entry + "/" + key, tensor.array()) for key, tensor in value[entry].items())
        elif entry in value:
            found.update((entry + "/" + key, array) for key, array in pytorch_pickle._tensors(value[entry]).items())
    return found


def test_biases_of_pytorch_that_tensorflow_cannot_hold(tmp_path):
    """mod_bias is the bias minus 1: biases below 0.5 lose bits, and get them back."""
    networks = blend.load(os.path.join(GOLDEN, "ada-pytorch.pkl"))
    assert networks.Gs.extra[layouts.AFFINE]
    other = str(tmp_path / "other.pkl")
    networks.save(other, "tensorflow")
    found = blend.load(other)
    name = sorted(found.Gs.extra[layouts.AFFINE])[0]
    changed = dict(found.Gs.variables)
    changed[name] = changed[name] + np.float32(0.25)  # trained on: the old biases are not its own any more
    made, _ = layouts.to_torch(found.Gs.replaced(OrderedDict(
        (key, changed[key]) for key in found.Gs.variables)), layouts.ada_generator)
    assert np.array_equal(made[layouts.ada_generator(name)[0]], changed[name] + np.float32(1))


@pytest.mark.parametrize("low", sorted(ENDING))
@pytest.mark.parametrize("high", sorted(ENDING))
def test_blending_across_formats(low, high, tmp_path):
    a, b = golden("skip64").a, golden("skip64").b
    paths = [str(tmp_path / (side + ENDING[format])) for side, format in (("low", low), ("high", high))]
    a.save(paths[0], low)
    b.save(paths[1], high)
    mixed = blend.blend(blend.load(paths[0]), blend.load(paths[1]), 16)
    equal(mixed.Gs, blend.blend(a, b, 16).Gs)


def test_blending_tensorflow_with_pytorch_that_never_was_tensorflow():
    """Names, defaults and `lod` differ; the layers are the same."""
    there = blend.load(os.path.join(GOLDEN, "stylegan3.pkl"))
    here = pico_file(seed=4)
    mixed = blend.blend(here, there, 8)
    assert np.array_equal(mixed.Gs.variables["G_synthesis/16x16/Conv1/weight"],
                          there.Gs.variables["G_synthesis/16x16/Conv1/weight"])
    assert blend.generate(mixed, [1]).shape == (1, 16, 16, 3)
    assert blend.generate(blend.blend(there, here, 8), [1]).shape == (1, 16, 16, 3)


def load_like_nvidia(path):
    """The file as stylegan2-ada-pytorch loads it: Python's pickle, which executes the source that is inside."""
    def reconstruct(meta):
        module = types.ModuleType("imported")
        exec(meta["module_src"], module.__dict__)
        made = module.__dict__[meta["class_name"]]
        made = made.__new__(made)
        made.__setstate__(meta["state"])
        return made

    names = {"torch_utils": {}, "torch_utils.persistence": {"_reconstruct_persistent_obj": reconstruct},
             "dnnlib": {}, "dnnlib.util": {"EasyDict": type("EasyDict", (dict,), {})}}
    for name, content in names.items():
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(content)
    try:
        with open(path, "rb") as file:
            return pickle.load(file)
    finally:
        for name in names:
            del sys.modules[name]


@pytest.mark.parametrize("source", ["skip64", "resnet32", "orig32", "ada-pytorch-labels.pkl", "rosinality.pt"])
def test_pytorch_runs_what_we_write(source, tmp_path):
    """Our source, in PyTorch: the same pictures and scores."""
    torch = pytest.importorskip("torch")
    networks = blend.load(os.path.join(GOLDEN, source)) if "." in source else golden(source).a
    path = str(tmp_path / "written.pkl")
    networks.save(path, "pytorch")
    found, size = load_like_nvidia(path), networks.Gs.architecture["label_size"]
    z = np.random.RandomState(1).randn(3, networks.Gs.architecture["latent_size"]).astype(np.float32)
    labels = np.eye(3, dtype=np.float32)[:, :size]
    ours = blend.generate(networks, z=z, labels=labels if size else None, psi=0.5, cutoff=3, output="float32")
    with torch.no_grad():
        theirs = found["G_ema"](torch.from_numpy(z), torch.from_numpy(labels), truncation_psi=0.5,
                                truncation_cutoff=3, noise_mode="const").numpy()
        scores = found["D"](torch.from_numpy(theirs), torch.from_numpy(labels)).numpy()
    near(ours, theirs)
    near(Discriminator(networks.D).score(theirs, labels), scores)
    made = type(found["G_ema"])(**found["G_ema"]._init_kwargs)  # as their loader makes it anew
    assert {name: value.shape for name, value in made.state_dict().items()} == {
        name: value.shape for name, value in found["G_ema"].state_dict().items()}
    made = type(found["D"])(**found["D"]._init_kwargs)
    assert set(made.state_dict()) == set(found["D"].state_dict())


def test_pytorch_loads_our_checkpoints(tmp_path):
    torch = pytest.importorskip("torch")
    networks = blend.load(os.path.join(GOLDEN, "rosinality.pt"))
    path = str(tmp_path / "written.pt")
    networks.save(path)
    found = torch.load(path, weights_only=True)
    first = torch.load(os.path.join(GOLDEN, "rosinality.pt"), weights_only=False)
    for entry in ("g_ema", "g", "d"):
        assert set(found[entry]) == set(first[entry])
        assert all(torch.equal(found[entry][name], value) for name, value in first[entry].items())


def test_safetensors_are_what_the_library_reads(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    path = str(tmp_path / "network.safetensors")
    networks = golden("skip64").a
    networks.save(path)
    found = library.load_file(path)
    assert np.array_equal(found["Gs/G_synthesis/8x8/Conv1/weight"],
                          networks.Gs.variables["G_synthesis/8x8/Conv1/weight"])
    assert len(found) == sum(len(each.variables) for each in (networks.Gs, networks.G, networks.D))
    library.save_file(found, path)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert "does not say which network" in str(error.value)


def command(capsys, *arguments):
    code = run.main(list(arguments))
    told = capsys.readouterr()
    return code, told.out + told.err


def test_convert_and_inspect(saved, tmp_path, capsys):
    target = str(tmp_path / "other.safetensors")
    code, said = command(capsys, "convert", saved[0], target)
    assert code == 0 and "(tensorflow)" in said and "(safetensors)" in said and "left out" not in said
    code, said = command(capsys, "inspect", target, "--variables")
    assert code == 0 and "16x16, 3 channels, skip" in said and "4: 8, 8: 8, 16: 8" in said
    assert "G_synthesis/8x8/Conv1/weight 3x3x8x8" in said
    code, said = command(capsys, "convert", target, str(tmp_path / "other.pt"))
    assert code == 0 and "left out channels" in said
    code, said = command(capsys, "convert", target, str(tmp_path / "new.pkl"))
    assert code == 2 and "--format pytorch" in said and said.count("\n") == 1
    code, said = command(capsys, "convert", target, str(tmp_path / "new.pkl"), "--format", "pytorch")
    assert code == 0 and "left out D" in said
    code, said = command(capsys, "convert", target, target)
    assert code == 2 and "one of the networks that are read" in said
    code, said = command(capsys, "convert", target, str(tmp_path / "new.onnx"))
    assert code == 2 and "ending" in said
    code, said = command(capsys, "convert", str(tmp_path / "none.pkl"), target)
    assert code == 2 and "no such file" in said


def test_a_strangers_source_is_left_behind_when_asked(saved, tmp_path, capsys):
    target = str(tmp_path / "clean.pkl")
    assert command(capsys, "convert", saved[0], target, "--format", "tensorflow")[0] == 0
    assert b"raise SystemExit" in open(target, "rb").read()
    assert "1 lines, which other programs execute" in command(capsys, "inspect", target)[1]
    code, _ = command(capsys, "convert", saved[0], target, "--format", "tensorflow", "--own-source")
    assert code == 0 and b"raise SystemExit" not in open(target, "rb").read()
    equal(blend.load(target).Gs, blend.load(saved[0]).Gs)
    assert "blend's own" in command(capsys, "inspect", target)[1]
    # PyTorch's files get ours in any case; what they had is told.
    theirs = os.path.join(GOLDEN, "stylegan3.pkl")
    assert "source text of 2 lines, which that repository executes" in command(capsys, "inspect", theirs)[1]
    assert command(capsys, "convert", theirs, target, "--format", "pytorch")[0] == 0
    assert b"raise SystemExit" not in open(target, "rb").read()
    assert "which that repository executes" not in command(capsys, "inspect", target)[1]


def own_of_ada(folder, capsys, change=None):
    """tests/golden/ada-tensorflow.pkl with blend's own text; the path."""
    source, target = os.path.join(GOLDEN, "ada-tensorflow.pkl"), str(folder / "own.pkl")
    if change is not None:
        networks = blend.load(source)
        for network in (networks.G, networks.D, networks.Gs):
            for part in [network] + list(network.components.values()):
                change(part.static_kwargs)
        source = str(folder / "changed.pkl")
        networks.save(source)
    assert command(capsys, "convert", source, target, "--format", "tensorflow", "--own-source")[0] == 0
    return target


STRANGE = "import os\nos.getcwd()\n"


def with_strange_text(networks, where):
    """A file of blend's own text but in one network, or in the parts of one."""
    network = getattr(networks, where[0])
    if len(where) > 1:
        parts = OrderedDict(network.components)
        parts[where[1]] = parts[where[1]].changed(extra=dict(parts[where[1]].extra, build_module_src=STRANGE))
        return networks._replace(**{where[0]: network.changed(components=parts)})
    return networks._replace(**{where[0]: network.changed(extra=dict(network.extra, build_module_src=STRANGE))})


@pytest.mark.parametrize("where", [("Gs",), ("D",), ("G", "mapping"), ("Gs", "synthesis")], ids=" ".join)
@pytest.mark.parametrize("format", ["tensorflow", "pytorch", "safetensors"])
def test_text_of_a_stranger_is_told_of_wherever_it_is(where, format, tmp_path, capsys):
    source, target = str(tmp_path / "source"), str(tmp_path / "target.pkl")
    assert "(blend's own)" in command(capsys, "inspect", "photo")[1]
    with_strange_text(blend.shipped("photo"), where).save(source, format)
    told = command(capsys, "inspect", source)[1]
    assert "source   2 lines, which other programs execute" in told and "(blend's own)" not in told
    told = command(capsys, "convert", source, target, "--format", "tensorflow")[1]
    assert "source   2 lines, which other programs execute\n" in told
    told = command(capsys, "convert", source, target, "--format", "tensorflow", "--own-source")[1]
    assert "\nsource " not in told


def test_own_source_of_ada_says_all_that_differs(tmp_path, capsys):
    """In version 4 of the state, which NVIDIA's stylegan2 opens, and with ADA's defaults written out."""
    def drop(kwargs):
        kwargs.pop("mbstd_group_size", None)
        kwargs["resample_kernel"] = None

    there, here = blend.load(os.path.join(GOLDEN, "ada-tensorflow.pkl")), blend.load(own_of_ada(tmp_path, capsys))
    dropped = blend.load(own_of_ada(tmp_path, capsys, drop))
    for found in (here, dropped):
        for role in ("G", "D", "Gs"):
            network = getattr(found, role)
            for part in [network] + list(network.components.values()):
                assert part.extra["version"] == 4 and carried.own(part.extra["build_module_src"], carried.TENSORFLOW)
            for each in network.components.values():
                assert each.static_kwargs["mapping_fmaps"] == 8 and each.static_kwargs["label_embedding"] is True
                assert each.static_kwargs.get("resample_kernel") == (None if found is here else [1, 1])
            for name, value in getattr(there, role).variables.items():
                assert value.tobytes() == network.variables[name].tobytes()
    assert here.Gs.static_kwargs["mapping_fmaps"] == 8 and here.Gs.architecture == there.Gs.architecture
    assert dropped.D.static_kwargs["mbstd_group_size"] is None and here.D.static_kwargs["mbstd_group_size"] == 4
    # StyleGAN2's own networks need nothing more.
    networks = golden("skip64").a
    bare = tensorflow_pickle.without_source(networks)
    assert tensorflow_pickle.with_source(bare.D).static_kwargs == networks.D.static_kwargs
    assert tensorflow_pickle.with_source(bare.Gs).static_kwargs == networks.Gs.static_kwargs


IN_NVIDIA = """
import sys
import numpy as np
import blend
from blend.nvidia import admission, repository
engine = repository.start()
for path in sys.argv[2:]:
    with np.load(sys.argv[1]) as given:
        z, c, images = [given["ada-tensorflow/" + key] for key in ("z", "c", "images")]
    networks = blend.load(path)
    with admission.admit(networks) as stream:
        G, D, Gs = engine.load(networks, stream)
    np.savez(path + ".npz", scores=D.run(images, c),
             images=Gs.run(z, c, truncation_psi=0.6, randomize_noise=False),
             parts=Gs.components.synthesis.run(Gs.components.mapping.run(z, c), randomize_noise=False))
"""


@needs_repository
def test_own_source_of_ada_runs_in_nvidias_stylegan2(tmp_path, capsys, reference):
    def box(kwargs):
        kwargs["resample_kernel"] = None

    path = own_of_ada(tmp_path, capsys)
    (tmp_path / "box").mkdir()
    other = own_of_ada(tmp_path / "box", capsys, box)
    python("-c", IN_NVIDIA, os.path.join(GOLDEN, "torch.npz"), path, other,
           PYTHONPATH=os.path.dirname(os.path.dirname(os.path.abspath(blend.__file__))))
    with np.load(path + ".npz") as found:
        near(found["images"], reference["ada-tensorflow/images"], 1e-6)
        near(found["scores"], reference["ada-tensorflow/scores"], 1e-6)
    with np.load(other + ".npz") as found:
        near(found["parts"], blend.generate(blend.load(other), z=reference["ada-tensorflow/z"],
                                            labels=reference["ada-tensorflow/c"], psi=1, output="float32"))


def test_a_blend_is_saved_in_any_format(saved, tmp_path, capsys):
    for format, ending in ENDING.items():
        target = str(tmp_path / (format + ending))
        code, said = command(capsys, *(saved + ["--resolution", "8", "--seeds", "0", "--out", str(tmp_path / "out"),
                                                "--save", target, "--format", format]))
        assert code == 0 and blend.load(target).format == format
        equal(blend.load(target).Gs, blend.blend(blend.load(saved[0]), blend.load(saved[1]), 8).Gs)
        assert ("left out channels" in said) == (format == "rosinality")
    code, said = command(capsys, *(saved + ["--save", str(tmp_path / "mixed.onnx"), "--out", str(tmp_path / "none")]))
    assert code == 2 and "ending" in said and not (tmp_path / "none").exists()


def test_save_keeps_the_kind_of_pickle(tmp_path):
    networks = blend.load(os.path.join(GOLDEN, "ada-pytorch.pkl"))
    path = str(tmp_path / "mixed.pkl")
    blend.blend(networks, networks, 8).save(path)
    assert blend.load(path).format == "pytorch"
    with pytest.raises(blend.BlendError) as error:
        networks.save(path, "onnx")
    assert "formats are" in str(error.value)


def test_bad_weights_are_named(saved, tmp_path, capsys):
    networks = pico_file(seed=1)
    weight = networks.Gs.components["synthesis"].own_variables["8x8/Conv1/weight"]
    weight[0, 0, 0, :3] = np.nan
    weight[1, 1, 1, 1] = np.inf
    assert not_finite(networks.Gs) == {"G_synthesis/8x8/Conv1/weight": 4}
    bad = str(tmp_path / "bad.pkl")
    networks.save(bad)
    code, said = command(capsys, "inspect", bad)
    assert code == 0 and "G_synthesis/8x8/Conv1/weight has 4 values" in said
    code, said = command(capsys, bad, saved[1], "--resolution", "8", "--out", str(tmp_path / "out"))
    assert code == 2 and "G_synthesis/8x8/Conv1/weight has 4 of 576" in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()
    with pytest.raises(blend.NetworkFileError):
        blend.generate(networks, [1])


@pytest.mark.parametrize("head, says", [
    (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"), (b"\x1f\x8b\x08", "gzip"),
    (b"<!DOCTYPE html><title>Quota", "web page"), (b"\n  <html>", "web page"), (b"\x89HDF\r\n", "HDF5"),
    (b"Rar!\x1a", "RAR"), (b"\x89PNG\r\n", "picture"), (b"a" * 257 + b"ustar", "tar"),
    (b"hello", "NVIDIA's .pkl"),
])
def test_other_files_are_named(head, says, tmp_path):
    path = str(tmp_path / "file.pkl")
    with open(path, "wb") as file:
        file.write(head + b" " * 500)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert says in str(error.value)


@pytest.mark.parametrize("change, says", [
    (lambda n: setattr(n, "build_func_name", "G_style"), "StyleGAN 1"),
    (lambda n: setattr(n, "build_func_name", "G_paper"), "Progressive GAN"),
    (lambda n: setattr(n.components["synthesis"], "build_func_name", "G_synthesis_stylegan_revised"),
     "configs a to d (progressive growing)"),
    (lambda n: n.static_kwargs.update(min_h=5, min_w=3, res_log2=7),
     "is a network of a fork of StyleGAN2 for pictures that are not square (min_h=5, min_w=3, res_log2=7)"),
    (lambda n: n.static_kwargs.update(min_h=4, min_w=4, res_log2=3), "not square (res_log2=3)"),
    (lambda n: n.static_kwargs.update(resolution_h=32, resolution_w=16), "not square (resolution_h=32)"),
    (lambda n: n.static_kwargs.update(min_h=np.arange(100)), "not square (min_h=a ndarray)"),
    (lambda n: n.static_kwargs.update(init_res=[[4], 4.0]), "not square (init_res=a list)"),
    (lambda n: n.static_kwargs.update(resolution="x", min_h=4), "not square (min_h=4)"),
    (lambda n: (n.static_kwargs.update(init_res=[3, 4]), stretch(n)), "not square (init_res=[3, 4])"),
    (lambda n: stretch(n), "not square (4x4/Const/const of 3x4)"),
])
def test_other_families_of_tensorflow_are_named(change, says, tmp_path):
    networks, path = pico_file(), str(tmp_path / "file.pkl")
    change(networks.Gs)
    networks.save(path)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert says in str(error.value)


def stretch(network):
    """Make the variables of a generator those of a fork for wide pictures, whatever it calls that."""
    own = network.components["synthesis"].own_variables
    own["4x4/Const/const"], own["noise0"] = own["4x4/Const/const"][:, :, :3], own["noise0"][:, :, :3]


@pytest.mark.parametrize("more", [
    dict(min_h=4, min_w=4, res_log2=2), dict(min_h=np.int64(4), min_w=4, res_log2=np.int32(2)),
    dict(resolution_h=16, resolution_w=16), dict(init_res=[4, 4]), dict(init_res=(4, 4)),
    dict(init_res=np.array([4, 4]))])
def test_square_networks_of_forks_for_others_are_read_and_written(more, tmp_path):
    networks = pico_file(seed=2)
    for part in [networks.Gs] + list(networks.Gs.components.values()):
        part.static_kwargs.update(more)
    path, again = str(tmp_path / "fork.pkl"), str(tmp_path / "again.pkl")
    networks.save(path)
    found = blend.load(path)
    equal(found.Gs, networks.Gs)
    assert set(more) <= set(found.Gs.static_kwargs) & set(found.Gs.components["synthesis"].static_kwargs)
    assert blend.generate(found, [1]).shape == (1, 16, 16, 3)
    for format in ENDING:
        found.save(again, format)
        back = blend.load(again)
        assert all(np.array_equal(back.Gs.static_kwargs[key], value) for key, value in more.items())
    blend.blend(found, pico_file(seed=3), 8).save(again, "tensorflow")
    assert set(more) <= set(blend.load(again).Gs.static_kwargs)


def test_numbers_that_no_graph_uses_are_left_aside(tmp_path, capsys):
    """As the files of some Colab forks have them, in all networks and their parts."""
    networks = golden("skip64").a
    extra = OrderedDict([("epochs", np.float32(3)), ("epochs_1", np.float32(4))])

    def with_extra(network):
        parts = OrderedDict((role, with_extra(part)) for role, part in network.components.items())
        return network.changed(own_variables=OrderedDict(list(network.own_variables.items()) + list(extra.items())),
                               components=parts)

    path = str(tmp_path / "colab.pkl")
    networks._replace(**{role: with_extra(getattr(networks, role)) for role in ("G", "D", "Gs")}).save(path)
    found = blend.load(path)
    for role in ("G", "D", "Gs"):
        equal(getattr(found, role), getattr(networks, role))
    assert found.left_out == tuple("the variable %r of Gs, G, D, a number that no graph uses" % name for name in extra)
    assert "besides  the variable 'epochs_1' of Gs, G, D" in command(capsys, "inspect", path)[1]


@pytest.mark.parametrize("change, says", [
    (lambda own: own.update(more=np.zeros(1, np.float32)), "more is not a variable"),
    (lambda own: own.update(epochs=np.float64(1)), "epochs is not a float32"),
    (lambda own: own.pop("dlatent_avg"), "dlatent_avg should be (8,), is missing"),
    (lambda own: own.update(dlatent_avg=np.float32(1)), "dlatent_avg should be (8,), is ()"),
])
def test_what_is_more_than_a_number_or_is_needed_stays_an_error(change, says, tmp_path):
    networks, path = pico_file(), str(tmp_path / "file.pkl")
    networks.Gs.own_variables["epochs"] = np.float32(1)
    change(networks.Gs.own_variables)
    networks.save(path)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert says in str(error.value)


def test_many_such_numbers_are_counted(tmp_path):
    networks, path = pico_file(), str(tmp_path / "file.pkl")
    networks.Gs.own_variables.update(("n%d" % i, np.float32(i)) for i in range(500))
    networks.save(path)
    found = blend.load(path)
    assert len(found.left_out) == 9 and found.left_out[-1] == "492 more such variables"
    networks.Gs.own_variables["n" * 199] = np.float32(0)
    networks.Gs.own_variables.move_to_end("n" * 199, last=False)
    networks.save(path)
    assert max(map(len, blend.load(path).left_out)) < 200


@pytest.mark.parametrize("name", ["ada-pytorch.pkl", "rosinality.pt"])
def test_forks_of_pytorch_for_other_pictures_are_named(name, monkeypatch):
    def stretched(value, read=pytorch_pickle.to_array):
        tensor = read(*value)
        return tensor[..., :3, :] if value[0].endswith(("b4.const", "input.input")) else tensor

    monkeypatch.setattr(pytorch_pickle, "to_array", lambda *value: stretched(value))
    with pytest.raises(blend.NetworkFileError, match="for pictures that are not square .4x4/Const/const of 3x4"):
        blend.load(os.path.join(GOLDEN, name))


@pytest.mark.parametrize("sides, says", [((16, 16), None), ((16, 32), r"not square \(img_resolution=\(16, 32\)\)"),
                                         ((16, "x"), "its resolution|supported|StyleGAN2 network")])
def test_forks_of_pytorch_with_two_sides(sides, says, monkeypatch):
    read = torch_files.Module.__init__

    def two_sides(self, meta):
        read(self, meta)
        if "img_resolution" in self.state and self.class_name in ("Generator", "Discriminator"):
            self.state["img_resolution"] = list(sides)

    monkeypatch.setattr(torch_files.Module, "__init__", two_sides)
    path = os.path.join(GOLDEN, "ada-pytorch.pkl")
    if says is None:
        assert blend.load(path).resolution == 16 and blend.load(path).D is not None
        return
    with pytest.raises(blend.NetworkFileError, match=says):
        blend.load(path)


class Persistent(object):
    """Pickles as a module of stylegan3 would."""

    def __init__(self, class_name, **modules):
        self.class_name, self.modules = class_name, modules

    def __reduce__(self):
        state = {"_parameters": {}, "_buffers": {}, "_modules": self.modules}
        return RECONSTRUCT, ({"type": "class", "version": 6, "module_src": "raise SystemExit",
                              "class_name": self.class_name, "state": state},)


def _reconstruct_persistent_obj(meta):
    raise AssertionError


RECONSTRUCT = _reconstruct_persistent_obj
RECONSTRUCT.__module__ = "torch_utils.persistence"


@pytest.mark.parametrize("network, says", [
    (Persistent("Generator", synthesis=Persistent("SynthesisNetwork", input=Persistent("SynthesisInput"))),
     "StyleGAN3"),
    (Persistent("TriPlaneGenerator"), "EG3D"), (Persistent("Generator"), "no synthesis.b4.conv1"),
])
def test_other_families_of_pytorch_are_named(network, says, tmp_path, monkeypatch):
    for name in ("torch_utils", "torch_utils.persistence"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj = RECONSTRUCT
    path = str(tmp_path / "file.pkl")
    with open(path, "wb") as file:
        pickle.dump({"G": network, "D": network, "G_ema": network}, file, 4)
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert says in str(error.value)


@pytest.mark.parametrize("value, says", [
    ({"g_running": {}}, "StyleGAN 1"), ({"generator_smooth": {}}, "GenForce"),
    ({"state_dict": {}, "opts": {}}, "pixel2style2pixel"), ({"a": 1, "b": 2}, "entries a, b"),
])
def test_other_checkpoints_of_pytorch_are_named(value, says, tmp_path):
    path = str(tmp_path / "file.pt")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value, 2))
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert says in str(error.value)


def test_half_precision_is_named(tmp_path):
    path = str(tmp_path / "half.safetensors")
    pico_file().save(path)
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length].decode())
    header["Gs/lod"]["dtype"] = "F16"
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data[8 + length:])
    with pytest.raises(blend.NetworkFileError) as error:
        blend.load(path)
    assert "Gs/lod" in str(error.value) and "F32" in str(error.value)
