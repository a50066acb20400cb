"""Files that want to run something, to fill the memory or to take forever; each with what the error must say.

`corpus(folder)` gives {name: (bytes, words of the error)}. Whatever would run, runs `mkdir` of a folder in `folder`.
"""

import io
import json
import os
import pickle
import struct
import zipfile

import numpy as np
from conftest import pico_file

P2, P4 = b"\x80\x02", b"\x80\x04"


def text(value):
    data = value if isinstance(value, bytes) else value.encode("utf-8")
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    if -2 ** 31 <= value < 2 ** 31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + struct.pack("<B", len(data)) + data


def name(module, attribute):
    return ("c%s\n%s\n" % (module, attribute)).encode()


def reduced(module, attribute, *arguments):
    return name(module, attribute) + b"(" + b"".join(arguments) + b"tR"


def put(index):
    return b"r" + struct.pack("<I", index)


def get(index):
    return b"j" + struct.pack("<I", index)


def shared(depth, width=10, start=b"]"):
    """A list of lists of lists ... each of them the same: small in the file, width^depth when it is walked."""
    made = start + put(0) + b"0"
    for i in range(depth):
        made += b"](" + get(i) * width + b"e" + put(i + 1) + b"0"
    return made + get(depth)


def shared_tuples(depth):
    made = number(1) + b"\x85" + put(0) + b"0"
    for i in range(depth):
        made += get(i) * 2 + b"\x86" + put(i + 1) + b"0"
    return made + get(depth)


def network(variables=b"]", kwargs=b"}", extra=b""):
    """A pickle of a Network whose parts are given as pickle code."""
    return P2 + name("dnnlib.tflib.network", "Network") + b")\x81}(" + (
        text("version") + number(4) + text("name") + text("Gs") + text("build_func_name") + text("G_main")
        + text("build_module_src") + text("") + text("static_kwargs") + kwargs + text("components") + b"}"
        + text("variables") + variables + extra) + b"ub."


def array(shape, dtype=b"f4", data=b"\0" * 4):
    """An array whose shape is pickle code."""
    made = reduced("numpy", "dtype", text(dtype), number(0), number(1)) + b"(" + number(3) + text("<") + (
        b"NNN" + number(-1) + number(-1) + number(0) + b"tb")
    return reduced("numpy.core.multiarray", "_reconstruct", name("numpy", "ndarray"), number(0) + b"\x85", text("b")) + (
        b"(" + number(1) + shape + made + b"\x89" + b"B" + struct.pack("<I", len(data)) + data + b"tb")


def variable(code):
    return network(b"](" + text("lod") + code + b"\x86e")


def legacy(value, keys=b"](" + text("0") + b"e", tail=struct.pack("<q", 1) + b"\0" * 4, little=b"\x88", magic=None):
    """A stream of the older `torch.save`; parts are pickle code."""
    magic = number(0x1950a86a20f9469cfc6c) if magic is None else magic
    return P2 + magic + b"." + P2 + number(1001) + b"." + P2 + b"}" + text("little_endian") + little + b"s." + (
        P2 + value + b"." + P2 + keys + b"." + tail)


def storage(count=1, key="0", last=b"N"):
    return b"(" + text("storage") + name("torch", "FloatStorage") + text(key) + text("cpu") + number(count) + last + b"tQ"


def tensor(shape=b")", stride=b")", offset=0, count=1, last=b""):
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage(count, last=last) + number(offset) + (
        shape + stride + b"\x89" + reduced("collections", "OrderedDict") + b"tR")


def checkpoint(code):
    """A rosinality checkpoint with one tensor."""
    return b"}" + text("g_ema") + b"}" + text("style.1.weight") + code + b"ss"


def archive(pickled, members=(("data/0", b"\0" * 4),), compression=zipfile.ZIP_STORED):
    with io.BytesIO() as stream:
        with zipfile.ZipFile(stream, "w", compression) as made:
            made.writestr("archive/data.pkl", pickled)
            for member, data in members:
                made.writestr("archive/" + member, data)
        return stream.getvalue()


def nested(stream):
    """A storage inside a pickle, as stylegan2-ada-pytorch has them."""
    return P2 + reduced("torch.storage", "_load_from_bytes", b"B" + struct.pack("<I", len(stream)) + stream) + b"."


def module(state, class_name="Generator", source="import os; os.mkdir('it ran')"):
    meta = b"}(" + text("type") + text("class") + text("version") + number(6) + text("module_src") + text(source) + (
        text("class_name") + text(class_name) + text("state") + state + b"u")
    return P2 + b"}" + text("G_ema") + reduced("torch_utils.persistence", "_reconstruct_persistent_obj", meta) + b"s."


def safetensors(header, data=b"", length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def described(change):
    """Our own safetensors file with its header changed."""
    with io.BytesIO() as stream:
        from blend.checkpoints import safetensors as ours

        ours.write(pico_file(), stream)
        data = stream.getvalue()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length].decode())
    change(header)
    return safetensors(header, data[8 + length:])


def with_description(change):
    def changed(header):
        found = json.loads(header["__metadata__"]["blend"])
        change(found)
        header["__metadata__"]["blend"] = json.dumps(found)
    return described(changed)


def execution(folder):
    """Every way to make Python's pickle run something."""
    mkdir = text(os.path.join(folder, "it ran"))
    call = name("os", "mkdir") + mkdir + b"\x85R"
    posix = name("posix", "mkdir") + mkdir + b"\x85R"
    evil = text("import os; os.mkdir(%r)" % os.path.join(folder, "it ran"))
    found = {
        "reduce": (P2 + call + b".", "os.mkdir"), "posix": (P2 + posix + b".", "posix.mkdir"),
        "reduce, protocol 0": (call + b".", "os.mkdir"),
        "stack global": (P4 + text("os") + text("mkdir") + b"\x93" + mkdir + b"\x85R.", "os.mkdir"),
        "inst": (P2 + b"(" + mkdir + b"ios\nmkdir\n.", "os.mkdir"),
        "obj": (P2 + b"(" + name("os", "mkdir") + mkdir + b"o.", "os.mkdir"),
        "newobj": (P2 + name("os", "mkdir") + mkdir + b"\x85\x81.", "os.mkdir"),
        "newobj of a function": (P2 + name("numpy", "dtype") + mkdir + b"\x85\x81.", "made with arguments"),
        "newobj_ex": (P4 + name("os", "mkdir") + mkdir + b"\x85}\x92.", "os.mkdir"),
        "newobj_ex of what is allowed": (P4 + name("numpy", "dtype") + mkdir + b"\x85}\x92.", "0x92"),
        "dotted name": (P4 + text("numpy") + text("core.multiarray.os.mkdir") + b"\x93.", "core.multiarray.os.mkdir"),
        "dotted name below a class": (P4 + text("collections") + text("OrderedDict.__init__") + b"\x93.", "__init__"),
        "dotted module": (P4 + text("numpy.core.multiarray._reconstruct.__globals__") + text("x") + b"\x93.", "globals"),
        "global that is no text": (P4 + number(1) + number(2) + b"\x93.", "not text"),
        "eval": (P2 + reduced("builtins", "eval", evil) + b".", "builtins.eval"),
        "exec of Python 2": (P2 + reduced("__builtin__", "exec", evil) + b".", "__builtin__.exec"),
        "getattr": (P2 + reduced("builtins", "getattr", name("numpy", "ndarray"), text("x")) + b".", "getattr"),
        "import": (P2 + reduced("builtins", "__import__", text("os")) + b".", "__import__"),
        "operator": (P2 + reduced("operator", "methodcaller", text("system"), mkdir) + b".", "operator.methodcaller"),
        "partial": (P2 + reduced("functools", "partial", name("os", "system")) + b".", "functools.partial"),
        "ext1": (P2 + b"\x82\x01.", "0x82"), "ext2": (P2 + b"\x83\x01\x00.", "0x83"),
        "ext4": (P2 + b"\x84\x01\x00\x00\x00.", "0x84"),
        "persid": (P2 + b"Pos\n.", "0x50"), "binpersid": (P2 + mkdir + b"Q.", "persistent id"),
        "memo that is changed": (P2 + name("numpy", "dtype") + put(0) + b"0" + name("os", "mkdir") + put(0) + b".",
                                 "os.mkdir"),
        "memo that is called": (P2 + mkdir + put(0) + b"0" + get(0) + b")R.", "cannot be called"),
        "build with __setstate__": (network(kwargs=b"}" + text("__setstate__") + call + b"s"), "os.mkdir"),
        "build of a function": (P2 + name("numpy", "dtype") + b"}" + text("__code__") + mkdir + b"sb.", "takes no state"),
        "build of a class": (P2 + name("dnnlib.util", "EasyDict") + b"}" + text("__init__") + mkdir + b"sb.",
                             "takes no state"),
        "build twice": (P2 + name("dnnlib.tflib.network", "Network") + b")\x81}b}b.", "twice"),
        "state with __class__": (network(extra=text("__class__") + name("os", "system")), "os.system"),
        "attribute of a dict": (P2 + name("dnnlib.util", "EasyDict") + b")\x81}" + text("__class__") + mkdir + b"sb.",
                                "takes no state"),
        "array of objects": (variable(array(b")", b"O8")), "arrays of type 'O8'"),
        "scalar of objects": (variable(reduced("numpy.core.multiarray", "scalar", reduced(
            "numpy", "dtype", text("O8"), number(0), number(1)), b"B" + struct.pack("<I", len(call)) + call)), "O8"),
        "memory map": (P2 + reduced("numpy.core.multiarray", "_reconstruct", name("numpy", "memmap")) + b".", "memmap"),
        "memory map, real module": (P2 + name("numpy.core.memmap", "memmap") + b".", "numpy.core.memmap"),
        "array of another class": (P2 + reduced("numpy.core.multiarray", "_reconstruct", name("dnnlib.util", "EasyDict"),
                                                b")", text("b")) + b".", "unknown class"),
        "encode": (P2 + reduced("_codecs", "encode", text("x"), text("rot13")) + b".", "rot13"),
        "decode": (P2 + reduced("_codecs", "decode", text("x"), text("zlib")) + b".", "_codecs.decode"),
        "set that calls": (P2 + reduced("builtins", "map", name("os", "system")) + b".", "builtins.map"),
        "in a zip": (archive(P2 + call + b"."), "os.mkdir"),
        "in a storage": (nested(P2 + call + b"."), "os.mkdir"),
        "in a storage, as a stream": (nested(legacy(call)), "os.mkdir"),
        "in a storage's keys": (nested(legacy(storage(), keys=call)), "os.mkdir"),
        "storage in a storage": (nested(nested(P2 + b"N.")), "torch.storage._load_from_bytes"),
        "zip in a storage": (nested(archive(P2 + call + b".")), "opcode 0x50"),
        "as a stream": (legacy(call), "os.mkdir"), "as its system": (legacy(b"N", little=call), "os.mkdir"),
        "source of a module": (module(b"}"), "no synthesis.b4.conv1"),
        "module that calls": (module(call), "os.mkdir"),
        "source of a network": (network(extra=text("build_module_src") + evil), "components"),
    }
    for numpy_name in ("load", "fromfile", "memmap", "save", "lib.npyio.load", "testing._private.utils.runstring",
                       "core.multiarray.fromstring", "f2py.compile", "distutils.exec_command.exec_command",
                       "core.records.fromfile", "ctypeslib.load_library", "vectorize"):
        where, _, attribute = ("numpy." + numpy_name).rpartition(".")
        found["numpy." + numpy_name] = (P2 + reduced(where, attribute, mkdir) + b".", "numpy." + numpy_name)
    for where in ("subprocess.Popen", "subprocess.check_output", "runpy.run_path", "webbrowser.open", "pty.spawn",
                  "ctypes.CDLL", "importlib.import_module", "pickle.loads", "_pickle.loads", "shutil.rmtree",
                  "socket.create_connection", "timeit.timeit", "bdb.Bdb.run", "code.interact", "cProfile.run",
                  "torch.load", "torch.hub.load", "torch.jit.load", "torch.storage._StorageBase.from_file",
                  "torch._utils._rebuild_qtensor", "torch.serialization.load", "torch.utils.cpp_extension.load",
                  "dnnlib.util.open_url", "dnnlib.util.call_func_by_name", "dnnlib.util.get_obj_by_name",
                  "dnnlib.tflib.tfutil.init_tf", "torch_utils.persistence._src_to_module", "copyreg._reconstructor",
                  "torch_utils.custom_ops.get_plugin", "types.FunctionType", "typing.get_type_hints"):
        found[where] = (P2 + reduced(*(where.rpartition(".")[::2] + (mkdir,))) + b".", where)
    return found


def memory():
    """What is small in the file and large, deep or endless for the reader."""
    wide = b"]" + put(0) + b"(" + number(1) * 50000 + b"e0"
    pairs = wide + b"](" + (text("k") + number(1) + b"\x86") * 20000 + b"e" + put(1) + b"0"
    long = text("a" * 2 ** 22) + put(2) + b"0"
    stream = legacy(storage(), keys=b"](" + text("0") + b"e")
    return {
        "opcodes": (P2 + b"N0" * 10 ** 6 + b"N.", "more than 150000 opcodes"),
        "dicts": (P2 + b"}" * 10 ** 6 + b".", "opcodes"), "sets": (P4 + b"\x8f" * 10 ** 6 + b".", "opcodes"),
        "memo": (P4 + b"N" + b"\x94" * 10 ** 6 + b".", "opcodes"),
        "memo far away": (P2 + b"N" + b"".join(put(2 ** 32 - 1 - i) for i in range(300000)) + b".", "opcodes"),
        "marks": (P2 + b"(" * 10 ** 6 + b".", "opcodes"),
        "ordered dicts": (P2 + name("collections", "OrderedDict") + put(0) + (get(0) + b")R") * 200000 + b".", "opcodes"),
        "easy dicts": (P2 + name("dnnlib.util", "EasyDict") + put(0) + (get(0) + b")\x81") * 200000 + b".", "opcodes"),
        "tuples, deep": (P2 + b")" + b"\x85" * 100000 + b".", "holds a tuple"),
        "lists, deep": (P2 + b"]" * 70000 + b"a" * 69999 + b".", "holds a list"),
        "dicts, deep": (P2 + (b"}" + number(1)) * 40000 + b"}" + b"s" * 40000 + b".", "holds a dict|entries"),
        "deep in a network": (network(extra=text("later") + b")" + b"\x85" * 100000), "too deep|components"),
        "laughs": (P2 + shared(20) + b".", "holds a list"),
        "laughs in kwargs": (network(kwargs=b"}" + text("x") + shared(20) + b"s"), "components|values"),
        "laughs as a shape": (variable(array(shared_tuples(60))), "impossible shape"),
        "laughs as a type": (P2 + reduced("numpy", "dtype", shared_tuples(60)) + b".", "arrays of type (a tuple, a tuple)"),
        "laughs as a key": (P2 + b"}" + shared_tuples(60) + number(1) + b"s.", "key of type tuple"),
        "laughs as a name": (P4 + shared_tuples(60) + text("x") + b"\x93.", "not text"),
        "laughs as an encoding": (P2 + reduced("_codecs", "encode", text("x"), shared_tuples(60)) + b".", "encoded as"),
        "laughs as a persistent id": (legacy(shared_tuples(60) + b"Q"), "described in an unknown way"),
        "laughs as a tensor's shape": (legacy(checkpoint(tensor(shared_tuples(60), shared_tuples(60), last=b"N"))),
                                       "impossible shape"),
        "laughs as a module's argument": (module(b"}" + text("_init_kwargs") + shared_tuples(60) + b"s"), "b4.conv1"),
        "list that holds itself": (network(kwargs=b"}" + text("x") + b"]" + put(9) + get(9) + b"as"), "deep|components"),
        "dict that holds itself": (P2 + b"}" + put(0) + text("x") + get(0) + b"s.", "entries x"),
        "keys that share a hash": (P2 + b"}(" + b"".join(
            number(i * (2 ** 61 - 1)) + b"N" for i in range(40000)) + b"u.", "key of type int"),
        "arguments again and again": (P2 + wide + name("numpy", "dtype") + put(3) + (
            get(3) + get(0) + b"R") * 50000 + b".", "arrays of type 1"),
        "pairs again and again": (P2 + pairs + name("collections", "OrderedDict") + put(3) + (
            get(3) + get(1) + b"\x85R") * 50000 + b".", "opcodes"),
        "state again and again": (P2 + b"}(" + b"".join(number(i) + b"N" for i in range(30000)) + b"u" + put(1)
                                  + name("dnnlib.util", "EasyDict") + put(3) + (get(3) + b")\x81" + get(1) + b"b") * 30000
                                  + b".", "takes no state"),
        "set again and again": (P2 + wide + name("builtins", "set") + put(3) + (
            get(3) + get(0) + b"\x85R") * 40000 + b".", "opcodes"),
        "text again and again": (P2 + long + name("_codecs", "encode") + put(3) + (
            get(3) + get(2) + text("latin1") + b"\x86R") * 50 + b".", "MB of text"),
        "text of Python 2 again and again": (P2 + b"T" + struct.pack("<i", 2 ** 22) + b"a" * 2 ** 22 + put(2) + b"0](" + (
            get(2) * 200) + b"e.", "MB of text"),
        "text": (P2 + text("\U0001f600" * 2 ** 22) + b".", "MB of text"),
        "streams again and again": (P2 + name("torch.storage", "_load_from_bytes") + put(3) + b"0B" + struct.pack(
            "<I", len(stream)) + stream + put(4) + b"0" + (get(3) + get(4) + b"\x85R0") * 60000 + b"N.", "opcodes"),
    }


def lies():
    """Lengths, shapes and offsets that are not true."""
    flat, whole = number(4) + b"\x85", number(1) + b"\x85"
    found = {
        "empty": (b"", "empty"), "one byte": (b"\x80", "truncated"), "no stop": (P2 + b"N", "truncated"),
        "bytes of 2^62": (P4 + b"\x8e" + struct.pack("<Q", 2 ** 62) + b".", "truncated"),
        "text of 2^63": (P4 + b"\x8d" + struct.pack("<Q", 2 ** 63) + b".", "truncated"),
        "string of -5": (P2 + b"T" + struct.pack("<i", -5) + b".", "truncated"),
        "number of -1": (P2 + b"\x8b" + struct.pack("<i", -1) + b".", "0x8b"),
        "frame of 2^63": (P4 + b"\x95" + struct.pack("<Q", 2 ** 63) + b"N.", "holds a NoneType"),
        "protocol 255": (b"\x80\xffN.", "protocol 255"),
        "shape too large": (variable(array(flat)), "needs 16 bytes, the file has 4"),
        "shape negative": (variable(array(number(-1) + b"\x85")), "impossible shape (-1)"),
        "shape of 2^64": (variable(array(number(2 ** 32) + number(2 ** 32) + b"\x86")), "needs"),
        "shape that comes to nothing": (variable(array(number(0) + number(2 ** 62) + b"\x86", data=b"")),
                                        "components|valid pickle"),
        "shape with 100 dimensions": (variable(array(b"(" + number(1) * 100 + b"t")), "impossible shape"),
        "shape of text": (variable(array(text("4") + b"\x85")), "impossible shape"),
        "array never filled": (network(b"](" + text("lod") + reduced(
            "numpy.core.multiarray", "_reconstruct", name("numpy", "ndarray"), b")", text("b")) + b"\x86e"), "float32"),
        "double precision": (variable(array(b")", b"f8", b"\0" * 8)), "not a float32 array"),
        "layers without end": (network(kwargs=b"}" + text("mapping_layers") + number(2 ** 30) + b"s"), "components"),
        "tensor beyond its storage": (legacy(checkpoint(tensor(flat, whole, last=b"N"))), "outside its storage"),
        "tensor with an offset": (legacy(checkpoint(tensor(whole, whole, 1, last=b"N"))), "outside its storage"),
        "tensor with a negative offset": (legacy(checkpoint(tensor(whole, whole, -1, last=b"N"))), "impossible"),
        "tensor with a negative stride": (legacy(checkpoint(tensor(whole, number(-1) + b"\x85", last=b"N"))),
                                          "impossible"),
        "tensor that is stretched": (legacy(checkpoint(tensor(number(2 ** 39) + b"\x85", number(0) + b"\x85", last=b"N"))),
                                     "outside its storage"),
        "tensor of a million dimensions": (legacy(checkpoint(tensor(b"(" + whole[:-1] * 50000 + b"t", b"(" + (
            number(1) * 50000) + b"t", last=b"N"))), "impossible"),
        "tensor whose shape is a number": (legacy(checkpoint(tensor(number(1), whole, last=b"N"))), "impossible"),
        "tensor whose stride is a dict": (legacy(checkpoint(tensor(whole, b"}", last=b"N"))), "impossible"),
        "tensor whose offset is text": (legacy(checkpoint(tensor(whole, whole, last=b"N").replace(
            number(0) + whole, text("0") + whole))), "impossible"),
        "storage of 2^39": (legacy(checkpoint(tensor(count=2 ** 39, last=b"N")), tail=struct.pack("<q", 2 ** 39)),
                            "truncated"),
        "storage of 2^70": (legacy(checkpoint(tensor(count=2 ** 70, last=b"N"))), "elements"),
        "storage of -1": (legacy(checkpoint(tensor(count=-1, last=b"N")), tail=struct.pack("<q", -1)), "-1 elements"),
        "storage that is cut": (legacy(checkpoint(tensor(last=b"N")), tail=b"\1\0\0"), "truncated"),
        "storage that is missing": (legacy(checkpoint(tensor(last=b"N")), keys=b"]"), "the file has 0"),
        "storage twice": (legacy(checkpoint(tensor(last=b"N")), keys=b"](" + text("0") * 2 + b"e", tail=(
            struct.pack("<q", 1) + b"\0" * 4) * 2), "twice"),
        "storage of no type": (legacy(b"(" + text("storage") + number(1) + text("0") + text("cpu") + number(1) + b"NtQ"),
                               "unknown way"),
        "big endian": (legacy(b"N", little=b"\x89"), "byte order"),
        "another protocol": (legacy(b"N").replace(number(1001), number(1002)), "unknown protocol"),
        "keys of no text": (legacy(b"N", keys=b"](" + number(1) + b"e"), "list of its storages"),
        "module without a state": (P2 + b"}" + text("G_ema") + reduced(
            "torch_utils.persistence", "_reconstruct_persistent_obj", b"}") + b"s.", "no state"),
    }
    tensors = P2 + checkpoint(tensor()) + b"."
    squeezed = archive(tensors, (("data/0", b"\0" * 10 ** 8),), zipfile.ZIP_DEFLATED)
    good = archive(tensors)
    at = good.rindex(b"PK\x01\x02")
    moved = good[:at + 42] + struct.pack("<I", 2 ** 31) + good[at + 46:]
    larger = good[:at + 20] + struct.pack("<II", 2 ** 31, 2 ** 31) + good[at + 28:]
    secret = good[:at + 8] + b"\1\0" + good[at + 10:]
    end = good.rindex(b"PK\x05\x06")
    directory = b"PK\x03\x04" + b"\0" * 2 ** 22 + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 2 ** 22, 4, 0)
    found.update({
        "zip bomb": (squeezed, "compressed"), "zip with a false offset": (moved, "not where"),
        "zip with a false size": (larger, "not where"), "zip that is encrypted": (secret, "encrypted"),
        "zip without an end": (good[:end], "not a whole zip"), "zip that is cut": (good[:200], "not a whole zip"),
        "zip with a huge directory": (directory, "table of contents"),
        "zip with nothing": (archive(tensors).replace(b"data.pkl", b"date.pkl"), "no data.pkl"),
        "zip that lacks a storage": (archive(tensors, ()), "missing in the zip"),
        "zip with a short storage": (archive(tensors, (("data/0", b"\0"),)), "needs 4 bytes"),
        "zip with a path": (archive(tensors, (("../../data/0", b"\0" * 4),)), "missing in the zip"),
        "zip with an extra field that is cut": (extended(good, b"\1\0\x08\0"), "not a whole zip"),
        "zip with a long extra field that is cut": (extended(good, b"\1\0\x18\0\0\0"), "not a whole zip"),
        "zip of a big-endian machine": (archive(tensors, (("byteorder", b"big"),)), "big-endian"),
        "zip with a huge pickle": (archive(P2 + b"N0" * 2 ** 23 + b"N."), "a pickle of"),
        "header of 2^63": (safetensors(b"{}", length=2 ** 63), "not a network file"),
        "header of 3 MB": (safetensors(b"{" + b" " * 3 * 2 ** 20 + b"}"), "header of"),
        "header, deep": (safetensors(b'{"a":' + b"[" * 500000), "not a safetensors|recursion"),
        "header, wide": (safetensors(b'{"a":[' + b"[]," * 600000 + b"[]]}"), "does not say which network"),
        "header of digits": (safetensors(b'{"a":' + b"9" * 10 ** 6 + b"}"), "not a safetensors"),
        "header with a name twice": (safetensors(b'{"a":1,"a":2}'), "twice"),
        "header that is no text": (safetensors(b"{\xff\xfe}"), "not a safetensors"),
        "header of another maker": (safetensors({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
                                    "does not say which network"),
        "offsets that overlap": (described(lambda h: h["Gs/lod"].update(data_offsets=[4, 8])), "overlap"),
        "offsets beyond the end": (described(lambda h: h["Gs/lod"].update(data_offsets=[2 ** 40, 2 ** 40 + 4])), "needs"),
        "offsets that are negative": (described(lambda h: h["Gs/lod"].update(data_offsets=[-4, 0])), "F32"),
        "shape of 2^64 numbers": (described(lambda h: h["Gs/lod"].update(shape=[2 ** 32, 2 ** 32])), "needs"),
        "tensor of nobody": (described(lambda h: h.update({"X/a": dict(h["Gs/lod"])})), "none of the networks"),
        "description that is broken": (described(lambda h: h["__metadata__"].update(blend="{")), "broken"),
        "description, deep": (described(lambda h: h["__metadata__"].update(blend="[" * 100000)), "broken"),
        "description, long": (described(lambda h: h["__metadata__"].update(blend=" " * 2 ** 20)), "description of"),
        "description of the future": (with_description(lambda d: d.update(blend=2)), "newer"),
        "description without Gs": (with_description(lambda d: d["networks"].pop("Gs")), "broken"),
        "description of another size": (with_description(lambda d: d["networks"]["Gs"]["static_kwargs"]["v"][0].__setitem__(
            1, 1024)), "other variables than the architecture"),
        "description with 2^30 layers": (with_description(lambda d: [
            pair.__setitem__(1, 2 ** 30) for pair in d["networks"]["Gs"]["static_kwargs"]["v"]
            if pair[0] == "mapping_layers"]), "mapping_layers"),
        "description with odd keys": (with_description(lambda d: d["networks"]["Gs"]["static_kwargs"]["v"].append(
            [2 ** 61, 1])), "broken"),
    })
    return found


def whole(kwargs=b"}", variables=b"]", name_=b"Gs", extra=b""):
    """A pickle of a generator with both components and without variables: its static_kwargs are looked at."""
    def one(title, function, more, values):
        return name("dnnlib.tflib.network", "Network") + b")\x81}(" + text("name") + text(title) + (
            text("build_func_name") + text(function) + text("static_kwargs") + kwargs + text("variables") + values
            + more + b"ub")

    parts = b"}(" + text("synthesis") + one("S", "G_synthesis_stylegan2", b"", b"]") + (
        text("mapping") + one("M", "G_mapping", b"", b"]") + b"u")
    return P2 + one(name_, "G_main", text("components") + parts + extra, variables) + b"."


def with_kwarg(key, code):
    return whole(b"}" + text(key) + code + b"s")


def shallow(state, names, inner):
    """Pickle code of a module whose parts under many names are the same module."""
    return b"}" + text("_modules") + b"}(" + b"".join(text(each) + get(inner) for each in names) + b"us" + state


def modules():
    """What grows where the parts of networks are put together."""
    kernel = reduced("numpy", "dtype", text("u1"), number(0), number(1)) + b"(" + number(3) + text("|") + (
        b"NNN" + number(-1) + number(-1) + number(0) + b"tb")
    big = reduced("numpy.core.multiarray", "_reconstruct", name("numpy", "ndarray"), number(0) + b"\x85", text("b")) + (
        b"(" + number(1) + number(2 ** 24) + b"\x85" + kernel + b"\x89B" + struct.pack("<I", 2 ** 24) + b"\1" * 2 ** 24
        + b"tb")
    long = text("a" * 2 ** 22) + put(0) + b"0"
    one = number(1) + b"\x85"
    leaf = reduced("torch_utils.persistence", "_reconstruct_persistent_obj",
                   b"}(" + text("class_name") + text("x") + text("state") + b"}u")
    tree = leaf + put(0) + b"0"
    for level in range(5):
        names = ["m%d" % i for i in range(1000)]
        tree += reduced("torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + text("class_name") + text("x") + (
            text("state") + shallow(b"", names, level) + b"u")) + put(level + 1) + b"0"
    described_names = {"description": json.dumps({"blend": 1, "texts": [], "networks": {"Gs": {
        "name": "Gs", "build_func_name": "G_main", "static_kwargs": {"$": "dict", "v": []}, "components": {},
        "extra": {"$": "dict", "v": []}, "variables": ["G_synthesis/noise10000000000"]}}})}
    noise = P2 + b"}(" + text("G_ema") + leaf + text("blend") + b"}" + text("description") + text(
        described_names["description"]) + b"su."
    many = b"}(" + b"".join(text("t%d" % i) + get(5) for i in range(30000)) + b"u"
    pair = (b"(" + text("storage") + name("torch", "FloatStorage") + text("0") + text("cpu") + number(1) + b"tQ")
    return {
        "decay of 2000": (with_kwarg("fmap_decay", number(2000)), "fmap_decay 2000"),
        "resolution of texts": (P2 + long + with_kwarg("resolution", b"](" + get(0) * 300 + b"e")[2:], "more than 16 MB"),
        "kernel of 16 MB": (with_kwarg("resample_kernel", big), "resample_kernel a ndarray|more than"),
        "kernel of 1000 taps": (with_kwarg("resample_kernel", b"](" + number(1) * 1000 + b"e"), "resample_kernel"),
        "kernel that sums to nothing": (with_kwarg("resample_kernel", b"](" + number(1) + number(-1) + b"e"),
                                        "resample_kernel"),
        "channels of 2^20": (with_kwarg("num_channels", number(2 ** 20)), "num_channels"),
        "learning rate of nothing": (with_kwarg("mapping_lrmul", b"G" + struct.pack(">d", 0)), "mapping_lrmul"),
        "layers of 2^30, whole": (with_kwarg("mapping_layers", number(2 ** 30)), "mapping_layers"),
        "number of 1000 bits": (whole(extra=text("x") + number(2 ** 1000)), "does not fit|bits"),
        "state with a number as key": (whole(extra=number(7) + text("x")), "keys that are not text"),
        "source that is an array": (whole(extra=text("build_module_src") + array(one)), "source in Gs is not text"),
        "name of 7 MB": (whole(name_=b"n" * 7 * 2 ** 20), "characters"),
        "name of control characters": (network().replace(text("Gs"), text(b"\x01" * 2 ** 22), 1), "characters"),
        "key of control characters": (P2 + b"}" + text("\x01" * 2 ** 22) + b"Ns.", "entries"),
        "global of 8 MB": (P4 + text("\x01" * 2 ** 22) + text("\x02" * 2 ** 21) + b"\x93.", "asks for"),
        "globals again and again": (P2 + name("torch_utils.persistence", "_reconstruct_persistent_obj") * 149000 + b".",
                                    "opcodes"),
        "names without end": (P2 + b"c" + b"a" * 10 ** 6, "too long"),
        "components without end": (whole()[:-1] + put(1) + b"0" + name("dnnlib.tflib.network", "Network") + b")\x81}(" + text("name")
                                   + text("Gs") + text("build_func_name") + text("G_main") + text("static_kwargs") + b"}"
                                   + text("variables") + b"]" + text("components") + b"}(" + b"".join(
                                       text("c%d" % i) + get(1) for i in range(20000)) + b"uub.", "one level"),
        "variables without end": (whole(variables=b"](" + b"".join(
            text("v%d" % i) + b"N\x86" for i in range(20000)) + b"e"), "20000 variables"),
        "modules without end": (P2 + tree + b"}" + text("G_ema") + get(5) + b"s.", "no synthesis.b4.conv1"),
        "modules without end, described": (P2 + tree + b"}(" + text("G_ema") + get(5) + text("blend") + b"}" + text(
            "description") + text("{}") + b"su.", "too many or too long"),
        "noise of 2^10^10": (noise, "components"),
        "tensors without end": (archive(P2 + tensor(one, one, last=b"") + put(5) + b"0}(" + text("g_ema") + many + text("g")
                                        + many + b"u."), "30000 tensors"),
        "storages again and again": (archive(P2 + pair[:-1] + put(0) + b"Q0" + (get(0) + b"Q0") * 60000 + b"N."),
                                     "opcodes"),
        "shape that is bytes": (legacy(checkpoint(tensor(b"B" + struct.pack("<I", 2 ** 24) + b"\1" * 2 ** 24, b")", last=b"N"))),
                                "impossible shape"),
        "stride of 2^70": (legacy(checkpoint(tensor(one, number(2 ** 70) + b"\x85", last=b"N"))), "impossible"),
        "bytes of a storage that are a table": (P2 + reduced("torch.storage", "_load_from_bytes", array(
            number(2) + number(2) + b"\x86", b"u1")) + b".", "bytes of a storage are a ndarray"),
        "bytes of a storage that are numbers": (P2 + reduced("torch.storage", "_load_from_bytes", array(one)) + b".",
                                                "bytes of a storage are a ndarray"),
        "numbers of an array that are an array": (P2 + reduced("numpy.core.numeric", "_frombuffer", array(one), reduced(
            "numpy", "dtype", text("f4")), one, text("C")) + b".", "numbers of an array are a ndarray"),
        "average w of a million rows": (bare(8, 4, 1, 2 ** 22, (2 ** 22, 1)), "dlatent_avg should be"),
        "weights that are the same bytes": (bare(1024, 512, 64, 9 * 512 ** 2, (512,)), "again and again"),
        "tensor of nothing": (legacy(checkpoint(tensor(number(0) + b"\x85", one, last=b"N"))), "outside"),
        "protocol that is an array": (legacy(b"N").replace(number(1001), array(one)), "unknown protocol"),
        "type that numpy would parse": (with_description(lambda d: d["networks"]["Gs"]["extra"]["v"].append(
            ["x", {"$": "array", "v": ["(,)f4", [1], "AAAAAA=="]}])), "unknown kind"),
        "names for one tensor": (with_description(lambda d: d["networks"]["Gs"]["components"]["synthesis"]["variables"].extend(
            "4x4/Conv/mod_bias/%d" % i for i in range(500))), "other variables"),
        "keys of two kinds": (with_description(lambda d: d["networks"]["Gs"]["static_kwargs"]["v"].append([5, 1])),
                              "keys that are not text"),
    }


def made_network(source, state=b"", components=b"}", kwargs=b"}", variables=b"]"):
    """Code of a Network up to its state, and the state's items: NVIDIA's loader runs `source` when it is built."""
    return name("dnnlib.tflib.network", "Network") + b")\x81", text("version") + number(4) + text("name") + text("Gs") + (
        text("build_func_name") + text("G_main") + text("build_module_src") + text(source) + text("static_kwargs")
        + kwargs + text("components") + components + text("variables") + variables + state)


def disagreements(folder):
    """What Python makes something else of than a reader that only looks at the end: it ran a text that is not there.

    In each, NVIDIA's loader would execute EVIL; what is left in the file is GOOD.
    """
    evil = "import os; os.mkdir(%r)" % os.path.join(folder, "it ran")
    made, items = made_network(evil)
    bad = made + b"}(" + items + b"ub"
    fine, fine_items = made_network("GOOD")
    good = fine + b"}(" + fine_items + b"ub"
    source = text("build_module_src") + text("GOOD")
    easy, ordered = name("dnnlib.util", "EasyDict") + b")\x81", reduced("collections", "OrderedDict")
    hooks = ordered + b"}" + text("_metadata") + bad + b"sb"
    reconstruct = name("torch_utils.persistence", "_reconstruct_persistent_obj")
    meta = text("class_name") + text("Generator") + text("module_src") + text(evil)
    part = reconstruct + b"}(" + meta + text("state") + b"}u\x85R"
    return {
        "A: a network that is built and popped": (P2 + bad + b"0" + good + b".", "made and then dropped"),
        "A: popped with its mark": (P2 + b"(" + bad + b"1" + good + b".", "made and then dropped"),
        "A: built, remembered and popped": (P2 + bad + put(0) + b"0" + good + b".", "made and then dropped"),
        "A: in a list that is popped": (P2 + b"](" + bad + b"e0" + good + b".", "made and then dropped"),
        "A: left over": (P2 + bad + good + b".", "left over"),
        "A: under a key that is set again": (P2 + fine + b"}(" + made_network("GOOD", components=(
            b"}(" + text("synthesis") + bad + text("synthesis") + good + b"u"))[1] + b"ub.", "made and then dropped"),
        "A: in an attribute that is not read": (P2 + fine + b"}(" + made_network("GOOD", kwargs=hooks)[1] + b"ub.",
                                                "made and then dropped"),
        "A: in a parameter's hooks": (P2 + b"}" + text("G_ema") + reduced(
            "torch._utils", "_rebuild_parameter", b"N\x88", part) + b"s.", "made and then dropped"),
        "A: in a module's description": (P2 + b"}" + text("G_ema") + reconstruct + b"}(" + meta + text("state") + b"}" + (
            text("more") + part + b"u\x85Rs."), "made and then dropped"),
        "A: in the arguments of a dict": (P2 + name("collections", "OrderedDict") + b"](](" + text("x") + bad + b"e](" + (
            text("x") + good + b"ee\x85R0") + good + b".", "made and then dropped"),
        "B: a source that is set after BUILD": (P2 + made + b"}" + put(0) + b"(" + items + b"ub" + get(0) + source
                                                + b"s0.", "changed after"),
        "B: sources that are set after BUILD": (P2 + made + b"}" + put(0) + b"(" + items + b"ub" + get(0) + b"(" + source
                                                + b"u0.", "changed after"),
        "B: components that are set after BUILD": (P2 + fine + b"}(" + made_network("GOOD", components=(
            b"}" + put(0) + text("synthesis") + bad + b"s"))[1] + b"ub" + get(0) + text("synthesis") + good + b"s0.",
            "changed after"),
        "B: variables that are added after BUILD": (P2 + fine + b"}(" + made_network("GOOD", variables=(
            b"]" + put(0)))[1] + b"ub" + get(0) + text("x") + b"a0.", "changed after"),
        "B: a module's state that is changed": (P2 + b"}" + text("G_ema") + reconstruct + b"}(" + meta + text("state") + (
            b"}" + put(0) + b"u\x85R" + get(0) + text("z_dim") + number(8) + b"s0s."), "changed after"),
        "C: a state that is an EasyDict": (P2 + made + easy + b"}" + text("build_module_src") + text(evil) + b"sb("
                                           + fine_items + b"ub.", "takes no state"),
        "C: a state that is an EasyDict without attributes": (P2 + made + easy + b"(" + items + b"ub.", "a plain one"),
        "C: a state that is an OrderedDict": (P2 + made + ordered + b"(" + items + b"ub.", "a plain one"),
        "C: an OrderedDict with attributes": (P2 + b"}" + text("g_ema") + ordered + b"}" + text("items") + number(1)
                                              + b"sbs.", "takes no state"),
        "C: a module's state that is an OrderedDict": (P2 + b"}" + text("G_ema") + reconstruct + b"}(" + meta + text(
            "state") + ordered + b"u\x85Rs.", "a plain dict"),
        "a second BUILD": (P2 + made + b"}(" + items + b"ub}(" + fine_items + b"ub.", "given twice"),
        "an array that is filled twice": (variable(array(b")") + b"(" + number(1) + b")NN" + b"C\0tb"), "filled twice"),
        "a type that is changed": (P2 + reduced("numpy", "dtype", text("f4"), number(0), number(1)) + (
            b"(" + number(3) + text("<") + b"tb(" + number(3) + text(">") + b"tb."), "is changed"),
        "a mark that is remembered": (P2 + b"N(" + put(0) + b"t.", "mark"),
        "a mark in a tuple": (P2 + b"N(\x86.", "IndexError"),
        "pairs that are triples": (P2 + name("collections", "OrderedDict") + b"](](" + number(1) * 3 + b"ee\x85R.",
                                   "other things than pairs"),
    }


def quoted():
    """Long texts that an error would quote, and short ones that are read again and again."""
    long = text("\x01" * (2 ** 23 - 2 ** 13) + "\U0001f600")
    half = text("\x01" * (2 ** 22 - 2 ** 13) + "\U0001f600")
    third = [text("\x01" * (2 ** 21) + "\U0001f600" + each) for each in "abc"]
    pid = b"(" + text("storage") + name("torch", "FloatStorage") + put(7)
    one, eight = number(1) + b"\x85", b"(" + number(1) * 8 + b"t"
    entry = P2 + tensor(eight, eight) + put(5) + b"0}(" + text("g_ema") + b"}" + text("blend") + b"}(" + text(
        "description") + text("{}") + b"".join(text("%d" % i) + get(5) for i in range(73900)) + b"uu."
    module_entry = P2 + reduced("torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + text("class_name") + (
        text("x") + text("state") + b"}u")) + put(4) + b"0B" + struct.pack("<I", len(legacy(storage()))) + legacy(storage()) + (
        put(3) + b"0" + name("torch._utils", "_rebuild_tensor_v2") + b"(" + reduced("torch.storage", "_load_from_bytes", get(3))
        + number(0) + eight + eight + b"\x89" + reduced("collections", "OrderedDict") + b"tR" + put(5) + b"0}(" + text("G_ema")
        + get(4) + text("blend") + b"}(" + text("description") + text("{}")
        + b"".join(text("%d" % i) + get(5) for i in range(73900)) + b"uu.")
    return {
        "count of 8 MB": (legacy(pid + text("0") + text("cpu") + long + b"NtQ"), "elements"),
        "key of 8 MB, twice": (legacy(pid + long + put(1) + text("cpu") + number(1) + b"NtQ0" + pid + get(1) + text("cpu")
                                      + number(2) + b"NtQ"), "unknown way"),
        "key of 8 MB in a zip": (archive(P2 + pid + long + text("cpu") + number(1) + b"tQ."), "unknown way"),
        "key of 65490 characters, again and again": (archive(
            P2 + text("k" * 65490) + put(1) + b"0" + pid + get(1) + text("cpu") + number(1) + b"t" + put(2) + b"0"
            + (get(2) + b"Q0") * 49000 + b"N."), "unknown way"),
        "entries of 8 MB": (P2 + b"}(" + b"".join(each + b"N" for each in third) + b"u.", "entries"),
        "tensor with a name of 8 MB": (archive(P2 + b"}" + text("g_ema") + b"}" + long + tensor(one, one) + b"ss."),
                                       "style.1.weight|no StyleGAN2"),
        "tensor of integers with a name of 8 MB": (archive(
            P2 + b"}" + text("g_ema") + b"}" + long + tensor(one, one).replace(b"FloatStorage", b"LongStorage")
            + b"ss.", (("data/0", b"\0" * 8),)), "int64"),
        "component with a name of 8 MB": (whole()[:2] + whole(extra=b"")[2:].replace(text("synthesis"), long),
                                          "characters"),
        "argument of 8 MB": (P2 + long + put(0) + b"0" + with_kwarg("architecture", get(0))[2:], "architecture"),
        "argument of a fork of 8 MB": (P2 + long + put(0) + b"0" + with_kwarg("init_res", get(0))[2:], "not square"),
        "type of 8 MB": (P2 + reduced("numpy", "dtype", half) + b".", "arrays of type"),
        "encoding of 8 MB": (P2 + reduced("_codecs", "encode", text("x"), half) + b".", "encoded as"),
        "class of 8 MB": (module(b"}", class_name="\x01" * (2 ** 23 - 2 ** 13) + "\U0001f600"), "no synthesis.b4.conv1"),
        "source of 8 MB": (module(b"}", source="\n" * (2 ** 23 - 2 ** 13) + "\U0001f600"), "no synthesis.b4.conv1"),
        "entry blend without end": (archive(entry), "parts"),
        "entry blend of modules without end": (module_entry, "parts"),
        "tensor's name in a safetensors header": (safetensors({"\x01" * 2 ** 18: {}, "__metadata__": {"blend": "{}"}}),
                                                  "none of the networks"),
        "zip with long names": (archive(P2 + b"N.", [("d" * 60000, b"")]), "holds a NoneType"),
        "entries that are one list": (archive(P2 + b"](" + number(1) * 30000 + b"e" + put(0) + b"0}(" + b"".join(
            text("%d" % i) + get(0) for i in range(55000)) + b"u."), "entries 0"),
        "entries that are one list, unknown": (archive(P2 + b"](" + name("os", "mkdir") + number(1) * 30000 + b"e" + put(0) + (
            b"0}(" + b"".join(text("%d" % i) + get(0) for i in range(55000)) + b"u.")), "again and again"),
        "entries that are one state": (archive(P2 + b"}(" + b"".join(text("t%d" % i) + b"N" for i in range(9000)) + b"u"
            + put(0) + b"0}(" + b"".join(text("%d" % i) + get(0) for i in range(60000)) + b"u."), "entries 0"),
        "half precision again and again": (again_and_again("HalfStorage"), "more often"),
        "bfloat16 again and again": (again_and_again("BFloat16Storage"), "more often"),
    }


def again_and_again(kind):
    """A module with 1000 parameters, each of which reads the same 2 MB of half precision."""
    count = 2 ** 20
    stream = legacy(storage(count, last=b"N").replace(b"FloatStorage", kind.encode()),
                    tail=struct.pack("<q", count) + b"\0" * 2 * count)
    flat = number(count) + b"\x85"
    value = name("torch._utils", "_rebuild_tensor_v2") + b"(" + name("torch.storage", "_load_from_bytes") + get(0) + (
        b"\x85R" + number(0) + flat + number(1) + b"\x85\x89N" + b"tR")
    parameters = b"}(" + b"".join(text("p%d" % i) + value for i in range(1000)) + b"u"
    inner = b"".join(text(each) + reduced(
        "torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + text("class_name") + text("x") + text("state")
        + state + b"u") for each, state in (
            ("synthesis", b"}" + text("_modules") + b"}" + text("b4") + reduced(
                "torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + text("class_name") + text("x") + text(
                    "state") + b"}" + text("_modules") + b"}" + text("conv1") + reduced(
                        "torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + text("class_name") + text("x")
                        + text("state") + b"}u") + b"ssu") + b"ss"),
            ("mapping", b"}" + text("_modules") + b"}" + text("fc0") + reduced(
                "torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + text("class_name") + text("x") + text(
                    "state") + b"}u") + b"ss")))
    return P2 + b"B" + struct.pack("<I", len(stream)) + stream + put(0) + b"0}" + text("G_ema") + reduced(
        "torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + text("class_name") + text("Generator") + text(
            "state") + b"}(" + text("_parameters") + parameters + text("_modules") + b"}(" + inner + b"uuu") + b"s."


def bare(resolution, channels, layers, count, average):
    """A decoder of rosinality's names whose tensors are all views of one storage; average: the shape of latent_avg."""
    shapes = {"input.input": (1, channels, 4, 4), "latent_avg": average}
    for layer in range(1, layers + 1):
        shapes.update({"style.%d.weight" % layer: (channels, channels), "style.%d.bias" % layer: (channels,)})
    blocks = resolution.bit_length() - 3
    convolutions = ["conv1"] + ["convs.%d" % i for i in range(2 * blocks)]
    for where in convolutions + ["to_rgb1"] + ["to_rgbs.%d" % i for i in range(blocks)]:
        outputs, size = (channels, 3) if where in convolutions else (3, 1)
        shapes.update({where + ".conv.weight": (1, outputs, channels, size, size),
                       where + ".conv.modulation.weight": (channels, channels),
                       where + ".conv.modulation.bias": (channels,)})
        if where in convolutions:
            shapes.update({where + ".noise.weight": (1,), where + ".activate.bias": (channels,)})
        else:
            shapes[where + ".bias"] = (1, 3, 1, 1)

    def view(shape):
        strides = [int(np.prod(shape[i + 1:])) for i in range(len(shape))]
        return name("torch._utils", "_rebuild_tensor_v2") + b"(" + get(0) + number(0) + (
            b"(" + b"".join(map(number, shape)) + b"t(" + b"".join(map(number, strides)) + b"t\x89NtR")

    flat = b"(" + text("storage") + name("torch", "FloatStorage") + text("0") + text("cpu") + number(count) + b"tQ"
    return archive(P2 + flat + put(0) + b"0}(" + b"".join(text(each) + view(shape) for each, shape in shapes.items())
                   + b"u.", (("data/0", b"\0" * 4 * count),))


def extended(data, extra):
    """A zip archive whose table of contents has an extra field for every member."""
    at, end, entries = data.index(b"PK\x01\x02"), data.rindex(b"PK\x05\x06"), b""
    first = at
    while at < end:
        length = 46 + struct.unpack("<H", data[at + 28:at + 30])[0]
        entries += data[at:at + 30] + struct.pack("<H", len(extra)) + data[at + 32:at + length] + extra
        at += length
    return data[:first] + entries + data[end:end + 12] + struct.pack("<I", len(entries)) + data[end + 16:]


def behind():
    """Bytes of a file that nothing in it speaks of, more than a little."""
    hole = b"\0" * (2 ** 20 + 1000)
    good = P2 + b"}" + text("g_ema") + b"}" + text("x") + tensor(b")", b")") + b"ss."
    members = [("data/0", b"\0" * 4)]
    zipped, bare = archive(good, members), valid_pickle()
    end = zipped.rindex(b"PK\x05\x06")
    first = zipped.index(b"PK\x01\x02")
    twice = zipped[first:end]
    size = len(twice) * 2
    return {
        "a hole behind a pickle": (bare + hole, "belong to nothing"),
        "a hole behind a stream": (legacy(checkpoint(tensor(b")", b")", last=b"N"))) + hole, "belong to nothing"),
        "a member that nothing uses": (archive(good, members + [("data/1", hole)]), "belong to nothing"),
        "a member beside the folder": (archive(good, members + [("more", hole)]), "belong to nothing"),
        "a hole between the members": (moved_directory(zipped, hole), "belong to nothing"),
        "a hole behind the pickle of a zip": (archive(good + hole, members), "belong to nothing"),
        "a version of 2 MB": (archive(good, members + [("version", hole)]), "belong to nothing"),
        "members that overlap": (zipped[:first] + twice * 2 + zipped[end:end + 8] + struct.pack(
            "<HHII", 4, 4, size, first) + b"\0\0", "not where|overlaps"),
        "a hole behind safetensors": (described(lambda header: None) + hole, "bytes of tensors"),
    }


def valid_pickle():
    with io.BytesIO() as stream:
        from blend.checkpoints import tensorflow_pickle

        tensorflow_pickle.write(pico_file(), stream)
        return stream.getvalue()


def moved_directory(data, hole):
    """A zip archive with a hole between its last member and its table of contents."""
    first, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    return data[:first] + hole + data[first:end + 16] + struct.pack("<I", first + len(hole)) + data[end + 20:]


def json_texts():
    """Headers and descriptions of safetensors that are nested deep, or of other types than they should be."""
    deep = b"[" * 10 ** 6
    found = {
        "header of lists, deep": (safetensors(b'{"__metadata__":' + deep), "not a safetensors"),
        "header of dicts, deep": (safetensors(b'{"a":' * 10 ** 5 + b"1" + b"}" * 10 ** 5), "not a safetensors"),
        "header of lists": (safetensors(b'{"__metadata__":' + b"[" + b"[]," * 600000 + b"[]]}"), "does not say"),
        "header of a long number": (safetensors(b'{"a":' + b"1" * 10 ** 6 + b"}"), "digits"),
        "header of a long fraction": (safetensors(b'{"a":1.' + b"1" * 2 * 10 ** 6 + b"}"), "does not say"),
        "description of lists, deep": (described(lambda h: h["__metadata__"].update(blend="[" * 2 ** 18)), "is broken"),
        "description of values, deep": (with_description(lambda d: d["networks"]["Gs"]["static_kwargs"]["v"].append(
            ["x", nested_list(900)])), "is broken|deep"),
        "description of kinds, deep": (with_description(lambda d: d["networks"]["Gs"]["extra"]["v"].append(
            ["x", nested_tuple(200)])), "is broken|deep"),
        "text that is no text": (with_description(lambda d: (
            d.update(texts=[{"a": []}]), d["networks"]["Gs"]["extra"]["v"].append(["x", {"$": "text", "v": 0}]))),
            "broken|source in Gs|other"),
    }
    for key in ("name", "build_func_name", "static_kwargs", "extra", "variables", "components"):
        for word, value in (("null", None), ("a number", 5), ("text", "x"), ("a list", [[]]), ("a dict", {"a": {}})):
            if (key, word) == ("name", "text"):
                continue
            found["%s that is %s" % (key, word)] = (with_description(
                lambda d, key=key, value=value: d["networks"]["Gs"].update({key: value})),
                "broken|other variables|built by|components|not fit|missing|loaded")
    for key in ("networks", "texts", "blend"):
        for word, value in (("null", None), ("a number", 5), ("a list", [[]]), ("a dict", {"Gs": {}})):
            found["%s that are %s" % (key, word)] = (with_description(
                lambda d, key=key, value=value: d.update({key: value})), "broken|newer")
    for key, value in (("shape", "x"), ("shape", [[]]), ("shape", {}), ("data_offsets", 5), ("data_offsets", [0]),
                       ("data_offsets", ["a", "b"]), ("dtype", []), ("dtype", None)):
        found["%s %r of a tensor" % (key, value)] = (described(
            lambda h, key=key, value=value: h["Gs/lod"].update({key: value})), "Gs/lod")
    found["tensor that is a list"] = (described(lambda h: h.update({"Gs/lod": []})), "Gs/lod")
    return found


def nested_list(depth):
    return [nested_list(depth - 1)] if depth else 1


def nested_tuple(depth):
    return {"$": "tuple", "v": [nested_tuple(depth - 1)]} if depth else 1


def corpus(folder):
    """All of it."""
    found = {}
    for part in (execution(folder), memory(), lies(), modules(), disagreements(folder), quoted(), behind(), json_texts()):
        assert not set(part) & set(found), set(part) & set(found)
        found.update(part)
    return found


class Bomb(object):
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def sentinel_works(folder):
    """Whether the folder appears when Python's own pickle loads the first of the corpus: else nothing is proven."""
    path = os.path.join(folder, "it ran")
    pickle.loads(execution(folder)["reduce"][0])
    ran = os.path.isdir(path)
    os.rmdir(path)
    return ran and np.float32(0) == 0
