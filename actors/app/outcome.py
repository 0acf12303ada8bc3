"""The summary of a run, for scripts (one line of JSON) and for people."""

import json
from collections.abc import Mapping
from typing import Any

from actors.adoption import difference
from actors.grid.positions import held
from actors.grid.state import ExitBook
from actors.status import BotStatus, GridStatus
from exchanges.rounding import plain

_LINES = (
    ("entries", "{entries_placed} placed, {entries_filled} filled"),
    ("lots", "{lots_opened} opened, {lots_closed} closed, {lots_open} open"),
    ("position", "{position}, of it without exit {unprotected_quantity}, dust {dust_quantity}"),
    ("P&L after fees", "{realized_pnl}, fees {fees}, funding {funding}"),
    ("naked time", "max {naked_seconds_max} s, p99 {naked_seconds_p99} s"),
    ("fill to exit", "p50 {fill_to_exit_us_p50} us, p99 {fill_to_exit_us_p99} us"),
    ("reconnects", "{reconnects}, faults injected {faults_injected}"),
    ("violations", "{violations}"),
)


def with_verdict(summary: Mapping[str, Any], verdict: Mapping[str, Mapping[str, int]] | None) -> dict[str, Any]:
    """Return the summary with `violations` and `faults_injected` of the simulated venues, each and in all.

    A live run has no such witness: an empty verdict counts as 0 and the summary's mode says what that is worth. Where
    the witness is gone (None) both are unknown, which is not 0.
    """
    keys = ("faults_injected", "violations")
    unknown: dict[str, int | None] = dict.fromkeys(keys)
    venues = {
        name: {**counts, **(unknown if verdict is None else {key: verdict.get(name, {}).get(key, 0) for key in keys})}
        for name, counts in summary["venues"].items()
    }
    totals = unknown if verdict is None else {key: sum(row.get(key, 0) for row in verdict.values()) for key in keys}
    rest = {key: value for key, value in summary.items() if key not in ("venues", "state")}
    return {"mode": rest.pop("mode"), "venues": venues, **rest, **totals, "state": summary["state"]}


def watch_facts(status: BotStatus) -> dict[str, Any]:
    """Return what the watchdog has found, for `--status`: JSON-ready."""
    return {
        "silent_s": round(status.watchdog_silent_ns / 1e9, 1),
        "alarms": [
            {"watch": alarm.watch, "what": alarm.why, "for_s": round((status.now_ns - alarm.since_ns) / 1e9, 1)}
            for alarm in status.alarms
        ],
        "mailboxes": dict(status.mailboxes),
        "clock_offsets_s": {one.exchange: round(one.clock_offset_ns / 1e9, 3) for one in status.connections},
    }


def frame_facts(status: BotStatus) -> dict[str, dict[str, int]]:
    """Return how many frames of each venue could not be read or were of no interest, for `--status`."""
    prices = {feed.exchange: feed for feed in status.feeds}
    return {
        one.exchange: {
            "malformed": one.malformed + (prices[one.exchange].malformed if one.exchange in prices else 0),
            "ignored": one.ignored + (prices[one.exchange].ignored if one.exchange in prices else 0),
        }
        for one in status.connections
    }


def grid_facts(status: BotStatus) -> dict[str, dict[str, Any]]:
    """Return what each grid is doing now, for `--status`: by grid name, JSON-ready, decimals as text."""
    return {grid.name: _facts(grid) for grid in status.grids}


def _facts(grid: GridStatus) -> dict[str, Any]:
    state, book = grid.state, grid.book
    if state is None or book is None:
        return {"symbol": grid.symbol, "exchange": grid.exchange, "state": "waiting for the venue"}
    quote, pending = state.quote, state.pending
    return {
        "symbol": grid.symbol,
        "exchange": grid.exchange,
        "cycle_state": state.cycle_state.value,
        "mode": state.mode.value,
        "stop": None if state.latch is None else f"{state.latch.kind.value}: {state.latch.text}",
        "blocked_reason": state.blocked_reason,
        "bid": None if quote is None else plain(quote.bid),
        "ask": None if quote is None else plain(quote.ask),
        "mismatch": _mismatch(book),
        "pending_entry": None if pending is None else f"{plain(pending.quantity)} at {plain(pending.price)}",
        "lots": [
            {"lot": lot.lot, "quantity": plain(lot.remaining), "entry_price": plain(lot.average_entry)}
            for lot in book.lots
        ],
        "exits": [
            {"quantity": plain(order.leaves), "price": plain(order.price), "is_working": order.is_working}
            for order in book.orders
        ],
    }


def _mismatch(book: ExitBook) -> dict[str, Any] | None:
    """Return by what position and lots differ, None where they agree; `--adopt` books what is proven."""
    position = difference(book)
    if position is None:
        return None
    return {"position": plain(position), "lots": plain(held(book)), "is_proven": book.proven is not None}


def who_has_not_begun(status: BotStatus) -> str:
    """Name the venues that no grid could begin on, with what is known of each; the others have traded."""
    waiting = {grid.exchange for grid in status.grids if grid.state is None}
    begun = {grid.exchange for grid in status.grids} - waiting
    who = (
        f"{' and '.join(sorted(waiting))} could begin ({', '.join(sorted(begun))} did)"
        if begun
        else "the bot could begin"
    )
    reasons = [f"{one.exchange}: {one.why}" for one in status.connections if one.why and one.exchange in waiting]
    return f"{who}: {'; '.join(reasons) or 'no answer yet'}"


def as_json(outcome: Mapping[str, Any]) -> str:
    """Return the one line that `--json` prints."""
    return json.dumps(outcome, separators=(",", ":"))


def for_people(outcome: Mapping[str, Any]) -> str:
    """Return the lines a person reads at the end of a run."""
    head = f"{outcome['mode']} run of {outcome['runtime_s']} s, {outcome['state']} at its end"
    shown = {key: "unknown" if value is None else value for key, value in outcome.items()}
    return "\n".join([head, *(f"  {name:<15} {text.format_map(shown)}" for name, text in _LINES)])
