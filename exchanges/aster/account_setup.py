"""The calls that bring an account into the state a grid needs, and prove it (venues/aster.md, section 10).

Three set, two look. A setting call that is refused because orders or a position are open does not decide anything:
the state may be the wanted one all the same (after a restart it is), so the two readings at the end have the last
word. Every call reads to a text for people, or None where there is nothing to say.
"""

from collections.abc import Callable
from typing import Any, Final

from exchanges.aster import errors
from exchanges.aster.outcomes import read_call, write_call
from exchanges.aster.parsing import Fields, is_confirmation, malformed, position
from exchanges.aster.rest import command, query
from exchanges.aster.settings import Auth
from exchanges.errors import AuthenticationRefused, RateLimited, RequestRefused
from exchanges.venue import AccountSetup, Call

LEFT_TO_THE_READINGS: Final = frozenset({"-4047", "-4048", "-4067", "-4068", "-4161"})
"""Refused because orders or a position exist."""

_ALREADY: Final = frozenset(str(code) for code in errors.ALREADY_SO)


def calls(auth: Auth, setup: AccountSetup) -> tuple[Call[str | None], ...]:
    """Return the calls in their order: position mode, margin mode, leverage, then both readings."""
    symbol = ("symbol", setup.symbol)
    margin = "ISOLATED" if setup.isolated else "CROSSED"
    return (
        write_call(
            command(auth, "POST", "positionSide/dual", (("dualSidePosition", "false"),)),
            _confirmed,
            _refusal("one-way position mode"),
        ),
        write_call(
            command(auth, "POST", "marginType", (symbol, ("marginType", margin))),
            _confirmed,
            _refusal(f"margin type {margin} of {setup.symbol}"),
        ),
        write_call(
            command(auth, "POST", "leverage", (symbol, ("leverage", str(setup.leverage)))),
            lambda data, _: _leverage(data, setup),
            _refusal(f"leverage {setup.leverage} of {setup.symbol}"),
        ),
        read_call(query(auth, "positionSide/dual", weight=30), lambda data, _: _mode(data)),
        read_call(
            query(auth, "positionRisk", (symbol,), weight=5),
            lambda data, received_ns: _state(data, received_ns, setup),
        ),
    )


def _confirmed(data: Any, _received_ns: int) -> None:  # noqa: ANN401 - a decoded body
    if not is_confirmation(data):
        raise malformed("account check", "not a confirmation", data)


def _refusal(what: str) -> Callable[[RequestRefused], str | None]:
    def read(error: RequestRefused) -> str | None:
        if isinstance(error, (AuthenticationRefused, RateLimited)):
            raise error
        if error.code in _ALREADY or error.code in LEFT_TO_THE_READINGS:
            return None
        return f"the venue refused {what}: {error.text}"

    return read


def _leverage(data: object, setup: AccountSetup) -> str | None:
    applied = Fields(data, "leverage").whole("leverage")
    if applied == setup.leverage:
        return None
    return f"leverage {setup.leverage} of {setup.symbol} was asked for, the venue applied {applied}"


def _mode(data: object) -> str | None:
    if Fields(data, "positionSide/dual").flag("dualSidePosition"):
        return "the account is in hedge mode; close positions and orders and set one-way position mode"
    return None


def _state(data: object, received_ns: int, setup: AccountSetup) -> str | None:
    report = position(data, received_ns, setup.symbol)
    if report.leverage is None or report.isolated is None:
        return f"the venue shows no position row of {setup.symbol}: leverage and margin type cannot be verified"
    if report.leverage != setup.leverage:
        return f"leverage of {setup.symbol} is {report.leverage}, {setup.leverage} was asked for"
    if report.isolated is not setup.isolated:
        is_mode, wanted = ("isolated", "cross") if report.isolated else ("cross", "isolated")
        return f"margin type of {setup.symbol} is {is_mode}, {wanted} was asked for"
    return None
