"""What the venue answers to requests that are no orders, with an account that has no orders and no position."""

from collections.abc import Mapping

from exchanges.simulated.faces.aster import refusals
from exchanges.simulated.faces.aster.markets import DEFAULT_MARKETS
from exchanges.simulated.faces.aster.refusals import VenueRefusal
from exchanges.simulated.faces.aster.validation import (
    check_leverage,
    check_position_mode,
    known_market,
    read_order_reference,
    required,
)
from tests.vectors.cases import Wrong

_UNKNOWN_ORDER = {
    "DELETE order": refusals.CANCEL_REJECTED,
    "GET order": refusals.NO_SUCH_ORDER,
    "GET openOrder": refusals.NO_SUCH_ORDER,
    "PUT order": refusals.NO_SUCH_ORDER,
}


def endpoint_code(parameters: Mapping[str, str], *, dual_side: bool, margin_type: str) -> int | None:
    """Return the code the simulated venue answers with, None where it accepts.

    Raises:
        Wrong: an endpoint this file format is not known to have.
    """
    endpoint = parameters["endpoint"]
    try:
        if endpoint in _UNKNOWN_ORDER:
            known_market(required(parameters, "symbol"), DEFAULT_MARKETS)
            read_order_reference(parameters)
            return _UNKNOWN_ORDER[endpoint]
        return _setting_code(endpoint.rpartition(" ")[2], parameters, dual_side=dual_side, margin_type=margin_type)
    except VenueRefusal as refusal:
        return refusal.code


def _setting_code(name: str, parameters: Mapping[str, str], *, dual_side: bool, margin_type: str) -> int | None:
    if name == "positionSide/dual":
        check_position_mode(parameters, dual_side=dual_side)
        return None
    if name not in ("leverage", "marginType", "countdownCancelAll", "allOpenOrders", "userTrades"):
        raise Wrong(f"an unknown endpoint {name!r:.60}")
    known_market(required(parameters, "symbol"), DEFAULT_MARKETS)
    if name == "leverage":
        check_leverage(parameters)
    elif name == "countdownCancelAll":
        required(parameters, "countdownTime")
    elif name == "marginType":
        wanted = required(parameters, "marginType").lower().removesuffix("ed")
        return refusals.SAME_MARGIN_TYPE if wanted == margin_type.lower().removesuffix("ed") else None
    return None
