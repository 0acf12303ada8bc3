"""Lighter's face: requests and frames in, answers and frames out, over one engine and one account.

A transaction passes the checks of venues/lighter.md 16 in order: firewall and quota, form, account and key, lifetime,
signature, nonce, static rules, margin of resting orders. Then its nonce is used up, a receipt goes out, and the
sequencer decides later.

Chosen where the note leaves it open: see the modules `refusals`, `limits`, `validation`, `sequencer` and `submission`.
Left out: spot markets, trigger and grouped orders, isolated collateral, sub-accounts, read-only tokens, candles by
stream, transactions that need an Ethereum key.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any, Final, cast
from uuid import UUID

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import (
    BalanceChanged,
    CommandDone,
    EngineSettings,
    Event,
    LeverageChanged,
    Liquidated,
    MarketTraded,
    OrderView,
    PositionChanged,
    PrivateEvent,
    QuoteChanged,
)
from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.account_data import AccountData
from exchanges.simulated.faces.lighter.credentials import LighterCredentials
from exchanges.simulated.faces.lighter.gate import Gate
from exchanges.simulated.faces.lighter.limits import Limits
from exchanges.simulated.faces.lighter.market_data import MarketData
from exchanges.simulated.faces.lighter.markets import LighterMarket
from exchanges.simulated.faces.lighter.mishaps import LIGHTER_MISHAPS
from exchanges.simulated.faces.lighter.orders import OrderMeta
from exchanges.simulated.faces.lighter.parameters import Params, integer, read_form, read_query, whole
from exchanges.simulated.faces.lighter.private_stream import PrivateStream, is_private
from exchanges.simulated.faces.lighter.public_streams import PublicStreams
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.replies import FrameReply, Replies, RestReply
from exchanges.simulated.faces.lighter.routes import Route, build_routes
from exchanges.simulated.faces.lighter.sequencer import AccountModes, Sequencer
from exchanges.simulated.faces.lighter.sessions import Message, Sessions
from exchanges.simulated.faces.lighter.submission import NOTE, Receipt, Submission, read_list
from exchanges.simulated.faces.lighter.trade_log import TradeLog
from exchanges.simulated.faces.lighter.transactions import NAMES
from exchanges.simulated.faces.lighter.tx_log import TxRecord
from exchanges.simulated.faces.mishaps import Mishaps, PlannedMishap
from exchanges.simulated.faces.protocol import HttpCall, Output

_PATH: Final = re.compile(r"/api/v1/([A-Za-z-]+)")
_SENDS: Final = {"sendTx": "jsonapi/sendtx", "sendTxBatch": "jsonapi/sendtxbatch"}
_BY_FRAME: Final = {kind: name for name, kind in _SENDS.items()}
_STREAM: Final = "stream"
FORBIDDEN: Final = 403
OUTSIDE: Final = 405
NS_PER_S: Final = 1_000_000_000
_UUID_BITS: Final = 128


class LighterFace:
    """See `exchanges.simulated.faces.protocol.Face`. The engine's account is the account index as text."""

    venue = "lighter"

    def __init__(
        self,
        engine: Engine,
        credentials: LighterCredentials,
        markets: Mapping[str, LighterMarket],
        settings: EngineSettings,
        *,
        signature_check_pct: Decimal,
        rng: Random,
    ) -> None:
        self.account = str(credentials.account_index)
        self.gate = Gate(credentials, signature_check_pct, rng)
        self.limits = Limits()
        self.mishaps = Mishaps(LIGHTER_MISHAPS)
        self._rng = rng
        self._now_ns = 0
        self._outputs: list[Output] = []
        self._replies = Replies(self._outputs.append)
        self.sequencer = Sequencer(engine, self.account, markets, settings, self._ended_early, self._executed)
        self._submission = Submission(self.gate, self.sequencer, self.limits)
        trades = TradeLog(engine, self.account, markets, self.sequencer.orders)
        self.sessions = Sessions(self._outputs.append, self._subscribe, self._take_frame, self._make_id)
        self.market = MarketData(engine, markets, settings, trades, rng)
        self._public = PublicStreams(self.market, self.sessions)
        self._private = PrivateStream(engine, self.gate, markets, self.sequencer, trades, self.sessions, rng)
        self._routes = build_routes(self.market, AccountData(engine, self.gate, markets, self.sequencer, trades))

    def credentials(self) -> dict[str, str | int]:
        """See `Face.credentials`."""
        return self.gate.credentials.as_dict()

    def _make_id(self) -> str:
        return str(UUID(int=self._rng.getrandbits(_UUID_BITS)))

    # --- HTTP ---
    def request(self, request_id: int, call: HttpCall, now_ns: int) -> None:
        """See `Face.request`."""
        self._now_ns = now_ns
        reply = RestReply(request_id)
        match = _PATH.fullmatch(call.path)
        name = match[1] if match else ""
        if self.limits.is_outside(call.address, now_ns):
            self._outputs.append(reply.page(OUTSIDE))
        elif call.method == "POST" and name in _SENDS:
            self._take_request(name, call, reply)
        elif call.method == "GET" and name in self._routes:
            self._read(name, call, reply)
        elif call.method == "GET" and call.path in ("/", "/info"):
            self._outputs.append(reply.answer(_status(now_ns) if call.path == "/" else _INFO))
        else:
            self._outputs.append(reply.page(FORBIDDEN))

    def _read(self, name: str, call: HttpCall, reply: RestReply) -> None:
        route, params, now_ns = self._routes[name], read_query(call.query), self._now_ns
        try:
            self.limits.count_read(call.address, name, route.weight, now_ns)
        except VenueRefusal as refusal:
            self._outputs.append(reply.refuse(refusal))
            return

        def act() -> Mapping[str, object]:
            self._check_token(route, params, call)
            return cast("Mapping[str, object]", route.handler(params, now_ns))

        self._replies.handle(reply, self.mishaps.take(call.method, name), act, now_ns)

    def _check_token(self, route: Route, params: Params, call: HttpCall) -> None:
        named = bool(params.get("account_index"))
        if not route.needs_token and not (route.token_with_account and named):
            return
        token = call.headers.get("authorization", "") or params.get("auth", "")
        if not token:
            raise VenueRefusal(refusals.BAD_PARAMETER, detail=": auth query param and Authorization header are empty")
        self.gate.check_token(token, self._now_ns, integer(params, "account_index") if named else None)

    # --- transactions ---
    def _take_request(self, name: str, call: HttpCall, reply: RestReply) -> None:
        form = read_form(call)
        is_batch = name == "sendTxBatch"
        types, infos = form.get("tx_types" if is_batch else "tx_type"), form.get("tx_infos" if is_batch else "tx_info")
        try:
            self.limits.count_transactions(call.address, _amount(types, is_batch=is_batch), self._now_ns)
        except VenueRefusal as refusal:
            self._outputs.append(reply.refuse(refusal))
            return

        def act() -> Receipt:
            return {"message": NOTE} | self._submit(types, infos, is_batch=is_batch)

        self._replies.handle(reply, self._mishap("POST", name, types), act, self._now_ns)

    def _take_frame(self, session_id: int, message: Message, now_ns: int) -> None:
        kind = str(message.get("type"))
        name = _BY_FRAME.get(kind)
        data = message.get("data")
        if name is None:
            raise VenueRefusal(refusals.BAD_TYPE)
        if not isinstance(data, dict):
            raise VenueRefusal(refusals.BAD_DATA)
        is_batch = name == "sendTxBatch"
        types, infos = data.get("tx_types" if is_batch else "tx_type"), data.get("tx_infos" if is_batch else "tx_info")
        is_readable = is_batch or isinstance(infos, dict)
        reply = FrameReply(session_id, kind, data.get("id") if is_readable else None)
        try:
            self.limits.count_transactions(_STREAM, _amount(types, is_batch=is_batch), now_ns)
        except VenueRefusal as refusal:
            self._outputs.append(reply.refuse(refusal))
            return

        def act() -> Receipt:
            if not is_readable:
                raise VenueRefusal(refusals.INVALID_TX)
            return self._submit(types, infos, is_batch=is_batch)

        self._replies.handle(reply, self._mishap("WS", name, types), act, now_ns)

    def _submit(self, types: object, infos: object, *, is_batch: bool) -> Receipt:
        take = self._submission.take_batch if is_batch else self._submission.take
        return take(types, infos, self._now_ns)

    def _mishap(self, method: str, name: str, tx_type: object) -> PlannedMishap | None:
        """The mishap of a transaction, planned for all of them or for its kind."""
        number = tx_type if isinstance(tx_type, int) else whole(tx_type)
        kind = None if number is None else NAMES.get(number)
        planned = self.mishaps.take(method, name)
        return planned if planned is not None or kind is None else self.mishaps.take(method, kind)

    def _ended_early(self, order: OrderView, meta: OrderMeta) -> None:
        del meta
        self._private.send_ended(order, self._now_ns)

    def _executed(self, record: TxRecord) -> None:
        self._private.on_executed(record)

    # --- streams ---
    def open_session(self, session_id: int, target: str, now_ns: int) -> bool:
        """See `Face.open_session`."""
        self._now_ns = now_ns
        return self.sessions.open(session_id, target, now_ns)

    def receive(self, session_id: int, text: str, now_ns: int) -> None:
        """See `Face.receive`."""
        self._now_ns = now_ns
        self.sessions.receive(session_id, text, now_ns)

    def pong(self, session_id: int, now_ns: int) -> None:
        """See `Face.pong`."""
        self.sessions.heard(session_id, now_ns)

    def ping(self, session_id: int, now_ns: int) -> None:
        """See `HearsPings.ping`."""
        self.sessions.heard(session_id, now_ns)

    def close_session(self, session_id: int, now_ns: int) -> None:
        """See `Face.close_session`."""
        del now_ns
        self.sessions.close(session_id)

    def private_sessions(self) -> tuple[int, ...]:
        """See `Face.private_sessions`."""
        return self.sessions.subscribers(is_private)

    def order_sessions(self) -> tuple[int, ...]:
        """See `TakesOrders.order_sessions`."""
        return self.sessions.senders()

    def _subscribe(self, channel: str, auth: str | None, now_ns: int) -> Message | None:
        if self._public.is_public(channel):
            return self._public.snapshot(channel, now_ns)
        if is_private(channel):
            return self._private.snapshot(channel, auth, now_ns)
        raise VenueRefusal(refusals.UNSUPPORTED if channel.startswith("candle:") else refusals.BAD_CHANNEL)

    # --- time and events ---
    def on_events(self, events: Sequence[Event], now_ns: int) -> None:
        """See `Face.on_events`."""
        self._now_ns = now_ns
        own: list[PrivateEvent] = []
        for event in events:
            if isinstance(event, QuoteChanged | MarketTraded):
                self.market.on_event(event)
                self._public.on_event(event, now_ns)
            elif not isinstance(event, CommandDone) and _account_of(event) == self.account:
                own.append(event)
        self._public.flush()
        self._private.on_events(own)

    def advance(self, now_ns: int) -> None:
        """See `Face.advance`."""
        self._now_ns = now_ns
        self.sequencer.advance(now_ns)
        self._replies.advance(now_ns)
        self._public.advance(now_ns)
        self.sessions.advance(now_ns)

    def next_ns(self) -> int | None:
        """See `Face.next_ns`."""
        parts = (self.sequencer, self._replies, self._public, self.sessions)
        return min((at for part in parts if (at := part.next_ns()) is not None), default=None)

    def drain(self) -> list[Output]:
        """See `Face.drain`."""
        outputs = self._outputs[:]
        self._outputs.clear()
        return outputs

    # --- state ---
    def snapshot(self) -> dict[str, object]:
        """See `Face.snapshot`. Queued transactions are not part of it: they die with the process."""
        modes = self.sequencer.modes
        return {
            "credentials": self.credentials(),
            "nonces": self.gate.snapshot(),
            "orders": self.sequencer.orders.snapshot(),
            "modes": {
                "fractions": dict(modes.fractions),
                "isolated": sorted(modes.isolated),
                "cancel_all_ms": modes.cancel_all_ms,
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Face.restore`. The credentials are the constructor's business, the engine is restored before."""
        try:
            self.gate.restore(state["nonces"])
            self.sequencer.orders.restore(state["orders"])
            modes = state["modes"]
            self.sequencer.modes = AccountModes(
                fractions={str(symbol): int(value) for symbol, value in modes["fractions"].items()},
                isolated={str(symbol) for symbol in modes["isolated"]},
                cancel_all_ms=int(modes["cancel_all_ms"]),
            )
            self._private.load()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"the face's state cannot be read: {error!r}") from error


_INFO: Final = {"contract_address": "0x0000000000000000000000000000000000000000"}


def _status(now_ns: int) -> dict[str, object]:
    return {"status": 200, "network_id": 1, "timestamp": now_ns // NS_PER_S}


def _amount(types: object, *, is_batch: bool) -> int:
    """How many transactions a request is."""
    if not is_batch:
        return 1
    try:
        return max(len(read_list(types)), 1)
    except VenueRefusal:
        return 1


def _account_of(event: PrivateEvent) -> str:
    if isinstance(event, PositionChanged):
        return event.position.account
    if isinstance(event, BalanceChanged | LeverageChanged | Liquidated):
        return event.account
    return event.order.account
