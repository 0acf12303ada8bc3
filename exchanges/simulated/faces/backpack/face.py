"""Backpack's face: requests and frames in, answers and frames out, over one engine and one account.

A request passes in order: path, budget, credentials, signature, time, types, then the endpoint's own checks
(venues/backpack.md 16). Orders are answered when the engine has executed them; whether their answer or their first
event leaves first is left to chance, as on the venue, where the two travel over different hosts.

Chosen where the venue is unknown, or left out: precedence of checks; a duplicate live client id is refused; a client id
in a JSON body must be a number; no conditional orders, brackets, spot markets, loans, RFQ; nothing is cached by a CDN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import (
    Answer,
    Command,
    CommandDone,
    EngineSettings,
    Event,
    MarketTraded,
    QuoteChanged,
    Refused,
)
from exchanges.simulated.faces.backpack.answers import ACCEPTED, BACKPACK_MISHAPS, Answers
from exchanges.simulated.faces.backpack.context import Context
from exchanges.simulated.faces.backpack.endpoints import Deferred, Endpoint, Reply
from exchanges.simulated.faces.backpack.limits import RateLimits
from exchanges.simulated.faces.backpack.market_data import MarketEndpoints
from exchanges.simulated.faces.backpack.market_streams import MarketStreams
from exchanges.simulated.faces.backpack.markets import BackpackMarket
from exchanges.simulated.faces.backpack.refusals import Refusal, Unparsable, maintenance
from exchanges.simulated.faces.backpack.rendering import milliseconds
from exchanges.simulated.faces.backpack.requests import Fields, Gate, Request, UnknownKey, read_call, read_query
from exchanges.simulated.faces.backpack.routes import build_routes
from exchanges.simulated.faces.backpack.sessions import Sessions
from exchanges.simulated.faces.backpack.signing import BackpackCredentials
from exchanges.simulated.faces.backpack.switches import ReplyOrder, Switches
from exchanges.simulated.faces.backpack.user_stream import UserStream
from exchanges.simulated.faces.mishaps import Mishap, Mishaps, PlannedMishap
from exchanges.simulated.faces.protocol import HttpCall, Output

_UNKNOWN_PATH: Final = Reply("not found", status=404)
_UNAUTHORIZED: Final = Reply({"code": "UNAUTHORIZED", "message": "Unauthorized"}, status=401)


@dataclass(slots=True)
class _Pending:
    """A request that waits for the engine."""

    request_id: int
    deferred: Deferred
    mishap: PlannedMishap | None
    answers: dict[int, Answer] = field(default_factory=dict)


class BackpackFace:
    """See `exchanges.simulated.faces.protocol.Face`. The engine must know the account `credentials.api_key`."""

    venue = "backpack"

    def __init__(
        self,
        engine: Engine,
        credentials: BackpackCredentials,
        markets: Sequence[BackpackMarket],
        settings: EngineSettings,
        *,
        rng: Random,
        now_ns: int,
    ) -> None:
        self.account = credentials.api_key
        self.gate = Gate(credentials)
        self.limits = RateLimits()
        self.mishaps = Mishaps(BACKPACK_MISHAPS)
        self.context = Context(
            engine=engine,
            account=self.account,
            markets={market.symbol: market for market in markets},
            settings=settings,
            rng=rng,
            started_ns=now_ns,
            leverage_limit=Decimal(settings.default_leverage),
        )
        self._outputs: list[Output] = []
        self._answers = Answers(self._outputs.append)
        self._pending: dict[int, tuple[_Pending, int]] = {}
        self._queued: list[tuple[int, Command]] = []
        self._market = MarketEndpoints(self.context)
        self.sessions = Sessions(self._outputs.append, self._verify, self._on_subscribed, rng)
        self._streams = MarketStreams(self.context, self._market, self.sessions)
        self._user_stream = UserStream(self.context, self.sessions)
        self._routes = build_routes(self.context, self._market)

    def credentials(self) -> dict[str, str | int]:
        """See `Face.credentials`."""
        return self.gate.credentials.as_dict()

    @property
    def switches(self) -> Switches:
        """What the venue's notes leave open, and faults; may be changed at any time."""
        return self.context.switches

    # --- HTTP ---
    def request(self, request_id: int, call: HttpCall, now_ns: int) -> None:
        """See `Face.request`."""
        endpoint = self._routes.get((call.method, call.path))
        if endpoint is None:
            self._answers.send(request_id, _UNKNOWN_PATH, None, now_ns)
            return
        mishap: PlannedMishap | None = None
        try:
            self._count(endpoint, call, now_ns)
            mishap = self.mishaps.take(call.method, endpoint.name)
            if mishap is not None and not mishap.mishap.is_after:
                self._answers.suffer(request_id, mishap.mishap, now_ns)
                return
            body = self._handle(endpoint, call, now_ns)
        except Refusal as refusal:
            self._answers.refuse(request_id, refusal, mishap, now_ns)
        except UnknownKey:
            reply = Reply({}) if self.switches.empty_200_for_unknown_key else _UNAUTHORIZED
            self._answers.send(request_id, reply, mishap, now_ns)
        else:
            self._answer(request_id, body, mishap, now_ns)

    def _count(self, endpoint: Endpoint, call: HttpCall, now_ns: int) -> None:
        fields = Fields(dict(read_query(call.query)), is_query=True)
        sender = call.headers.get("x-api-key") or call.address
        self.limits.count(sender, endpoint.bucket(fields), now_ns)

    def _handle(self, endpoint: Endpoint, call: HttpCall, now_ns: int) -> object:
        request = self._admit(endpoint, call, now_ns)
        if endpoint.instruction is not None and self.switches.maintenance:
            raise maintenance()
        if (request.items is not None) is not endpoint.takes_array:
            raise Unparsable("expected an array" if endpoint.takes_array else "expected an object")
        return endpoint.handler(request, now_ns)

    def _admit(self, endpoint: Endpoint, call: HttpCall, now_ns: int) -> Request:
        if endpoint.instruction is None:
            return read_call(call).request
        return self.gate.admit(call, endpoint.instruction, self._clock_ms(now_ns))

    def _clock_ms(self, now_ns: int) -> int:
        return milliseconds(now_ns) + self.switches.clock_skew_ms

    def _answer(self, request_id: int, body: object, mishap: PlannedMishap | None, now_ns: int) -> None:
        if not isinstance(body, Deferred):
            self._answers.send(request_id, body, mishap, now_ns)
            return
        if mishap is not None and mishap.mishap is Mishap.CANCEL_QUEUED:
            self._queued.extend((now_ns + mishap.delay_ns, command) for command in body.commands)
            self._answers.send(request_id, Reply(None, status=ACCEPTED), None, now_ns)
            return
        pending = _Pending(request_id, body, mishap)
        if not body.commands:
            self._resolve(pending, now_ns)
        for place, command in enumerate(body.commands):
            self._pending[self.context.engine.submit(self.account, command, now_ns)] = (pending, place)

    def _on_done(self, event: CommandDone, now_ns: int) -> None:
        waiting = self._pending.pop(event.command_id, None)
        if waiting is None:
            return
        pending, place = waiting
        pending.answers[place] = event.answer
        if len(pending.answers) == len(pending.deferred.commands):
            self._resolve(pending, now_ns)

    def _resolve(self, pending: _Pending, now_ns: int) -> None:
        answers = tuple(pending.answers[place] for place in range(len(pending.answers)))
        try:
            body = pending.deferred.render(answers)
        except Refusal as refusal:
            self._answers.refuse(pending.request_id, refusal, pending.mishap, now_ns)
            return
        told = any(not isinstance(answer, Refused) for answer in answers)
        delay_ns = self.context.settings.fill_latency_ns if told and self._event_comes_first() else None
        self._answers.send(pending.request_id, body, pending.mishap, now_ns, delay_ns=delay_ns)

    def _event_comes_first(self) -> bool:
        order = self.switches.reply_order
        if order is ReplyOrder.RANDOM:
            return self.context.rng.random() < 0.5  # noqa: PLR2004 - an even chance
        return order is ReplyOrder.EVENT_FIRST

    # --- streams ---
    def open_session(self, session_id: int, target: str, now_ns: int) -> bool:
        """See `Face.open_session`."""
        return self.sessions.open(session_id, target, now_ns)

    def receive(self, session_id: int, text: str, now_ns: int) -> None:
        """See `Face.receive`."""
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
        return self.sessions.private_sessions()

    def _verify(self, proof: object, now_ns: int) -> bool:
        return self.gate.admits_subscription(proof, self._clock_ms(now_ns))

    def _on_subscribed(self, session_id: int, stream: str, now_ns: int) -> None:
        self._streams.on_subscribed(stream, now_ns)
        self._user_stream.on_subscribed(session_id, stream, now_ns)

    # --- time and events ---
    def on_events(self, events: Sequence[Event], now_ns: int) -> None:
        """See `Face.on_events`."""
        for event in events:
            if isinstance(event, QuoteChanged | MarketTraded):
                self._market.on_event(event)
                self._streams.on_event(event)
            elif isinstance(event, CommandDone):
                self._on_done(event, now_ns)
            elif _account_of(event) == self.account:
                self._user_stream.on_event(event)

    def advance(self, now_ns: int) -> None:
        """See `Face.advance`."""
        for due_ns, command in self._queued:
            if due_ns <= now_ns:
                self.context.engine.submit(self.account, command, now_ns)
        self._queued = [(due_ns, command) for due_ns, command in self._queued if due_ns > now_ns]
        self._answers.release(now_ns)
        self._streams.advance(now_ns)
        self.sessions.advance(now_ns)

    def next_ns(self) -> int | None:
        """See `Face.next_ns`."""
        times = [self._answers.next_ns(), self._streams.next_ns(), self.sessions.next_ns()]
        times += [due_ns for due_ns, _ in self._queued]
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
            "leverage_limit": str(self.context.leverage_limit),
            "account_flags": dict(self.context.account_flags),
            "stp": {str(number): word for number, word in self.context.stp.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Face.restore`. The credentials are the constructor's business."""
        try:
            self.context.leverage_limit = Decimal(state["leverage_limit"])
            self.context.account_flags = {str(name): bool(value) for name, value in state["account_flags"].items()}
            self.context.stp = {int(number): str(word) for number, word in state["stp"].items()}
        except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"the face's state cannot be read: {error!r}") from error
        self._user_stream.remember_positions()


def _account_of(event: Event) -> str | None:
    for name in ("order", "position"):
        holder = getattr(event, name, None)
        if holder is not None:
            return str(holder.account)
    account = getattr(event, "account", None)
    return None if account is None else str(account)
