"""The simulated venue of a campaign as a process: `python -m tests.system.kills.floor_process VENUE SEED PAPER`.

It serves one venue on loopback with a market that waves around 60,000, so that entries fill on its way down and exits
on its way up, and takes one JSON command a line on standard input, each answered by one line:

* `{"do": "move", "on": true}` lets the market move or holds it still.
* `{"do": "mark"}` answers how many things the venue has been asked so far; `{"do": "since", "mark": N}` answers what
  it was asked since, in order.
* `{"do": "mishap", "kind": K}` lets the next request that changes something go wrong.
* `{"do": "books"}` answers the engine's own state, what its oracle found, and the names of its trades.

It ends with its standard input.
"""

import json
import math
import sys
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Any, Final

from exchanges.simulated.engine_commands import Command
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.faces.aster import limits as aster_limits
from exchanges.simulated.faces.backpack import limits as backpack_limits
from exchanges.simulated.faces.backpack.rendering import TRADE_ID_BASE
from exchanges.simulated.faces.lighter import limits as lighter_limits
from exchanges.simulated.faces.lighter.markets import build_markets
from exchanges.simulated.faces.lighter.trade_log import public_id
from exchanges.simulated.faces.mishaps import Mishap
from exchanges.simulated.faces.protocol import HttpAnswer, HttpCall, Output
from exchanges.simulated.hosting import SimulatedVenue
from exchanges.simulated.settings import PaperSettings
from exchanges.simulated.testing import RunningVenue, running_venue

MIDDLE: Final = 60_000
HEIGHT_PCT: Final = 0.3
PERIOD_S: Final = 1.6
ROW_S: Final = 0.05
_PLENTY: Final = 1_000_000


class Record:
    """What a venue is asked and what it is told to do, in the order it happens. Filled on the venue's thread."""

    def __init__(self, venue: SimulatedVenue) -> None:
        self.rows: list[tuple[str, str]] = []
        self._asked: dict[int, str] = {}
        self._request, self._receive, self._step = venue.request, venue.receive, venue.step
        self._submit, self._execute = venue.engine.submit, venue.engine.execute
        venue.request = self._on_request  # type: ignore[method-assign]
        venue.receive = self._on_receive  # type: ignore[method-assign]
        venue.step = self._on_step  # type: ignore[method-assign]
        venue.engine.submit = self._noting(self._submit)  # type: ignore[method-assign]
        venue.engine.execute = self._noting(self._execute)  # type: ignore[method-assign]

    def _on_request(self, request_id: int, call: HttpCall, now_ns: int) -> None:
        self._asked[request_id] = f"{call.method} {call.path}"
        self.rows.append(("asked", self._asked[request_id]))
        self._request(request_id, call, now_ns)

    def _on_receive(self, session_id: int, text: str, now_ns: int) -> None:
        self._receive(session_id, text, now_ns)

    def _on_step(self, now_ns: int) -> list[Output]:
        outputs = self._step(now_ns)
        for output in outputs:
            if isinstance(output, HttpAnswer):
                self.rows.append(("answered", self._asked.pop(output.request_id, "")))
        return outputs

    def _noting(self, act: Callable[[str, Command, int], Any]) -> Callable[[str, Command, int], Any]:
        def noted(account: str, command: Command, now_ns: int) -> Any:
            self.rows.append(("commanded", f"{type(command).__name__} {getattr(command, 'client_id', '')}"))
            return act(account, command, now_ns)

        return noted


class Market:
    """The wave, on a thread of its own. `moves` is set while it moves."""

    def __init__(self, venue: RunningVenue, symbol: str, tick: Decimal, seed: int) -> None:
        self.moves = threading.Event()
        self._venue, self._symbol, self._tick = venue, symbol, tick
        self._source = Random(seed)
        self._drift = 0.0
        self._number = 0
        self._ended = threading.Event()
        self._showing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="market")

    def start(self) -> None:
        self._show()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self.moves.set()
        self._thread.join()

    def hold(self) -> None:
        """Hold the market still; no row comes after this returns."""
        with self._showing:
            self.moves.clear()

    def _run(self) -> None:
        while not self._ended.wait(ROW_S):
            self.moves.wait()
            with self._showing:
                if self.moves.is_set():
                    self._number += 1
                    self._drift += self._source.gauss(0, 0.00006)
                    self._show()

    def _show(self) -> None:
        swing = math.sin(2 * math.pi * self._number * ROW_S / PERIOD_S) * HEIGHT_PCT / 200
        bid = Decimal(round(MIDDLE * (1 + swing + self._drift) / float(self._tick))) * self._tick
        ask = bid + self._tick
        seller_hits = self._number % 2 == 1
        trade = TradeTick(self._symbol, bid if seller_hits else ask, Decimal("0.501"), seller_hits)
        quote = QuoteTick(self._symbol, bid, Decimal("3.001"), ask, Decimal("3.001"))
        self._venue.show(trade, quote)


def lift_quotas() -> None:
    """Quotas are for other tests: who is started again every second asks more than an account may."""
    backpack_limits.LIMITS.update(dict.fromkeys(backpack_limits.Bucket, _PLENTY))
    for name in ("READS_PER_MINUTE", "TRANSACTIONS_PER_MINUTE", "SETUP_PER_MINUTE", "PREMIUM_WEIGHT_PER_MINUTE"):
        setattr(lighter_limits, name, _PLENTY)


def public_trade_id(venue: SimulatedVenue, symbol: str, number: int) -> str:
    """Return what the venue calls an engine's trade."""
    match venue.face.venue:
        case "lighter":
            rules = venue.engine.market(symbol).rules  # type: ignore[union-attr]
            return str(public_id(build_markets([rules])[symbol], number))
        case "backpack":
            return str(TRADE_ID_BASE + number)
        case _:
            return str(number)


def books(venue: SimulatedVenue, symbol: str) -> dict[str, Any]:
    """Return the venue's own books, JSON-ready."""
    state = json.loads(venue.engine.snapshot())["state"]
    numbers = {trade["trade_id"] for trade in state["trades"] if trade["symbol"] == symbol}
    return {
        "state": state,
        "trade_names": {str(number): public_trade_id(venue, symbol, number) for number in numbers},
        "status": venue.status(venue.now_ns),
        "quote": str(venue.engine.quote(symbol)),
    }


def serve(name: str, seed: int, paper: Mapping[str, str]) -> None:
    lift_quotas()
    settings = {key: Decimal(text) if "_ms" not in key else int(text) for key, text in paper.items()}
    rich = PaperSettings(start_equity_usd=Decimal(100_000), seed=seed, **settings)  # type: ignore[arg-type]
    with running_venue(venue=name, seed=seed, paper=rich) as running:
        record = running.call(Record)
        symbol = running.call(lambda venue: venue.engine.symbols()[0])
        rules = running.call(lambda venue: venue.engine.market(symbol)).rules
        market = Market(running, symbol, rules.tick, seed)
        market.start()
        _say({"rest": running.rest_url, "ws": running.ws_url, "credentials": running.credentials, "symbol": symbol,
              "least_quantity": str(rules.min_quantity), "least_notional": str(rules.min_notional)})  # fmt: skip
        try:
            for line in sys.stdin:
                _say(_obey(json.loads(line), running, record, market, symbol))
        finally:
            market.stop()


def _forget_spending(venue: SimulatedVenue) -> None:
    """Aster tells what has been spent, and a bot believes it: let each begin with nothing spent."""
    if venue.face.venue == "aster":
        venue.face.limits = aster_limits.RateLimits()  # type: ignore[attr-defined]


def _obey(order: Mapping[str, Any], running: RunningVenue, record: Record, market: Market, symbol: str) -> Any:
    match order["do"]:
        case "move":
            market.moves.set() if order["on"] else market.hold()
            return {}
        case "mark":
            running.call(_forget_spending)
            return running.call(lambda _: len(record.rows))
        case "since":
            return running.call(lambda _: record.rows[order["mark"] :])
        case "mishap":
            return running.plan_mishap(Mishap(order["kind"]), method=running.call(_order_method), delay_s=0.7)
        case "books":
            return running.call(lambda venue: books(venue, symbol))
        case unknown:
            raise ValueError(f"the floor cannot {unknown}")


def _order_method(venue: SimulatedVenue) -> str:
    """How orders come: Lighter's over a connection of their own."""
    return "WS" if venue.face.venue == "lighter" else "POST"


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]))
