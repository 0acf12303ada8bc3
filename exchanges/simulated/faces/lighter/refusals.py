"""What the simulated Lighter says no with: codes, texts and HTTP statuses.

Source: venues/lighter.md 1 (statuses), 2 (codes) and 12 (stream errors). Clients match codes; texts follow the captured
ones where there are any. A transaction that has expired, or that names an attribute which is not simulated, gets
INVALID_TX, for which the note has no number.
"""

from typing import Final

from exchanges.simulated.engine_types import RefusalReason

BAD_PARAMETER: Final = 20001
BAD_AUTH: Final = 20013
UNKNOWN_ACCOUNT: Final = 21100
BAD_NONCE: Final = 21104
BATCH_NONCES: Final = 21105
UNKNOWN_KEY: Final = 21109
BAD_KEY_INDEX: Final = 21110
BAD_MARGIN_FRACTION: Final = 21113
BAD_SIGNATURE: Final = 21120
BATCH_OWNERS: Final = 21121
MARGIN_MODE_WITH_POSITION: Final = 21132
INTEGRATOR_NOT_APPROVED: Final = 21149
UNKNOWN_TX: Final = 21500
INVALID_TX: Final = 21501
UNSUPPORTED_TX: Final = 21505
BELOW_INITIAL_MARGIN: Final = 21508
BATCH_LENGTHS: Final = 21513
BATCH_TOO_LONG: Final = 21514
BAD_MARKET: Final = 21602
MARKET_NOT_ACTIVE: Final = 21605
BAD_MARGIN_MODE: Final = 21613
NO_POSITION: Final = 21614
BAD_ORDER_INDEX: Final = 21700
BAD_BASE_AMOUNT: Final = 21701
BAD_PRICE: Final = 21702
BAD_SIDE: Final = 21703
BAD_ORDER_TYPE: Final = 21704
BAD_TIME_IN_FORCE: Final = 21705
BELOW_MINIMUM: Final = 21706
UNSUPPORTED_ORDER: Final = 21710
BAD_EXPIRY: Final = 21711
BAD_CANCEL_ALL_TIF: Final = 21713
BAD_CANCEL_ALL_TIME: Final = 21714
NOT_ACTIVE: Final = 21715
TOO_MANY_IN_MARKET: Final = 21718
BAD_CLIENT_INDEX: Final = 21727
CLIENT_INDEX_TAKEN: Final = 21728
BAD_TRIGGER: Final = 21729
REDUCE_ONLY_INCREASES: Final = 21732
ACCIDENTAL_PRICE: Final = 21733
TOO_FAR_FROM_MARK: Final = 21734
REDUCE_ONLY_DIRECTION: Final = 21738
NO_MARGIN: Final = 21739
BAD_CANDLES: Final = 22403
TOO_MANY_REQUESTS: Final = 23000
TOO_MANY_SUBSCRIPTIONS: Final = 23001
NOT_FOUND: Final = 29404
INTERNAL: Final = 29500
TIMED_OUT: Final = 29501
BAD_JSON: Final = 30000
BAD_TYPE: Final = 30001
NOT_SUBSCRIBED: Final = 30002
ALREADY_SUBSCRIBED: Final = 30003
BAD_CHANNEL: Final = 30005
UNSUPPORTED: Final = 30006
BAD_DATA: Final = 30007
TOO_MANY_MESSAGES: Final = 30009

TEXTS: Final[dict[int, str]] = {
    BAD_PARAMETER: "invalid param ",
    BAD_AUTH: "invalid auth: invalid auth string",
    UNKNOWN_ACCOUNT: "account not found",
    BAD_NONCE: "invalid nonce",
    BATCH_NONCES: "nonces are not in increasing order",
    UNKNOWN_KEY: "api key not found",
    BAD_KEY_INDEX: "invalid api key index",
    BAD_MARGIN_FRACTION: "invalid initial margin fraction",
    BAD_SIGNATURE: "invalid signature",
    BATCH_OWNERS: "all transactions of a batch must have the same account and api key",
    MARGIN_MODE_WITH_POSITION: "margin mode cannot be changed while a position is open",
    INTEGRATOR_NOT_APPROVED: "integrator is not approved",
    UNKNOWN_TX: "transaction not found",
    INVALID_TX: "invalid tx info",
    UNSUPPORTED_TX: "unsupported tx type",
    BELOW_INITIAL_MARGIN: "account is below initial margin, can't execute transaction",
    BATCH_LENGTHS: "tx types and tx infos differ in length",
    BATCH_TOO_LONG: "too many transactions in the batch",
    BAD_MARKET: "invalid market index",
    MARKET_NOT_ACTIVE: "invalid market status",
    BAD_MARGIN_MODE: "invalid margin mode",
    NO_POSITION: "no position found",
    BAD_ORDER_INDEX: "invalid order index",
    BAD_BASE_AMOUNT: "invalid order base amount",
    BAD_PRICE: "invalid order price",
    BAD_SIDE: "invalid order side",
    BAD_ORDER_TYPE: "invalid order type",
    BAD_TIME_IN_FORCE: "invalid order time in force",
    BELOW_MINIMUM: "invalid order base or quote amount",
    UNSUPPORTED_ORDER: "unsupported order type",
    BAD_EXPIRY: "invalid order expiry",
    BAD_CANCEL_ALL_TIF: "invalid cancel all time in force",
    BAD_CANCEL_ALL_TIME: "invalid cancel all time",
    NOT_ACTIVE: "given order is not an active order",
    TOO_MANY_IN_MARKET: "maximum active limit order count per market reached",
    BAD_CLIENT_INDEX: "invalid client order index",
    CLIENT_INDEX_TAKEN: "client order index already exists",
    BAD_TRIGGER: "invalid order trigger price",
    REDUCE_ONLY_INCREASES: "reduce only increases position",
    ACCIDENTAL_PRICE: "order price flagged as an accidental price",
    TOO_FAR_FROM_MARK: "limit order price is too far from the mark price",
    REDUCE_ONLY_DIRECTION: "invalid reduce only direction",
    NO_MARGIN: "not enough margin to create the order",
    BAD_CANDLES: "invalid resolution or range",
    TOO_MANY_REQUESTS: "Too Many Requests!",
    TOO_MANY_SUBSCRIPTIONS: "Too Many Subscriptions!",
    NOT_FOUND: "not found",
    INTERNAL: "internal server error",
    TIMED_OUT: "timeout",
    BAD_JSON: "Invalid JSON",
    BAD_TYPE: "Invalid Type",
    NOT_SUBSCRIBED: "Not Subscribed to : ",
    ALREADY_SUBSCRIBED: "Already Subscribed to : ",
    BAD_CHANNEL: "Invalid Channel",
    UNSUPPORTED: "Unsupported",
    BAD_DATA: "Invalid Data",
    TOO_MANY_MESSAGES: "Too Many Messages",
}

_STATUS: Final[dict[int, int]] = {
    BAD_AUTH: 401,
    TOO_MANY_REQUESTS: 429,
    TOO_MANY_SUBSCRIPTIONS: 429,
    INTERNAL: 500,
    TIMED_OUT: 504,
}


class VenueRefusal(Exception):
    """The face answers with an error body. `code` is Lighter's, `status` the HTTP status that goes with it.

    `detail` is appended to the text, as the venue does in places.
    """

    def __init__(self, code: int, text: str | None = None, *, detail: str = "") -> None:
        self.code = code
        self.text = (TEXTS[code] if text is None else text) + detail
        self.status = _STATUS.get(code, 400)
        super().__init__(f"[{code}] {self.text}")

    @property
    def body(self) -> dict[str, object]:
        """The JSON body of the answer, and the `error` of a stream frame."""
        return {"code": self.code, "message": self.text}


def bad_parameter(name: str) -> VenueRefusal:
    """Return the refusal of a request without (or with an unreadable) parameter."""
    return VenueRefusal(BAD_PARAMETER, detail=f": {name}")


CODES: Final[dict[RefusalReason, int]] = {
    RefusalReason.UNKNOWN_SYMBOL: BAD_MARKET,
    RefusalReason.UNKNOWN_ORDER: NOT_ACTIVE,
    RefusalReason.MARKET_CLOSED: MARKET_NOT_ACTIVE,
    RefusalReason.DUPLICATE_CLIENT_ID: CLIENT_INDEX_TAKEN,
    RefusalReason.TOO_MANY_ORDERS: TOO_MANY_IN_MARKET,
    RefusalReason.PRICE_MISSING: BAD_PRICE,
    RefusalReason.PRICE_NOT_POSITIVE: BAD_PRICE,
    RefusalReason.PRICE_TICK: BAD_PRICE,
    RefusalReason.PRICE_TOO_LOW: BAD_PRICE,
    RefusalReason.PRICE_TOO_HIGH: BAD_PRICE,
    RefusalReason.PRICE_ABOVE_BAND: TOO_FAR_FROM_MARK,
    RefusalReason.PRICE_BELOW_BAND: TOO_FAR_FROM_MARK,
    RefusalReason.QUANTITY_NOT_POSITIVE: BAD_BASE_AMOUNT,
    RefusalReason.QUANTITY_STEP: BAD_BASE_AMOUNT,
    RefusalReason.QUANTITY_TOO_SMALL: BELOW_MINIMUM,
    RefusalReason.QUANTITY_TOO_LARGE: BAD_BASE_AMOUNT,
    RefusalReason.MIN_NOTIONAL: BELOW_MINIMUM,
    RefusalReason.MARGIN: NO_MARGIN,
    RefusalReason.REDUCE_ONLY: REDUCE_ONLY_INCREASES,
    RefusalReason.POST_ONLY: BAD_PRICE,
    RefusalReason.NO_QUOTE: MARKET_NOT_ACTIVE,
    RefusalReason.LEVERAGE: BAD_MARGIN_FRACTION,
    RefusalReason.LEVERAGE_MARGIN: BELOW_INITIAL_MARGIN,
    RefusalReason.AMEND_WOULD_TAKE: BAD_PRICE,
    RefusalReason.AMEND_NOT_LIMIT: UNSUPPORTED_ORDER,
}
"""The engine's refusals as the code in `event_info.ae`."""
