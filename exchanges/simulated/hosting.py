"""One simulated venue put together: prices -> engine -> face -> outputs, with its oracle and its faults.

No socket, thread or clock: the aiohttp server and the simulation runtime both carry a `SimulatedVenue`, handing in
requests, frames and `now` and taking outputs. Nothing in it knows which client is talking to it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, Final

from exchanges.rounding import plain
from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_pump import Pump
from exchanges.simulated.faces.protocol import CloseSession, Face, Frame, HearsPings, HttpCall, Output, TakesOrders
from exchanges.simulated.faults import FaultPlan, FaultSettings
from exchanges.simulated.oracle import Oracle
from exchanges.simulated.prices import PriceSource

HOLD_NS: Final = 50_000_000
"""A frame held back for re-ordering goes out after so long where nothing follows it."""

ORACLE_EVERY_NS: Final = 200_000_000


@dataclass(slots=True)
class _Line:
    """The disturbed line of one private session."""

    plan: FaultPlan
    held_since_ns: int = 0


class SimulatedVenue:
    """One venue. One thread calls everything; every call that changes something is followed by `step`."""

    def __init__(
        self,
        face: Face,
        engine: Engine,
        prices: PriceSource,
        oracle: Oracle,
        faults: FaultSettings,
        *,
        deposit: Decimal,
        seed: int,
    ) -> None:
        self.face = face
        self._hears_pings = face if isinstance(face, HearsPings) else None
        self.engine = engine
        self.prices = prices
        self.oracle = oracle
        self._pump = Pump(engine, prices)
        self._fault_settings = faults
        self._seed = seed
        self._deposit = deposit
        self._cuts = FaultPlan(faults, seed)
        self._lines: dict[int, _Line] = {}
        self._past_faults: Counter[str] = Counter()
        self._is_present = False
        self._oracle_ns = 0
        self._extra: list[Output] = []
        self.now_ns = 0

    def start(self, now_ns: int) -> None:
        """Open the account if it is new and let the market begin. Called once, after `restore`."""
        self.engine.open_account(self.face.account, self._deposit, now_ns)
        self.prices.start(now_ns)

    def request(self, request_id: int, call: HttpCall, now_ns: int) -> None:
        """Hand over an HTTP request; its answer comes out of a `step`."""
        self.face.request(request_id, call, now_ns)

    def open_session(self, session_id: int, target: str, now_ns: int) -> bool:
        """Hand over a WebSocket connection; False where the venue refuses it."""
        return self.face.open_session(session_id, target, now_ns)

    def receive(self, session_id: int, text: str, now_ns: int) -> None:
        """Hand over a text frame of a client."""
        self.face.receive(session_id, text, now_ns)

    def pong(self, session_id: int, now_ns: int) -> None:
        """Hand over a protocol pong of a client."""
        self.face.pong(session_id, now_ns)

    def ping(self, session_id: int, now_ns: int) -> None:
        """Hand over a protocol ping of a client, which the carrier answers itself."""
        if self._hears_pings is not None:
            self._hears_pings.ping(session_id, now_ns)

    def close_session(self, session_id: int, now_ns: int) -> None:
        """The client of a session is gone."""
        line = self._lines.pop(session_id, None)
        if line is not None:
            self._past_faults.update(line.plan.counts)
        self.face.close_session(session_id, now_ns)

    def step(self, now_ns: int) -> list[Output]:
        """Bring the venue to `now_ns` and return what leaves it, in order."""
        self.now_ns = now_ns
        self.face.on_events(self._pump.advance(now_ns), now_ns)
        self.face.advance(now_ns)
        self._watch(now_ns)
        extra, self._extra = self._extra, []
        return [*self._disturb(self.face.drain(), now_ns), *extra]

    def send(self, output: Output) -> None:
        """Let an output leave with the next `step`, as if the venue had decided it (a cut, a stray frame)."""
        self._extra.append(output)

    def next_ns(self) -> int | None:
        """When `step` has something to do next; None where that is not known (a live feed: poll)."""
        times = [self._pump.next_ns(), self.face.next_ns(), self._cuts.next_disconnect_ns()]
        times += [line.held_since_ns + HOLD_NS for line in self._lines.values() if line.plan.is_holding]
        return min((at for at in times if at is not None), default=None)

    def _watch(self, now_ns: int) -> None:
        is_present = bool(self.face.private_sessions())
        if is_present is not self._is_present:
            self._is_present = is_present
            self.oracle.client_present(self.face.account, present=is_present, now_ns=now_ns)
        if now_ns - self._oracle_ns >= ORACLE_EVERY_NS:
            self._oracle_ns = now_ns
            self.oracle.advance(now_ns)

    # --- faults ---
    def _disturb(self, outputs: Iterable[Output], now_ns: int) -> Iterable[Output]:
        for output in outputs:
            if isinstance(output, Frame) and output.is_private:
                line = self._line(output.session_id)
                was_holding = line.plan.is_holding
                yield from self._frames(output.session_id, line.plan.frames(output.text))
                if line.plan.is_holding and not was_holding:
                    line.held_since_ns = now_ns
            else:
                yield output
        yield from self._late_frames(now_ns)
        if self._cuts.disconnect_due(now_ns):
            taking = self.face.order_sessions() if isinstance(self.face, TakesOrders) else ()
            for session_id in dict.fromkeys((*self.face.private_sessions(), *taking)):
                yield CloseSession(session_id=session_id, code=1006, reason="", abrupt=True)

    def _line(self, session_id: int) -> _Line:
        line = self._lines.get(session_id)
        if line is None:
            line = self._lines[session_id] = _Line(FaultPlan(self._fault_settings, self._seed + session_id))
        return line

    def _late_frames(self, now_ns: int) -> Iterable[Output]:
        for session_id, line in self._lines.items():
            if line.plan.is_holding and now_ns - line.held_since_ns >= HOLD_NS:
                yield from self._frames(session_id, line.plan.flush())

    @staticmethod
    def _frames(session_id: int, texts: tuple[str, ...]) -> Iterable[Output]:
        for text in texts:
            yield Frame(session_id=session_id, text=text, is_private=True)

    def fault_counts(self) -> dict[str, int]:
        """Return the stream faults so far, by kind."""
        counts = Counter(self._past_faults)
        counts.update(self._cuts.counts)
        for line in self._lines.values():
            counts.update(line.plan.counts)
        return dict(counts)

    # --- questions ---
    def status(self, now_ns: int) -> dict[str, object]:
        """Return what the admin path shows, JSON-ready: decimals as text."""
        self.oracle.advance(now_ns)
        account = self.face.account
        faults = self.fault_counts()
        balance = self.engine.balance(account)
        positions = {row.symbol: plain(row.quantity) for row in self.engine.positions(account)}
        report = self.oracle.report()
        return {
            "venue": self.face.venue,
            "account": account,
            "violations": report["violations"],
            "oracle": report,
            "positions": positions,
            "open_orders": len(self.engine.open_orders(account)),
            "uncovered": _uncovered(report, account),
            "wallet": plain(balance.wallet),
            "equity": plain(balance.equity),
            "fees": plain(balance.fees),
            "funding": plain(balance.funding),
            "realized_pnl": plain(balance.realized_pnl),
            "faults": faults,
            "faults_injected": sum(faults.values()),
            "prices_finished": self.prices.finished,
            "private_sessions": len(self.face.private_sessions()),
            "now_ns": now_ns,
        }

    def last_prices(self) -> dict[str, str]:
        """Return the mark price of every market that has one, as text."""
        marks = {symbol: self.engine.mark_price(symbol) for symbol in self.engine.symbols()}
        return {symbol: plain(mark) for symbol, mark in marks.items() if mark is not None}

    # --- state ---
    def snapshot(self) -> dict[str, object]:
        """Return what must survive a restart."""
        return {
            "venue": self.face.venue,
            "face": self.face.snapshot(),
            "engine": self.engine.snapshot(),
            "oracle": self.oracle.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load what `snapshot` returned, before `start`. Raises ValueError where it cannot be read."""
        try:
            engine, oracle, face = state["engine"], state["oracle"], state["face"]
        except KeyError as error:
            raise ValueError(f"the venue's state has no {error}") from error
        self.engine.restore(engine)
        self.oracle.restore(oracle)
        self.face.restore(face)


def _uncovered(report: Mapping[str, object], account: str) -> dict[str, str]:
    markets = report.get("markets")
    if not isinstance(markets, dict):
        return {}
    return {symbol: str(row["uncovered"]) for symbol, row in markets.get(account, {}).items()}


def seeded(seed: int, purpose: str) -> Random:
    """Return a random stream of its own for one purpose."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - a simulation, no secret
