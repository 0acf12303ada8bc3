"""What counts on this UTC day after a restart: profit, funding, and the loss that an operator has accepted."""

from contextlib import closing
from decimal import Decimal

import pytest

from actors.journal.latches import clear_latches
from actors.journal.schema import FILE_NAME, connect
from actors.messages import FundingPaid, LatchChanged, LatchKind, ResumeEntries
from tests.actors.journal.desk import closed, entry
from tests.fakes import SECOND_NS

D = Decimal
DAY_NS = 86_400 * SECOND_NS


def funding(amount, grid="btc"):
    return FundingPaid(grid=grid, amount=D(amount), received_wall_ns=0)


def test_funding_of_today_is_given_back_and_that_of_yesterday_is_not(desk, clock):
    desk.tell(funding("-0.5"), funding("0.2"), funding("-9", grid="eth"))
    assert desk.grid().funding_today == D("-0.3")
    clock.advance(DAY_NS)
    desk.tell(funding("-1"))
    assert desk.grid().funding_today == D(-1)
    assert desk.grid("eth").funding_today == 0


@pytest.mark.parametrize("grid", ["", "btc"])
def test_the_loss_that_a_resume_has_accepted_is_the_whole_bots_until_then(desk, clock, grid):
    desk.tell(entry(1), closed(1, pnl="-3"), closed(2, pnl="-4", grid="eth"), funding("-1", grid="eth"))
    desk.flush()
    clock.advance(SECOND_NS)
    desk.tell(ResumeEntries(grid=grid))
    desk.flush()
    clock.advance(SECOND_NS)
    desk.tell(closed(3, pnl="-2"))
    assert desk.grid().forgiven_today == D(-8)
    assert desk.grid("eth").forgiven_today == (D(-8) if not grid else 0)
    assert desk.grid().realized_pnl_today == D(-5)
    clock.advance(DAY_NS)
    assert desk.grid().forgiven_today == 0


def test_a_profit_is_nothing_to_forgive(desk):
    desk.tell(closed(1, pnl="3"), ResumeEntries())
    assert desk.grid().forgiven_today == 0


def test_a_resume_while_no_bot_runs_is_remembered_like_one_that_was_told(desk, clock):
    desk.tell(entry(1), closed(1, pnl="-6"), LatchChanged(grid="btc", kind=LatchKind.DAILY_LOSS, text="-6 today"))
    folder = desk.state.journal_path.parent
    desk.flush()
    clock.advance(SECOND_NS)
    desk.close()
    assert clear_latches(folder, clock.wall_ns()) == ("btc (daily_loss)",)
    with closing(connect(folder / FILE_NAME)) as sql:
        rows = sql.execute("SELECT grid, received_wall_ns FROM events WHERE kind = 'ResumeEntries'").fetchall()
    assert rows == [("", clock.wall_ns())]
    desk.open()
    restored = desk.state.restored.grids["btc"]
    assert (restored.latch, restored.forgiven_today) == (None, D(-6))


def test_the_questions_of_a_start_use_their_indexes(desk):
    """Their cost must not grow with the history."""
    with closing(connect(desk.state.journal_path)) as sql:
        explain = "EXPLAIN QUERY PLAN SELECT payload FROM events WHERE received_wall_ns BETWEEN 1 AND 2 AND "
        assert "events_funding" in str(sql.execute(explain + "kind = 'FundingPaid'").fetchall())
        assert "events_resumed" in str(sql.execute(explain + "kind = 'ResumeEntries'").fetchall())
