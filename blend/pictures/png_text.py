"""Texts in PNG files, found by walking the file's chunks; no pixel is decoded, whatever size the header states.

PNG specification, third edition, 5.3 (chunks), 11.3.3 (tEXt, zTXt, iTXt).
"""

import struct
import zlib

from blend.system.files import open_regular

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST = 2 ** 22         # bytes of a text, as it is stored and unpacked
_MOST_CHUNKS = 2 ** 16  # that are looked at; a picture of 2^28 pixels has a tenth of them
_KINDS = (b"tEXt", b"zTXt", b"iTXt")


def is_png(path):
    """Whether a file begins as PNG files do. OSError: it cannot be read."""
    with open_regular(path) as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def read(path, keyword):
    """The first text of a keyword in a PNG, or None. OSError or ValueError: the file cannot be read or is broken."""
    with open_regular(path) as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise ValueError("not a PNG")
        for _ in range(_MOST_CHUNKS):
            header = file.read(8)
            if len(header) < 8:
                raise ValueError("a PNG that ends in the middle")
            size, chunk_type = struct.unpack(">I4s", header)
            if chunk_type == b"IEND":
                return None
            start = file.tell()
            if chunk_type in _KINDS and file.read(min(size, len(keyword) + 1)) == keyword.encode("latin-1") + b"\0":
                file.seek(start)
                return _text(chunk_type, _content(file, size, chunk_type))
            file.seek(start + size + 4)
    raise ValueError("a PNG of more than %d chunks" % _MOST_CHUNKS)


def _content(file, size, chunk_type):
    """The bytes of a chunk. ValueError: too many, too few, or damaged."""
    if size > _MOST:
        raise ValueError("a text of %d bytes" % size)
    content, checksum = file.read(size), file.read(4)
    if struct.pack(">I", zlib.crc32(chunk_type + content)) != checksum:
        raise ValueError("a PNG whose text is damaged")
    return content


def _text(chunk_type, content):
    """The text of a chunk's bytes."""
    _, _, rest = content.partition(b"\0")
    if chunk_type == b"tEXt":
        return rest.decode("latin-1")
    if chunk_type == b"zTXt":
        return _unpacked(rest[1:]).decode("latin-1")
    is_packed = rest[:1] == b"\1"
    parts = rest[2:].split(b"\0", 2)  # language, translated keyword, text
    if len(parts) < 3:
        raise ValueError("a PNG with a text chunk that is cut")
    return (_unpacked(parts[2]) if is_packed else parts[2]).decode("utf-8")


def _unpacked(data):
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, _MOST)
    except zlib.error:
        raise ValueError("a PNG whose text is damaged")
    if not unpacker.eof:
        raise ValueError("a text that is cut, or of more than %d bytes" % _MOST)
    return unpacked
