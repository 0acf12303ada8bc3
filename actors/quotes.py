"""What may be believed of a best bid and ask: validity, jumps and age. Pure; the price stream owns one per market."""

from dataclasses import dataclass
from decimal import Decimal

from exchanges.reports import BestPrice

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Quote:
    """A valid best bid and ask."""

    bid: Decimal
    ask: Decimal

    @property
    def mid(self) -> Decimal:
        """Halfway between bid and ask."""
        return (self.bid + self.ask) / 2


def quote_problem(bid: Decimal, ask: Decimal) -> str:
    """Return why a bid and ask cannot be a market's, or an empty text."""
    if not (bid.is_finite() and ask.is_finite()):
        return f"bid {bid} or ask {ask} is not a number"
    if bid <= 0 or ask <= 0:
        return f"bid {bid} or ask {ask} is not positive"
    if bid >= ask:
        return f"the book is crossed or locked: bid {bid}, ask {ask}"
    return ""


class QuoteBook:
    """The last quote of one market that may be believed.

    A jump of the middle beyond `max_jump_pct` is believed only when the next reading confirms it (or comes from another
    source); until then there is no quote. An invalid reading takes the quote away until a valid one comes.

    Attributes:
        quote: None while there is nothing to believe.
        problem: Why, where there is none.
    """

    def __init__(self, max_jump_pct: Decimal) -> None:
        self.quote: Quote | None = None
        self.problem = "no quote has come yet"
        self._max_jump = max_jump_pct / _HUNDRED
        self._last: Quote | None = None
        self._suspect: Quote | None = None

    def take(self, report: BestPrice) -> bool:
        """Take a reading; whether there is a quote to believe now."""
        problem = quote_problem(report.bid, report.ask)
        if problem:
            self.quote, self.problem, self._suspect = None, problem, None
            return False
        quote = Quote(report.bid, report.ask)
        if self._is_jump(quote) and not self._is_confirmed(quote):
            self._suspect = quote
            self.quote = None
            self.problem = f"the price jumped to {quote.mid} and waits for a second reading"
            return False
        self.quote = self._last = quote
        self.problem = ""
        self._suspect = None
        return True

    def forget(self, why: str) -> None:
        """There is no quote any more, for example because the stream was lost. The next one is measured afresh."""
        self.quote, self.problem = None, why
        self._last = self._suspect = None

    def _is_jump(self, quote: Quote) -> bool:
        return self._last is not None and self._distance(self._last, quote) > self._max_jump

    def _is_confirmed(self, quote: Quote) -> bool:
        return self._suspect is not None and self._distance(self._suspect, quote) <= self._max_jump

    @staticmethod
    def _distance(before: Quote, after: Quote) -> Decimal:
        return abs(after.mid / before.mid - 1)
