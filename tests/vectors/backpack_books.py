"""Order books: a snapshot read by the client, then differences by the rule of section 11.1.

The bot itself follows `bookTicker` and needs no book; the rule is kept here so that the cases are run.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from exchanges.backpack import rest
from tests.vectors.backpack_file import reply_of
from tests.vectors.cases import Case, Wrong, need, one_of, same, whole_of

Side = dict[Decimal, Decimal]


class _Book:
    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self.last = int(snapshot["lastUpdateId"])
        self.bids: Side = {Decimal(price): Decimal(size) for price, size in snapshot["bids"]}
        self.asks: Side = {Decimal(price): Decimal(size) for price, size in snapshot["asks"]}
        self._is_first = True

    def take(self, diff: Mapping[str, Any]) -> str:
        """Return what a difference leads to: drop, apply or gap_resync."""
        first, last = whole_of(diff, "U"), whole_of(diff, "u")
        if first > last:
            raise Wrong(f"U {first} is above u {last}")
        if last <= self.last:
            return "drop"
        if first > self.last + 1 or (first != self.last + 1 and not self._is_first):
            return "gap_resync"
        self._is_first = False
        self.last = last
        for side, rows in ((self.bids, diff["b"]), (self.asks, diff["a"])):
            for price, size in rows:
                if Decimal(size) == 0:
                    if side.pop(Decimal(price), None) is None:
                        raise Wrong(f"the level {price} is removed and was not there")
                else:
                    side[Decimal(price)] = Decimal(size)
        return "apply"

    @property
    def best(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Best bid and its size, best ask and its size."""
        bid, ask = max(self.bids), min(self.asks)
        if bid >= ask:
            raise Wrong(f"a crossed book: {bid} against {ask}")
        return bid, self.bids[bid], ask, self.asks[ask]


def book(case: Case) -> None:
    """Check one book: the client's reading of the snapshot, then every difference."""
    row = need(case.data, "name", "snapshot", "snapshot_bbo", "diffs")
    snapshot = need(row["snapshot"], "asks", "bids", "lastUpdateId", "timestamp")
    report = rest.best_price("SOL_USDC_PERP").read(reply_of(200, snapshot))
    best = need(row["snapshot_bbo"], "bid", "ask")
    ours = (report.bid, report.bid_quantity, report.ask, report.ask_quantity)
    same("best of the snapshot", ours, _numbers([*best["bid"], *best["ask"]]))
    same("time", report.occurred_ns, whole_of(snapshot, "timestamp") * 1000)
    kept = _Book(snapshot)
    same("best of the book", kept.best, ours)
    if not row["diffs"]:
        raise Wrong("a book without differences")
    for number, diff in enumerate(row["diffs"], 1):
        need(diff, "U", "u", "a", "b", "expect")
        one_of("expect", diff["expect"], ("drop", "apply", "gap_resync"))
        same(f"difference {number}", kept.take(diff), diff["expect"])
        if "bbo" in diff:
            same(f"best after difference {number}", kept.best, _numbers(diff["bbo"]))


def _numbers(texts: list[str]) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)
