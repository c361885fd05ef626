"""Seeded ways to spoil bytes: what a disk, a network or somebody with bad intentions does to a file."""

import random

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 2**62, 2**63, 2**64 - 1)
TEXTS = ("\0", "\n", '"', "'", ",", ";", "\t", "\r", "nan", "-inf", "1e999", "9" * 5000, "{", "[" * 2000, "${a}")
WORDS = (*(text.encode() for text in (*TEXTS, "{0.__class__}", "%s", "\u202e\u0660")), b"\xff\xfe", b"\xc3\x28")


def mutated(content: bytes, chance: random.Random, times: int | None = None) -> bytes:
    """The bytes with one to four changes."""
    for _ in range(times or chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice((1, 1, 2, 4, 8, 64, 1000)))
        kind = chance.randrange(7)
        if kind == 0 and start < len(content):
            piece = bytes([content[start] ^ 1 << chance.randrange(8)]) + content[start + 1 : end]
        elif kind == 1:
            piece = chance.randbytes(end - start)
        elif kind == 2:
            piece = b""
        elif kind == 3:
            piece = content[start:end] * chance.choice((2, 3, 50))
        elif kind == 4:
            piece = chance.choice(NUMBERS).to_bytes(8, chance.choice(("big", "little")))[: chance.choice((1, 2, 4, 8))]
        elif kind == 5:
            piece = chance.choice(WORDS) + content[start:end]
        else:
            piece, end = b"", len(content)
        content = content[:start] + piece + content[end:]
    return content
