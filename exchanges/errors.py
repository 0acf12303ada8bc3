"""Everything that can go wrong between us and a venue, sorted by what the caller may conclude.

::

    BotError
    +-- ConfigError(problems)                  bad settings, all problems at once
    +-- JournalError                           the journal or intent file cannot be read or written
    +-- ExchangeError(exchange, operation)
        +-- RequestNotSent                     nothing left this machine: safe to send again
        +-- RequestRefused(code, text)         the venue answered no: final, nothing happened
        |   +-- AuthenticationRefused          wrong key, signature, permission
        |   +-- ClockRefused                   the request's time stamp is outside the venue's window
        |   +-- RateLimited(retry_after_s)     too many requests: not executed
        |   +-- UnknownOrder                   the venue does not know this order (now)
        |   +-- InsufficientMargin             not enough collateral
        |   +-- WouldCross                     a post-only order would have taken
        |   +-- ReduceOnlyRefused              nothing to reduce
        |   +-- RuleViolated                   price, quantity or notional against the market's rules
        +-- OutcomeUnknown                     sent, no definite answer: never re-sent, always settled by a query
        +-- MalformedMessage(excerpt)          could not be read
        +-- StreamClosed(unsent)               the connection ended

The four outcomes of a command are: it returned (confirmed), RequestRefused, RequestNotSent (denied locally),
OutcomeUnknown.
"""

from typing import Final

from exchanges.redaction import redact, visible

_EXCERPT: Final = 200
_LOOKED_AT: Final = 600
"""An excerpt is redacted before it is cut, so that no piece of a key is left over."""


class BotError(Exception):
    """Base of every error this project raises on purpose."""


class ConfigError(BotError):
    """The configuration cannot be used. `problems` lists every one of them, each naming section, key, value and
    remedy.
    """

    def __init__(self, problems: "tuple[str, ...] | list[str]") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class JournalError(BotError):
    """The journal or the intent file cannot be read or written."""


class ExchangeError(BotError):
    """Something between us and a venue. `exchange` and `operation` say where. The text never holds a secret and
    is one plain line: a part of it is often the venue's own, so what looks like a secret or steers a terminal is taken
    out.
    """

    def __init__(self, exchange: str, operation: str, text: str = "") -> None:
        self.exchange = exchange
        self.operation = operation
        self.text = redact(visible(text))
        super().__init__(f"{exchange} {operation}: {self.text}" if text else f"{exchange} {operation}")


class RequestNotSent(ExchangeError):
    """Nothing left this machine (refused connection, name not resolved, own pace): safe to send again."""


class RequestRefused(ExchangeError):
    """The venue answered no. Final: nothing happened at the venue."""

    def __init__(self, exchange: str, operation: str, text: str = "", *, code: str = "") -> None:
        self.code = code
        super().__init__(exchange, operation, f"[{code}] {text}" if code else text)


class AuthenticationRefused(RequestRefused):
    """Wrong key, signature or permission. Not worth a retry."""


class ClockRefused(RequestRefused):
    """The time stamp (or a nonce made of it) is outside the venue's window: its clock is worth a new look."""


class RateLimited(RequestRefused):
    """Too many requests; the venue says it did not execute this one."""

    def __init__(
        self, exchange: str, operation: str, text: str = "", *, code: str = "", retry_after_s: float = 5.0
    ) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(exchange, operation, text, code=code)


class UnknownOrder(RequestRefused):
    """The venue does not know the order now. Proves nothing about a request still on its way."""


class InsufficientMargin(RequestRefused):
    """Not enough collateral for the order."""


class WouldCross(RequestRefused):
    """A post-only order would have taken liquidity."""


class ReduceOnlyRefused(RequestRefused):
    """A reduce-only order had nothing to reduce, or the wrong side."""


class RuleViolated(RequestRefused):
    """Price, quantity or notional break the market's rules, or the market is closed."""


class OutcomeUnknown(ExchangeError):
    """Sent, but no definite answer (timeout, cut connection, 5xx, unreadable reply). Never re-sent; settled by a
    query.
    """


class StillPending(OutcomeUnknown):
    """The venue took what was asked for and has not done it yet, as is usual there; to be asked again shortly."""


class MalformedMessage(ExchangeError):
    """A reply or frame could not be read. `excerpt` is a short, redacted piece of it."""

    def __init__(self, exchange: str, operation: str, text: str = "", *, excerpt: str = "") -> None:
        self.excerpt = redact(visible(excerpt[:_LOOKED_AT]))[:_EXCERPT]
        super().__init__(exchange, operation, f"{text} ({self.excerpt!r})" if excerpt else text)


class StreamClosed(ExchangeError):
    """A stream connection ended. `unsent` if it is certain that nothing of the frame in question left this machine."""

    def __init__(self, exchange: str, operation: str, text: str = "", *, unsent: bool = False) -> None:
        self.unsent = unsent
        super().__init__(exchange, operation, text)
