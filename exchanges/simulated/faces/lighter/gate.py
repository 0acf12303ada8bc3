"""Who may act: account, key, lifetime, signature and nonce of a transaction, and the tokens for private reads.

Source: venues/lighter.md 6.3, 6.4, 9 and 16 (order of checks). A Schnorr verification takes a tenth of a second in
plain Python, so only a share of the signatures is checked: of every kind (transactions, tokens) all until one was good,
the others at random, and a new token also where none was checked for some seconds, because a client that starts makes
one: with a wrong key it does not get far. Nothing changes at the venue before a transaction has passed everything, the
nonce included.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Final

from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.credentials import LighterCredentials
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.transactions import Transaction
from exchanges.simulated.lighter_crypto import text_hash, verify

MAX_KEY_INDEX: Final = 254
LIFETIME_MS: Final = 600_000
LIFETIME_SLACK_MS: Final = 5_000
TOKEN_LIFETIME_S: Final = 8 * 3600
TOKEN_SLACK_S: Final = 2
MAX_NONCE: Final = 2**47 - 1
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
_TOKEN: Final = re.compile(r"(-?[0-9]{1,18}):([0-9]{1,18}):([0-9]{1,3}):([0-9a-fA-F]{160})")
_KEPT_TOKENS: Final = 1000
_TOKEN_PAUSE_NS: Final = 5 * NS_PER_S


@dataclass(slots=True)
class SignatureShare:
    """Which signatures are looked at: `percent` of them, and of every kind all until one has passed."""

    percent: Decimal
    rng: Random
    checked: int = 0
    _passed_ns: dict[str, int] = field(default_factory=dict)

    def is_due(self, kind: str, *, silent_since_ns: int | None = None) -> bool:
        """Return whether this one is to be checked. `kind` is free text; one whose last good check is older than
        `silent_since_ns` is due as well, unless the share is 0.
        """
        passed_ns = self._passed_ns.get(kind)
        is_silent = silent_since_ns is not None and self.percent > 0 and (passed_ns or 0) < silent_since_ns
        if passed_ns is not None and not is_silent and Decimal(self.rng.random()) * 100 >= self.percent:
            return False
        self.checked += 1
        return True

    def passed(self, kind: str, now_ns: int) -> None:
        """Note that a signature of this kind was good."""
        self._passed_ns[kind] = now_ns

    def has_passed(self, kind: str) -> bool:
        """Whether one of this kind was ever good."""
        return kind in self._passed_ns


class Gate:
    """The checks of one account with one API key."""

    def __init__(self, credentials: LighterCredentials, percent: Decimal, rng: Random) -> None:
        self.credentials = credentials
        self.share = SignatureShare(percent, rng)
        self.last_nonce = 0
        self._public_key = credentials.public_key()
        self._good_tokens: dict[str, None] = {}

    @property
    def public_key(self) -> str:
        """The registered public key as hex, without 0x."""
        return self._public_key.hex()

    # --- transactions ---
    def admit(self, tx: Transaction, now_ns: int) -> bytes:
        """Return the hash of a transaction that may be looked at further.

        Raises:
            VenueRefusal: for account, key, lifetime, signature or nonce, in this order.
        """
        self.check_owner(tx.account_index, tx.api_key_index)
        now_ms = now_ns // NS_PER_MS
        if not now_ms <= tx["ExpiredAt"] <= now_ms + LIFETIME_MS + LIFETIME_SLACK_MS:
            raise VenueRefusal(refusals.INVALID_TX, detail=": ExpiredAt is invalid")
        digest = tx.hash(self.credentials.chain_id)
        if self.share.is_due("transaction"):
            if not verify(self._public_key, digest, tx.signature):
                raise VenueRefusal(refusals.BAD_SIGNATURE)
            self.share.passed("transaction", now_ns)
        self._check_nonce(tx)
        return digest

    def check_owner(self, account_index: int, api_key_index: int) -> None:
        """Check that account and key exist. Raises VenueRefusal."""
        if account_index != self.credentials.account_index:
            raise VenueRefusal(refusals.UNKNOWN_ACCOUNT)
        if api_key_index > MAX_KEY_INDEX:
            raise VenueRefusal(refusals.BAD_KEY_INDEX)
        if api_key_index != self.credentials.api_key_index:
            raise VenueRefusal(refusals.UNKNOWN_KEY)

    def _check_nonce(self, tx: Transaction) -> None:
        follows = tx.nonce > self.last_nonce if tx.skips_nonces else tx.nonce == self.last_nonce + 1
        if not follows or tx.nonce > MAX_NONCE:
            raise VenueRefusal(refusals.BAD_NONCE)

    def consume(self, tx: Transaction) -> None:
        """Use the nonce of an admitted transaction up."""
        self.last_nonce = tx.nonce

    # --- tokens ---
    def check_token(self, token: str, now_ns: int, account_index: int | None = None, *, detail: str = "") -> None:
        """Check an auth token, and that it is of the account asked about.

        Raises:
            VenueRefusal: BAD_AUTH with the text that fits, `detail` appended.
        """
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise _bad_token("invalid auth string", detail)
        deadline_s, now_s = int(match[1]), now_ns // NS_PER_S
        if deadline_s > now_s + TOKEN_LIFETIME_S + TOKEN_SLACK_S:
            raise _bad_token("invalid deadline", detail)
        if deadline_s < now_s:
            raise _bad_token("expired token", detail)
        mine = self.credentials
        if int(match[2]) != mine.account_index or account_index not in (None, mine.account_index):
            raise _bad_token("invalid account index", detail)
        if int(match[3]) != mine.api_key_index:
            raise _bad_token("invalid api key index", detail)
        self._check_token_signature(token, match[4], now_ns, detail)

    def _check_token_signature(self, token: str, signature: str, now_ns: int, detail: str) -> None:
        if token in self._good_tokens:
            return
        if self.share.is_due("token", silent_since_ns=now_ns - _TOKEN_PAUSE_NS):
            message = token.rpartition(":")[0]
            if not verify(self._public_key, text_hash(message), bytes.fromhex(signature)):
                raise _bad_token("invalid signature", detail)
            self.share.passed("token", now_ns)
        if len(self._good_tokens) >= _KEPT_TOKENS:
            self._good_tokens.clear()
        self._good_tokens[token] = None

    # --- state ---
    def snapshot(self) -> dict[str, int]:
        """The last nonce used, by key."""
        return {str(self.credentials.api_key_index): self.last_nonce}

    def restore(self, state: Mapping[str, int]) -> None:
        """Load what `snapshot` returned."""
        self.last_nonce = int(state[str(self.credentials.api_key_index)])


def _bad_token(why: str, detail: str) -> VenueRefusal:
    return VenueRefusal(refusals.BAD_AUTH, f"invalid auth: {why}", detail=detail)
