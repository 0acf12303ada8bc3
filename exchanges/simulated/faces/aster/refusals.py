"""What the simulated Aster says no with: codes, literal texts and HTTP statuses.

Source: venues/aster.md 5.1, 5.4 (tables) and 15.2 (status of nonce errors is a choice of that note).
"""

from typing import Final

TOO_MANY_REQUESTS: Final = -1003
TOO_MANY_ORDERS: Final = -1015
UNKNOWN_ERROR: Final = -1000
OUTCOME_TIMEOUT: Final = -1007
UNSUPPORTED: Final = -1020
TIMESTAMP_OUTSIDE: Final = -1021
BAD_SIGNATURE: Final = -1022
ILLEGAL_CHARACTERS: Final = -1100
DUPLICATE_PARAMETER: Final = -1101
MANDATORY_MISSING: Final = -1102
NOT_REQUIRED: Final = -1106
TOO_PRECISE: Final = -1111
BAD_TIME_IN_FORCE: Final = -1115
BAD_ORDER_TYPE: Final = -1116
BAD_SIDE: Final = -1117
BAD_INTERVAL: Final = -1120
BAD_SYMBOL: Final = -1121
NO_LISTEN_KEY: Final = -1125
WINDOW_TOO_LONG: Final = -1127
BAD_COMBINATION: Final = -1128
BAD_RESPONSE_TYPE: Final = -1136
ORDER_REJECTED: Final = -2010
CANCEL_REJECTED: Final = -2011
NO_SUCH_ORDER: Final = -2013
BAD_API_KEY_FORMAT: Final = -2014
BAD_API_KEY: Final = -2015
NO_MARGIN: Final = -2019
UNABLE_TO_FILL: Final = -2020
REDUCE_ONLY_REJECTED: Final = -2022
TOO_MANY_OPEN_ORDERS: Final = -2025
POSITION_ABOVE_LEVERAGE: Final = -2027
AMEND_WOULD_CROSS: Final = -2036
PRICE_BELOW_ZERO: Final = -4001
PRICE_ABOVE_MAX: Final = -4002
QUANTITY_BELOW_ZERO: Final = -4003
QUANTITY_BELOW_MIN: Final = -4004
QUANTITY_ABOVE_MAX: Final = -4005
PRICE_BELOW_MIN: Final = -4013
PRICE_OFF_TICK: Final = -4014
BAD_CLIENT_ID: Final = -4015
ABOVE_PRICE_CAP: Final = -4016
QUANTITY_OFF_STEP: Final = -4023
BELOW_PRICE_FLOOR: Final = -4024
BAD_LEVERAGE: Final = -4028
SAME_MARGIN_TYPE: Final = -4046
MARGIN_TYPE_WITH_ORDERS: Final = -4047
MARGIN_TYPE_WITH_POSITION: Final = -4048
SAME_POSITION_SIDE: Final = -4059
BAD_POSITION_SIDE: Final = -4060
POSITION_SIDE_MISMATCH: Final = -4061
BAD_REDUCE_ONLY: Final = -4062
POSITION_MODE_WITH_ORDERS: Final = -4067
POSITION_MODE_WITH_POSITION: Final = -4068
BAD_BATCH_SIZE: Final = -4082
SYMBOL_CLOSED: Final = -4141
NOTIONAL_TOO_SMALL: Final = -4164
ISOLATED_WITH_MULTI_ASSET: Final = -4168
NONCE_EXPIRED: Final = -4225
DEPOSIT_FIRST: Final = -5050

TEXTS: Final[dict[int, str]] = {
    UNKNOWN_ERROR: "An unknown error occurred while processing the request.",
    TOO_MANY_REQUESTS: "Too many requests; current limit is 2400 request weight per 1 MINUTE. "
    "Please use the websocket for live updates to avoid polling the API.",
    OUTCOME_TIMEOUT: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    TOO_MANY_ORDERS: "Too many new orders.",
    UNSUPPORTED: "This operation is not supported.",
    TIMESTAMP_OUTSIDE: "Timestamp for this request is outside of the recvWindow.",
    BAD_SIGNATURE: "Signature for this request is not valid.",
    ILLEGAL_CHARACTERS: "Illegal characters found in a parameter.",
    DUPLICATE_PARAMETER: "Duplicate values for a parameter detected.",
    MANDATORY_MISSING: "A mandatory parameter was not sent, was empty/null, or malformed.",
    NOT_REQUIRED: "A parameter was sent when not required.",
    TOO_PRECISE: "Precision is over the maximum defined for this asset.",
    BAD_TIME_IN_FORCE: "Invalid timeInForce.",
    BAD_ORDER_TYPE: "Invalid orderType.",
    BAD_SIDE: "Invalid side.",
    BAD_INTERVAL: "Invalid interval.",
    BAD_SYMBOL: "Invalid symbol.",
    NO_LISTEN_KEY: "This listenKey does not exist.",
    WINDOW_TOO_LONG: "More than 7 days between startTime and endTime.",
    BAD_COMBINATION: "Combination of optional parameters invalid.",
    BAD_RESPONSE_TYPE: "Invalid newOrderRespType.",
    ORDER_REJECTED: "NEW_ORDER_REJECTED",
    CANCEL_REJECTED: "Unknown order sent.",
    NO_SUCH_ORDER: "Order does not exist.",
    BAD_API_KEY_FORMAT: "API-key format invalid.",
    BAD_API_KEY: "Invalid API-key, IP, or permissions for action.",
    NO_MARGIN: "Margin is insufficient.",
    UNABLE_TO_FILL: "Unable to fill.",
    REDUCE_ONLY_REJECTED: "ReduceOnly Order is rejected.",
    TOO_MANY_OPEN_ORDERS: "Reach max open order limit.",
    POSITION_ABOVE_LEVERAGE: "Exceeded the maximum allowable position at current leverage.",
    AMEND_WOULD_CROSS: "Order would immediately match and take.",
    PRICE_BELOW_ZERO: "Price less than 0.",
    PRICE_ABOVE_MAX: "Price greater than max price.",
    QUANTITY_BELOW_ZERO: "Quantity less than zero.",
    QUANTITY_BELOW_MIN: "Quantity less than min quantity.",
    QUANTITY_ABOVE_MAX: "Quantity greater than max quantity.",
    PRICE_BELOW_MIN: "Price less than min price.",
    PRICE_OFF_TICK: "Price not increased by tick size.",
    BAD_CLIENT_ID: "Client order id is not valid.",
    ABOVE_PRICE_CAP: "Price is higher than mark price multiplier cap.",
    QUANTITY_OFF_STEP: "Qty not increased by step size.",
    BELOW_PRICE_FLOOR: "Price is lower than mark price multiplier floor.",
    BAD_LEVERAGE: "Leverage is not valid.",
    SAME_MARGIN_TYPE: "No need to change margin type.",
    MARGIN_TYPE_WITH_ORDERS: "Margin type cannot be changed if there exists open orders.",
    MARGIN_TYPE_WITH_POSITION: "Margin type cannot be changed if there exists position.",
    SAME_POSITION_SIDE: "No need to change position side.",
    BAD_POSITION_SIDE: "Invalid position side.",
    POSITION_SIDE_MISMATCH: "Order's position side does not match user's setting.",
    BAD_REDUCE_ONLY: "Invalid or improper reduceOnly value.",
    POSITION_MODE_WITH_ORDERS: "Position side cannot be changed if there exists open orders.",
    POSITION_MODE_WITH_POSITION: "Position side cannot be changed if there exists position.",
    BAD_BATCH_SIZE: "Invalid batch place order size.",
    SYMBOL_CLOSED: "Symbol is closed.",
    NOTIONAL_TOO_SMALL: "Order's notional must be no smaller than 5.0 (unless you choose reduce only)",
    ISOLATED_WITH_MULTI_ASSET: "Unable to adjust to isolated-margin mode under the Multi-Assets mode.",
    NONCE_EXPIRED: "Nonce Expired",
    DEPOSIT_FIRST: "This function can only be used after deposit",
}

_STATUS: Final[dict[int, int]] = {
    TOO_MANY_REQUESTS: 429,
    TOO_MANY_ORDERS: 429,
    BAD_API_KEY_FORMAT: 401,
    BAD_API_KEY: 401,
    OUTCOME_TIMEOUT: 503,
}


class VenueRefusal(Exception):
    """The face answers with an error body. `code` is Aster's, `status` the HTTP status that goes with it."""

    def __init__(self, code: int, text: str | None = None, *, status: int | None = None) -> None:
        self.code = code
        self.text = TEXTS[code] if text is None else text
        self.status = _STATUS.get(code, 400) if status is None else status
        super().__init__(f"[{code}] {self.text}")

    @property
    def body(self) -> dict[str, object]:
        """The JSON body of the answer."""
        return {"code": self.code, "msg": self.text}


def missing(parameter: str) -> VenueRefusal:
    """Return the refusal of a request without (or with an unreadable) `parameter`."""
    return VenueRefusal(
        MANDATORY_MISSING,
        f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed.",
    )
