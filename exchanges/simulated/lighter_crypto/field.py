"""Arithmetic of GF(p) and GF(p^5) for p = 2^64 - 2^32 + 1 and z^5 = 3 (venues/lighter.md, section 6).

Plain integers and tuples of five: slow, and made to be read. An element of GF(p^5) is (c0, .., c4), lowest first, every
coefficient reduced.
"""

from typing import Final

P: Final = 2**64 - 2**32 + 1
NON_RESIDUE: Final = 3
"""z^5."""

Element = tuple[int, int, int, int, int]
ZERO: Final[Element] = (0, 0, 0, 0, 0)
ONE: Final[Element] = (1, 0, 0, 0, 0)

_TWO_ADICITY: Final = 32
_ODD_PART: Final = (P - 1) >> _TWO_ADICITY
_TWIST: Final = pow(NON_RESIDUE, (P - 1) // 5, P)
"""z^p = z * 3^((p-1)/5): raising to the p-th power multiplies the i-th coefficient by a power of this."""
_FROBENIUS: Final = tuple(tuple(pow(_TWIST, i * times, P) for i in range(5)) for times in range(5))


def base(value: int) -> Element:
    """Return an integer as an element."""
    return (value % P, 0, 0, 0, 0)


def add(a: Element, b: Element) -> Element:
    """Return a + b."""
    return ((a[0] + b[0]) % P, (a[1] + b[1]) % P, (a[2] + b[2]) % P, (a[3] + b[3]) % P, (a[4] + b[4]) % P)


def sub(a: Element, b: Element) -> Element:
    """Return a - b."""
    return ((a[0] - b[0]) % P, (a[1] - b[1]) % P, (a[2] - b[2]) % P, (a[3] - b[3]) % P, (a[4] - b[4]) % P)


def mul(a: Element, b: Element) -> Element:
    """Return a * b."""
    a0, a1, a2, a3, a4 = a
    b0, b1, b2, b3, b4 = b
    return (
        (a0 * b0 + 3 * (a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1)) % P,
        (a0 * b1 + a1 * b0 + 3 * (a2 * b4 + a3 * b3 + a4 * b2)) % P,
        (a0 * b2 + a1 * b1 + a2 * b0 + 3 * (a3 * b4 + a4 * b3)) % P,
        (a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + 3 * (a4 * b4)) % P,
        (a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0) % P,
    )


def scale(a: Element, factor: int) -> Element:
    """Return an integer times a."""
    return (a[0] * factor % P, a[1] * factor % P, a[2] * factor % P, a[3] * factor % P, a[4] * factor % P)


def times_z(a: Element, factor: int) -> Element:
    """Return factor * z * a."""
    return (
        3 * factor * a[4] % P,
        factor * a[0] % P,
        factor * a[1] % P,
        factor * a[2] % P,
        factor * a[3] % P,
    )


def power(a: Element, exponent: int) -> Element:
    """Return a to a power that is not negative."""
    result = ONE
    for bit in format(exponent, "b"):
        result = mul(result, result)
        if bit == "1":
            result = mul(result, a)
    return result


def frobenius(a: Element, times: int) -> Element:
    """Return a to the power of p, so many times."""
    twists = _FROBENIUS[times]
    return (a[0], a[1] * twists[1] % P, a[2] * twists[2] % P, a[3] * twists[3] % P, a[4] * twists[4] % P)


def _conjugates(a: Element) -> Element:
    """The product of the four other conjugates: a times it is the norm, which lies in GF(p)."""
    first = mul(frobenius(a, 1), frobenius(a, 2))
    return mul(first, frobenius(first, 2))


def invert(a: Element) -> Element:
    """Return 1 / a. Raises ZeroDivisionError for zero."""
    if a == ZERO:
        raise ZeroDivisionError("zero has no inverse")
    others = _conjugates(a)
    return scale(others, pow(mul(a, others)[0], -1, P))


def is_square(a: Element) -> bool:
    """Return whether a has a square root (zero has)."""
    norm = mul(a, _conjugates(a))[0]
    return norm == 0 or pow(norm, (P - 1) // 2, P) == 1


def square_root(a: Element) -> Element | None:
    """Return a square root of a, None where there is none.

    With r = 1 + p + p^2 + p^3 + p^4 and e = a^((r-1)/2), a * e^2 is the norm of a, so sqrt(norm) / e is a root of a.
    """
    if a == ZERO:
        return ZERO
    half = frobenius(power(a, (P + 1) // 2), 1)
    e = mul(half, frobenius(half, 2))
    root = _base_square_root(mul(a, mul(e, e))[0])
    return None if root is None else scale(invert(e), root)


def _base_square_root(value: int) -> int | None:
    """A square root in GF(p), by Tonelli and Shanks."""
    if pow(value, (P - 1) // 2, P) != 1:
        return None
    generator = pow(7, _ODD_PART, P)  # 7 generates the multiplicative group, so this has order 2^32
    root, rest = pow(value, (_ODD_PART + 1) // 2, P), pow(value, _ODD_PART, P)
    order = _TWO_ADICITY
    while rest != 1:
        steps, square = 0, rest
        while square != 1:
            square = square * square % P
            steps += 1
        factor = pow(generator, 1 << (order - steps - 1), P)
        root = root * factor % P
        generator = factor * factor % P
        rest = rest * generator % P
        order = steps
    return root


def to_bytes(a: Element) -> bytes:
    """Return the 40 bytes of an element: five words, each little-endian."""
    return b"".join([coefficient.to_bytes(8, "little") for coefficient in a])


def from_bytes(data: bytes) -> Element | None:
    """Return the element of 40 bytes, None where they are not one (other length, or a word that is not reduced)."""
    if len(data) != 40:  # noqa: PLR2004 - five words
        return None
    c0, c1, c2, c3, c4 = (int.from_bytes(data[at : at + 8], "little") for at in range(0, 40, 8))
    return (c0, c1, c2, c3, c4) if max(c0, c1, c2, c3, c4) < P else None
