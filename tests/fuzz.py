"""Mutated network files: whatever the bytes, there is a NetworkFile or a NetworkFileError, and what can be read can
be written.

    python tests/fuzz.py FORMAT [-runs=100000] [-max_total_time=600] [-seed=1]

runs atheris (coverage-guided, Python 3.11) from the valid files of a format: tensorflow, pytorch, rosinality, legacy or
safetensors. tests/test_fuzz.py does so for a fixed number of runs, and mutates by hypothesis where there is no atheris.
"""

import io
import os
import sys
import tempfile
import zipfile
from collections import OrderedDict

FORMATS = ("tensorflow", "pytorch", "rosinality", "legacy", "safetensors")


def valid(format):
    """The bytes of valid files of a format, the smallest that are complete."""
    from conftest import GOLDEN, pico_file  # not above: atheris instruments what is imported after it

    from blend import checkpoints

    found = []
    if format in ("pytorch", "rosinality", "legacy"):
        name = {"pytorch": "ada-pytorch-labels.pkl", "legacy": "rosinality-legacy.pt", "rosinality": "rosinality.pt"}
        with open(os.path.join(GOLDEN, name[format]), "rb") as file:
            found.append(file.read())
    if format != "legacy":
        with io.BytesIO() as stream:
            checkpoints.FORMATS[format].write(pico_file(resolution=8, channels=2, latent=2), stream)
            found.append(stream.getvalue())
    if format == "rosinality":
        found += [bare_decoder(dtype) for dtype in ("Float", "BFloat16")]
    return found


def bare_decoder(dtype):
    """A decoder of pixel2style2pixel without average w and noise, its numbers of a type of PyTorch's."""
    from conftest import pico_file

    from blend.checkpoints import layouts, rosinality

    tensors, _ = layouts.to_torch(pico_file(resolution=8, channels=2, latent=2).Gs, layouts.rosinality_generator)
    state = OrderedDict(("decoder." + name, array) for name, array in tensors.items()
                        if not name.startswith(("noises.", "latent_avg")))
    with io.BytesIO() as stream, io.BytesIO() as typed:
        rosinality._archive({"state_dict": state, "opts": {"a": 1}}, stream)
        with zipfile.ZipFile(stream) as archive, zipfile.ZipFile(typed, "w") as changed:
            for name in archive.namelist():
                data = archive.read(name)
                if "/data/" in name and dtype == "BFloat16":
                    data = b"".join(data[i + 2:i + 4] for i in range(0, len(data), 4))
                changed.writestr(name, data.replace(b"FloatStorage", dtype.encode() + b"Storage"))
        return typed.getvalue()


def run_one(data):
    """Read one file; write it in every format. Anything but our errors comes through."""
    from blend import BlendError, NetworkFileError, checkpoints

    try:
        networks = checkpoints.parse(data)
    except NetworkFileError as error:
        assert str(error).isprintable() and "unforeseen" not in str(error), error
        return False
    for module in checkpoints.FORMATS.values():
        try:
            module.write(networks, io.BytesIO())
        except BlendError:
            pass
    return True


def main(format, arguments):
    import atheris

    with atheris.instrument_imports(include=["blend.checkpoints"]):
        from blend import checkpoints  # noqa: F401
    with tempfile.TemporaryDirectory() as folder:
        for i, data in enumerate(valid(format)):
            with open(os.path.join(folder, str(i)), "wb") as file:
                file.write(data)
        atheris.Setup([sys.argv[0], "-max_len=200000", "-rss_limit_mb=2000", "-timeout=10"] + arguments + [folder],
                      lambda data: run_one(data) and None)
        atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in FORMATS:
        sys.exit("python tests/fuzz.py %s [-runs=...]" % "|".join(FORMATS))
    main(sys.argv[1], sys.argv[2:])
