"""The independent mathematics: hash, curve, and signatures whose random number is given."""

from typing import Any, Final

from exchanges.simulated.lighter_crypto import constants, curve, field, poseidon2, public_key_of, sign, verify
from tests.vectors.cases import Case, Wrong, need, same, text_of
from tests.vectors.lighter_file import from_base64, from_hex

_ROUNDS: Final = (len(constants.EXTERNAL_CONSTANTS), len(constants.INTERNAL_CONSTANTS))
_KEY_BYTES: Final = 40
_SIGNATURE_BYTES: Final = 80


def _texts(numbers: Any) -> list[str]:
    return [str(number) for number in numbers]


def _external_matrix() -> list[list[int]]:
    """The 4x4 matrix of the external layer: a unit vector in one quarter shows its column in the others."""
    columns = [poseidon2._external([int(i == at) for i in range(poseidon2.WIDTH)])[4:8] for at in range(4)]
    return [list(row) for row in zip(*columns, strict=True)]


class MathsChecks:
    """Checks of constants and results of the plain-Python implementation."""

    def poseidon2(self, case: Case) -> None:
        """Check one constant or result of the hash."""
        ours = {
            "prime": lambda: str(field.P),
            "width": lambda: poseidon2.WIDTH,
            "rate": lambda: poseidon2.RATE,
            "sbox": _exponent,
            "full_rounds": lambda: _ROUNDS[0],
            "partial_rounds": lambda: _ROUNDS[1],
            "external_m4": _external_matrix,
            "external_constants": lambda: [_texts(row) for row in constants.EXTERNAL_CONSTANTS],
            "internal_constants": lambda: _texts(constants.INTERNAL_CONSTANTS),
            "internal_diagonal": lambda: _texts(constants.INTERNAL_DIAGONAL),
            "permute_of_zero": lambda: _texts(poseidon2.permute([0] * poseidon2.WIDTH)),
            "hash5_of_1_2_3": lambda: _texts(poseidon2.hash5([1, 2, 3])),
        }
        self._same(case, ours)

    def curve(self, case: Case) -> None:
        """Check one constant of the curve."""
        generator = curve.GENERATOR
        same("order of the generator", curve.encode(curve.multiply(curve.ORDER, generator)), field.ZERO)
        ours = {
            "extension": lambda: f"z^5={field.NON_RESIDUE} over prime",
            "curve_a": lambda: [2, 0, 0, 0, 0],
            "curve_b": lambda: list(field.times_z(field.ONE, curve.B_OF_Z)),
            "order": lambda: str(curve.ORDER),
            "generator_w": lambda: list(curve.encode(generator)),
            "generator_x": lambda: _texts(generator.x),
        }
        self._same(case, ours)

    @staticmethod
    def _same(case: Case, ours: dict[str, Any]) -> None:
        if case.label not in ours:
            raise Wrong(f"an entry of unknown kind {case.label!r:.60}")
        same(case.label, ours[case.label](), case.data)

    def fixed_k(self, case: Case) -> None:
        """Check one signature that was made with a known random number."""
        row = need(case.data, "private_key", "message_hash", "k_decimal", "sig_hex", "sig_base64")
        key = from_hex(text_of(row, "private_key").removeprefix("0x"), "private_key", _KEY_BYTES)
        message = from_hex(text_of(row, "message_hash"), "message_hash", _KEY_BYTES)
        k = text_of(row, "k_decimal")
        if not (k.isascii() and k.isdigit()):
            raise Wrong("k_decimal is not a number")
        ours = sign(key, message, int(k))
        same("sig_hex", ours.hex(), row["sig_hex"])
        same("sig_base64", ours, from_base64(text_of(row, "sig_base64")))
        same("verified", verify(public_key_of(key), message, from_hex(row["sig_hex"], "sig", _SIGNATURE_BYTES)), True)


def _exponent() -> int:
    """The power of the S-box, found by what it does to 2."""
    return poseidon2._power_7(2).bit_length() - 1
