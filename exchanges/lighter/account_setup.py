"""The calls that bring an account into the state a grid needs, and prove it (venues/lighter.md, sections 4, 8.3, 10).

Leverage and margin mode belong to a market of the account. What already is as asked is left alone; else a transaction
sets it, and the record of that transaction says whether it was done. Where the record is not written yet, the reading
ends with an error, and the caller begins again a little later.
"""

from functools import partial
from typing import Any, Final

from exchanges.errors import AuthenticationRefused, RateLimited, RequestRefused, StillPending
from exchanges.lighter import parsing, records, rest
from exchanges.lighter.account import Account
from exchanges.lighter.errors import NO_SUCH_TRANSACTION
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.parsing import Fields
from exchanges.lighter.transactions import next_nonce, update_leverage
from exchanges.rounding import plain
from exchanges.venue import AccountSetup, Call, HttpRequest, Undecided

LARGEST_CLOCK_ERROR_S: Final = 30
_NS: Final = 1_000_000_000
_ACTIVE: Final = 1


def calls(account: Account, setup: AccountSetup) -> tuple[Call[str | None], ...]:
    """Return the calls in their order: the clock, the key, the nonce, then leverage and margin mode."""
    return (
        account.read(HttpRequest(operation="GET /", method="GET", path="/"), _clock),
        account.read(rest.limits_query(account), lambda data, _: _known(data)),
        next_nonce(account, lambda _nonce, _received_ns: None),
        _leverage(account, setup),
    )


def _clock(data: Any, received_ns: int) -> str | None:  # noqa: ANN401 - a decoded body
    """The library stamps every transaction with this machine's clock, which nothing here can correct."""
    error_s = abs(received_ns - rest.server_time_ns(data)) // _NS
    if error_s <= LARGEST_CLOCK_ERROR_S:
        return None
    return f"this machine's clock is {error_s} s off the venue's: set it, transactions are stamped with it"


def _known(data: object) -> None:
    Fields(data, "accountLimits")


def _leverage(account: Account, setup: AccountSetup) -> Call[str | None]:
    def parse(data: Any, received_ns: int) -> str | None:  # noqa: ANN401 - a decoded body
        found = rest.account_row(data, account.index)
        if found.has("status") and found.whole("status") != _ACTIVE:
            return f"the account {account.index} is not active"
        row = rest.position_row(found, account.market(setup.symbol).index)
        if row is not None and _is_as_asked(row, setup, received_ns):
            account.setups[setup.symbol] = setup
            return None
        if not setup.may_change:
            return _otherwise(row, setup, received_ns)
        tx_hash = account.leverage_txs.get(_key(setup))
        further = _recorded(account, setup, tx_hash) if tx_hash else _update(account, setup)
        raise Undecided(EXCHANGE, "GET account", "leverage has to be set", further=further)

    return account.read(rest.account_query(account), parse)


def _key(setup: AccountSetup) -> tuple[str, int, bool]:
    return setup.symbol, setup.leverage, setup.isolated


def _is_as_asked(row: object, setup: AccountSetup, received_ns: int) -> bool:
    report = parsing.position(row, setup.symbol, received_ns)
    applied = None if report.leverage is None else int(report.leverage)
    return applied == setup.leverage and report.isolated is setup.isolated


def _otherwise(row: object | None, setup: AccountSetup, received_ns: int) -> str:
    found = "was never set"
    if row is not None:
        report = parsing.position(row, setup.symbol, received_ns)
        applied = "unknown" if report.leverage is None else plain(report.leverage)
        found = f"is {applied} ({_mode(isolated=report.isolated)})"
    return f"leverage of {setup.symbol} {found}, {setup.leverage} ({_mode(isolated=setup.isolated)}) was asked for"


def _mode(*, isolated: bool | None) -> str:
    return "isolated" if isolated else "cross"


def _update(account: Account, setup: AccountSetup) -> Call[str | None]:
    def receipt(tx_hash: str, _received_ns: int) -> str | None:
        account.leverage_txs[_key(setup)] = tx_hash
        raise Undecided(EXCHANGE, "SignUpdateLeverage", "queued", further=_recorded(account, setup, tx_hash))

    call = update_leverage(account, setup, receipt)

    def read(reply: Any) -> str | None:  # noqa: ANN401 - an HttpReply
        try:
            return call.read(reply)
        except (AuthenticationRefused, RateLimited):
            raise
        except RequestRefused as error:
            return _problem(setup, str(error))

    return Call(call.request, read)


def _problem(setup: AccountSetup, text: str) -> str:
    mode = _mode(isolated=setup.isolated)
    return f"the venue refused leverage {setup.leverage} ({mode}) of {setup.symbol}: {text}"


def _recorded(account: Account, setup: AccountSetup, tx_hash: str) -> Call[str | None]:
    def parse(data: Any, _received_ns: int) -> str | None:  # noqa: ANN401 - a decoded body
        found = records.record(data)
        if found.is_pending:
            raise StillPending(EXCHANGE, "GET tx", "the leverage is not set yet")
        if found.is_refused:
            account.leverage_txs.pop(_key(setup), None)
            return _problem(setup, found.refusal or "the transaction failed")
        account.setups[setup.symbol] = setup
        return None

    return account.read(rest.query("tx", {"by": "hash", "value": tx_hash}), parse, partial(_unrecorded, account, setup))


def _unrecorded(account: Account, setup: AccountSetup, error: RequestRefused) -> str | None:
    if error.code in {str(code) for code in NO_SUCH_TRANSACTION}:
        # Dropped by the sequencer it never gets a record: the next attempt sends it again, which changes nothing twice.
        account.leverage_txs.pop(_key(setup), None)
        raise StillPending(EXCHANGE, "GET tx", "the leverage is not set yet") from None
    raise error
