"""The proof that an order of an earlier run was never executed and never will be (venues/lighter.md, section 9).

This run does not know with which nonce or hash an order of an earlier one was signed. But it knows that nonces are used
in order, and that a run has no more than so many transactions out at once. So one transaction that skips as many
nonces, and changes nothing else (it sets the leverage that is set), leaves none to whatever an earlier run has on its
way. From then on an order that is not listed, although it would have had time to be, is none. Without that an order
that was killed between its intent and the socket would be unknown for the eleven minutes its transaction could live,
and an exit would be missing for as long.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

from exchanges.errors import OutcomeUnknown, RequestRefused, UnknownOrder
from exchanges.lighter import records
from exchanges.lighter.account import Account
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.transactions import next_nonce, update_leverage
from exchanges.lighter.voids import MOST_USED_UP, RECORD_LAG_NS
from exchanges.reports import OrderReport
from exchanges.values import OrderRef
from exchanges.venue import AccountSetup, Call, RequestKind, SignAgain, Undecided

T = TypeVar("T")

SKIPPED: Final = 2 * MOST_USED_UP
"""A run may have had so many out, and commands of its own besides that nobody asked about."""
_OPERATION: Final = "GET accountOrders"


def unlisted(account: Account, ref: OrderRef, received_ns: int, void_ns: int | None) -> OrderReport:
    """Return what an order of an earlier run is that is not listed; `void_ns` is what was known when that was asked.

    Raises:
        UnknownOrder: nothing is proven: it is not listed, no more.
        Undecided: first the nonces it can have have to be skipped.
    """
    setup = account.setups.get(ref.symbol)
    if ref.order_id is not None or setup is None:
        raise UnknownOrder(EXCHANGE, _OPERATION, "no order of this client index")
    if void_ns is None:
        further = next_nonce(account, partial(_skip, account, setup, _ask_again))
        raise Undecided(EXCHANGE, _OPERATION, "an earlier run may have sent it", further=further)
    if received_ns - void_ns < RECORD_LAG_NS:
        raise UnknownOrder(EXCHANGE, _OPERATION, "no order of this client index is listed (yet)")
    return records.void_of_earlier_run(ref, received_ns)


def shut_out(account: Account, symbol: str) -> Call[float] | None:
    """Skip the nonces an earlier run can have used, whatever its orders were; see `Venue.shut_out_earlier`."""
    setup = account.setups.get(symbol)
    if setup is None:
        return None
    return next_nonce(account, partial(_skip, account, setup, lambda: RECORD_LAG_NS / 1e9))


def _ask_again() -> NoReturn:
    raise OutcomeUnknown(EXCHANGE, "sendTx", "nothing of an earlier run can come any more; it is asked again")


def _skip(account: Account, setup: AccountSetup, done: Callable[[], T], nonce: int, _received_ns: int) -> T:
    further = _skipping(account, setup, done, nonce + SKIPPED)
    raise Undecided(EXCHANGE, "GET nextNonce", "nonces an earlier run can have used are skipped", further=further)


def _skipping(account: Account, setup: AccountSetup, done: Callable[[], T], nonce: int) -> Call[T]:
    update = update_leverage(account, setup, lambda *_: None, nonce=nonce, skips=True, kind=RequestKind.CANCEL)

    def read(reply: Any) -> T:  # noqa: ANN401 - an HttpReply
        # Refused, it leaves what the list has said: nothing is proven, and absence counts once the fence has passed.
        try:
            update.read(reply)
        except SignAgain as error:
            raise UnknownOrder(EXCHANGE, error.operation, "not listed; the nonces went on meanwhile") from None
        except RequestRefused as error:
            text = f"not listed; the nonces are still free: {error.text}"
            raise UnknownOrder(EXCHANGE, error.operation, text) from None
        account.sent.void_earlier(reply.received_ns)
        return done()

    return Call(update.request, read)
