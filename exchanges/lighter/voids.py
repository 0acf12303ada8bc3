"""The proof by nonce that a transaction was never executed, and how to bring it about (venues/lighter.md, section 9).

A nonce is used once. When another transaction was taken with it, ours can never be executed any more. When the venue's
count has passed it and nobody here knows by which, ours may have used it itself, late, after the question for its
record was answered: then the record is asked for again, when it has to be there. A nonce that is still free is used up
on purpose: first with a cancel of the same order, which changes nothing whoever comes first. The gate may refuse that
(it knows no such order, code 21700) without counting the nonce; then with the leverage that the market has already.
Free nonces before it are used up likewise: several transactions that were written one behind the other may be lost
together, and those before need not be orders that anybody asks about.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from exchanges.errors import OutcomeUnknown, RequestRefused, UnknownOrder
from exchanges.lighter import records
from exchanges.lighter.account import Account
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.transactions import cancel_order, next_nonce, update_leverage
from exchanges.reports import OrderReport
from exchanges.values import OrderRef
from exchanges.venue import Call, RequestKind, SignAgain, Undecided

RECORD_LAG_NS: Final = 10_000_000_000
"""A record may be asked for before it is written: absence counts only so long after what it would tell of."""
_EXPIRED_NS: Final = 670_000_000_000
"""After so long a transaction that was never executed cannot be any more: its life of 599 s counts by this machine's
clock, which may differ by 30 s from the venue's both when it is stamped and when its age is told here."""
MOST_USED_UP: Final = 32
"""So many transactions may be out at once; a larger distance is no sequence that was lost together."""

_Done = Callable[[int], OrderReport]
"""Gets the time of receipt, once a nonce was used up by us."""
LookAgain = Callable[[int], Call[OrderReport]]
"""Asks for the record at a time by which it has to be there."""


def by_nonce(account: Account, ref: OrderRef, tag: str, look_again: LookAgain) -> Call[OrderReport]:
    """Ask for the venue's count, which decides about the order of a transaction that has no record."""
    return next_nonce(account, partial(_decide, account, ref, tag, look_again))


def _decide(
    account: Account, ref: OrderRef, tag: str, look_again: LookAgain, nonce: int, received_ns: int
) -> OrderReport:
    sent = account.sent.get(tag)
    if sent is None or sent.order is None:
        raise OutcomeUnknown(EXCHANGE, "GET nextNonce", "the transaction is not remembered any more")
    if sent.is_void:
        return records.never_accepted(sent.order, received_ns)
    if nonce > sent.nonce and not sent.is_taken:
        known_ns = received_ns - account.sent.used(tag, received_ns)
        if known_ns < RECORD_LAG_NS:
            raise OutcomeUnknown(EXCHANGE, "GET nextNonce", "its nonce is used, and there is no record yet")
        text = "its nonce is used: its record has to be there by now"
        raise Undecided(EXCHANGE, "GET nextNonce", text, further=look_again(received_ns))
    if received_ns - sent.signed_ns >= _EXPIRED_NS:
        raise UnknownOrder(EXCHANGE, "GET nextNonce", "no order, no record, and its transaction has expired")
    if nonce > sent.nonce:
        raise OutcomeUnknown(EXCHANGE, "GET nextNonce", "it was taken, and there is no record yet")
    if sent.is_taken or sent.nonce - nonce > MOST_USED_UP:
        raise OutcomeUnknown(EXCHANGE, "GET nextNonce", "the venue has not counted it yet")
    if nonce < sent.nonce:
        further = _use_up(account, ref, nonce, partial(_count_again, account, ref, tag, look_again))
        raise Undecided(EXCHANGE, "GET nextNonce", "nonces before it are free too", further=further)
    further = _use_up(account, ref, nonce, partial(_proven, account, tag))
    raise Undecided(EXCHANGE, "GET nextNonce", "its nonce is free", further=further)


def _count_again(account: Account, ref: OrderRef, tag: str, look_again: LookAgain, _received_ns: int) -> OrderReport:
    further = by_nonce(account, ref, tag, look_again)
    raise Undecided(EXCHANGE, "sendTx", "a nonce before it is used up", further=further)


def _proven(account: Account, tag: str, received_ns: int) -> OrderReport:
    now = account.sent.get(tag)
    if now is None or now.order is None or not now.is_void:
        raise OutcomeUnknown(EXCHANGE, "sendTx", "the answers contradict each other")
    return records.never_accepted(now.order, received_ns)


def _use_up(account: Account, ref: OrderRef, nonce: int, done: _Done) -> Call[OrderReport]:
    """Use up a free nonce with a cancel of the order, else with the market's own leverage."""
    cancel = cancel_order(account, ref, nonce=nonce)

    def read(reply: Any) -> OrderReport:  # noqa: ANN401 - an HttpReply
        try:
            cancel.read(reply)
        except SignAgain as error:
            raise _used_meanwhile(error) from None
        except RequestRefused as error:
            further = _same_leverage(account, ref, nonce, done)
            if further is None:
                raise _still_free(error) from None
            text = f"it cannot be canceled: {error.text}"
            raise Undecided(EXCHANGE, error.operation, text, further=further) from None
        return done(reply.received_ns)

    return Call(cancel.request, read)


def _same_leverage(account: Account, ref: OrderRef, nonce: int, done: _Done) -> Call[OrderReport] | None:
    """Use up a free nonce with what changes nothing; None where the market's leverage was never looked at."""
    setup = account.setups.get(ref.symbol)
    if setup is None:
        return None
    update = update_leverage(account, setup, lambda *_: None, nonce=nonce, kind=RequestKind.CANCEL)

    def read(reply: Any) -> OrderReport:  # noqa: ANN401 - an HttpReply
        try:
            update.read(reply)
        except SignAgain as error:
            raise _used_meanwhile(error) from None
        except RequestRefused as error:
            raise _still_free(error) from None
        return done(reply.received_ns)

    return Call(update.request, read)


def _used_meanwhile(error: SignAgain) -> OutcomeUnknown:
    return OutcomeUnknown(EXCHANGE, error.operation, "the nonce was used meanwhile, maybe by the order itself")


def _still_free(error: RequestRefused) -> OutcomeUnknown:
    return OutcomeUnknown(EXCHANGE, error.operation, f"its nonce is still free: {error.text}")
