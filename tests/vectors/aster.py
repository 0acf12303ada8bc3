"""Aster's vectors: which check runs which section (shape: venues/aster.md, section 19)."""

import re
from collections.abc import Mapping
from typing import Any

from tests.vectors.aster_edges import EdgeChecks
from tests.vectors.aster_file import AsterFile
from tests.vectors.aster_fills import FillChecks
from tests.vectors.aster_orders import OrderChecks
from tests.vectors.aster_payloads import PayloadChecks
from tests.vectors.aster_requests import RequestChecks
from tests.vectors.registry import Check

_FILTERS = re.compile(r"symbol_filters(_[0-9]{4}_[0-9]{2}_[0-9]{2})?")


class AsterBook:
    """The checks of one Aster file."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        file = AsterFile(document)
        requests, edges = RequestChecks(file), EdgeChecks(file)
        orders, fills, payloads = OrderChecks(file), FillChecks(file), PayloadChecks(file)
        self._filters = orders.symbol_filters
        self._checks: dict[str, Check] = {
            "credentials": edges.credentials,
            "eip712": edges.eip712,
            "request_vectors_v3": requests.wallet,
            "request_vectors_v1": requests.hmac,
            "known_answers_v1": requests.known_answer,
            "negative_and_edge_vectors": edges.edge,
            "signature_spellings": edges.spelling,
            "nonce_vectors": edges.nonces,
            "rounding_vectors": orders.rounding,
            "precision_traps": orders.precision,
            "order_validation_vectors": orders.validation,
            "fill_sequences": fills.sequence,
            "payload_fixtures": payloads.payload,
        }

    def check_for(self, section: str) -> Check | None:
        """See `tests.vectors.registry.Book`."""
        return self._filters if _FILTERS.fullmatch(section) else self._checks.get(section)
