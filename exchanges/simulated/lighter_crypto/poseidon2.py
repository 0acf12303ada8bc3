"""Poseidon2 over GF(p), width 12, rate 8, and the venue's sponge (venues/lighter.md, section 6.2).

x^7, four full rounds, twenty-two partial ones, four full ones, with an external linear layer before the first. The
sponge overwrites: each block replaces the first words of the state, nothing is padded, the capacity is never touched.
"""

from collections.abc import Sequence
from typing import Final

from exchanges.simulated.lighter_crypto.constants import EXTERNAL_CONSTANTS, INTERNAL_CONSTANTS, INTERNAL_DIAGONAL
from exchanges.simulated.lighter_crypto.field import Element, P

WIDTH: Final = 12
RATE: Final = 8
_HALF_ROUNDS: Final = 4


def _power_7(x: int) -> int:
    square = x * x % P
    fourth = square * square % P
    return fourth * square % P * x % P


def _external(state: list[int]) -> list[int]:
    """The matrix M4 on each quarter, then every word plus the sum of its column."""
    mixed = []
    for at in (0, 4, 8):
        a, b, c, d = state[at : at + 4]
        total = a + b + c + d
        mixed += [total + a + 2 * b, total + b + 2 * c, total + c + 2 * d, total + d + 2 * a]
    sums = [mixed[i] + mixed[i + 4] + mixed[i + 8] for i in range(4)]
    return [(word + sums[i % 4]) % P for i, word in enumerate(mixed)]


def permute(state: Sequence[int]) -> list[int]:
    """Return the permutation of twelve words."""
    words = _external(list(state))
    for constants in EXTERNAL_CONSTANTS[:_HALF_ROUNDS]:
        words = _external([_power_7(word + constant) for word, constant in zip(words, constants, strict=True)])
    for constant in INTERNAL_CONSTANTS:
        words[0] = _power_7(words[0] + constant)
        total = sum(words)
        words = [(word * factor + total) % P for word, factor in zip(words, INTERNAL_DIAGONAL, strict=True)]
    for constants in EXTERNAL_CONSTANTS[_HALF_ROUNDS:]:
        words = _external([_power_7(word + constant) for word, constant in zip(words, constants, strict=True)])
    return words


def hash5(words: Sequence[int]) -> Element:
    """Return the first five words of the state after all blocks of `words` were taken in."""
    state = [0] * WIDTH
    for at in range(0, len(words), RATE):
        block = [word % P for word in words[at : at + RATE]]
        state[: len(block)] = block
        state = permute(state)
    return (state[0], state[1], state[2], state[3], state[4])
