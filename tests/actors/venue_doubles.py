"""A venue, a transport and commands for tests of the actors: no bytes of any real protocol, no sockets."""

import json
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from actors.messages import CancelOrder, PlaceLimitOrder, PlaceMarketOrder
from exchanges.errors import ExchangeError
from exchanges.order_ids import OrderKey, pack
from exchanges.order_stream import OrderStream
from exchanges.reports import AccountReport, ActiveOrders, BestPrice, FillReport, OrderReport, PositionReport, Report
from exchanges.values import (
    ClientOrderId,
    FeeRates,
    MarketRules,
    OrderId,
    OrderRef,
    OrderRequest,
    OrderStatus,
    PriceSource,
    Side,
)
from exchanges.venue import (
    AccountSetup,
    Call,
    Capabilities,
    HttpReply,
    HttpRequest,
    RateLimit,
    RequestKind,
    SignedRequest,
    StreamEndpoint,
)

SYMBOL = "BTCUSDT"
RULES = MarketRules(
    symbol=SYMBOL,
    tick=Decimal("0.1"),
    step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(1000),
    market_max_quantity=Decimal(120),
    min_notional=Decimal(5),
    reduce_only_exempt=True,
    min_price=Decimal("0.1"),
    max_price=Decimal(1000000),
    base_asset="BTC",
    quote_asset="USDT",
)


def client_id(lot: int = 1, leg: int = 0, tag: int = 7) -> ClientOrderId:
    return pack(OrderKey(tag, lot, leg))


def entry(lot: int = 1, **changes: Any) -> PlaceLimitOrder:
    fields: dict[str, Any] = {
        "grid": "btc",
        "exchange": "aster",
        "symbol": SYMBOL,
        "client_order_id": client_id(lot),
        "side": Side.BUY,
        "price": Decimal(100),
        "quantity": Decimal(1),
        "post_only": True,
        "reduce_only": False,
        "lot": lot,
        "quote_ns": 0,
    }
    return PlaceLimitOrder(**(fields | changes))


def exit_order(lot: int = 1, leg: int = 1, **changes: Any) -> PlaceLimitOrder:
    fields = {"client_order_id": client_id(lot, leg), "side": Side.SELL, "price": Decimal(101), "reduce_only": True}
    return entry(lot, **(fields | changes))


def market_exit(lot: int = 1, **changes: Any) -> PlaceMarketOrder:
    fields: dict[str, Any] = {
        "grid": "btc",
        "exchange": "aster",
        "symbol": SYMBOL,
        "client_order_id": client_id(lot, 14),
        "side": Side.SELL,
        "worst_price": Decimal(99),
        "quantity": Decimal(1),
        "lot": lot,
    }
    return PlaceMarketOrder(**(fields | changes))


def cancel(lot: int = 1, leg: int = 0) -> CancelOrder:
    return CancelOrder(grid="btc", exchange="aster", symbol=SYMBOL, client_order_id=client_id(lot, leg))


def order_report(client_order_id: ClientOrderId, status: OrderStatus = OrderStatus.OPEN, **changes: Any) -> OrderReport:
    fields: dict[str, Any] = {
        "symbol": SYMBOL,
        "client_order_id": client_order_id,
        "order_id": OrderId(f"v{client_order_id}"),
        "status": status,
        "side": Side.BUY,
        "price": Decimal(100),
        "quantity": Decimal(1),
        "filled": Decimal(0),
        "occurred_ns": 0,
        "received_ns": 0,
    }
    return OrderReport(**(fields | changes))


class ScriptedVenue:
    """A venue whose calls are read from `answers`: operation -> value, ExchangeError, or function of the request."""

    name = "aster"
    account = "test"
    rest_url = "http://127.0.0.1:1"

    def __init__(self, **capabilities: Any) -> None:
        fields: dict[str, Any] = {
            "cancel_report_is_final": True,
            "reply_is_acceptance": True,
            "fills_have_trade_ids": True,
            "reduce_only_exempt_from_minimum": True,
            "fence_s": 10.0,
        }
        self.capabilities = Capabilities(**(fields | capabilities))
        self.rate_limits = (RateLimit(unit="weight", amount=1000, per_s=1.0),)
        self.answers: dict[str, Any] = {}
        self.public_frames: Callable[[bytes], tuple[Report, ...]] = lambda _: ()
        self.private_frames: Callable[[bytes], tuple[Report, ...]] = lambda _: ()

    def _call(self, operation: str, subject: object = None, kind: RequestKind = RequestKind.QUERY) -> Call[Any]:
        def read(_: HttpReply) -> Any:
            answer = self.answers[operation]
            if callable(answer):
                answer = answer(subject)
            if isinstance(answer, ExchangeError):
                raise answer
            return answer

        orders = int(kind in (RequestKind.ENTRY, RequestKind.EXIT))
        tag = str(getattr(subject, "client_order_id", ""))
        request = HttpRequest(
            operation=operation, method="GET", path="/", kind=kind, order_weight=orders, signed=True, tag=tag
        )
        return Call(request, read)

    def server_time(self) -> Call[int]:
        return self._call("server_time")

    def markets(self) -> Call[Mapping[str, MarketRules]]:
        return self._call("markets")

    def best_price(self, symbol: str) -> Call[BestPrice]:
        return self._call("best_price", symbol)

    def query_order(self, ref: OrderRef) -> Call[OrderReport]:
        return self._call("query_order", ref)

    def find_order(self, symbol: str, order_id: OrderId) -> Call[OrderReport] | None:
        return self._call("find_order", order_id) if "find_order" in self.answers else None

    def active_orders(self, symbol: str) -> Call[ActiveOrders]:
        return self._call("active_orders", symbol)

    def order_fills(self, ref: OrderRef) -> Call[tuple[FillReport, ...]]:
        return self._call("order_fills", ref)

    def recent_fills(self, symbol: str, *, after: str | None, since_ns: int) -> Call[tuple[FillReport, ...]]:
        return self._call("recent_fills", (symbol, after, since_ns))

    def position(self, symbol: str) -> Call[PositionReport]:
        return self._call("position", symbol)

    def account_summary(self) -> Call[AccountReport]:
        return self._call("account_summary")

    def fee_rates(self, symbol: str) -> Call[FeeRates]:
        return self._call("fee_rates", symbol)

    def place_limit_order(self, order: OrderRequest) -> Call[OrderReport]:
        return self._call("place", order, RequestKind.EXIT if order.reduce_only else RequestKind.ENTRY)

    def cancel_order(self, ref: OrderRef) -> Call[OrderReport]:
        return self._call("cancel", ref, RequestKind.CANCEL)

    def account_checks(self, setup: AccountSetup) -> tuple[Call[str | None], ...]:
        return (self._call("account_check", setup),)

    def shut_out_earlier(self, symbol: str) -> Call[float] | None:
        return self._call("shut_out", symbol) if "shut_out" in self.answers else None

    def sign(self, request: HttpRequest, *, wall_ns: int) -> SignedRequest:
        body = json.dumps({"operation": request.operation, "tag": request.tag, "wall_ns": wall_ns}).encode()
        return SignedRequest(operation=request.operation, method=request.method, target="/", body=body)

    def order_stream(self) -> OrderStream | None:
        return None

    def public_stream(self, symbols: tuple[str, ...]) -> StreamEndpoint:
        return StreamEndpoint(url="ws://127.0.0.1:1/public/" + ",".join(symbols))

    def open_private(self) -> Call[str] | None:
        return self._call("open_private")

    def renew_private(self, credential: str) -> Call[str] | None:
        return self._call("renew_private", credential)

    def private_stream(self, credential: str, symbols: tuple[str, ...], *, wall_ns: int) -> StreamEndpoint:
        return StreamEndpoint(url=f"ws://127.0.0.1:1/private/{credential}")

    def parse_public(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        return self.public_frames(frame)

    def parse_private(self, frame: bytes, received_ns: int) -> tuple[Report, ...]:
        return self.private_frames(frame)

    def spell_client_order_id(self, client_order_id: ClientOrderId) -> str:
        return str(int(client_order_id))

    def read_client_order_id(self, text: str | int | None) -> ClientOrderId | None:
        return None if text is None else ClientOrderId(int(text))


class FakeTransport:
    """A transport that remembers what was sent and answers when it is let.

    `hold()` makes requests wait after they were written until `release()`; `error` is raised instead of an answer,
    before the write where `error_before_write` says so.
    """

    def __init__(self, clock: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.connects = 0
        self.headers: dict[str, str] = {}
        self.closed = False
        self.error: ExchangeError | None = None
        self.error_before_write = False
        self.written = threading.Semaphore(0)
        self._clock = clock
        self._go = threading.Event()
        self._go.set()
        self.preparing = threading.Event()
        self._connected = threading.Event()
        self._connected.set()

    def hold(self) -> None:
        self._go.clear()

    def release(self) -> None:
        self._go.set()

    def disconnect(self) -> None:
        """Let the next requests wait for a connection until `reconnect()`."""
        self._connected.clear()

    def reconnect(self) -> None:
        self._connected.set()

    def connect(self) -> None:
        self.connects += 1

    def prepare(self, operation: str) -> None:
        self.preparing.set()
        assert self._connected.wait(5), f"the test never let {operation} connect"

    def send(self, request: SignedRequest, on_written: Callable[[int], None] | None = None) -> HttpReply:
        if self.error is not None and self.error_before_write:
            raise self.error
        self.sent.append(json.loads(request.body))
        if on_written is not None:
            on_written(self._clock.monotonic_ns())
        self.written.release()
        assert self._go.wait(5), "the test never released the transport"
        if self.error is not None:
            raise self.error
        return HttpReply(status=200, headers=self.headers, body=b"", received_ns=self._clock.wall_ns())

    def close(self) -> None:
        self.closed = True
        self._go.set()
        self._connected.set()


def best_price(bid: str = "100", ask: str = "100.1", symbol: str = SYMBOL, **changes: Any) -> BestPrice:
    fields: dict[str, Any] = {
        "symbol": symbol,
        "bid": Decimal(bid),
        "bid_quantity": Decimal(1),
        "ask": Decimal(ask),
        "ask_quantity": Decimal(1),
        "occurred_ns": 0,
        "received_ns": 0,
        "source": PriceSource.STREAM,
    }
    return BestPrice(**(fields | changes))
