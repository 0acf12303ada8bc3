"""A simulated venue on a bench: its own wire protocol as bytes, no sockets, and a clock that moves only when told.

Requests come signed from the venue's own client, frames go to its own parser; the bench looks into neither. Two
threads may use it at once (an order lane that waits for its reply, and the test): everything happens under one lock.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, localcontext
from random import Random
from typing import Final
from urllib.parse import urlsplit

from exchanges.clock import Clock
from exchanges.errors import OutcomeUnknown
from exchanges.simulated.assembly import assemble
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.faces.mishaps import Mishap, Mishaps, PlannedMishap
from exchanges.simulated.faces.protocol import CloseSession, Frame, HttpAnswer, HttpCall, HttpDrop, PingFrame
from exchanges.simulated.settings import PaperSettings
from exchanges.simulated.testing import QUIET, ScriptedPrices
from exchanges.venue import HttpReply, SignedRequest, StreamEndpoint, Venue
from tests.contract.venues import Subject

REST_URL: Final = "http://127.0.0.1:1"
WS_URL: Final = "ws://127.0.0.1:1"
_PATIENCE_S: Final = 10.0
RICH: Final = replace(QUIET, start_equity_usd=Decimal(1_000_000), lighter_signature_check_pct=Decimal(100))
"""A quick venue, money for every card, and no signature that is not checked."""


@dataclass(slots=True)
class Session:
    """One WebSocket connection as its client sees it: frames not taken yet, and why it was closed."""

    number: int
    frames: deque[str] = field(default_factory=deque)
    closed: str = ""
    is_lost: bool = False
    on_news: Callable[[], None] | None = None
    """Called when something arrived, for a client that does not wait to be asked."""


def client_of(subject: Subject, credentials: Mapping[str, str | int]) -> Venue:
    """A client of the bench's account, as made from what `--serve` prints."""
    package, given = subject.package, {name: str(value) for name, value in credentials.items()}
    return package.with_credentials(package.settings(), given, REST_URL, WS_URL)


class Bench:
    """One venue. `skew_ns` is what its clock is ahead of the client's."""

    def __init__(self, subject: Subject, clock: Clock, *, paper: PaperSettings = RICH, skew_ns: int = 0) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.skew_ns = skew_ns
        self.waiting = 0
        self.holds_replies = False
        self.symbol = subject.kit.symbol("BTC")
        self._clock = clock
        self._prices = ScriptedPrices()
        credentials = subject.kit.make_credentials(Random(7))
        self.venue = assemble(subject.kit, paper, (self.symbol,), self._prices, credentials, now_ns=self.now_ns)
        self.credentials: Mapping[str, str | int] = self.venue.face.credentials()
        self._numbers = iter(range(1, 10**9))
        self._answers: dict[int, HttpAnswer | HttpDrop] = {}
        self._sessions: dict[int, Session] = {}
        self.venue.start(self.now_ns)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be in the venue's process, so to speak: one thread at a time, and none of the bot's arithmetic settings."""
        with self.lock, localcontext(Context()):
            yield

    @property
    def now_ns(self) -> int:
        """The venue's clock."""
        return self._clock.wall_ns() + self.skew_ns

    # --- the market and time ---

    def quote(self, bid: Decimal | str, ask: Decimal | str, quantity: str = "100") -> None:
        """Set best bid and ask."""
        size = Decimal(quantity)
        self._prices.put(QuoteTick(self.symbol, Decimal(bid), size, Decimal(ask), size))
        self.step()

    def trade(self, price: Decimal | str, quantity: Decimal | str, *, buyer_is_maker: bool) -> None:
        """Let others trade. `buyer_is_maker`: the seller was the aggressor (fills our bids)."""
        self._prices.put(TradeTick(self.symbol, Decimal(price), Decimal(quantity), buyer_is_maker))
        self.step()

    def step(self) -> None:
        """Let the venue do what is due, and put what leaves it where its clients find it."""
        with self.inside():
            for output in self.venue.step(self.now_ns):
                if isinstance(output, HttpAnswer | HttpDrop):
                    self._answers[output.request_id] = output
                    continue
                session = self._sessions.get(output.session_id)
                if session is None or session.is_lost:
                    continue
                if isinstance(output, Frame):
                    session.frames.append(output.text)
                elif isinstance(output, PingFrame):
                    self.venue.pong(session.number, self.now_ns)
                elif isinstance(output, CloseSession):
                    session.closed = f"closed by the venue with {output.code} {output.reason}".rstrip()
            if not self.holds_replies:
                self._tell_news()
            self.changed.notify_all()

    def _tell_news(self) -> None:
        for session in tuple(self._sessions.values()):
            if session.on_news is not None and (session.frames or session.closed):
                session.on_news()

    def next_ns(self) -> int | None:
        """When the venue has something to do next, by the client's clock."""
        with self.lock:
            due_ns = self.venue.next_ns()
            return None if due_ns is None else due_ns - self.skew_ns

    def plan(self, mishap: Mishap, method: str) -> None:
        """Let something go wrong with the next request of a method (commands have others than questions; "WS" for one
        that comes as a frame).
        """
        mishaps: Mishaps = self.venue.face.mishaps  # type: ignore[attr-defined]
        mishaps.plan(PlannedMishap(mishap=mishap, method=method))

    # --- requests ---

    def exchange(self, signed: SignedRequest) -> HttpReply:
        """Hand over a request and wait for its answer, on the caller's thread.

        Raises OutcomeUnknown where the venue cuts the connection, as a transport does.
        """
        path, _, query = signed.target.partition("?")
        headers = {name.lower(): value for name, value in signed.headers.items()}
        call = HttpCall(method=signed.method, path=path, query=query, headers=headers, body=signed.body)
        with self.inside():
            request_id = next(self._numbers)
            self.venue.request(request_id, call, self.now_ns)
            self.step()
            answer = self._wait_for(request_id)
        if isinstance(answer, HttpDrop):
            raise OutcomeUnknown("bench", signed.operation, "the connection was cut")
        reply_headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpReply(
            status=answer.status, headers=reply_headers, body=answer.body, received_ns=self._clock.wall_ns()
        )

    def _wait_for(self, request_id: int) -> HttpAnswer | HttpDrop:
        def is_here() -> bool:
            return request_id in self._answers and not self.holds_replies

        if not is_here():
            self.waiting += 1
            self.changed.notify_all()
            try:
                assert self.changed.wait_for(is_here, _PATIENCE_S), "the venue never answered"
            finally:
                self.waiting -= 1
        return self._answers.pop(request_id)

    def release_replies(self) -> None:
        """Let held replies arrive, and those to come at once."""
        with self.changed:
            self.holds_replies = False
            self._tell_news()
            self.changed.notify_all()

    def cut_requests(self) -> None:
        """Cut the connections of requests whose replies are held: these never arrive."""
        with self.changed:
            self._answers = {number: HttpDrop(request_id=number) for number in self._answers}
            self.holds_replies = False
            self.changed.notify_all()

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until another thread has brought something about. Whoever does must notify `changed`."""
        with self.changed:
            assert self.changed.wait_for(condition, _PATIENCE_S), f"never happened: {what}"

    # --- sessions ---

    def connect(self, endpoint: StreamEndpoint) -> Session | None:
        """Open a WebSocket and say the hello frames; None where the venue refuses the connection."""
        parts = urlsplit(endpoint.url)
        with self.inside():
            session = Session(next(self._numbers))
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            if not self.venue.open_session(session.number, target, self.now_ns):
                return None
            self._sessions[session.number] = session
            for text in endpoint.hello:
                self.venue.receive(session.number, text, self.now_ns)
            self.step()
            return session

    def say(self, session: Session, text: str) -> None:
        """Send a text frame of the client."""
        with self.inside():
            self.venue.receive(session.number, text, self.now_ns)
            self.step()

    def hang_up(self, session: Session) -> None:
        """The client is gone."""
        with self.inside():
            if self._sessions.pop(session.number, None) is not None:
                self.venue.close_session(session.number, self.now_ns)
