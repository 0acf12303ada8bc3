"""What endpoints are made of: a route with its price and its security, and an answer that may have to wait.

Source: venues/aster.md 3.6 (security types), 5.3 (weights).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from exchanges.simulated.engine_types import Answer, Command, RefusalReason, Refused, SelfTrade
from exchanges.simulated.faces.aster import refusals
from exchanges.simulated.faces.aster.refusals import VenueRefusal

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Deferred:
    """An answer that needs the engine: the commands to hand over, and what makes the body of their answers.

    `render` gets one engine answer per command, in order, and may raise VenueRefusal.
    """

    commands: tuple[Command, ...]
    render: Callable[[tuple[Answer, ...]], object]


Handler = Callable[[Params, int], object]
"""(parameters, now_ns) -> JSON-ready body, or Deferred. Raises VenueRefusal."""


class Security(StrEnum):
    """What a request must prove."""

    NONE = "none"
    SIGNED = "signed"
    STREAM = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route below `/fapi/vN/`. `weight` may depend on the parameters; `orders` counts in the ORDERS limits.

    `versions` are the N it is served under: version 1 and the old ones with HMAC keys, 3 with wallet signatures.
    """

    method: str
    name: str
    handler: Handler
    security: Security = Security.SIGNED
    weight: int | Callable[[Params], int] = 1
    orders: int | Callable[[Params], int] = 0
    versions: tuple[int, ...] = (1, 3)

    def weight_of(self, params: Params) -> int:
        """Return what a request costs."""
        return self.weight(params) if callable(self.weight) else self.weight

    def orders_of(self, params: Params) -> int:
        """Return how many orders a request counts as."""
        return self.orders(params) if callable(self.orders) else self.orders


@dataclass(slots=True, kw_only=True)
class AccountModes:
    """Switches of the account that the engine does not know. Persisted."""

    dual_side: bool = False
    multi_assets: bool = False
    stp_mode: SelfTrade = SelfTrade.EXPIRE_TAKER
    margin_types: dict[str, str] = field(default_factory=dict)

    def margin_type(self, symbol: str) -> str:
        """Return 'cross' or 'isolated'."""
        return self.margin_types.get(symbol, "cross")


_CODES = {
    RefusalReason.UNKNOWN_SYMBOL: refusals.BAD_SYMBOL,
    RefusalReason.UNKNOWN_ORDER: refusals.NO_SUCH_ORDER,
    RefusalReason.MARKET_CLOSED: refusals.SYMBOL_CLOSED,
    RefusalReason.DUPLICATE_CLIENT_ID: refusals.ORDER_REJECTED,
    RefusalReason.TOO_MANY_ORDERS: refusals.TOO_MANY_OPEN_ORDERS,
    RefusalReason.PRICE_MISSING: refusals.MANDATORY_MISSING,
    RefusalReason.PRICE_NOT_POSITIVE: refusals.PRICE_BELOW_ZERO,
    RefusalReason.PRICE_TICK: refusals.PRICE_OFF_TICK,
    RefusalReason.PRICE_TOO_LOW: refusals.PRICE_BELOW_MIN,
    RefusalReason.PRICE_TOO_HIGH: refusals.PRICE_ABOVE_MAX,
    RefusalReason.PRICE_ABOVE_BAND: refusals.ABOVE_PRICE_CAP,
    RefusalReason.PRICE_BELOW_BAND: refusals.BELOW_PRICE_FLOOR,
    RefusalReason.QUANTITY_NOT_POSITIVE: refusals.QUANTITY_BELOW_ZERO,
    RefusalReason.QUANTITY_STEP: refusals.QUANTITY_OFF_STEP,
    RefusalReason.QUANTITY_TOO_SMALL: refusals.QUANTITY_BELOW_MIN,
    RefusalReason.QUANTITY_TOO_LARGE: refusals.QUANTITY_ABOVE_MAX,
    RefusalReason.MIN_NOTIONAL: refusals.NOTIONAL_TOO_SMALL,
    RefusalReason.MARGIN: refusals.NO_MARGIN,
    RefusalReason.REDUCE_ONLY: refusals.REDUCE_ONLY_REJECTED,
    RefusalReason.POST_ONLY: refusals.ORDER_REJECTED,
    RefusalReason.NO_QUOTE: refusals.UNABLE_TO_FILL,
    RefusalReason.LEVERAGE: refusals.BAD_LEVERAGE,
    RefusalReason.LEVERAGE_MARGIN: refusals.POSITION_ABOVE_LEVERAGE,
    RefusalReason.AMEND_WOULD_TAKE: refusals.AMEND_WOULD_CROSS,
    RefusalReason.AMEND_NOT_LIMIT: refusals.BAD_ORDER_TYPE,
}


def refusal_of(answer: Refused, *, unknown_order: int = refusals.NO_SUCH_ORDER) -> VenueRefusal:
    """Return how Aster words an engine's refusal. `unknown_order` is the code where the order is not open."""
    if answer.reason is RefusalReason.UNKNOWN_ORDER:
        return VenueRefusal(unknown_order)
    if answer.reason is RefusalReason.DUPLICATE_CLIENT_ID:
        return VenueRefusal(refusals.ORDER_REJECTED, "Duplicate order sent.")
    return VenueRefusal(_CODES[answer.reason])
