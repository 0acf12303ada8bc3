"""What changes something at the venue: transactions, and what their receipts mean (venues/lighter.md, sections 8, 10).

The answer 200 says that a transaction is well formed and queued. Whether the order came to rest is told by the private
stream, or by a question. A transaction is named by the library's function that signs it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from exchanges.errors import RateLimited, RequestRefused
from exchanges.lighter import parsing
from exchanges.lighter.account import SEND_TX, TTL, Account
from exchanges.lighter.errors import INVALID_NONCE
from exchanges.lighter.markets import margin_fraction
from exchanges.lighter.outcomes import CALLS, EXCHANGE
from exchanges.lighter.parsing import Fields
from exchanges.reports import OrderReport
from exchanges.values import ZERO, OrderRef, OrderRequest, OrderStatus, Side
from exchanges.venue import AccountSetup, Call, HttpRequest, RequestKind, SignAgain

T = TypeVar("T")

LIMIT: Final = 0
IMMEDIATE_OR_CANCEL: Final = 0
GOOD_TILL_TIME: Final = 1
POST_ONLY: Final = 2
CANCEL_NOW: Final = 0
_LARGEST_NONCE: Final = 2**63 - 2
"""The library takes nonces as 64-bit integers, and this one and the next have to fit."""


def request_of(function: str, arguments: dict[str, int], *, kind: RequestKind, tag: str) -> HttpRequest:
    """Return the request of a transaction; it spends of the venue's budget for transactions only."""
    return HttpRequest(
        operation=function,
        method="POST",
        path=SEND_TX,
        parameters=tuple((key, str(value)) for key, value in arguments.items()),
        signed=True,
        kind=kind,
        weight=0,
        order_weight=1,
        tag=tag,
    )


def next_nonce(account: Account, done: Callable[[int, int], T], *, kind: RequestKind = RequestKind.QUERY) -> Call[T]:
    """Ask for the next nonce and learn it. `done` gets it with the time of receipt and makes the result."""
    generation = account.nonces.generation

    def parse(data: Any, received_ns: int) -> T:  # noqa: ANN401 - a decoded body
        fields = Fields(data, "nextNonce")
        nonce = fields.natural("nonce", _LARGEST_NONCE)
        account.nonces.learn(nonce, generation)
        return done(nonce, received_ns)

    request = HttpRequest(
        operation="GET nextNonce",
        method="GET",
        path="/api/v1/nextNonce",
        parameters=(("account_index", str(account.index)), ("api_key_index", str(account.api_key_index))),
        kind=kind,
    )
    return account.read(request, parse)


def send(account: Account, request: HttpRequest, receipt: Callable[[str, int], T]) -> Call[T]:
    """Return the call of a transaction. `receipt` gets its hash and the time of receipt and makes the result.

    Whatever the answer says about the nonce is noted; an answer that says nothing leaves it to be asked for, which the
    call itself does first.
    """

    def parse(data: Any, received_ns: int) -> T:  # noqa: ANN401 - a decoded body
        tx_hash = Fields(data, "sendTx").text("tx_hash")
        _settle(account, request.tag, consumed=True)
        account.sent.taken(request.tag)
        return receipt(tx_hash, received_ns)

    def refused(error: RequestRefused) -> T:
        if error.code == str(INVALID_NONCE):
            account.nonces.forget()
            raise SignAgain(EXCHANGE, request.operation, error.text, code=error.code) from None
        if not isinstance(error, RateLimited):
            _settle(account, request.tag, consumed=False)
        raise error

    call = CALLS.write(request, parse, refused)
    return Call(call.request, call.read, partial(_ask_first, account, request.kind))


def _settle(account: Account, tag: str, *, consumed: bool) -> None:
    sent = account.sent.get(tag)
    if sent is not None:
        account.nonces.settle(sent.nonce, consumed=consumed)


def _ask_first(account: Account, kind: RequestKind) -> Call[None] | None:
    return None if account.nonces.is_known else next_nonce(account, _nothing, kind=kind)


def _nothing(_nonce: int, _received_ns: int) -> None:
    return


def place_order(account: Account, order: OrderRequest) -> Call[OrderReport]:
    """Place an order: post-only, good till its expiry, or immediate-or-cancel with its worst price.

    Raises:
        ValueError: there is no such order (post-only and immediate at once, no price), or price and size are not whole
            numbers of the market's units.
        ConfigError: the market is not known.
    """
    if order.price is None or (order.post_only and order.immediate):
        raise ValueError("an order has a price (a market order its worst one), and a post-only one rests")
    parsing.spell_client_order_id(order.client_order_id)
    market = account.market(order.symbol)
    arguments = {
        "market_index": market.index,
        "client_order_index": int(order.client_order_id),
        "base_amount": market.size_to_wire(order.quantity),
        "price": market.price_to_wire(order.price),
        "is_ask": int(order.side is Side.SELL),
        "order_type": LIMIT,
        "time_in_force": POST_ONLY if order.post_only else GOOD_TILL_TIME,
        "reduce_only": int(order.reduce_only),
    }
    if order.immediate:
        arguments["time_in_force"] = IMMEDIATE_OR_CANCEL
    else:
        arguments[TTL] = account.settings.exit_ttl_s if order.reduce_only else account.settings.entry_ttl_s
    kind = RequestKind.EXIT if order.reduce_only else RequestKind.ENTRY
    request = request_of("SignCreateOrder", arguments, kind=kind, tag=account.sent.new_tag(order))
    return send(account, request, lambda _hash, received_ns: _queued(order, received_ns))


def _queued(order: OrderRequest, received_ns: int) -> OrderReport:
    """The receipt of an order: the venue has it, and has not said yet what it does with it."""
    assert order.price is not None  # noqa: S101 - checked when the call was made
    return OrderReport(
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        order_id=None,
        status=OrderStatus.OPEN,
        side=order.side,
        price=order.price,
        quantity=order.quantity,
        filled=ZERO,
        reduce_only=order.reduce_only,
        occurred_ns=0,
        received_ns=received_ns,
    )


def cancel_order(account: Account, ref: OrderRef, *, nonce: int | None = None) -> Call[OrderReport]:
    """Cancel an order by our id, which needs nothing the venue has to tell first. Reads to a report that says nothing.

    `nonce` is given only to use up the nonce of an order whose fate is unknown (`exchanges.lighter.voids`).

    Raises:
        ConfigError: the market is not known.
    """
    arguments = {"market_index": account.market(ref.symbol).index, "order_index": int(ref.client_order_id)}
    if nonce is not None:
        arguments["nonce"] = nonce
    request = request_of("SignCancelOrder", arguments, kind=RequestKind.CANCEL, tag=account.sent.new_tag())
    return send(account, request, lambda _hash, received_ns: _cancel_queued(account, ref, received_ns))


def _cancel_queued(account: Account, ref: OrderRef, received_ns: int) -> OrderReport:
    sent = account.sent.of_order(ref.client_order_id)
    order = None if sent is None else sent.order
    return OrderReport(
        symbol=ref.symbol,
        client_order_id=ref.client_order_id,
        order_id=ref.order_id,
        status=OrderStatus.UNKNOWN,
        # Only orders the ledger knows are canceled, and for those it keeps its own side, price and quantity.
        side=order.side if order is not None else Side.BUY,
        price=order.price or ZERO if order is not None else ZERO,
        quantity=order.quantity if order is not None else ZERO,
        filled=ZERO,
        occurred_ns=0,
        received_ns=received_ns,
    )


def cancel_all(account: Account, symbol: str) -> Call[str]:
    """Cancel every order of one market, exits and foreign ones too. Reads to the transaction's hash."""
    arguments = {"time_in_force": CANCEL_NOW, "market_index": account.market(symbol).index}
    request = request_of("SignCancelAllOrders", arguments, kind=RequestKind.CANCEL, tag=account.sent.new_tag())
    return send(account, request, lambda tx_hash, _: tx_hash)


def update_leverage(
    account: Account,
    setup: AccountSetup,
    receipt: Callable[[str, int], T],
    *,
    nonce: int | None = None,
    skips: bool = False,
    kind: RequestKind = RequestKind.QUERY,
) -> Call[T]:
    """Set leverage and margin mode of one market. `nonce` as in `cancel_order`; it may skip others."""
    arguments = {
        "market_index": account.market(setup.symbol).index,
        "initial_margin_fraction": margin_fraction(setup.leverage),
        "margin_mode": int(setup.isolated),
    }
    if nonce is not None:
        arguments |= {"nonce": nonce, "skip_nonce": int(skips)} if skips else {"nonce": nonce}
    request = request_of("SignUpdateLeverage", arguments, kind=kind, tag=account.sent.new_tag())
    return send(account, request, receipt)


def update_margin(account: Account, symbol: str, usdc_micros: int, *, adds: bool) -> Call[str]:
    """Move collateral (in 1e-6 USDC) into or out of an isolated position. Reads to the transaction's hash."""
    arguments = {
        "market_index": account.market(symbol).index,
        "usdc_amount": usdc_micros,
        "direction": int(adds),
    }
    request = request_of("SignUpdateMargin", arguments, kind=RequestKind.QUERY, tag=account.sent.new_tag())
    return send(account, request, lambda tx_hash, _: tx_hash)
