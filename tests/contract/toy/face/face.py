"""The toy venue's wire protocol over the engine. Shares nothing with the toy client."""

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from exchanges.rounding import plain
from exchanges.simulated.engine_types import (
    Canceled,
    CancelOrder,
    Command,
    CommandDone,
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderType,
    OrderView,
    Placed,
    PlaceOrder,
    PositionChanged,
    PositionView,
    QuoteChanged,
    RefusalReason,
    Refused,
    SetLeverage,
    TimeInForce,
    Traded,
    TradeView,
)
from exchanges.simulated.faces.kit import FaceParts
from exchanges.simulated.faces.mishaps import COMMON_MISHAPS, Mishap, Mishaps, PlannedMishap
from exchanges.simulated.faces.protocol import Frame, HttpAnswer, HttpCall, HttpDrop, Output
from exchanges.values import Side

_MS = 1_000_000
_WINDOW_NS = 3_000 * _MS
_QUOTA, _QUOTA_NS = 300, 60_000 * _MS
_KINDS = {"post_only": TimeInForce.GTX, "limit": TimeInForce.GTC, "now": TimeInForce.IOC}
_WORDS = {
    RefusalReason.POST_ONLY: (400, "would_take"),
    RefusalReason.REDUCE_ONLY: (400, "nothing_to_reduce"),
    RefusalReason.MARGIN: (400, "margin"),
    RefusalReason.UNKNOWN_ORDER: (404, "no_order"),
}
_MISHAPS = {
    Mishap.TIMEOUT_BEFORE: (503, "busy"),
    Mishap.TIMEOUT_AFTER: (503, "busy"),
    Mishap.RATE_LIMITED: (429, "slow_down"),
}


class Refusal(Exception):
    """The venue says no."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status, self.word = status, word


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request whose command is with the engine."""

    request_id: int
    mishap: PlannedMishap | None


class ToyFace:
    """See `exchanges.simulated.faces.protocol.Face`."""

    venue = "toy"

    def __init__(self, parts: FaceParts) -> None:
        self._engine, self._specs = parts.engine, parts.specs
        self.account, self._secret = str(parts.credentials["key"]), str(parts.credentials["secret"])
        self.mishaps = Mishaps(COMMON_MISHAPS)
        self._outputs: list[Output] = []
        self._late: list[tuple[int, Output]] = []
        self._waiting: dict[int, _Waiting] = {}
        self._public: dict[int, frozenset[str]] = {}
        self._private: list[int] = []
        self._spent: deque[int] = deque()
        self._now_ns = parts.now_ns

    def credentials(self) -> dict[str, str | int]:
        return {"key": self.account, "secret": self._secret}

    # --- HTTP ---

    def request(self, request_id: int, call: HttpCall, now_ns: int) -> None:
        self._now_ns = now_ns
        mishap = self.mishaps.take(call.method, call.path.removeprefix("/"))
        if mishap is not None and not mishap.mishap.is_after:
            self._suffer(request_id, mishap.mishap)
            return
        try:
            self._admit(call)
            result = self._handle(call)
        except Refusal as refusal:
            self._answer(request_id, refusal.status, {"error": refusal.word}, mishap)
        except (KeyError, ValueError, ArithmeticError):  # whatever cannot be read of a client's parameters
            self._answer(request_id, 400, {"error": "rules"}, mishap)
        else:
            if isinstance(result, Command):
                command_id = self._engine.submit(self.account, result, now_ns)
                self._waiting[command_id] = _Waiting(request_id, mishap)
            else:
                self._answer(request_id, 200, result, mishap)

    def _suffer(self, request_id: int, mishap: Mishap) -> None:
        if mishap is Mishap.LOST_REQUEST:
            self._outputs.append(HttpDrop(request_id=request_id))
        elif mishap is Mishap.HTML:
            self._outputs.append(HttpAnswer(request_id=request_id, status=502, headers={}, body=b"<html></html>"))
        else:
            status, word = _MISHAPS[mishap]
            self._answer(request_id, status, {"error": word}, None)

    def _admit(self, call: HttpCall) -> None:
        while self._spent and self._spent[0] <= self._now_ns - _QUOTA_NS:
            self._spent.popleft()
        if len(self._spent) >= _QUOTA:
            raise Refusal(429, "slow_down")
        self._spent.append(self._now_ns)
        if call.path == "/time":
            return
        target = f"{call.path}?{call.query}" if call.query else call.path
        given = {name: call.headers.get(f"toy-{name}", "") for name in ("key", "time", "sign")}
        self._verify(given, call.method, target, call.body)

    def _verify(self, given: Mapping[str, str], method: str, target: str, body: bytes) -> None:
        signed = "\n".join((given.get("time", ""), method, target)).encode() + b"\n" + body
        expected = hmac.new(self._secret.encode(), signed, hashlib.sha256).hexdigest()
        if given.get("key") != self.account or not hmac.compare_digest(expected, given.get("sign", "")):
            raise Refusal(401, "key")
        if abs(int(given["time"]) * _MS - self._now_ns) > _WINDOW_NS:
            raise Refusal(400, "late")

    def _handle(self, call: HttpCall) -> Any:
        given: dict[str, Any] = dict(parse_qsl(call.query))
        if call.body:
            given |= json.loads(call.body)
        handlers: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "/time"): lambda _: {"now": self._now_ns // _MS},
            ("GET", "/markets"): lambda _: [_market(spec.rules) for spec in self._specs],
            ("GET", "/price"): self._price,
            ("GET", "/order"): self._order,
            ("GET", "/orders"): lambda g: [_order(o) for o in self._engine.open_orders(self.account, g["symbol"])],
            ("GET", "/fills"): self._fills,
            ("GET", "/position"): lambda g: _position(self._engine.position(self.account, g["symbol"]), self._now_ns),
            ("GET", "/account"): self._money,
            ("GET", "/fees"): lambda _: {k: str(getattr(self._specs[0].fees, k)) for k in ("maker", "taker")},
            ("POST", "/order"): self._place,
            ("DELETE", "/order"): lambda g: CancelOrder(symbol=g["symbol"], client_id=g["id"]),
            ("POST", "/leverage"): lambda g: SetLeverage(symbol=g["symbol"], leverage=int(g["leverage"])),
        }
        handler = handlers.get((call.method, call.path))
        if handler is None:
            raise Refusal(404, "no_path")
        return handler(given)

    def _place(self, given: dict[str, Any]) -> Command:
        return PlaceOrder(
            symbol=given["symbol"],
            side=Side(given["side"]),
            order_type=OrderType.LIMIT,
            quantity=Decimal(given["size"]),
            price=Decimal(given["price"]),
            time_in_force=_KINDS[given["kind"]],
            reduce_only=given["reduce_only"] is True,
            client_id=given["id"],
            refuse_if_taking=True,
        )

    def _price(self, given: dict[str, Any]) -> dict[str, Any]:
        quote = self._engine.quote(given["symbol"])
        if quote is None:
            raise Refusal(404, "no_price")
        return _price(quote.symbol, quote[1:5], self._now_ns)

    def _order(self, given: dict[str, Any]) -> dict[str, Any]:
        order = self._engine.order(self.account, given["symbol"], client_id=given["id"])
        if order is None:
            raise Refusal(404, "no_order")
        return _order(order)

    def _fills(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        order_id = int(given["order"]) if "order" in given else None
        start_ns = int(given["since"]) * _MS if "since" in given else None
        return [
            _fill(row)
            for row in self._engine.trades(self.account, given["symbol"], order_id=order_id, start_ns=start_ns)
        ]

    def _money(self, _: dict[str, Any]) -> dict[str, Any]:
        balance = self._engine.balance(self.account)
        return {"equity": plain(balance.equity), "free": plain(balance.available)}

    def _on_done(self, event: CommandDone) -> None:
        waiting = self._waiting.pop(event.command_id, None)
        if waiting is None:
            return
        match event.answer:
            case Refused(reason=reason):
                status, word = _WORDS.get(reason, (400, "rules"))
                self._answer(waiting.request_id, status, {"error": word}, waiting.mishap)
            case Placed(final=order) | Canceled(orders=(order,)):
                self._answer(waiting.request_id, 200, _order(order), waiting.mishap)
            case _:
                self._answer(waiting.request_id, 200, {}, waiting.mishap)

    def _answer(self, request_id: int, status: int, body: Any, planned: PlannedMishap | None) -> None:
        if planned is not None and planned.mishap is Mishap.LOST_REPLY:
            self._outputs.append(HttpDrop(request_id=request_id))
            return
        if planned is not None and planned.mishap is Mishap.TIMEOUT_AFTER:
            status, body = 503, {"error": "busy"}
        headers = {"Content-Type": "application/json"}
        answer = HttpAnswer(request_id=request_id, status=status, headers=headers, body=json.dumps(body).encode())
        if planned is not None and planned.mishap is Mishap.LATE_REPLY:
            self._late.append((self._now_ns + planned.delay_ns, answer))
        else:
            self._outputs.append(answer)

    # --- streams ---

    def open_session(self, session_id: int, target: str, now_ns: int) -> bool:
        self._now_ns = now_ns
        path, _, query = target.partition("?")
        given = dict(parse_qsl(query))
        if path == "/prices":
            self._public[session_id] = frozenset(given.get("symbols", "").split(","))
            return True
        try:
            self._verify(given, "GET", path, b"")
        except (Refusal, KeyError, ValueError):
            return False
        self._private.append(session_id)
        return path == "/account"

    def receive(self, session_id: int, text: str, now_ns: int) -> None:
        """Nothing is listened to."""

    def pong(self, session_id: int, now_ns: int) -> None:
        """Nothing is asked."""

    def close_session(self, session_id: int, now_ns: int) -> None:
        self._public.pop(session_id, None)
        self._private = [kept for kept in self._private if kept != session_id]

    def private_sessions(self) -> tuple[int, ...]:
        return tuple(self._private)

    def on_events(self, events: Sequence[Event], now_ns: int) -> None:
        self._now_ns = now_ns
        for event in events:
            match event:
                case CommandDone():
                    self._on_done(event)
                case QuoteChanged():
                    frame = json.dumps({"price": _price(event.symbol, event[1:5], event.occurred_ns)})
                    ids = [number for number, symbols in self._public.items() if event.symbol in symbols]
                    self._outputs += [Frame(session_id=number, text=frame) for number in ids]
                case OrderAccepted(order=order) | OrderCanceled(order=order) | OrderExpired(order=order):
                    self._tell({"order": _order(order)})
                case Traded(order=order, trade=trade):
                    self._tell({"fill": _fill(trade)})
                    self._tell({"order": _order(order)})
                case PositionChanged(position=position):
                    self._tell({"position": _position(position, now_ns)})

    def _tell(self, body: dict[str, Any]) -> None:
        text = json.dumps(body)
        self._outputs += [Frame(session_id=number, text=text, is_private=True) for number in self._private]

    def advance(self, now_ns: int) -> None:
        self._now_ns = now_ns
        self._outputs += [output for due_ns, output in self._late if due_ns <= now_ns]
        self._late = [(due_ns, output) for due_ns, output in self._late if due_ns > now_ns]

    def next_ns(self) -> int | None:
        return min((due_ns for due_ns, _ in self._late), default=None)

    def drain(self) -> list[Output]:
        outputs, self._outputs = self._outputs, []
        return outputs

    def snapshot(self) -> dict[str, object]:
        return {"credentials": self.credentials()}

    def restore(self, state: Mapping[str, object]) -> None:
        """Nothing but the credentials outlives the process, and they are the constructor's business."""


def _order(view: OrderView) -> dict[str, Any]:
    return {
        "order": view.order_id,
        "id": view.client_id,
        "symbol": view.symbol,
        "side": view.side.value,
        "price": plain(view.price),
        "size": plain(view.quantity),
        "filled": plain(view.filled),
        "state": view.status.value,
        "why": _why(view),
        "reduce_only": view.reduce_only,
        "time": view.updated_ns // _MS,
    }


def _why(view: OrderView) -> str | None:
    reason = view.end_reason
    if reason is None:
        return None
    return reason.value if reason.value in ("requested", "reduce_only", "immediate", "self_trade") else "other"


def _fill(view: TradeView) -> dict[str, Any]:
    return {
        "trade": view.trade_id,
        "order": view.order_id,
        "id": view.client_id,
        "symbol": view.symbol,
        "side": view.side.value,
        "price": plain(view.price),
        "size": plain(view.quantity),
        "total": plain(view.cumulative),
        "fee": plain(view.fee),
        "maker": view.is_maker,
        "time": view.occurred_ns // _MS,
    }


def _position(view: PositionView, now_ns: int) -> dict[str, Any]:
    size, entry = plain(view.quantity), plain(view.entry_price)
    return {"symbol": view.symbol, "size": size, "entry": entry, "time": now_ns // _MS}


def _price(symbol: str, values: Sequence[Any], now_ns: int) -> dict[str, Any]:
    bid, bid_size, ask, ask_size = (plain(value) for value in values)
    return {"symbol": symbol, "bid": bid, "bid_size": bid_size, "ask": ask, "ask_size": ask_size, "time": now_ns // _MS}


def _market(rules: Any) -> dict[str, Any]:
    return {
        "symbol": rules.symbol,
        "tick": plain(rules.tick),
        "step": plain(rules.step),
        "least": plain(rules.min_quantity),
        "value": plain(rules.min_notional),
    }
