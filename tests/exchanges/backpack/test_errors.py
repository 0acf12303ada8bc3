"""Codes and texts: what each is concluded as."""

import pytest

from exchanges.backpack.errors import REFUSALS, TEXTS, UNKNOWN_OUTCOME, refusal_of
from exchanges.errors import (
    AuthenticationRefused,
    ClockRefused,
    InsufficientMargin,
    RateLimited,
    ReduceOnlyRefused,
    RequestRefused,
    RuleViolated,
    UnknownOrder,
    WouldCross,
)

ENUMERATION = {
    "ACCOUNT_DEACTIVATED",
    "ACCOUNT_LIQUIDATING",
    "BORROW_LIMIT",
    "BORROW_REQUIRES_LEND_REDEEM",
    "FORBIDDEN",
    "INSUFFICIENT_FUNDS",
    "INSUFFICIENT_MARGIN",
    "INSUFFICIENT_SUPPLY",
    "INVALID_ASSET",
    "INVALID_CLIENT_REQUEST",
    "INVALID_MARKET",
    "INVALID_ORDER",
    "INVALID_POSITION_ID",
    "INVALID_PRICE",
    "INVALID_QUANTITY",
    "INVALID_RANGE",
    "INVALID_SIGNATURE",
    "INVALID_SOURCE",
    "INVALID_SYMBOL",
    "INVALID_TWO_FACTOR_CODE",
    "LEND_LIMIT",
    "LEND_REQUIRES_BORROW_REPAY",
    "MAINTENANCE",
    "MAX_LEVERAGE_REACHED",
    "NOT_IMPLEMENTED",
    "ORDER_LIMIT",
    "POSITION_LIMIT",
    "PRECONDITION_FAILED",
    "RESOURCE_NOT_FOUND",
    "SERVER_ERROR",
    "TIMEOUT",
    "TOO_EARLY",
    "TOO_MANY_REQUESTS",
    "TRADING_PAUSED",
    "UNAUTHORIZED",
}
"""Section 4."""


def test_every_code_of_the_enumeration_is_known():
    assert set(REFUSALS) | UNKNOWN_OUTCOME == ENUMERATION
    assert not set(REFUSALS) & UNKNOWN_OUTCOME


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("INVALID_ORDER", "Order would immediately match and take", WouldCross),
        ("INVALID_ORDER", "order would IMMEDIATELY MATCH and take liquidity.", WouldCross),
        ("INVALID_ORDER", "Reduce only order not reduced", ReduceOnlyRefused),
        ("INVALID_ORDER", "invalid order", RequestRefused),
        ("INVALID_CLIENT_REQUEST", "Quantity decimal too long", RuleViolated),
        ("INVALID_CLIENT_REQUEST", "Price decimal too long", RuleViolated),
        ("INVALID_CLIENT_REQUEST", "Quantity is below the minimum allowed value", RuleViolated),
        ("INVALID_QUANTITY", "Quantity is below the minimum allowed value", RuleViolated),
        ("INVALID_PRICE", "Price is too far from the last active price", RuleViolated),
        ("INVALID_CLIENT_REQUEST", "Invalid market symbol", RuleViolated),
        ("TRADING_PAUSED", "", RuleViolated),
        ("ORDER_LIMIT", "", RuleViolated),
        ("INSUFFICIENT_MARGIN", "Insufficient margin", InsufficientMargin),
        ("MAX_LEVERAGE_REACHED", "", InsufficientMargin),
        ("POSITION_LIMIT", "", InsufficientMargin),
        ("INVALID_CLIENT_REQUEST", "Order not found", UnknownOrder),
        ("RESOURCE_NOT_FOUND", "Not Found", RequestRefused),
        ("INVALID_CLIENT_REQUEST", "Invalid signature", AuthenticationRefused),
        ("INVALID_CLIENT_REQUEST", "Invalid X-Signature header", AuthenticationRefused),
        ("INVALID_CLIENT_REQUEST", "Invalid X-API-Key header", AuthenticationRefused),
        ("INVALID_CLIENT_REQUEST", "Request has expired", ClockRefused),
        ("INVALID_CLIENT_REQUEST", "Order id or client id must be specified", RequestRefused),
        ("FORBIDDEN", "anything", AuthenticationRefused),
        ("TOO_MANY_REQUESTS", "", RateLimited),
        ("A_CODE_OF_TOMORROW", "immediately match", RequestRefused),
    ],
)
def test_code_and_text_are_the_refusal_of_the_note(code, text, kind):
    assert refusal_of(code, text) is kind


def test_texts_are_written_as_they_are_compared():
    assert all(words == words.lower() for words, _ in TEXTS)
