"""Dockerfile.cuda10 and environment.yml: every pin exists, fits its Python and the others; the container's gates."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from unittest import mock

import pytest

pytest.importorskip("packaging")
yaml = pytest.importorskip("yaml")
pytest.importorskip("uv")
pytest.importorskip("setuptools")

from packaging.requirements import Requirement  # noqa: E402
from packaging.utils import canonicalize_name  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PIN = re.compile(r"([A-Za-z0-9._-]+)==([0-9][0-9A-Za-z.]*)")
# The oldest of the Pythons that the image (Ubuntu 18.04) and conda may have.
PYTHON = {"Dockerfile.cuda10": "3.6.5", "environment.yml": "3.7.0"}
NO_WHEEL = ("gast", "termcolor")


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def instructions(keyword):
    """The arguments of the Dockerfile's instructions of this name, each on one line."""
    lines = [line for line in read("Dockerfile.cuda10").splitlines() if not line.lstrip().startswith("#")]
    lines = [line.split(None, 1) for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line]
    return [rest for word, rest in lines if word == keyword]


def conda():
    return yaml.safe_load(read("environment.yml"))


def requirements(name):
    """What pip is asked for."""
    if name == "environment.yml":
        return conda()["dependencies"][-1]["pip"]
    commands = [command.split(" pip install ")[1].split() for run in instructions("RUN")
                for command in re.split("&&|;", run) if " pip install " in command]
    found = [word for command in commands for word in command if not word.startswith("-")]
    assert found.pop() == "."    # the package itself
    image, = instructions("FROM")
    return found + ["tensorflow-gpu==" + re.fullmatch("tensorflow/tensorflow:([0-9.]+)-gpu-py3", image).group(1)]


def pins(name):
    found = [PIN.fullmatch(each).groups() for each in requirements(name)]
    return {canonicalize_name(package): version for package, version in found}


@pytest.mark.parametrize("name", PYTHON)
def test_every_package_is_pinned_once(name):
    found = requirements(name)
    assert len(found) > 40
    assert [each for each in found if not PIN.fullmatch(each)] == []
    assert len(pins(name)) == len(found)


@pytest.mark.parametrize("name", PYTHON)
def test_pins_meet_setup_py(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path("setup.py")
    setup = setup.call_args[1]
    python = {"python_version": PYTHON[name][:3], "python_full_version": PYTHON[name], "platform_system": "Linux",
              "platform_machine": "x86_64", "sys_platform": "linux", "implementation_name": "cpython", "extra": ""}
    needed = [Requirement(each) for each in setup["install_requires"] + setup["extras_require"]["test"]]
    needed = {each.name: each.specifier for each in needed if not each.marker or each.marker.evaluate(python)}
    # The builds for GPUs have another name, and the image has only 1.15.0.
    assert needed.pop("tensorflow") == "==1.15.5" and pins(name)["tensorflow-gpu"] == "1.15.0"
    assert len(needed) >= 10
    for package, specifier in needed.items():
        assert specifier.contains(pins(name)[package]), package


def test_conda_s_part():
    found = conda()
    assert sorted(found) == ["channels", "dependencies", "name"]
    assert found["name"] == "blend-cuda10" and found["channels"] == ["defaults"]
    *packages, last = found["dependencies"]
    assert list(last) == ["pip"]
    assert packages == ["python=3.7", "pip=22.3.1", "cudatoolkit=10.0.130", "cudnn=7.6.5=cuda10.0_0",
                        "gxx_linux-64=7.3.0"]


@pytest.fixture(scope="module")
def uv(tmp_path_factory):
    """Resolves requirements against the registry that pip uses."""
    index = os.environ.get("PIP_INDEX_URL") or subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True).stdout.strip()
    settings = dict(os.environ, UV_CACHE_DIR=str(tmp_path_factory.mktemp("uv")), UV_HTTP_TIMEOUT="20")
    if index:
        settings["UV_DEFAULT_INDEX"] = index

    def resolve(lines, *options):
        return subprocess.run([sys.executable, "-m", "uv", "pip", "compile", "-q", "--no-header", "--no-annotate", "-"]
                              + list(options), input="\n".join(lines), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, env=settings)

    if resolve(["six==1.16.0"]).returncode:
        pytest.skip("no package registry can be reached")
    return resolve


@pytest.mark.parametrize("name", PYTHON)
def test_pins_can_be_installed_and_are_complete(name, uv):
    options = ["--python", sys.executable, "--python-version", PYTHON[name],
               "--python-platform", "x86_64-manylinux_2_17", "--only-binary", ":all:"]
    for package in NO_WHEEL:
        options += ["--no-binary", package]
    found = uv(requirements(name), *options)
    assert found.returncode == 0, found.stderr
    # Nothing that is not in the list.
    assert dict(PIN.fullmatch(line).groups() for line in found.stdout.split()) == pins(name)


# What the container's commands answer, by the command line.
GOOD = {"nvcc": "NVIDIA\nCuda compilation tools, release 10.0, V10.0.130", "g++": "7",
        "python3 --version": "Python 3.6.9", "__version__": "1.15.0", "CXX11_ABI_FLAG": "0"}


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize("command, answer, message", [
    (None, None, None),
    ("nvcc", "NVIDIA\nCuda compilation tools, release 10.1, V10.1.243", "CUDA 10.0's nvcc is needed, found: Cuda"),
    ("g++", "5.4.0", None), ("g++", "4.8", "g++ 5 to 7"), ("g++", "8", "g++ 5 to 7"), ("g++", "10", "g++ 5 to 7"),
    ("python3 --version", "Python 3.8.1", "Python 3.6 is needed"),
    ("__version__", "2.1.0", "TensorFlow 1.15 is needed"), ("__version__", "", "TensorFlow 1.15 is needed"),
    ("CXX11_ABI_FLAG", "1", "A TensorFlow with CXX11_ABI_FLAG 0 is needed")])
def test_gates_of_the_container(command, answer, message, tmp_path):
    answers = dict(GOOD, **({command: answer} if command else {}))
    for name in ("nvcc", "g++", "python3"):
        path = tmp_path / name
        path.write_text("#!/bin/sh\ncase \"${0##*/} $*\" in\n%sesac\n" % "".join(
            "*'%s'*) echo '%s';;\n" % pair for pair in answers.items()))
        path.chmod(0o755)
    (tmp_path / "tail").symlink_to(shutil.which("tail"))
    gates, = [run for run in instructions("RUN") if "nvcc is needed" in run]
    found = subprocess.run([shutil.which("bash"), "-o", "pipefail", "-c", gates], env={"PATH": str(tmp_path)},
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert (found.returncode, found.stdout) == (1 if message else 0, "")
    assert found.stderr.startswith(message or "") and found.stderr.count("\n") == bool(message)
