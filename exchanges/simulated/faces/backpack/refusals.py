"""What the simulated Backpack says no with: codes, literal texts, HTTP statuses, and the plain text of its parsers.

Source: venues/backpack.md 3.4, 4, 4.1 and the error samples of `backpack_vectors.json`. Texts the note does not know
are ours, and marked so there.
"""

from typing import Final

from exchanges.simulated.engine_types import RefusalReason, Refused

BAD_REQUEST: Final = 400
NOT_FOUND_STATUS: Final = 404
UNKNOWN_ERROR: Final = "Unknown error, please check your request or try again later."


class Refusal(Exception):
    """The face answers with an error. `status` is HTTP's, `body` an object for JSON or a text that goes out plain."""

    def __init__(self, status: int, body: dict[str, object] | str) -> None:
        self.status = status
        self.body = body
        super().__init__(f"HTTP {status}: {body}")


class VenueRefusal(Refusal):
    """An error with one of the venue's codes."""

    def __init__(self, code: str, text: str, *, status: int = BAD_REQUEST) -> None:
        self.code = code
        self.text = text
        super().__init__(status, {"code": code, "message": text})


class Unparsable(Refusal):
    """A parameter or body that cannot be read: HTTP 400 and plain text."""

    def __init__(self, what: str) -> None:
        super().__init__(BAD_REQUEST, f"parse request payload error: {what}")


def bad_request(text: str) -> VenueRefusal:
    """Return the venue's answer to nearly everything that is wrong with a request."""
    return VenueRefusal("INVALID_CLIENT_REQUEST", text)


def unauthorized() -> VenueRefusal:
    """Return the answer to a private request without credentials."""
    return VenueRefusal("UNAUTHORIZED", "Unauthorized", status=401)


def too_many_requests() -> VenueRefusal:
    """Return the answer to a request over its budget."""
    return VenueRefusal("TOO_MANY_REQUESTS", "Too many requests", status=429)


def outcome_unknown() -> VenueRefusal:
    """Return the answer that leaves open what happened."""
    return VenueRefusal("SERVER_ERROR", UNKNOWN_ERROR, status=503)


def maintenance() -> VenueRefusal:
    """Return the answer of a venue under maintenance."""
    return VenueRefusal("MAINTENANCE", "System is under maintenance", status=503)


def not_found() -> VenueRefusal:
    """Return the answer about something that does not exist (any more)."""
    return VenueRefusal("RESOURCE_NOT_FOUND", "Not Found", status=NOT_FOUND_STATUS)


def unknown_symbol() -> VenueRefusal:
    """Return the answer to a symbol the venue does not have."""
    return bad_request("Invalid market symbol")


def trading_paused() -> VenueRefusal:
    """Return the answer of a market that does not take such an order now (the text is ours)."""
    return VenueRefusal("TRADING_PAUSED", "Trading is paused for this market")


def invalid_order() -> VenueRefusal:
    """Return the answer to an order that makes no sense."""
    return VenueRefusal("INVALID_ORDER", "Invalid order")


def would_take() -> VenueRefusal:
    """Return the answer to a post-only order that would trade."""
    return VenueRefusal("INVALID_ORDER", "Order would immediately match and take")


def not_reduced() -> VenueRefusal:
    """Return the answer to a reduce-only order with nothing to reduce."""
    return VenueRefusal("INVALID_ORDER", "Reduce only order not reduced")


def not_simulated(what: str) -> VenueRefusal:
    """Return the answer to what the venue has and its simulation has not."""
    return VenueRefusal("NOT_IMPLEMENTED", f"{what} is not simulated")


PRICE_TOO_LONG: Final = "Price decimal too long"
QUANTITY_TOO_LONG: Final = "Quantity decimal too long"
QUANTITY_TOO_SMALL: Final = "Quantity is below the minimum allowed value"
QUANTITY_TOO_LARGE: Final = "Quantity is above the maximum allowed value"
PRICE_TOO_FAR: Final = "Price is too far from the last active price"

_ENGINE: Final[dict[RefusalReason, tuple[str, str]]] = {
    RefusalReason.UNKNOWN_SYMBOL: ("INVALID_CLIENT_REQUEST", "Invalid market symbol"),
    RefusalReason.UNKNOWN_ORDER: ("RESOURCE_NOT_FOUND", "Not Found"),
    RefusalReason.MARKET_CLOSED: ("TRADING_PAUSED", "Trading is paused for this market"),
    RefusalReason.DUPLICATE_CLIENT_ID: ("INVALID_CLIENT_REQUEST", "Duplicate client id"),
    RefusalReason.TOO_MANY_ORDERS: ("ORDER_LIMIT", "Too many open orders"),
    RefusalReason.PRICE_MISSING: ("INVALID_CLIENT_REQUEST", "Limit orders must specify a positive `price`"),
    RefusalReason.PRICE_NOT_POSITIVE: ("INVALID_CLIENT_REQUEST", "Limit orders must specify a positive `price`"),
    RefusalReason.PRICE_TICK: ("INVALID_CLIENT_REQUEST", PRICE_TOO_LONG),
    RefusalReason.PRICE_TOO_LOW: ("INVALID_PRICE", PRICE_TOO_FAR),
    RefusalReason.PRICE_TOO_HIGH: ("INVALID_PRICE", PRICE_TOO_FAR),
    RefusalReason.PRICE_ABOVE_BAND: ("INVALID_PRICE", PRICE_TOO_FAR),
    RefusalReason.PRICE_BELOW_BAND: ("INVALID_PRICE", PRICE_TOO_FAR),
    RefusalReason.QUANTITY_NOT_POSITIVE: ("INVALID_CLIENT_REQUEST", QUANTITY_TOO_SMALL),
    RefusalReason.QUANTITY_STEP: ("INVALID_CLIENT_REQUEST", QUANTITY_TOO_LONG),
    RefusalReason.QUANTITY_TOO_SMALL: ("INVALID_CLIENT_REQUEST", QUANTITY_TOO_SMALL),
    RefusalReason.QUANTITY_TOO_LARGE: ("INVALID_QUANTITY", QUANTITY_TOO_LARGE),
    RefusalReason.MIN_NOTIONAL: ("INVALID_CLIENT_REQUEST", QUANTITY_TOO_SMALL),
    RefusalReason.MARGIN: ("INSUFFICIENT_MARGIN", "Insufficient margin"),
    RefusalReason.REDUCE_ONLY: ("INVALID_ORDER", "Reduce only order not reduced"),
    RefusalReason.POST_ONLY: ("INVALID_ORDER", "Order would immediately match and take"),
    RefusalReason.NO_QUOTE: ("TRADING_PAUSED", "Trading is paused for this market"),
    RefusalReason.LEVERAGE: ("INVALID_CLIENT_REQUEST", "Invalid leverage limit"),
    RefusalReason.LEVERAGE_MARGIN: ("INSUFFICIENT_MARGIN", "Insufficient margin"),
    RefusalReason.AMEND_WOULD_TAKE: ("INVALID_ORDER", "Invalid order"),
    RefusalReason.AMEND_NOT_LIMIT: ("INVALID_ORDER", "Invalid order"),
}


def refusal_of(answer: Refused) -> VenueRefusal:
    """Return how Backpack words an engine's refusal."""
    code, text = _ENGINE[answer.reason]
    return VenueRefusal(code, text, status=NOT_FOUND_STATUS if code == "RESOURCE_NOT_FOUND" else BAD_REQUEST)
