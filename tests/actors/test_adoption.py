"""What `adopt` tells of a difference."""

from decimal import Decimal

from actors.adoption import adoptions, answer
from actors.grid.state import ExitBook, Mismatch, Suspicion
from actors.status import GridStatus
from tests.grid.test_mismatch import prove, with_late_fill, with_lot


def pictured(book: ExitBook, name: str = "g") -> tuple[GridStatus, ...]:
    return (GridStatus(name=name, exchange="aster", symbol="BTCUSDT", book=book),)


def test_a_proven_difference_that_is_gone_was_booked():
    grid = with_lot()
    prove(grid, "0.4")
    before, after = pictured(grid.exits), pictured(ExitBook(external=Decimal(0)))
    one = adoptions(before, after)["g"]
    assert one.is_booked
    assert (one.position, one.lots_before, one.lots_after) == (Decimal("0.4"), Decimal(1), Decimal(0))
    told = answer({"g": one})
    assert told["adopted"] == {"g": {"position": "0.4", "lots_before": "1", "lots_after": "0", "external": "0"}}
    assert told["unproven"] == {}


def test_a_suspicion_is_named_and_not_booked():
    suspected = ExitBook(suspicion=Suspicion(held=Decimal(2), count=1, asked_ns=1))
    told = answer(adoptions(pictured(suspected), pictured(suspected)))
    assert told["adopted"] == {}
    assert told["unproven"]["g"]["position"] == "2"
    assert "not proven yet: g" in told["result"]


def test_a_difference_that_stayed_was_not_booked():
    proven = ExitBook(mismatch=Mismatch(least=Decimal(2), most=Decimal(2), asked_ns=1))
    assert not adoptions(pictured(proven), pictured(proven))["g"].is_booked


def test_a_difference_that_a_late_fill_may_explain_is_none_for_certain():
    grid = with_late_fill()
    assert adoptions(pictured(grid.exits), pictured(grid.exits)) == {}


def test_of_what_the_position_may_be_the_nearest_to_the_lots_is_told():
    apart = ExitBook(mismatch=Mismatch(least=Decimal(2), most=Decimal(3)))
    one = adoptions(pictured(apart), pictured(apart))["g"]
    assert (one.position, one.is_booked) == (Decimal(2), False)


def test_other_grids_and_those_that_agree_are_left_out():
    proven = ExitBook(mismatch=Mismatch(least=Decimal(2), most=Decimal(2), asked_ns=1))
    assert adoptions(pictured(proven, "one"), pictured(ExitBook(), "one"), grid="two") == {}
    assert adoptions(pictured(ExitBook()), pictured(ExitBook())) == {}
