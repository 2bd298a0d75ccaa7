"""The parts that a PNG is made of."""

import struct
import zlib


def chunk(name: bytes, data: bytes, *, damaged: bool = False) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ damaged)
