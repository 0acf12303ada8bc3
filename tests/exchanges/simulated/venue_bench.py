"""A simulated venue without sockets: requests and frames by hand, a clock that moves only when told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from exchanges.simulated.assembly import assemble, face_kit
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.faces.protocol import CloseSession, Frame, HttpAnswer, HttpCall, HttpDrop, Output, PingFrame
from exchanges.simulated.testing import QUIET, ScriptedPrices

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
SECOND = 1_000 * MS


@dataclass
class Reply:
    """An answer, decoded."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> Any:
        """The error code, None for anything but an error."""
        return self.body.get("code") if isinstance(self.body, dict) and self.status >= 400 else None


class VenueBench:
    """One venue on a bench. What is particular to a venue (signing, paths) is added by a subclass."""

    def __init__(
        self,
        venue: str,
        symbols: tuple[str, ...],
        credentials: Mapping[str, str | int],
        *,
        start: bool = True,
        start_ns: int = START_NS,
        **paper: object,
    ) -> None:
        self.now_ns = start_ns
        self.prices = ScriptedPrices()
        settings = replace(QUIET, **paper)  # type: ignore[arg-type]
        self.venue = assemble(face_kit(venue), settings, symbols, self.prices, credentials, now_ns=self.now_ns)
        self._next_id = 1
        self.outputs: list[Output] = []
        self.deaf: set[int] = set()
        self._frames: dict[int, list[str]] = {}
        if start:
            self.begin()

    # --- the market and time ---
    def begin(self) -> None:
        """Let the market begin."""
        self.venue.start(self.now_ns)

    def quote(self, symbol: str, bid: str, ask: str, quantity: str = "10") -> None:
        """Set best bid and ask."""
        self.prices.put(QuoteTick(symbol, Decimal(bid), Decimal(quantity), Decimal(ask), Decimal(quantity)))
        self.step()

    def trade(self, symbol: str, price: str, quantity: str, *, buyer_is_maker: bool) -> None:
        """Let others trade."""
        self.prices.put(TradeTick(symbol, Decimal(price), Decimal(quantity), buyer_is_maker))
        self.step()

    def step(self) -> None:
        """Let the venue do what is due."""
        for output in self.venue.step(self.now_ns):
            self.outputs.append(output)
            if isinstance(output, Frame):
                self._frames.setdefault(output.session_id, []).append(output.text)
            elif isinstance(output, PingFrame) and output.session_id not in self.deaf:
                self.venue.pong(output.session_id, self.now_ns)

    def wait(self, seconds: float) -> None:
        """Let time pass, in the steps the venue asks for."""
        end_ns = self.now_ns + round(seconds * SECOND)
        while self.now_ns < end_ns:
            next_ns = self.venue.next_ns()
            self.now_ns = end_ns if next_ns is None else min(end_ns, max(next_ns, self.now_ns + MS))
            self.step()

    # --- requests ---
    def send(self, call: HttpCall) -> int:
        """Send a request; return its number."""
        request_id, self._next_id = self._next_id, self._next_id + 1
        self.venue.request(request_id, call, self.now_ns)
        self.step()
        return request_id

    def answer(self, request_id: int) -> Reply | None:
        """The answer to a request, None while there is none (or after it was dropped)."""
        for output in self.outputs:
            if isinstance(output, HttpAnswer) and output.request_id == request_id:
                is_json = output.headers["Content-Type"].startswith("application/json")
                body = json.loads(output.body) if is_json else output.body
                return Reply(output.status, body, dict(output.headers))
        return None

    def was_dropped(self, request_id: int) -> bool:
        """Whether the connection of a request was cut."""
        return any(isinstance(output, HttpDrop) and output.request_id == request_id for output in self.outputs)

    def exchange(self, call: HttpCall) -> Reply:
        """Send a request that is answered at once."""
        reply = self.answer(self.send(call))
        assert reply is not None, f"no answer to {call}"
        return reply

    # --- sessions ---
    def connect(self, target: str) -> int:
        """Open a WebSocket; return its number."""
        session_id, self._next_id = self._next_id, self._next_id + 1
        assert self.venue.open_session(session_id, target, self.now_ns), f"{target} was refused"
        self.step()
        return session_id

    def tell(self, session_id: int, text: str) -> None:
        """Send a text frame."""
        self.venue.receive(session_id, text, self.now_ns)
        self.step()

    def frames(self, session_id: int) -> list[Any]:
        """Take the frames that arrived."""
        return [json.loads(text) for text in self._frames.pop(session_id, [])]

    def pings(self, session_id: int) -> int:
        """How many protocol pings a session got."""
        return sum(isinstance(output, PingFrame) and output.session_id == session_id for output in self.outputs)

    def closed(self, session_id: int) -> CloseSession | None:
        """How the venue closed a session, None while it is open."""
        for output in self.outputs:
            if isinstance(output, CloseSession) and output.session_id == session_id:
                return output
        return None
