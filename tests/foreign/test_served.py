"""Other people's clients trade a whole round on `run.py --serve`, a process that knows nothing about them.

Only address and credentials come from us, out of the line that `--serve` prints. The market swings between two prices
for ever, so that every resting order between them fills within one swing.
"""

import importlib.util
import itertools
import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from tests.foreign.test_versions import REMEDY
from tests.foreign.traders import VENUES, Fill, Trader, trader
from tests.system.program import SHIPPED, fetch, open_desk, until
from tests.system.scripted_tape import steps

for _package in ("ccxt", "bpx", "lighter"):
    if importlib.util.find_spec(_package) is None:
        pytest.skip(f"{_package} is not installed: {REMEDY}", allow_module_level=True)

pytestmark = [pytest.mark.foreign, pytest.mark.timeout(180)]

T = TypeVar("T")
SETTINGS = (
    "paper.ack_latency_ms=20",
    "paper.fill_latency_ms=20",
    "paper.cancel_latency_ms=20",
    "paper.partial_fill_pct=0",
    "paper.lighter_signature_check_pct=100",
    "paper.idle_exit_s=120",
)
SWING_S, SWINGS = 6, 100
POLL_S, IDLE_S = 0.25, 2.0
REFUSED = "immediately match"
"""How Backpack refuses a post-only order; the others take it and let it end."""

AWAY, BID, ASK, QUANTITY = "58000", "59950", "60050", "0.01"
"""Below every price; between low and middle; between middle and high."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """Venue -> its line."""
    folder = tmp_path_factory.mktemp("served")
    one = ((0.0, "60000"), (2.0, "59900"), (3.0, "60000"), (5.0, "60100"))
    prices = [(number * SWING_S + at_s, bid) for number in range(SWINGS) for at_s, bid in one]
    with open_desk(folder / "desk") as desk:
        tape = steps(folder / "swings.csv.gz", [*prices, (float(SWINGS * SWING_S), "60000")])
        running = desk.start("--serve", conf=SHIPPED, settings=(*SETTINGS, *tape))
        until(
            lambda: running.out.count("\n") == len(set(VENUES.values())),
            "the lines of --serve",
            60,
            lambda: running.err,
        )
        yield {line["venue"]: line for line in map(json.loads, running.out.splitlines())}
        running.signal(signal.SIGTERM)
        assert running.wait().code == 0


@pytest.mark.parametrize("name", VENUES)
def test_a_whole_round(served, name, monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # bpx-py cannot be told
    line = served[VENUES[name]]
    numbers = itertools.count(1000 * (1 + list(VENUES).index(name)))
    with trader(name, line["rest"], line["credentials"]) as client:
        price_step, quantity_step = client.load_markets()
        assert Decimal(BID) % price_step == Decimal(QUANTITY) % quantity_step == 0
        _place_see_and_cancel(client, numbers)
        known = len(client.fills())

        _get_filled(client, line, numbers, "buy", BID)
        _until_given(lambda: client.position() == Decimal(QUANTITY))
        assert _new_fills(client, known) == [Fill("buy", Decimal(BID), Decimal(QUANTITY), is_maker=True)]

        _get_filled(client, line, numbers, "sell", ASK, reduce_only=True)
        _until_given(lambda: client.position() == 0)
        assert _new_fills(client, known + 1) == [Fill("sell", Decimal(ASK), Decimal(QUANTITY), is_maker=True)]
        assert client.open_orders() == []


def _place_see_and_cancel(client: Trader, numbers: Iterator[int]) -> None:
    client.place(next(numbers), "buy", AWAY, QUANTITY)
    assert _until_given(client.open_orders) == [("buy", Decimal(AWAY))]
    client.cancel()
    _until_given(lambda: not client.open_orders())


def _get_filled(
    client: Trader, line: Mapping[str, Any], numbers: Iterator[int], side: str, price: str, *, reduce_only: bool = False
) -> None:
    """Rest an order until the market has come to it; where the market is there already, it is refused and tried again.

    How far it is, is read from the venue's admin path, to leave the client's quota for what the client is to show.
    """
    for number in itertools.islice(numbers, 10):
        try:
            client.place(number, side, price, QUANTITY, reduce_only=reduce_only)
        except Exception as error:
            if REFUSED not in str(error):
                raise
        if _fills(line, "0" if reduce_only else QUANTITY):
            return
    pytest.fail(f"no {side} order at {price} was filled")


def _fills(line: Mapping[str, Any], position: str) -> bool:
    """Whether the position gets there; False as soon as no order has been open for a while. The market always comes."""
    pause = threading.Event()
    idle_s = 0.0
    while idle_s < IDLE_S:
        status = fetch(f"{line['rest']}/simulated/status")
        if set(status["positions"].values()) == {position}:
            return True
        idle_s = 0.0 if status["open_orders"] else idle_s + POLL_S
        pause.wait(POLL_S)
    return False


def _new_fills(client: Trader, known: int) -> list[Fill]:
    """The fills after the first `known`, as soon as the venue's history has them."""
    return _until_given(lambda: client.fills()[known:])


def _until_given(ask: Callable[[], T]) -> T:
    """Ask until the answer is neither empty nor no, at the pace of somebody with a quota of one request a second."""
    pause = threading.Event()
    for _ in range(15):
        answer = ask()
        if answer:
            return answer
        pause.wait(1)
    raise AssertionError("no such answer of the venue within 15 s")
