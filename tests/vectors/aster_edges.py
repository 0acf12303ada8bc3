"""Keys, hashes, spellings, nonces, and requests that a venue must refuse.

The client makes signatures and the simulated venue checks them; where a vector is about checking, both the venue's
code and an independent recovery written here with the client's hashes have to come to the file's result.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from coincurve import PublicKey

from exchanges.aster import signing
from exchanges.aster.signing import WalletKey, address_of, digest, domain_separator
from exchanges.secrets import Secret
from exchanges.simulated.faces.aster.nonces import KEPT, WINDOW_US, NonceWindow
from exchanges.simulated.faces.aster.refusals import VenueRefusal
from exchanges.simulated.faces.aster.requests import AsterCredentials, Gate, check_timestamp
from exchanges.simulated.faces.aster.signing import is_hmac_of, is_signed_by, recover_signer
from exchanges.simulated.faces.protocol import HttpCall
from tests.vectors.aster_file import AsterFile
from tests.vectors.cases import Case, Wrong, need, same, text_of, whole_of

DIGEST_TEXT = "keccak256(0x1901 || domainSeparator || keccak256(messageTypeHash || keccak256(utf8(msg))))"
SIGNATURE_TEXT = "65 bytes r||s||v, v = 27 or 28, hex"
_DERIVATION = re.compile(r"sha256 hex of '([^']+)' / '([^']+)'")
_SEPARATOR_KEY = re.compile(r"domain_separator_([0-9]+)")
_RANGE = re.compile(r"([0-9]+)\.\.([0-9]+) \(([0-9]+) values\)")
_RESULT = re.compile(r"(ok|nonce_error)(?: ?\(.*\))?")
_NUMBERS = re.compile(r"[0-9]{10,}")
_DROPS = re.compile(r"drops ([0-9]+)")
_MINIMUM = re.compile(r"minimum ([0-9]+)")
_CODE = re.compile(r"-[0-9]{4}")
_HMAC = re.compile(r"[0-9a-fA-F]{64}")
_ZERO_ADDRESS = "0x" + "0" * 40


def recover(text: str, signature: str, chain_id: int) -> str | None:
    """Return the checksummed address behind a signature, by the client's hashes; None where there is none."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
        recovery = raw[64] - 27 if raw[64] >= 27 else raw[64]
        point = PublicKey.from_signature_and_message(
            raw[:64] + bytes([recovery]), digest(domain_separator(chain_id), text.encode()), hasher=None
        )
    except Exception:  # noqa: BLE001 - the binding raises bare Exceptions for what is no signature
        return None
    return address_of(point.format(compressed=False))


class EdgeChecks:
    """Checks of `credentials`, `eip712`, `negative_and_edge_vectors`, `signature_spellings` and `nonce_vectors`."""

    def __init__(self, file: AsterFile) -> None:
        self._file = file

    # --- keys and constants ---

    def credentials(self, case: Case) -> None:
        """Check that addresses belong to their keys, and keys to the labels they say they come from."""
        if case.label == "v3":
            row = need(case.data, "signer_private_key", "signer", "user")
            same("signer", self._file.wallet().address, row["signer"])
            if "user_private_key" in row:
                same("user", WalletKey(Secret(text_of(row, "user_private_key"))).address, row["user"])
        elif case.label == "v1":
            row = need(case.data, "apiKey", "secret")
            if "derivation" in row:
                labels = _DERIVATION.fullmatch(text_of(row, "derivation"))
                if labels is None:
                    raise Wrong("the derivation of the keys cannot be read")
                same("apiKey", hashlib.sha256(labels[1].encode()).hexdigest(), row["apiKey"])
                same("secret", hashlib.sha256(labels[2].encode()).hexdigest(), row["secret"])
        else:
            raise Wrong("credentials of an unknown way of signing")

    def eip712(self, case: Case) -> None:
        """Check one constant of the signing scheme against the client's."""
        separator = _SEPARATOR_KEY.fullmatch(case.label)
        if separator is not None:
            same(case.label, "0x" + domain_separator(int(separator[1])).hex(), case.data)
            return
        constants: dict[str, Callable[[], object]] = {
            "domain": self._domain,
            "domain_type": lambda: signing.DOMAIN_TYPE,
            "message_type": lambda: signing.MESSAGE_TYPE,
            "domain_type_hash": lambda: "0x" + signing.DOMAIN_TYPE_HASH.hex(),
            "message_type_hash": lambda: "0x" + signing.MESSAGE_TYPE_HASH.hex(),
            "digest": lambda: DIGEST_TEXT,
            "signature": lambda: SIGNATURE_TEXT,
        }
        if case.label not in constants:
            raise Wrong("an unknown constant")
        same(case.label, constants[case.label](), case.data)

    def _domain(self) -> object:
        return {
            "name": signing.DOMAIN_NAME,
            "version": signing.DOMAIN_VERSION,
            "chainId_mainnet": signing.CHAIN_IDS["mainnet"],
            "chainId_testnet": signing.CHAIN_IDS["testnet"],
            "verifyingContract": _ZERO_ADDRESS,
        }

    # --- what must be refused ---

    def edge(self, case: Case) -> None:
        """Check one request that is refused, or accepted although it looks odd."""
        row = need(case.data, "expect")
        if "signed_string_received" in row:
            self._received(row)
        elif "first" in row:
            self._replayed(need(row, "then"))
        elif "signature_upper" in row:
            self._upper(row)
        elif "timestamp" in row:
            _timestamp(need(row, "server_time"))
        elif "nonce" in row:
            server_us = row["server_us"] if "server_us" in row else whole_of(row, "server_time") * 1000
            _expect(row, accepted=NonceWindow().accept(whole_of(row, "nonce"), server_us), code=-4225)
        else:
            raise Wrong("an edge case of unknown shape")

    def _received(self, row: Mapping[str, Any]) -> None:
        """A text arrived with a signature: whose is it?"""
        text, signature = text_of(row, "signed_string_received"), text_of(row, "signature")
        if "expected_signer" not in row and _HMAC.fullmatch(signature):
            is_good = is_hmac_of(text, signature, text_of(self._file.credentials("v1"), "secret"))
            _expect(row, accepted=is_good, code=-1022)
            return
        chain_id = row.get("verify_chain_id", self._file.chain_ids()[0])
        expected = text_of(row, "expected_signer")
        same("expected_signer", text_of(self._file.credentials("v3"), "signer").lower(), expected.lower())
        recovered = recover(text, signature, chain_id)
        if "recovered" in row:
            same("recovered", recovered, row["recovered"])
        is_good = (recovered or "").lower() == expected.lower()
        same("signature accepted by the simulated venue", is_signed_by(text, signature, expected, chain_id), is_good)
        same(
            "signer found by the simulated venue", recover_signer(text, signature, chain_id), (recovered or "").lower()
        )
        _expect(row, accepted=is_good, code=-1022)

    def _replayed(self, row: Mapping[str, Any]) -> None:
        """The same bytes twice: the second time the nonce is used up."""
        name = text_of(row, "first")
        if not text_of(row, "then").startswith(f"{name} again"):
            raise Wrong("what is sent after the first request cannot be read")
        vector = self._file.vector(name)
        now_ns = whole_of(vector, "nonce") * 1000
        call = HttpCall(
            method=text_of(vector, "method"),
            path=text_of(vector, "path"),
            query=vector["query"] or "",
            body=(vector["body"] or "").encode(),
        )
        gate = Gate(self._venue_credentials(), chain_id=whole_of(vector, "chain_id"))
        try:
            gate.admit_wallet(call, now_ns)
        except VenueRefusal as refusal:
            raise Wrong(f"the first request is refused already: {refusal}") from None
        try:
            gate.admit_wallet(call, now_ns)
        except VenueRefusal as refusal:
            _expect(row, accepted=False, code=refusal.code)
            return
        raise Wrong("the repeated request is accepted")

    def _venue_credentials(self) -> AsterCredentials:
        wallet, key = self._file.credentials("v3"), self._file.credentials("v1")
        return AsterCredentials(
            user=text_of(wallet, "user"),
            signer=text_of(wallet, "signer"),
            private_key=text_of(wallet, "signer_private_key"),
            api_key=text_of(key, "apiKey"),
            secret=text_of(key, "secret"),
        )

    def _upper(self, row: Mapping[str, Any]) -> None:
        """A V1 signature in capital letters is that of some V1 vector, and is accepted for it."""
        upper = text_of(row, "signature_upper")
        secret = text_of(self._file.credentials("v1"), "secret")
        texts = [
            each["signed_string"]
            for each in self._file.section("request_vectors_v1")
            if each.get("signature") and each["signature"].upper() == upper
        ]
        if not texts:
            raise Wrong("it is no V1 vector's signature in capital letters")
        _expect(row, accepted=all(is_hmac_of(text, upper, secret) for text in texts), code=-1022)

    # --- spellings and nonces ---

    def spelling(self, case: Case) -> None:
        """Check one spelling of a vector's signature: all of them are one signature."""
        section = need(self._file.section("signature_spellings"), "vector")
        vector = self._file.vector(text_of(section, "vector"))
        if not isinstance(case.data, str):
            raise Wrong("a spelling is a string")
        ours = self._file.wallet().sign(
            digest(domain_separator(whole_of(vector, "chain_id")), text_of(vector, "signed_string").encode())
        )
        known = {
            "with_0x": ours,
            "without_0x": ours[2:],
            "v_as_00_01": ours[2:-2] + f"{int(ours[-2:], 16) - 27:02x}",
        }
        if case.label in known:
            same(case.label, known[case.label], case.data)
        signer, text = text_of(vector, "signer"), text_of(vector, "signed_string")
        same("recovered signer", recover(text, case.data, vector["chain_id"]), signer)
        same("signer found by the simulated venue", recover_signer(text, case.data, vector["chain_id"]), signer.lower())

    def nonces(self, case: Case) -> None:
        """Check a list of nonces against the simulated venue's window."""
        row = need(case.data, "server_us", "nonces", "results")
        nonces, results = row["nonces"], row["results"]
        if not isinstance(nonces, list) or not isinstance(results, list) or len(nonces) != len(results) or not nonces:
            raise Wrong("nonces and results are not two lists of the same length")
        server_us = whole_of(row, "server_us")
        window = NonceWindow(window_us=row.get("window_us", WINDOW_US))
        same("window_us", WINDOW_US, row.get("window_us", WINDOW_US))
        for nonce in _prefill(row):
            if not window.accept(nonce, server_us):
                raise Wrong(f"the prefilled nonce {nonce} is refused")
        for nonce, result in zip(nonces, results, strict=True):
            before = window.used
            accepted = window.accept(nonce, server_us)
            _check_nonce(str(result), nonce, accepted=accepted, before=before, after=window.used)


def _prefill(row: Mapping[str, Any]) -> range:
    if "prefill" not in row:
        return range(0)
    found = _RANGE.search(text_of(row, "prefill"))
    if found is None:
        raise Wrong("prefill cannot be read")
    nonces = range(int(found[1]), int(found[2]) + 1)
    same("number of prefilled nonces", len(nonces), int(found[3]))
    return nonces


def _check_nonce(result: str, nonce: int, *, accepted: bool, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    words = _RESULT.fullmatch(result)
    if words is None:
        raise Wrong(f"a result that cannot be read: {result!r:.60}")
    same(f"nonce {nonce}", "ok" if accepted else "nonce_error", words[1])
    drops, minimum = _DROPS.search(result), _MINIMUM.search(result)
    if len(_NUMBERS.findall(result)) != (drops is not None) + (minimum is not None):
        raise Wrong(f"a result that names a nonce without saying what of it: {result!r:.60}")
    if drops is not None and (int(drops[1]) not in before or int(drops[1]) in after):
        raise Wrong(f"nonce {nonce} does not drop {drops[1]}")
    if minimum is not None:
        same("smallest nonce kept", after[0], int(minimum[1]))
    if "list full" in result:
        same("nonces kept", len(after), KEPT)


def _timestamp(row: Mapping[str, Any]) -> None:
    """The V1 timing rule (section 4), once as the simulated venue has it and once written out here."""
    server, sent, window = whole_of(row, "server_time"), whole_of(row, "timestamp"), row.get("recvWindow", 5000)
    is_good = sent < server + 1000 and server - sent <= window <= 60_000
    try:
        check_timestamp({"timestamp": str(sent), "recvWindow": str(window)}, server)
    except VenueRefusal as refusal:
        same("accepted by the timing rule", is_good, False)
        _expect(row, accepted=False, code=refusal.code)
        return
    same("accepted by the timing rule", is_good, True)
    _expect(row, accepted=True, code=0)


def _expect(row: Mapping[str, Any], *, accepted: bool, code: int) -> None:
    """Compare a result with the words of `expect`: accept, or reject with or without codes."""
    text = text_of(row, "expect")
    rejects = re.match(r"(second is )?reject(ed)?\b", text) is not None
    if not rejects and re.match(r"accept\b", text) is None:
        raise Wrong(f"an expectation that cannot be read: {text!r:.80}")
    same("outcome", "accept" if accepted else "reject", "reject" if rejects else "accept")
    codes = [int(each) for each in _CODE.findall(text)]
    if rejects and codes and code not in codes:
        raise Wrong(f"outcome: ours {code}, the file allows {codes}")
