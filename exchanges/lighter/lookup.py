"""What became of one order, and the proof that it never came to be (venues/lighter.md, sections 8.3, 9, 13, 15).

First the venue is asked for the order by our id. Where it is not listed (a duplicate or reduce-only order may vanish
without a word, and a lost request may still be on its way) the transaction itself is asked for, by the hash that was
known before it left. Where there is no record of it either, its nonce decides (`exchanges.lighter.voids`). Without a
proof the order stays unknown until its transaction has expired (`capabilities.fence_s`), and then absence counts.

Orders that this process did not place (an earlier run's) have no known hash: for them listing and history decide, and
`exchanges.lighter.earlier_runs`.
"""

from functools import partial
from typing import Any, Final, NoReturn

from exchanges.errors import OutcomeUnknown, RequestRefused, UnknownOrder
from exchanges.lighter import earlier_runs, parsing, records, rest
from exchanges.lighter.account import Account
from exchanges.lighter.errors import NO_SUCH_TRANSACTION
from exchanges.lighter.markets import Market
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.parsing import Fields
from exchanges.lighter.sent import Sent
from exchanges.lighter.voids import RECORD_LAG_NS, by_nonce
from exchanges.reports import OrderReport
from exchanges.values import OrderRef
from exchanges.venue import Call, Undecided

MOST_PAGES: Final = 20
_NS: Final = 1_000_000_000
_KEPT_NS: Final = 23 * 3600 * _NS
"""The venue finds ended orders by our id for 24 h."""


def query_order(account: Account, ref: OrderRef) -> Call[OrderReport]:
    """The state of one order. Raises UnknownOrder only where every witness agrees that there is none."""
    return rest.with_market(account, ref.symbol, lambda market: _by_client_index(account, market, ref))


def _by_client_index(account: Account, market: Market, ref: OrderRef) -> Call[OrderReport]:
    request = rest.query(
        "accountOrders",
        {"account_index": account.index, "client_order_indexes": str(int(ref.client_order_id))},
        private=True,
    )

    void_ns = account.sent.earlier_void_ns  # as it is now, before the question is asked

    def parse(data: Any, received_ns: int) -> OrderReport:  # noqa: ANN401 - a decoded body
        found = _listed(data, market, ref, received_ns)
        return _unlisted(account, market, ref, received_ns, void_ns) if found is None else found

    return account.read(request, parse)


def _listed(data: object, market: Market, ref: OrderRef, received_ns: int) -> OrderReport | None:
    """The order in an answer, None where it is not in it. Of several the one that changed last."""
    found = []
    for row in Fields(data, "orders").rows("orders"):
        index = Fields(row, "order").whole("client_order_index")
        if parsing.read_client_order_id(index) == ref.client_order_id:
            found.append(rest.order_row(row, ref.symbol, market.index, received_ns))
    return max(found, key=lambda report: report.occurred_ns, default=None)


def _unlisted(account: Account, market: Market, ref: OrderRef, received_ns: int, void_ns: int | None) -> OrderReport:
    sent = account.sent.of_order(ref.client_order_id)
    if sent is not None and sent.order is not None:
        further = _by_hash(account, market, ref, sent)
        raise Undecided(EXCHANGE, "GET accountOrders", "it is not listed; its transaction has to be", further=further)
    if ref.not_before_ns <= received_ns - _KEPT_NS:
        _ask_history(account, market, ref)
    return earlier_runs.unlisted(account, ref, received_ns, void_ns)


# --- the transaction ---


def _by_hash(account: Account, market: Market, ref: OrderRef, sent: Sent, *, due_ns: int = 0) -> Call[OrderReport]:
    """Ask for the record. `due_ns`: by then, which is now, a record of whatever used its nonce has to be there."""
    request = rest.query("tx", {"by": "hash", "value": sent.tx_hash})

    def parse(data: Any, received_ns: int) -> OrderReport:  # noqa: ANN401 - a decoded body
        found = records.record(data)
        if found.is_pending or found.is_duplicate:
            raise OutcomeUnknown(EXCHANGE, "GET tx", f"its transaction is undecided: {found.refusal or 'pending'}")
        if found.is_refused:
            assert sent.order is not None  # noqa: S101 - asked by the caller
            return records.refused_order(sent.order, found.code, received_ns)
        if received_ns - sent.signed_ns < RECORD_LAG_NS:
            raise OutcomeUnknown(EXCHANGE, "GET tx", "it was executed, and is not listed yet")
        _ask_history(account, market, ref)

    return account.read(request, parse, partial(_no_record, account, market, ref, sent, due_ns))


def _no_record(
    account: Account, market: Market, ref: OrderRef, sent: Sent, due_ns: int, error: RequestRefused
) -> OrderReport:
    if error.code not in {str(code) for code in NO_SUCH_TRANSACTION}:
        raise error
    if due_ns and sent.order is not None:
        return records.never_accepted(sent.order, due_ns)

    def look_again(now_ns: int) -> Call[OrderReport]:
        return _by_hash(account, market, ref, sent, due_ns=now_ns)

    further = by_nonce(account, ref, sent.tag, look_again)
    raise Undecided(EXCHANGE, error.operation, "no record; its nonce has to say", further=further) from None


# --- history ---


def _ask_history(account: Account, market: Market, ref: OrderRef) -> NoReturn:
    raise Undecided(
        EXCHANGE, "GET accountOrders", "it is not listed; history has to say",
        further=_in_history(account, market, ref, 1, ""),
    )  # fmt: skip


def _in_history(account: Account, market: Market, ref: OrderRef, page: int, cursor: str) -> Call[OrderReport]:
    """One page of ended orders, newest first, back to the time before which the order cannot have come to be."""
    parameters: dict[str, str | int] = {
        "account_index": account.index,
        "market_id": market.index,
        "limit": rest.PAGE_ROWS,
    }
    if cursor:
        parameters["cursor"] = cursor

    def parse(data: Any, received_ns: int) -> OrderReport:  # noqa: ANN401 - a decoded body
        found = _listed(data, market, ref, received_ns)
        if found is not None:
            return found
        fields = Fields(data, "accountInactiveOrders")
        rows, further = fields.rows("orders"), fields.text("next_cursor") if fields.has("next_cursor") else ""
        if len(rows) < rest.PAGE_ROWS or not further or _reaches_back(rows, ref.not_before_ns):
            raise UnknownOrder(EXCHANGE, "GET accountInactiveOrders", "neither listed nor in history")
        if page >= MOST_PAGES:
            text = f"it is not among the newest {MOST_PAGES * rest.PAGE_ROWS} ended orders"
            raise OutcomeUnknown(EXCHANGE, "GET accountInactiveOrders", text)
        raise Undecided(
            EXCHANGE, "GET accountInactiveOrders", "it is not on this page",
            further=_in_history(account, market, ref, page + 1, further),
        )  # fmt: skip

    return account.read(rest.query("accountInactiveOrders", parameters, private=True), parse)


def _reaches_back(rows: list[Any], not_before_ns: int) -> bool:
    last = Fields(rows[-1], "order")
    return not_before_ns > 0 and last.micro_time_ns("transaction_time") < not_before_ns
