"""The last act of a bot whose actors are gone, at two exchanges of which one cannot be asked."""

from types import SimpleNamespace
from typing import Any

import pytest

from actors.last_cancel import cancel_known_entries
from exchanges.errors import ConfigError
from tests.actors.venue_doubles import SYMBOL, FakeTransport, ScriptedVenue, order_report
from tests.fakes import FakeClock
from tests.grid.test_scenarios_recovery import restored_entry


def plan_of(venues: dict[str, ScriptedVenue], transports: dict[str, FakeTransport]) -> Any:
    """A plan with one grid and one entry at each exchange."""
    names = {id(venue): name for name, venue in venues.items()}
    grids = [SimpleNamespace(name=f"{name}-grid", exchange=name, symbol=SYMBOL) for name in venues]
    restored = {grid.name: SimpleNamespace(orders=(restored_entry(),)) for grid in grids}
    return SimpleNamespace(
        settings=SimpleNamespace(desk=SimpleNamespace(observe=False), grids=grids),
        open_state=lambda: SimpleNamespace(
            intents=SimpleNamespace(close=lambda: None), restored=SimpleNamespace(grids=restored)
        ),
        clock=FakeClock(),
        exchanges=tuple(venues),
        markets={grid.name: None for grid in grids},
        accesses={name: SimpleNamespace(venue=venue) for name, venue in venues.items()},
        board=SimpleNamespace(connection=lambda _: SimpleNamespace(clock_offset_ns=0)),
        network=SimpleNamespace(new_transport=lambda access, *_: transports[names[id(access.venue)]]),
    )


@pytest.mark.parametrize("error", [ConfigError(["the market is not known (yet)"]), ValueError("no whole number")])
def test_an_exchange_whose_markets_were_never_read_keeps_no_other_from_being_asked(error):
    def refuse(_: Any) -> Any:
        raise error

    venues = {"lighter": ScriptedVenue(), "aster": ScriptedVenue()}
    transports = {name: FakeTransport(FakeClock()) for name in venues}
    venues["lighter"].cancel_order = refuse
    venues["aster"].answers["cancel"] = lambda ref: order_report(ref.client_order_id)
    assert cancel_known_entries(plan_of(venues, transports)) == ("lighter-grid",)
    assert transports["lighter"].sent == []
    assert [request["operation"] for request in transports["aster"].sent] == ["cancel"]
