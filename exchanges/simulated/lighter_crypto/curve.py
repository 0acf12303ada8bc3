"""The group of ECgFp5, as the venue signs on it (venues/lighter.md, section 6.3).

The curve is y^2 = x(x^2 + 2x + 263 z) over GF(p^5). The group consists of the points that are N = (0, 0) plus a point
of odd order, with P * Q = P + Q + N as its operation and N as its neutral element; w = y/x encodes an element uniquely.
Elements are kept as (X : Z : U : T) with x = X/Z and x/y = U/T, for which one complete formula of ten multiplications
serves addition and doubling.
"""

from typing import Final, NamedTuple

from exchanges.simulated.lighter_crypto import field
from exchanges.simulated.lighter_crypto.field import Element, add, mul, scale, sub, times_z

B_OF_Z: Final = 263
ORDER: Final = 0x7FFFFFFD800000077FFFFFF1000000167FFFFFE6CFB80639E8885C39D724A09CE80FD996948BFFE1
_BITS: Final = ORDER.bit_length()


class Point(NamedTuple):
    """An element of the group."""

    x: Element
    z: Element
    u: Element
    t: Element


NEUTRAL: Final = Point(field.ZERO, field.ONE, field.ZERO, field.ONE)


def combine(p: Point, q: Point) -> Point:
    """Return the group operation of two elements, which may be equal or neutral."""
    t1, t2 = mul(p.x, q.x), mul(p.z, q.z)
    t3, t4 = mul(p.u, q.u), mul(p.t, q.t)
    t5 = sub(sub(mul(add(p.x, p.z), add(q.x, q.z)), t1), t2)
    t6 = sub(sub(mul(add(p.u, p.t), add(q.u, q.t)), t3), t4)
    t7 = add(t1, times_z(t2, B_OF_Z))
    t8 = mul(t4, t7)
    t9 = mul(t3, add(times_z(t5, 2 * B_OF_Z), scale(t7, 2)))
    t10 = mul(add(t4, scale(t3, 2)), add(t5, t7))
    return Point(
        x=times_z(sub(t10, t8), B_OF_Z),
        z=sub(t8, t9),
        u=mul(t6, sub(times_z(t2, B_OF_Z), t1)),
        t=add(t8, t9),
    )


def multiply(scalar: int, point: Point) -> Point:
    """Return the element combined with itself so many times."""
    return multiply_two(scalar, point, 0, NEUTRAL)


def multiply_two(s: int, p: Point, e: int, q: Point) -> Point:
    """Return s * p + e * q in one pass over the bits of both."""
    sums = {(False, True): q, (True, False): p, (True, True): combine(p, q)}
    result = NEUTRAL
    for at in range(max(s.bit_length(), e.bit_length()) - 1, -1, -1):
        result = combine(result, result)
        bits = (bool(s >> at & 1), bool(e >> at & 1))
        if bits in sums:
            result = combine(result, sums[bits])
    return result


def encode(point: Point) -> Element:
    """Return w = y/x, which is T/U; zero for the neutral element."""
    return field.ZERO if point.u == field.ZERO else mul(point.t, field.invert(point.u))


def decode(w: Element) -> Point | None:
    """Return the element that `w` encodes, None where it encodes none.

    From w = y/x follows x^2 - (w^2 - a)x + b = 0; of its two solutions the one that is no square belongs to the group.
    """
    if w == field.ZERO:
        return NEUTRAL
    e = sub(mul(w, w), field.base(2))
    root = field.square_root(sub(mul(e, e), times_z(field.ONE, 4 * B_OF_Z)))
    if root is None:
        return None
    half = pow(2, -1, field.P)
    x = scale(add(e, root), half)
    if field.is_square(x):
        x = scale(sub(e, root), half)
    return Point(x, field.ONE, field.ONE, w)


def _generator() -> Point:
    point = decode(field.base(4))
    assert point is not None  # noqa: S101 - a constant of the curve
    return point


GENERATOR: Final = _generator()
"""The element with w = 4."""
