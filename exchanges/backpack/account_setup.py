"""The calls that bring an account into the state a grid needs, and prove it (venues/backpack.md, sections 3.4, 9).

Margin is always cross and positions are always net, so only leverage is set. It is one number for the whole account:
the venue object keeps what the first grid asked for, and another grid with another leverage is a problem to be solved
in the settings, not by the last one to come.
"""

from collections.abc import Callable
from typing import Any

from exchanges.backpack.outcomes import EXCHANGE, read_call, write_call
from exchanges.backpack.parsing import Fields
from exchanges.backpack.rest import command, query
from exchanges.errors import AuthenticationRefused, MalformedMessage, RateLimited, RequestRefused
from exchanges.rounding import plain
from exchanges.venue import AccountSetup, Call

PATH = "/api/v1/account"


def calls(setup: AccountSetup, agreed: AccountSetup) -> tuple[Call[str | None], ...]:
    """Return the calls in their order: one reading that proves the key, the leverage, then the reading that decides.

    `agreed` is the set-up that the first grid of this account asked for.
    """
    conflict = _conflict(setup, agreed)
    if conflict is not None:
        return (read_call(query(PATH), lambda _data, _received_ns: conflict),)
    return (
        read_call(query(PATH), lambda data, _: _usable(data)),
        write_call(
            command("PATCH", PATH, {"leverageLimit": str(setup.leverage)}),
            _accepted,
            _refusal(f"leverage {setup.leverage} of the account"),
        ),
        read_call(query(PATH), lambda data, _: _state(data, setup)),
    )


def _conflict(setup: AccountSetup, agreed: AccountSetup) -> str | None:
    if setup.isolated:
        return f"isolated margin was asked for {setup.symbol}; this venue has cross margin only"
    if setup.leverage != agreed.leverage:
        return (
            f"leverage {setup.leverage} was asked for {setup.symbol} and {agreed.leverage} for {agreed.symbol}; "
            "this venue has one leverage for the whole account: set the same in both grids"
        )
    return None


def _usable(data: object) -> str | None:
    """A key the venue does not know may be answered 200 and an empty object; a real account has a leverage limit."""
    if data == {}:
        raise AuthenticationRefused(EXCHANGE, "GET account", "an empty account: the venue does not know this API key")
    if Fields(data, "account").flag("liquidating"):
        return "the account is being liquidated"
    return None


def _accepted(data: Any, _received_ns: int) -> None:  # noqa: ANN401 - a decoded body
    if data is not None and not isinstance(data, dict):
        raise MalformedMessage(EXCHANGE, "PATCH account", "not an answer of the account", excerpt=str(data))


def _refusal(what: str) -> Callable[[RequestRefused], str | None]:
    def read(error: RequestRefused) -> str | None:
        if isinstance(error, AuthenticationRefused | RateLimited):
            raise error
        return f"the venue refused {what}: {error.text}"

    return read


def _state(data: object, setup: AccountSetup) -> str | None:
    applied = Fields(data, "account").number("leverageLimit")
    if applied == setup.leverage:
        return None
    return f"the account's leverage is {plain(applied)}, {setup.leverage} was asked for {setup.symbol}"
