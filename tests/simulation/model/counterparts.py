"""The three venues as the model needs them: which of the bot's own calls ask them, and what they can answer, as bytes.

What differs is how an order's absence is proven. Aster looks an order up by our id and takes a signed request until its
nonce is too old. Backpack knows only resting orders at once, its histories trail, and a request dies with its window.
On Lighter a transaction waits in a queue until its nonce comes; there the nonce itself is a proof.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any, Final

from exchanges.aster import rest as aster_rest
from exchanges.aster.parsing import spell_client_order_id
from exchanges.aster.settings import AsterSettings, Auth
from exchanges.aster.venue import capabilities_of as aster_capabilities
from exchanges.backpack import lookup as backpack_lookup
from exchanges.backpack import rest as backpack_rest
from exchanges.backpack.settings import BackpackSettings
from exchanges.backpack.venue import capabilities_of as backpack_capabilities
from exchanges.lighter import lookup as lighter_lookup
from exchanges.lighter import transactions as lighter_transactions
from exchanges.lighter.account import Account
from exchanges.lighter.settings import LighterSettings
from exchanges.lighter.signing import TokenSource
from exchanges.lighter.venue import capabilities_of as lighter_capabilities
from exchanges.values import OrderRef, OrderRequest, Side
from exchanges.venue import Call, Capabilities, HttpReply
from tests.exchanges.aster import samples as aster
from tests.exchanges.backpack import samples as backpack
from tests.exchanges.lighter import samples as lighter

OPEN, CANCELED, FILLED = "open", "canceled", "filled"
UNITS = 2
"""An order fills in so many equal parts."""
ORDER_ID = 40000000123
FIRST_NONCE: Final = 100
"""The nonce of the order, where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An order as it is rendered: what was asked for, and the state to tell."""

    order: OrderRequest
    status: str
    filled: int

    @property
    def part(self) -> Decimal:
        return self.order.quantity * self.filled / UNITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """One venue.

    Attributes:
        name: As in the bot's settings.
        symbol: A market of its samples.
        capabilities: The bot's own.
        window_s: How old a signed request may be, by the venue's clock.
        place: The bot's own call that places an order.
        cancel: The bot's own call that cancels it.
        query: The bot's own call that asks for it.
        placed: The answer to an order that was taken.
        refused: The answer to one that was not.
        canceled: The answer to a cancel of an order in such a state, None for one that is not open.
        told: What a question is answered with: its operation, and the order as this witness knows it (None: not).
        history_trails: Whether its histories show an order a while after it came to be.
        has_nonces: Whether transactions wait for their nonce.
    """

    name: str
    symbol: str
    capabilities: Capabilities
    window_s: float
    place: Callable[[Account, OrderRequest], Call[Any]]
    cancel: Callable[[Account, OrderRef], Call[Any]]
    query: Callable[[Account, OrderRef], Call[Any]]
    placed: Callable[[Rendered], HttpReply]
    refused: Callable[[], HttpReply]
    canceled: Callable[[Rendered | None], HttpReply]
    told: Callable[[str, Rendered | None], HttpReply]
    history_trails: bool = False
    has_nonces: bool = False

    def answer_to_order(self, word: str, shown: Rendered) -> HttpReply | None:
        """Return the answer to the order: ok, refused, 503 or none."""
        match word:
            case "ok":
                return self.placed(shown)
            case "refused":
                return self.refused()
            case "503":
                return replace(self.refused(), status=503, body=b"<html>unavailable</html>")
        return None

    def answer_to_question(
        self, operation: str, truth: Any, rendered: Callable[[str, int], Rendered]
    ) -> HttpReply | None:
        """Return the answer to a question as bytes: an order, none, a record, a nonce, or "failed"."""
        match truth:
            case "failed":
                return None
            case None:
                return self.told(operation, None)
            case ("nonce", number):
                return lighter.reply({"code": 200, "nonce": number})
            case ("record", word):
                return _RECORDS[word]
            case ("void", word):
                return RECEIPT if word == "ok" else INVALID_NONCE
        return self.told(operation, rendered(*truth))

    @property
    def slack_s(self) -> float:
        """What the fence leaves for clocks that differ and histories that trail."""
        return self.capabilities.fence_s - self.window_s


# --- Aster ---

_ASTER_WORDS = {OPEN: "NEW", CANCELED: "CANCELED", FILLED: "FILLED"}


def _aster_row(shown: Rendered) -> dict[str, Any]:
    word = _ASTER_WORDS[shown.status]
    return aster.own_order(
        clientOrderId=spell_client_order_id(shown.order.client_order_id),
        orderId=ORDER_ID,
        symbol=shown.order.symbol,
        status="PARTIALLY_FILLED" if word == "NEW" and shown.filled else word,
        side=str(shown.order.side).upper(),
        price=str(shown.order.price),
        origQty=str(shown.order.quantity),
        executedQty=str(shown.part),
        cumQty=str(shown.part),
        cumQuote=str(shown.part * (shown.order.price or 0)),
        avgPrice=str(shown.order.price if shown.filled else 0),
        reduceOnly=shown.order.reduce_only,
    )


def aster_venue(settings: AsterSettings | None = None) -> Counterpart:
    """Aster with nonces that live so many seconds."""
    settings = settings or AsterSettings()
    return Counterpart(
        name="aster",
        symbol=aster.SYMBOL,
        capabilities=aster_capabilities(settings),
        window_s=float(settings.nonce_window_s),
        place=lambda _, order: aster_rest.place_order(Auth.V3, order),
        cancel=lambda _, ref: aster_rest.cancel_order(Auth.V3, ref),
        query=lambda _, ref: aster_rest.query_order(Auth.V3, ref),
        placed=cache(lambda shown: aster.reply(_aster_row(shown))),
        refused=cache(lambda: aster.refusal(-5022, "Due to the order could not be executed as maker")),
        canceled=_aster_canceled,
        told=_aster_told,
    )


@cache
def _aster_canceled(shown: Rendered | None) -> HttpReply:
    return aster.refusal(-2011, "Unknown order sent.") if shown is None else aster.reply(_aster_row(shown))


@cache
def _aster_told(_operation: str, shown: Rendered | None) -> HttpReply:
    return aster.refusal(-2013, "Order does not exist.") if shown is None else aster.reply(_aster_row(shown))


# --- Backpack ---

_BACKPACK_WORDS = {OPEN: "New", CANCELED: "Cancelled", FILLED: "Filled"}


def _backpack_changes(shown: Rendered) -> dict[str, Any]:
    word = _BACKPACK_WORDS[shown.status]
    return {
        "clientId": int(shown.order.client_order_id),
        "symbol": shown.order.symbol,
        "status": "PartiallyFilled" if word == "New" and shown.filled else word,
        "side": "Bid" if shown.order.side is Side.BUY else "Ask",
        "price": str(shown.order.price),
        "quantity": str(shown.order.quantity),
        "executedQuantity": str(shown.part),
        "executedQuoteQuantity": str(shown.part * (shown.order.price or 0)),
        "reduceOnly": shown.order.reduce_only,
    }


def backpack_venue(settings: BackpackSettings | None = None) -> Counterpart:
    """Backpack with such an X-Window."""
    settings = settings or BackpackSettings()
    return Counterpart(
        name="backpack",
        symbol=backpack.SYMBOL,
        capabilities=backpack_capabilities(settings),
        window_s=settings.window_ms / 1000,
        place=lambda _, order: backpack_rest.place_order(order),
        cancel=lambda _, ref: backpack_rest.cancel_order(ref),
        query=lambda _, ref: backpack_lookup.query_order(ref),
        placed=_backpack_trading,
        refused=cache(lambda: backpack.refusal("INVALID_ORDER", "Order would immediately match and take")),
        canceled=_backpack_trading,
        told=_backpack_told,
        history_trails=True,
    )


@cache
def _backpack_trading(shown: Rendered | None) -> HttpReply:
    """The trading service: it knows an order that rests, or that it cancels just now."""
    if shown is None:
        return backpack.refusal("RESOURCE_NOT_FOUND", "Not Found", 404)
    return backpack.reply(backpack.own_order(**_backpack_changes(shown)))


@cache
def _backpack_told(operation: str, shown: Rendered | None) -> HttpReply:
    if operation == "GET order":
        return _backpack_trading(shown if shown is not None and shown.status == OPEN else None)
    if operation == "GET history/orders":
        return backpack.reply([] if shown is None else [backpack.history_order(**_backpack_changes(shown))])
    if shown is None or not shown.filled:
        return backpack.reply([])
    row = {**backpack.body("GET /wapi/v1/history/fills")[0], "clientId": str(int(shown.order.client_order_id))}
    return backpack.reply([{**row, "symbol": shown.order.symbol, "quantity": str(shown.part)}])


# --- Lighter ---

_MARKET: Final = lighter.eth()


def lighter_account(nonce: int | None = FIRST_NONCE) -> Account:
    """An account of the client, on a signer that only counts: the next nonce may be known."""
    signer = lighter.FakeSigner()
    made = Account(
        index=lighter.ACCOUNT, api_key_index=lighter.SLOT, settings=LighterSettings(), signer=signer,
        tokens=TokenSource(signer),
    )  # fmt: skip
    made.markets.learn([_MARKET])
    if nonce is not None:
        made.nonces.learn(nonce, 0)
    return made


_LIGHTER_WORDS = {OPEN: "open", CANCELED: "canceled", FILLED: "filled"}


def _lighter_row(shown: Rendered) -> dict[str, Any]:
    left = shown.order.quantity - shown.part
    return lighter.order_row(
        client_order_index=int(shown.order.client_order_id),
        client_order_id=str(int(shown.order.client_order_id)),
        status=_LIGHTER_WORDS[shown.status],
        is_ask=shown.order.side is Side.SELL,
        price=str(shown.order.price),
        initial_base_amount=str(shown.order.quantity),
        remaining_base_amount=str(left),
        filled_base_amount=str(shown.part),
        filled_quote_amount=str(shown.part * (shown.order.price or 0)),
        reduce_only=shown.order.reduce_only,
    )


def lighter_venue(settings: LighterSettings | None = None) -> Counterpart:
    """Lighter, whose transactions live for 599 s."""
    capabilities = lighter_capabilities(settings or LighterSettings())
    return Counterpart(
        name="lighter",
        symbol=lighter.SYMBOL,
        capabilities=capabilities,
        window_s=599.0,
        place=lighter_transactions.place_order,
        cancel=lighter_transactions.cancel_order,
        query=lighter_lookup.query_order,
        placed=lambda _: RECEIPT,
        refused=cache(lambda: lighter.refusal(21701, "invalid price")),
        canceled=lambda _: RECEIPT,
        told=_lighter_told,
        has_nonces=True,
    )


@cache
def _lighter_told(_operation: str, shown: Rendered | None) -> HttpReply:
    return lighter.reply({"code": 200, "orders": None if shown is None else [_lighter_row(shown)]})


RECEIPT: Final = lighter.receipt()
NO_RECORD: Final = lighter.refusal(21500)
INVALID_NONCE: Final = lighter.refusal(21104)
_RECORDS = {
    "none": NO_RECORD,
    "pending": lighter.reply(lighter.tx_record(status=1)),
    "refused": lighter.reply(lighter.tx_record(lighter.said(21740))),
    "done": lighter.reply(lighter.tx_record()),
}


def at(reply: HttpReply, received_ns: int) -> HttpReply:
    """Return an answer as received at such a time."""
    return replace(reply, received_ns=received_ns)
