"""Aster's face: requests and frames in, answers and frames out, over one engine and one account.

A request passes the checks of venues/aster.md 15.2 in order: ban and weight, path, signature, nonce or timestamp,
deposit, order limits, then the endpoint's own. Orders are answered when the engine has executed them.

Chosen where the venue is unknown, or left out: precedence of checks; HTTP 400 for nonce errors; both readings of the
encoding trap pass; an open duplicate client id is -2010; a wallet signing for itself acts on the one paper account; an
unknown listen key gives a silent stream; an amendment is told as x=NEW; no conditional orders, no HIDDEN or RPI, no
hedge mode, no spot market, no chain hash, no builder fees.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import (
    Answer,
    CommandDone,
    EngineSettings,
    Event,
    MarketTraded,
    QuoteChanged,
    SelfTrade,
)
from exchanges.simulated.faces.aster import refusals, rendering
from exchanges.simulated.faces.aster.endpoints import AccountModes, Deferred, Endpoint, Params, Security
from exchanges.simulated.faces.aster.limits import RateLimits
from exchanges.simulated.faces.aster.listen_keys import ListenKeys
from exchanges.simulated.faces.aster.market_data import MarketEndpoints
from exchanges.simulated.faces.aster.market_streams import MarketStreams
from exchanges.simulated.faces.aster.markets import AsterMarket
from exchanges.simulated.faces.aster.mishaps import ASTER_MISHAPS, Mishap, Mishaps, PlannedMishap
from exchanges.simulated.faces.aster.refusals import VenueRefusal
from exchanges.simulated.faces.aster.requests import AsterCredentials, Gate, read_params
from exchanges.simulated.faces.aster.routes import build_routes
from exchanges.simulated.faces.aster.sessions import Sessions
from exchanges.simulated.faces.aster.user_stream import UserStream
from exchanges.simulated.faces.protocol import HttpAnswer, HttpCall, HttpDrop, Output

_PATH: Final = re.compile(r"/fapi/v([1-4])/([A-Za-z0-9/]+)")
_SPOT_RULES: Final = re.compile(r"/api/v[13]/exchangeInfo")
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(slots=True)
class _Pending:
    """A request that waits for the engine."""

    request_id: int
    deferred: Deferred
    headers: dict[str, str]
    mishap: PlannedMishap | None
    answers: dict[int, Answer] = field(default_factory=dict)


class AsterFace:
    """See `exchanges.simulated.faces.protocol.Face`. The engine must know the account `credentials.user`."""

    venue = "aster"

    def __init__(
        self,
        engine: Engine,
        credentials: AsterCredentials,
        markets: Sequence[AsterMarket],
        settings: EngineSettings,
        *,
        rng: Random,
        now_ns: int,
    ) -> None:
        self.account = credentials.user
        self.gate = Gate(credentials)
        self.limits = RateLimits()
        self.modes = AccountModes()
        self.listen_keys = ListenKeys(rng)
        self.mishaps = Mishaps(ASTER_MISHAPS)
        self._engine = engine
        self._outputs: list[Output] = []
        self._late: list[tuple[int, HttpAnswer]] = []
        self._pending: dict[int, tuple[_Pending, int]] = {}
        by_symbol = {market.symbol: market for market in markets}
        self.market = MarketEndpoints(engine, by_symbol, settings, now_ns)
        self.sessions = Sessions(self._outputs.append, self._on_subscribed)
        self._streams = MarketStreams(self.market, self.sessions)
        self._now_ns = now_ns
        self.user_stream = UserStream(self.modes, self._send_private)
        self._routes = build_routes(self, engine, by_symbol)

    def credentials(self) -> dict[str, str | int]:
        """See `Face.credentials`."""
        return self.gate.credentials.as_dict()

    # --- HTTP ---
    def request(self, request_id: int, call: HttpCall, now_ns: int) -> None:
        """See `Face.request`."""
        self._now_ns = now_ns
        headers = dict(_JSON)
        mishap: PlannedMishap | None = None
        try:
            found = self._find(call)
            raw = _loose_params(call)
            weight = found[0].weight_of(raw) if found else 1
            now_ms = rendering.milliseconds(now_ns)
            try:
                self.limits.count_request(call.address, weight, now_ms)
            finally:
                headers["X-MBX-USED-WEIGHT-1M"] = str(self.limits.used_weight(call.address, now_ms))
            if found is None:
                self._answer_unknown(request_id, call, headers, now_ns)
                return
            mishap = self.mishaps.take(call.method, found[0].name)
            if mishap is not None and not mishap.mishap.is_after:
                self._suffer(request_id, mishap.mishap, headers)
                return
            body = self._handle(found[0], found[1], call, headers, now_ns)
        except VenueRefusal as refusal:
            self._answer(request_id, refusal.status, headers, refusal.body, mishap)
            return
        if isinstance(body, Deferred):
            self._defer(_Pending(request_id, body, headers, mishap), now_ns)
        else:
            self._answer(request_id, 200, headers, body, mishap)

    def _find(self, call: HttpCall) -> tuple[Endpoint, int] | None:
        match = _PATH.fullmatch(call.path)
        if match is None:
            return None
        version = int(match[1])
        endpoint = self._routes.get((call.method, match[2]))
        return (endpoint, version) if endpoint is not None and version in endpoint.versions else None

    def _answer_unknown(self, request_id: int, call: HttpCall, headers: dict[str, str], now_ns: int) -> None:
        if call.method == "GET" and _SPOT_RULES.fullmatch(call.path):
            self._answer(request_id, 200, headers, _no_spot_markets(now_ns), None)
            return
        headers["Content-Type"] = "text/html"
        self._outputs.append(
            HttpAnswer(request_id=request_id, status=404, headers=headers, body=b"<html><body>Not Found</body></html>")
        )

    def _handle(self, endpoint: Endpoint, version: int, call: HttpCall, headers: dict[str, str], now_ns: int) -> object:
        params = self._admit(endpoint, version, call, now_ns)
        orders = endpoint.orders_of(params)
        if orders:
            self.limits.count_orders(orders, rendering.milliseconds(now_ns))
            headers.update(self.limits.order_headers(rendering.milliseconds(now_ns)))
        return endpoint.handler(params, now_ns)

    def _admit(self, endpoint: Endpoint, version: int, call: HttpCall, now_ns: int) -> Params:
        if endpoint.security is Security.NONE:
            return read_params(call.query, call.body.decode(errors="replace"))
        by_wallet = version == 3 or (version in (2, 4) and "signer=" in call.query)  # noqa: PLR2004 - path versions
        if by_wallet:
            return self.gate.admit_wallet(call, now_ns)
        if endpoint.security is Security.STREAM:
            self.gate.admit_key(call)
            return {}
        return self.gate.admit_hmac(call, now_ns)

    def _suffer(self, request_id: int, mishap: Mishap, headers: dict[str, str]) -> None:
        if mishap is Mishap.LOST_REQUEST:
            self._outputs.append(HttpDrop(request_id=request_id))
        elif mishap is Mishap.HTML:
            body = b"<html><body>error</body></html>"
            html = headers | {"Content-Type": "text/html"}
            self._outputs.append(HttpAnswer(request_id=request_id, status=500, headers=html, body=body))
        else:
            code, status = _MISHAP_CODES[mishap]
            refusal = VenueRefusal(code, status=status)
            self._answer(request_id, refusal.status, headers, refusal.body, None)

    def _defer(self, pending: _Pending, now_ns: int) -> None:
        if not pending.deferred.commands:
            self._resolve(pending)
            return
        for place, command in enumerate(pending.deferred.commands):
            self._pending[self._engine.submit(self.account, command, now_ns)] = (pending, place)

    def _on_done(self, event: CommandDone) -> None:
        waiting = self._pending.pop(event.command_id, None)
        if waiting is None:
            return
        pending, place = waiting
        pending.answers[place] = event.answer
        if len(pending.answers) == len(pending.deferred.commands):
            self._resolve(pending)

    def _resolve(self, pending: _Pending) -> None:
        answers = tuple(pending.answers[place] for place in range(len(pending.answers)))
        try:
            body = pending.deferred.render(answers)
        except VenueRefusal as refusal:
            self._answer(pending.request_id, refusal.status, pending.headers, refusal.body, pending.mishap)
        else:
            self._answer(pending.request_id, 200, pending.headers, body, pending.mishap)

    def _answer(
        self, request_id: int, status: int, headers: dict[str, str], body: object, planned: PlannedMishap | None
    ) -> None:
        mishap = None if planned is None else planned.mishap
        if mishap is Mishap.LOST_REPLY:
            self._outputs.append(HttpDrop(request_id=request_id))
            return
        if mishap is Mishap.TIMEOUT_AFTER:
            refusal = VenueRefusal(refusals.OUTCOME_TIMEOUT)
            status, body = refusal.status, refusal.body
        data = json.dumps(body, separators=(",", ":")).encode()
        answer = HttpAnswer(request_id=request_id, status=status, headers=headers, body=data)
        if planned is not None and mishap is Mishap.LATE_REPLY:
            self._late.append((self._now_ns + planned.delay_ns, answer))
        else:
            self._outputs.append(answer)

    def _release_late(self, now_ns: int) -> None:
        self._outputs.extend(answer for due_ns, answer in self._late if due_ns <= now_ns)
        self._late = [(due_ns, answer) for due_ns, answer in self._late if due_ns > now_ns]

    # --- listen key endpoints ---
    def create_listen_key(self, params: Params, now_ns: int) -> object:
        """POST listenKey."""
        del params
        return {"listenKey": self.listen_keys.create(now_ns)}

    def extend_listen_key(self, params: Params, now_ns: int) -> object:
        """PUT listenKey."""
        del params
        self.listen_keys.extend(now_ns)
        return {}

    def end_listen_key(self, params: Params, now_ns: int) -> object:
        """DELETE listenKey."""
        del params
        self._say_expired(self.listen_keys.end(now_ns), now_ns)
        return {}

    def _say_expired(self, key: str | None, now_ns: int) -> None:
        if key is None:
            return
        body: dict[str, object] = {"e": "listenKeyExpired", "E": rendering.milliseconds(now_ns), "listenKey": key}
        self.sessions.send(key, body)
        self.sessions.silence(key)

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
        self.sessions.pong(session_id, now_ns)

    def close_session(self, session_id: int, now_ns: int) -> None:
        """See `Face.close_session`."""
        del now_ns
        self.sessions.close(session_id)

    def private_sessions(self) -> tuple[int, ...]:
        """See `Face.private_sessions`."""
        key = self.listen_keys.current(self._now_ns)
        return () if key is None else self.sessions.subscribers(key)

    def _on_subscribed(self, stream: str) -> None:
        self._streams.on_subscribed(stream)

    def _send_private(self, body: dict[str, object]) -> None:
        key = self.listen_keys.current(self._now_ns)
        if key is not None:
            self.sessions.send(key, body, is_private=True)

    # --- time and events ---
    def on_events(self, events: Sequence[Event], now_ns: int) -> None:
        """See `Face.on_events`."""
        self._now_ns = now_ns
        for event in events:
            if isinstance(event, QuoteChanged | MarketTraded):
                self.market.on_event(event)
                self._streams.on_event(event, now_ns)
            elif isinstance(event, CommandDone):
                self._on_done(event)
            elif _account_of(event) == self.account:
                self.user_stream.on_event(event, now_ns)
        self.user_stream.flush(now_ns)

    def advance(self, now_ns: int) -> None:
        """See `Face.advance`."""
        self._now_ns = now_ns
        self._say_expired(self.listen_keys.expire(now_ns), now_ns)
        self._release_late(now_ns)
        self._streams.advance(now_ns)
        self.sessions.advance(now_ns)

    def next_ns(self) -> int | None:
        """See `Face.next_ns`."""
        times = [self.listen_keys.expires_ns(), self._streams.next_ns(), self.sessions.next_ns()]
        times += [due_ns for due_ns, _ in self._late]
        return min((at for at in times if at is not None), default=None)

    def drain(self) -> list[Output]:
        """See `Face.drain`."""
        outputs = self._outputs[:]
        self._outputs.clear()
        return outputs

    # --- state ---
    def snapshot(self) -> dict[str, object]:
        """See `Face.snapshot`."""
        return {
            "credentials": self.credentials(),
            "nonces": self.gate.snapshot(),
            "listen_key": self.listen_keys.snapshot(),
            "modes": {
                "dual_side": self.modes.dual_side,
                "multi_assets": self.modes.multi_assets,
                "stp_mode": self.modes.stp_mode.value,
                "margin_types": dict(self.modes.margin_types),
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Face.restore`. The credentials are the constructor's business."""
        try:
            self.gate.restore(state["nonces"])
            self.listen_keys.restore(state["listen_key"])
            modes = state["modes"]
            self.modes.dual_side = bool(modes["dual_side"])
            self.modes.multi_assets = bool(modes["multi_assets"])
            self.modes.stp_mode = SelfTrade(modes["stp_mode"])
            self.modes.margin_types = {str(symbol): str(kind) for symbol, kind in modes["margin_types"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the face's state cannot be read: {error!r}") from error


_MISHAP_CODES: Final[dict[Mishap, tuple[int, int | None]]] = {
    Mishap.TIMEOUT_BEFORE: (refusals.OUTCOME_TIMEOUT, None),
    Mishap.RATE_LIMITED: (refusals.TOO_MANY_REQUESTS, None),
    Mishap.ERROR_IN_200: (refusals.ORDER_REJECTED, 200),
    Mishap.STALE_NONCE: (refusals.NONCE_EXPIRED, None),
    Mishap.DEPOSIT: (refusals.DEPOSIT_FIRST, None),
}


def _account_of(event: Event) -> str | None:
    for name in ("order", "position"):
        holder = getattr(event, name, None)
        if holder is not None:
            return str(holder.account)
    account = getattr(event, "account", None)
    return None if account is None else str(account)


def _loose_params(call: HttpCall) -> Params:
    """Return what can be read of the parameters, to price a request before it is checked."""
    try:
        return read_params(call.query, call.body.decode(errors="replace"))
    except VenueRefusal:
        return {}


def _no_spot_markets(now_ns: int) -> dict[str, object]:
    """Some clients list spot and perpetual markets together; the simulated venue has no spot ones."""
    return {
        "timezone": "UTC",
        "serverTime": rendering.milliseconds(now_ns),
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [],
    }
