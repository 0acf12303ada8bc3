"""What the simulated venue says of a run from its own book: a planted lot without an exit, and a bot that observes."""

from decimal import Decimal

import pytest

from exchanges.order_ids import ENTRY_LEG, OrderKey, pack
from tests.system.books import SYMBOL
from tests.system.program import QUICK, Desk, fetch, until
from tests.system.scripted_tape import steps
from tests.system.small_client import SmallClient

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]

CALM = [(0.0, "60000"), (60.0, "60000")]
ANOTHER_TAG = 9


def test_a_planted_lot_without_an_exit_is_one_violation(desk: Desk, tmp_path) -> None:
    """An entry in the shape of a grid's ids, bought by somebody else with the same account: nobody covers it."""
    settings = (*QUICK, *steps(tmp_path / "calm.csv.gz", CALM))
    running = desk.start("--for", "8s", "--json", settings=settings)
    running.until_logged("entry_order_placed")
    client = SmallClient(desk.venue.rest, desk.venue.credentials)
    entry = f"g{pack(OrderKey(ANOTHER_TAG, 1, ENTRY_LEG)):08x}"
    assert desk.venue.status()["violations"] == 0
    client.buy_at_market(SYMBOL, "0.003", entry)
    until(lambda: Decimal(client.position(SYMBOL)) >= Decimal("0.003"), "the plant is held")
    done = running.wait()
    assert done.code == 0, done.err
    assert done.summary["violations"] == 1
    assert done.summary["venues"]["aster"]["violations"] == 1
    assert done.summary["lots_open"] == 0


def test_who_observes_changes_nothing_at_the_venue(desk: Desk, tmp_path) -> None:
    settings = (*QUICK, *steps(tmp_path / "calm.csv.gz", CALM), "desk.observe=yes", "grid.target_leverage=7")
    running = desk.start("--for", "3s", "--json", settings=settings)
    running.until_logged("observe mode: nothing is sent")
    assert desk.venue.status()["open_orders"] == 0
    assert fetch(f"{desk.venue.rest}/fapi/v1/ping") == {}
    done = running.wait()
    assert done.code == 0, done.err
    account = desk.venue.account()
    assert account["orders"] == []
    assert account["trades"] == []
    positions = account["accounts"][0]["positions"]
    assert all(row["leverage"] != 7 for row in positions.values())
    assert "leverage of BTCUSDT is" in done.err
    assert "entry_order_submitted" in done.err  # what it would do is shown
    assert done.summary["fills"] == 0
    assert (desk.state_dir / "intents.log").read_bytes().count(b"BTCUSDT") == 0
