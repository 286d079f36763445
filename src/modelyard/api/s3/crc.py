"""Cyclic redundancy checks that Python's library lacks, fast enough to keep up with an upload.

CRC-32C and CRC-64/NVME, as every CRC that runs over bits in reverse with a register of all ones:
the register is linear in the bits, so a block is cut into lanes that numpy advances side by side,
and the lanes are joined by what a run of zeros does to a register. One algorithm gives the checks
of joined byte strings too (`combine`), which is how parts become a whole object's checksum.

numpy is imported by the first block: a server that starts does without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    Registers = npt.NDArray[Any]  # uint32 or uint64, shape (lanes,)

_LANES = 4096
_STEPS = 64
_BLOCK_BYTES = _LANES * _STEPS
_SMALL_BYTES = 2048  # below, a plain loop is quicker than a block


class Polynomial:
    """One CRC's arithmetic: polynomials over GF(2), the lowest power in the highest bit."""

    def __init__(self, reversed_bits: int, width: int) -> None:
        """Take a polynomial of 32 or 64 bits, in reverse and without its highest power."""
        self.width = width
        self.mask = (1 << width) - 1
        self._reversed_bits = reversed_bits

    @cached_property
    def table(self) -> Sequence[int]:
        """What each byte makes of a register that is zero."""
        return [self._byte(self._reversed_bits, byte) for byte in range(256)]

    @cached_property
    def array(self) -> Registers:
        """`table` for numpy."""
        import numpy as np

        return np.array(self.table, dtype=f"uint{self.width}")

    @staticmethod
    def _byte(reversed_bits: int, byte: int) -> int:
        for _ in range(8):
            byte = (byte >> 1) ^ (reversed_bits if byte & 1 else 0)
        return byte

    @lru_cache(maxsize=1024)  # noqa: B019  # there are three polynomials, and they live for ever
    def zeros(self, length: int) -> tuple[int, ...]:
        """Return what `length` bytes of zeros make of each bit of a register."""
        if length == 1:
            return tuple(self.advance(1 << bit, b"\0") for bit in range(self.width))
        half = self.zeros(length // 2)
        whole = tuple(_apply(half, bits) for bits in half)
        one = self.zeros(1)
        return tuple(_apply(one, bits) for bits in whole) if length % 2 else whole

    def shift(self, register: int, length: int) -> int:
        """Return a register after `length` bytes of zeros."""
        return register if length == 0 else _apply(self.zeros(length), register)

    def combine(self, first: int, second: int, second_bytes: int) -> int:
        """Return the check of two joined byte strings from theirs."""
        return self.shift(first, second_bytes) ^ second

    def advance(self, register: int, data: bytes) -> int:
        """Return a register after `data`, byte by byte."""
        table = self.table
        for byte in data:
            register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
        return register

    def block(self, data: bytes) -> int:
        """Return a register that was zero after a block of `_BLOCK_BYTES`."""
        import numpy as np

        lanes = np.frombuffer(data, dtype=np.uint8).reshape(_LANES, _STEPS)
        columns = np.ascontiguousarray(lanes.T)
        registers = np.zeros(_LANES, dtype=self.array.dtype)
        for column in columns:
            lowest = registers.astype(np.uint8)
            registers = self.array.take(lowest ^ column) ^ (registers >> np.uint8(8))
        length = _STEPS
        while len(registers) > 1:
            registers = self._shift_all(registers[0::2], length) ^ registers[1::2]
            length *= 2
        return int(registers[0])

    def _shift_all(self, registers: Registers, length: int) -> Registers:
        import numpy as np

        shifted = np.zeros_like(registers)
        for index, table in enumerate(self._byte_tables(length)):
            shifted ^= table.take((registers >> np.uint8(8 * index)).astype(np.uint8))
        return shifted

    @lru_cache(maxsize=64)  # noqa: B019  # see above
    def _byte_tables(self, length: int) -> Sequence[Registers]:
        import numpy as np

        matrix = self.zeros(length)
        return [
            np.array(
                [_apply(matrix, byte << (8 * index)) for byte in range(256)],
                dtype=self.array.dtype,
            )
            for index in range(self.width // 8)
        ]


def _apply(matrix: Sequence[int], bits: int) -> int:
    result = 0
    for row in matrix:
        if not bits:
            break
        if bits & 1:
            result ^= row
        bits >>= 1
    return result


CRC32 = Polynomial(0xEDB88320, 32)
CRC32C = Polynomial(0x82F63B78, 32)
CRC64NVME = Polynomial(0x9A6C9329AC4BC9B5, 64)


class Crc:
    """A running check, in the shape of hashlib's."""

    def __init__(self, polynomial: Polynomial) -> None:
        self._polynomial = polynomial
        self._register = polynomial.mask
        self._pending = bytearray()

    def update(self, data: bytes) -> None:
        """Take `data` in."""
        self._pending += data
        while len(self._pending) >= _BLOCK_BYTES:
            self._register = self._after(self._register, bytes(self._pending[:_BLOCK_BYTES]))
            del self._pending[:_BLOCK_BYTES]

    def digest(self) -> bytes:
        """Return the check of all that was taken in, in network order."""
        polynomial = self._polynomial
        check = self._after(self._register, bytes(self._pending)) ^ polynomial.mask
        return check.to_bytes(polynomial.width // 8, "big")

    def _after(self, register: int, data: bytes) -> int:
        polynomial = self._polynomial
        if len(data) < _SMALL_BYTES:
            return polynomial.advance(register, data)
        # Zeros ahead of the bytes leave a register alone that is zero.
        padded = bytes(_BLOCK_BYTES - len(data)) + data
        return polynomial.shift(register, len(data)) ^ polynomial.block(padded)
