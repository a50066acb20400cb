"""The notebooks run from top to bottom without a network, and are stored without what they printed."""

import json
import os
import re

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMES = ("blend", "article")


def path_of(name):
    return os.path.join(ROOT, "notebooks", name + ".ipynb")


@pytest.mark.parametrize("name", NAMES)
def test_they_are_stored_without_outputs(name):
    with open(path_of(name), encoding="utf-8") as file:
        stored = json.load(file)
    code = [cell for cell in stored["cells"] if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    with open(os.path.join(ROOT, "setup.py"), encoding="utf-8") as file:
        address = re.search(r'url="https://github.com/(\S+)"', file.read()).group(1)
    first = "".join(stored["cells"][0]["source"])
    assert "colab.research.google.com/github/%s/blob/main/notebooks/%s.ipynb" % (address, name) in first
    assert "git+https://github.com/" + address in "".join("".join(cell["source"]) for cell in code)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_they_run(name, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    for kind in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(kind, "http://nowhere.invalid:9")  # no network
    monkeypatch.setenv("BLEND_CACHE", str(tmp_path / "cache"))
    notebook = nbformat.read(path_of(name), 4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    texts = [text for cell in notebook.cells for output in cell.get("outputs", ())
             for text in (output.get("text", ""), output.get("data", {}).get("text/plain", "")) if text]
    pictures = [output for cell in notebook.cells for output in cell.get("outputs", ())
                if "image/png" in output.get("data", {})]
    assert any("no connection" in text for text in texts)
    assert len(pictures) >= 6
    assert [each for each in os.listdir(str(tmp_path)) if each.endswith(".pkl")]
