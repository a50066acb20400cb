"""A fixed number of mutated files of each format; tests/fuzz.py runs longer."""

import os
import subprocess
import sys

import fuzz
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VALID = {format: fuzz.valid(format) for format in fuzz.FORMATS}
# Lengths, opcodes and names that mean something to one format or another.
PIECES = [b"\0" * 4, b"\xff" * 4, b"\xff" * 8, b"\x80\x02", b".", b"(", b"t", b"R", b"b", b"}", b"]", b"N", b"Q", b"0",
          b"PK\x01\x02", b"PK\x05\x06", b"cos\nsystem\n", b'"F16"', b"-1", b"null", b"[]", b"{", b"\x01", b"\x7f"]


def mutation(size):
    place, length = st.integers(0, size), st.integers(0, 64)
    return st.one_of(
        st.tuples(st.just("set"), place, st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(PIECES))),
        st.tuples(st.just("insert"), place, st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(PIECES))),
        st.tuples(st.just("delete"), place, length), st.tuples(st.just("copy"), place, place, length),
        st.tuples(st.just("cut"), place))


def mutated(data, mutations):
    data = bytearray(data)
    for kind, place, *rest in mutations:
        if kind == "set":
            data[place:place + len(rest[0])] = rest[0]
        elif kind == "insert":
            data[place:place] = rest[0]
        elif kind == "delete":
            del data[place:place + rest[0]]
        elif kind == "copy":
            data[place:place] = data[rest[0]:rest[0] + rest[1]]
        else:
            del data[place:]
    return bytes(data)


@pytest.mark.parametrize("format", fuzz.FORMATS)
def test_mutated_files(format):
    loaded = []

    @settings(max_examples=250, derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))
    @given(st.data())
    def try_one(draw):
        data = draw.draw(st.sampled_from(VALID[format]))
        # Half of the mutations where the structure is: at the beginning and at the end.
        near = draw.draw(st.sampled_from([len(data), min(len(data), 600)]))
        loaded.append(fuzz.run_one(mutated(data, draw.draw(st.lists(mutation(near), min_size=1, max_size=4)))))

    try_one()
    assert any(loaded) and not all(loaded)  # else the mutations are too mild or too wild to tell anything


@pytest.mark.slow
@pytest.mark.parametrize("format", fuzz.FORMATS)
def test_guided_mutations(format):
    pytest.importorskip("atheris")
    done = subprocess.run([sys.executable, fuzz.__file__, format, "-runs=500", "-seed=1"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd=os.path.dirname(fuzz.__file__))
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0 and "Done 500" in said and "NEW" in said, said[-2000:]
