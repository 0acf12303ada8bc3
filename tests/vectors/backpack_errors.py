"""Refusals: samples of error bodies, and requests that the venue must not accept."""

import base64
import binascii
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from exchanges.backpack.errors import REFUSALS, UNKNOWN_OUTCOME
from exchanges.backpack.outcomes import body_of
from exchanges.backpack.signing import signed_text
from exchanges.errors import (
    AuthenticationRefused,
    ClockRefused,
    ExchangeError,
    InsufficientMargin,
    OutcomeUnknown,
    RateLimited,
    ReduceOnlyRefused,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
    WouldCross,
)
from exchanges.values import ClientOrderId, OrderRef, OrderRequest, Side
from exchanges.venue import AccountSetup, Undecided
from tests.vectors.backpack_file import BackpackFile, reply_of, verifies
from tests.vectors.backpack_requests import segments_of
from tests.vectors.cases import Case, Wrong, need, one_of, same, text_of, whole_of

_SIGNATURE_BYTES: Final = 64
_SERVER_SIDE: Final = 500

TEXTS: Final[Mapping[str, type[ExchangeError]]] = {
    "order would immediately match and take": WouldCross,
    "reduce only order not reduced": ReduceOnlyRefused,
    "quantity decimal too long": RuleViolated,
    "price decimal too long": RuleViolated,
    "quantity is below the minimum allowed value": RuleViolated,
    "price is too far from the last active price": RuleViolated,
    "insufficient margin": InsufficientMargin,
    "insufficient funds": InsufficientMargin,
    "market orders must specify a positive `quantity`": RequestRefused,
    "must specify both `triggerprice` and `triggerquantity` or neither": RequestRefused,
    "order id or client id must be specified": RequestRefused,
    "order not found": UnknownOrder,
    "not found": UnknownOrder,
    "invalid market symbol": RuleViolated,
    "invalid order": RequestRefused,
    "invalid x-signature header": AuthenticationRefused,
    "invalid signature": AuthenticationRefused,
    "request has expired": ClockRefused,
    "invalid timestamp: must be within 10 minutes of current time": RequestRefused,
    "too many requests": RateLimited,
    "unknown error, please check your request or try again later.": OutcomeUnknown,
    "system is under maintenance": OutcomeUnknown,
}
"""Sections 3.4, 4.1 and 4.2, in lower case: how a refusal's text begins, and what it must be concluded as."""

CODES: Final[Mapping[str, type[ExchangeError]]] = {
    "INSUFFICIENT_MARGIN": InsufficientMargin,
    "INSUFFICIENT_FUNDS": InsufficientMargin,
    "MAX_LEVERAGE_REACHED": InsufficientMargin,
    "POSITION_LIMIT": InsufficientMargin,
    "INVALID_PRICE": RuleViolated,
    "INVALID_QUANTITY": RuleViolated,
    "ORDER_LIMIT": RuleViolated,
    "TRADING_PAUSED": RuleViolated,
    "RESOURCE_NOT_FOUND": UnknownOrder,
    "TOO_MANY_REQUESTS": RateLimited,
    "UNAUTHORIZED": AuthenticationRefused,
    "FORBIDDEN": AuthenticationRefused,
    "INVALID_SIGNATURE": AuthenticationRefused,
    "SERVER_ERROR": OutcomeUnknown,
    "MAINTENANCE": OutcomeUnknown,
    "TIMEOUT": OutcomeUnknown,
}
"""What codes must be concluded as, where their text is none of the above."""

_CODES_OF_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "order would immediately match and take": ("INVALID_ORDER",),
    "reduce only order not reduced": ("INVALID_ORDER",),
    "quantity decimal too long": ("INVALID_CLIENT_REQUEST",),
    "price decimal too long": ("INVALID_CLIENT_REQUEST",),
    "quantity is below the minimum allowed value": ("INVALID_CLIENT_REQUEST", "INVALID_QUANTITY"),
    "price is too far from the last active price": ("INVALID_PRICE",),
    "insufficient margin": ("INSUFFICIENT_MARGIN",),
    "insufficient funds": ("INSUFFICIENT_FUNDS",),
    "order not found": ("INVALID_CLIENT_REQUEST", "RESOURCE_NOT_FOUND"),
    "not found": ("RESOURCE_NOT_FOUND",),
    "too many requests": ("TOO_MANY_REQUESTS",),
}

_STATUSES: Final = (400, 401, 403, 404, 429, 500, 502, 503, 504)

REF: Final = OrderRef(symbol="SOL_USDC_PERP", client_order_id=ClientOrderId(1001))
ORDER: Final = OrderRequest(
    client_order_id=ClientOrderId(1001),
    symbol="SOL_USDC_PERP",
    side=Side.BUY,
    quantity=Decimal("0.5"),
    price=Decimal("141.25"),
    post_only=True,
    reduce_only=False,
)


class ErrorChecks:
    """Checks of `error_samples` and `negative`."""

    def __init__(self, file: BackpackFile) -> None:
        self._file = file

    # --- error samples ---

    def sample(self, case: Case) -> None:
        """Check one sample with its alternatives."""
        row = need(case.data, "when", "http")
        self._answer(row)
        for other in row.get("alternatives", ()):
            self._answer(need(other, "http"))
        if "match" in row:
            _check_match(text_of(row, "match"), need(row["body"], "code", "message"))
        if not text_of(row, "confidence"):
            raise Wrong("a sample without confidence")

    def _answer(self, row: Mapping[str, Any]) -> None:
        status = whole_of(row, "http")
        one_of("http", status, _STATUSES)
        if ("body" in row) is ("body_text" in row):
            raise Wrong("an answer has either body or body_text")
        if "body_text" in row:
            self._conclude(status, text_of(row, "body_text"), OutcomeUnknown)
            return
        body = need(row["body"], "code", "message")
        self._conclude(status, body, expected_of(status, text_of(body, "code"), text_of(body, "message")))

    def _conclude(self, status: int, body: Any, expected: type[ExchangeError]) -> None:
        """What placing and canceling an order must conclude of an answer."""
        venue, reply = self._file.venue(), reply_of(status, body)
        cancel = _error_of(lambda: venue.cancel_order(REF).read(reply))
        same("conclusion of a cancel", type(cancel), expected)
        if expected is UnknownOrder:
            further = _error_of(lambda: venue.query_order(REF).read(reply))
            same("conclusion of a query", type(further), Undecided)  # history has to agree first
            return
        place = _error_of(lambda: venue.place_limit_order(ORDER).read(reply))
        same("conclusion of an order", type(place), expected)
        if isinstance(place, RequestRefused):
            same("code", place.code, body["code"])

    # --- negative ---

    def negative(self, case: Case) -> None:
        """Check one request that must not be accepted, and what its answer is concluded as."""
        row = need(case.data, "name", "expect", "confidence")
        if "string_signed" in row:
            self._signature(row)
        elif "server_time" in row:
            self._expiry(row)
        elif "body" in row:
            same("a batch is a bare array", isinstance(row["body"], list), False)
            one_of("path", text_of(row, "path"), ("/api/v1/orders",))
        self._expected(need(row["expect"], "http"), row)

    def _request(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        request = self._file.signed(text_of(row, "request_of"))
        if request is None:
            raise Wrong(f"request_of {row['request_of']!r:.60} is no signed request of this file")
        return request

    def _signature(self, row: Mapping[str, Any]) -> None:
        request = self._request(row)
        true_text = signed_text(
            request["instruction"],
            segments_of(request),
            timestamp_ms=request["timestamp"],
            window_ms=request["window"],
        )
        signature = text_of(row, "signature")
        if verifies(self._file.key().api_key, signature, true_text):
            raise Wrong("the signature is good")
        if row["string_signed"] is None:
            _check_short(signature)
            return
        text = text_of(row, "string_signed")
        ours = self._file.key().sign(text)
        if text != true_text:
            same("signature", ours, signature)
            return
        differences = sum(one != other for one, other in zip(ours, signature, strict=False))
        same("characters that differ from the good signature", (len(signature), differences), (len(ours), 1))

    def _expiry(self, row: Mapping[str, Any]) -> None:
        request = self._request(row)
        end_ms = whole_of(request, "timestamp") + whole_of(request, "window")
        same("first millisecond after the window", whole_of(row, "server_time"), end_ms + 1)

    def _expected(self, expect: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        status = expect["http"]
        if isinstance(status, str):
            same("status", status.startswith("4xx"), True)
            self._conclude(400, "Failed to parse the request body as JSON", OutcomeUnknown)
            return
        if status == 200:
            same("body", expect.get("body"), {})
            check = self._file.venue().account_checks(AccountSetup(symbol="SOL_USDC_PERP", leverage=10))[0]
            error = _error_of(lambda: check.read(reply_of(200, {})))
            same("conclusion of an empty success", type(error), AuthenticationRefused)
            return
        one_of("http", status, _STATUSES)
        code, text = text_of(expect, "code"), expect.get("message", "")
        self._conclude(status, {"code": code, "message": text}, expected_of(status, code, text))
        if "message" not in expect:
            same("an answer without a text", row["name"], "no_auth_headers")


def expected_of(status: int, code: str, text: str) -> type[ExchangeError]:
    """Return what an error of status, code and text must be concluded as."""
    if code not in REFUSALS and code not in UNKNOWN_OUTCOME:
        raise Wrong(f"code {code!r:.60} is not of the venue's enumeration")
    lowered = text.lower()
    begin = max((known for known in TEXTS if lowered.startswith(known)), key=len, default=None)
    if begin is not None:
        one_of("code of the text", code, _CODES_OF_TEXTS.get(begin, (code,)))
    elif lowered:
        raise Wrong(f"a text of no known refusal: {text!r:.80}")
    expected = TEXTS[begin] if begin is not None else CODES.get(code, RequestRefused)
    if status >= _SERVER_SIDE:
        same("a server's failure", expected, OutcomeUnknown)
    if expected is OutcomeUnknown:
        one_of("status of a server's failure", status, (500, 502, 503, 504))
    if expected is RateLimited:
        same("status of a rate limit", status, 429)
    return expected


def _check_match(rule: str, body: Mapping[str, Any]) -> None:
    """A matcher such as `code==INVALID_ORDER and "immediately match" in message` has to hold for its own body."""
    for part in rule.split(" and "):
        if part.startswith("code=="):
            same("match of the code", body["code"], part.removeprefix("code=="))
        else:
            words, _, where = part.strip().removeprefix('"').partition('" in ')
            one_of("match where", where, ("message", "message.lower()"))
            text = body["message"].lower() if where.endswith("lower()") else body["message"]
            same(f"match of {words!r}", words in text, True)


def _check_short(signature: str) -> None:
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return
    same("a signature of 64 bytes", len(raw) == _SIGNATURE_BYTES, False)


def _error_of(read: Any) -> ExchangeError:
    try:
        value = read()
    except ExchangeError as error:
        return error
    raise Wrong(f"a failure is read as {value!r:.60}")


def error_of_reply(status: int, body: object) -> ExchangeError:
    """Return what an answer is concluded as by the reader of bodies alone."""
    return _error_of(lambda: body_of(reply_of(status, body), "sample", writes=True))
