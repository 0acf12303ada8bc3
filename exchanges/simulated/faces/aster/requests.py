"""Reading a request: which parameters it has, what part of it is signed, and whether its signer may act.

Source: venues/aster.md 3.2, 3.6, 4 and 15.2 (steps 3 and 4). Nothing changes at the venue before a request has passed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from urllib.parse import unquote_plus

from coincurve import PrivateKey

from exchanges.simulated.faces.aster import refusals
from exchanges.simulated.faces.aster.nonces import NonceWindow
from exchanges.simulated.faces.aster.refusals import VenueRefusal, missing
from exchanges.simulated.faces.aster.signing import MAINNET_CHAIN_ID, address_of, is_hmac_of, is_signed_by
from exchanges.simulated.faces.protocol import HttpCall

DEFAULT_RECV_WINDOW_MS = 5000
MAX_RECV_WINDOW_MS = 60_000
AHEAD_MS = 1000
_API_KEY_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AsterCredentials:
    """Throw-away keys of one paper account: `private_key` belongs to `signer`, which acts for `user`.

    The repr shows the public half only.
    """

    user: str
    signer: str
    private_key: str
    api_key: str
    secret: str

    def __repr__(self) -> str:
        return f"AsterCredentials(user={self.user!r}, signer={self.signer!r})"

    def as_dict(self) -> dict[str, str | int]:
        """The credentials under the names of `--serve`."""
        return {
            "user": self.user,
            "signer": self.signer,
            "private_key": self.private_key,
            "api_key": self.api_key,
            "secret": self.secret,
        }


def make_credentials(rng: Random) -> AsterCredentials:
    """Return new credentials. `rng` should be a SystemRandom outside of tests."""
    signer_key, user_key = (PrivateKey(rng.randbytes(32)) for _ in range(2))
    return AsterCredentials(
        user=address_of(user_key.public_key),
        signer=address_of(signer_key.public_key),
        private_key="0x" + signer_key.secret.hex(),
        api_key=rng.randbytes(32).hex(),
        secret=rng.randbytes(32).hex(),
    )


def split_pairs(text: str) -> list[tuple[str, str]]:
    """Return the still encoded (name, value) pairs of a query or form body."""
    return [(name, value) for name, _, value in (part.partition("=") for part in text.split("&") if part)]


def signed_text(text: str) -> tuple[str, str | None]:
    """Return (`text` without its `signature` pair, the signature or None), otherwise byte for byte as sent."""
    kept, signature = [], None
    for part in text.split("&"):
        if part.startswith("signature="):
            signature = unquote_plus(part[len("signature=") :])
        else:
            kept.append(part)
    return "&".join(kept), signature


def read_params(*texts: str) -> dict[str, str]:
    """Return the decoded parameters of the texts; where a name repeats across texts, the first text wins.

    Raises:
        VenueRefusal: -1101 where one text names a parameter twice.
    """
    params: dict[str, str] = {}
    for text in reversed(texts):
        seen: set[str] = set()
        for name, value in split_pairs(text):
            if name in seen:
                raise VenueRefusal(refusals.DUPLICATE_PARAMETER)
            seen.add(name)
            params[unquote_plus(name)] = unquote_plus(value)
    return params


class Gate:
    """Who may act: checks signatures, nonces, timestamps and the deposit flag of one account."""

    def __init__(self, credentials: AsterCredentials, *, chain_id: int = MAINNET_CHAIN_ID) -> None:
        self.credentials = credentials
        self.chain_id = chain_id
        self.needs_deposit = False
        self._windows: dict[str, NonceWindow] = {}

    def admit_wallet(self, call: HttpCall, now_ns: int) -> dict[str, str]:
        """Return the parameters of a V3 request whose signature and nonce are good.

        Raises:
            VenueRefusal: -1102, -1022, -1000 naming the signature, -4225, -5050.
        """
        body = call.body.decode(errors="replace")
        signed = [text for text in (call.query, body) if "signature=" in text]
        text = signed[0] if signed else call.query or body
        text, signature = signed_text(text)
        params = read_params(text)
        for name in ("signer", "nonce"):
            if not params.get(name):
                raise missing(name)
        if not signature:
            raise missing("signature")
        signer = params["signer"].lower()
        if not is_signed_by(text, signature, signer, self.chain_id):
            raise VenueRefusal(refusals.BAD_SIGNATURE)
        self._check_registered(signer, params.get("user", "").lower())
        self._use_nonce(signer, params["nonce"], now_ns)
        if self.needs_deposit:
            raise VenueRefusal(refusals.DEPOSIT_FIRST)
        return params

    def _check_registered(self, signer: str, user: str) -> None:
        """A wallet may sign for itself; here it then acts on the same paper account."""
        mine = self.credentials
        if signer != mine.signer.lower() or user not in ("", mine.user.lower(), mine.signer.lower()):
            raise VenueRefusal(refusals.UNKNOWN_ERROR, "Signature check failed")

    def _use_nonce(self, signer: str, text: str, now_ns: int) -> None:
        if not (text.isascii() and text.isdigit()):
            raise missing("nonce")
        window = self._windows.setdefault(signer, NonceWindow())
        if not window.accept(int(text), now_ns // 1000):
            raise VenueRefusal(refusals.NONCE_EXPIRED)

    def admit_key(self, call: HttpCall) -> None:
        """Check the key header of a V1 request.

        Raises:
            VenueRefusal: -2014 without a well-formed key, -2015 for a key nobody has.
        """
        key = call.headers.get("x-mbx-apikey", "")
        if len(key) != _API_KEY_LENGTH or not key.isalnum():
            raise VenueRefusal(refusals.BAD_API_KEY_FORMAT)
        if key != self.credentials.api_key:
            raise VenueRefusal(refusals.BAD_API_KEY)

    def admit_hmac(self, call: HttpCall, now_ns: int) -> dict[str, str]:
        """Return the parameters of a V1 request whose key, signature and timestamp are good.

        Raises:
            VenueRefusal: -2014, -2015, -1102, -1022, -1021, -5050.
        """
        self.admit_key(call)
        query, in_query = signed_text(call.query)
        body, in_body = signed_text(call.body.decode(errors="replace"))
        params = read_params(query, body)
        signature = in_query or in_body
        if not signature:
            raise missing("signature")
        if not is_hmac_of(query + body, signature, self.credentials.secret):
            raise VenueRefusal(refusals.BAD_SIGNATURE)
        check_timestamp(params, now_ns // 1_000_000)
        if self.needs_deposit:
            raise VenueRefusal(refusals.DEPOSIT_FIRST)
        return params

    def snapshot(self) -> dict[str, object]:
        """Nonces used so far, by signer."""
        return {signer: list(window.used) for signer, window in self._windows.items()}

    def restore(self, state: Mapping[str, Iterable[int]]) -> None:
        """Load what `snapshot` returned."""
        self._windows = {signer: NonceWindow(used=used) for signer, used in state.items()}


def check_timestamp(params: Mapping[str, str], server_ms: int) -> None:
    """Apply the V1 timing rule: not a second ahead, not more than recvWindow behind; -1021 otherwise."""
    timestamp, window = params.get("timestamp", ""), params.get("recvWindow", str(DEFAULT_RECV_WINDOW_MS))
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise missing("timestamp")
    if not (window.isascii() and window.isdigit()) or int(window) > MAX_RECV_WINDOW_MS:
        raise missing("recvWindow")
    if int(timestamp) >= server_ms + AHEAD_MS or server_ms - int(timestamp) > int(window):
        raise VenueRefusal(refusals.TIMESTAMP_OUTSIDE)
