"""Lighter's vectors: which check runs which section (shape: venues/lighter.md, section 20)."""

from collections.abc import Mapping
from typing import Any

from tests.vectors.lighter_file import LighterFile
from tests.vectors.lighter_frames import FrameChecks
from tests.vectors.lighter_maths import MathsChecks
from tests.vectors.lighter_numbers import NumberChecks
from tests.vectors.lighter_signing import SigningChecks
from tests.vectors.registry import Check


class LighterBook:
    """The checks of one Lighter file."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        file = LighterFile(document)
        signing, maths, numbers = SigningChecks(file), MathsChecks(), NumberChecks()
        self._checks: dict[str, Check] = {
            "key": signing.key,
            "sign_vectors": signing.signed,
            "double_sign": signing.double,
            "negative_vectors": signing.negative,
            "create_client_vectors": signing.create_client,
            "auth_tokens": signing.token,
            "auth_token_not_deterministic": signing.token_differs,
            "fixed_k_signatures": maths.fixed_k,
            "conversions": numbers.conversion,
            "leverage_to_imf": numbers.leverage,
            "order_index_samples": numbers.order_index,
            "frames": FrameChecks(file).frame,
            "poseidon2": maths.poseidon2,
            "ecgfp5": maths.curve,
        }

    def check_for(self, section: str) -> Check | None:
        """See `tests.vectors.registry.Book`."""
        return self._checks.get(section)
