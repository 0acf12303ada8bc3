"""Signed requests: built from their parameters by the client's own path and compared byte for byte.

Every wallet signature is also recovered with the simulated venue's code, which shares nothing with the client's.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from exchanges.aster.signing import (
    HmacSigner,
    WalletSigner,
    assemble,
    digest,
    domain_separator,
    form_encode,
    struct_hash,
)
from exchanges.secrets import Secret
from exchanges.simulated.faces.aster.signing import is_hmac_of, recover_signer
from exchanges.venue import HttpRequest, SignedRequest
from tests.vectors.aster_file import AsterFile
from tests.vectors.cases import Case, Wrong, need, one_of, pairs_of, same, text_of, whole_of

_TRADING = {
    "order": ("POST", "PUT", "DELETE", "GET"),
    "order/test": ("POST",),
    "openOrder": ("GET",),
    "openOrders": ("GET",),
    "allOrders": ("GET",),
    "userTrades": ("GET",),
    "allOpenOrders": ("DELETE",),
    "countdownCancelAll": ("POST",),
    "batchOrders": ("POST", "PUT", "DELETE"),
    "leverage": ("POST",),
    "marginType": ("POST",),
    "positionMargin": ("POST",),
    "positionSide/dual": ("POST", "GET"),
    "multiAssetsMargin": ("POST", "GET"),
    "commissionRate": ("GET",),
    "income": ("GET",),
    "leverageBracket": ("GET",),
    "listenKey": ("POST", "PUT", "DELETE"),
}
_V3_ONLY = {
    "balance": ("GET",),
    "account": ("GET",),
    "accountWithJoinMargin": ("GET",),
    "positionRisk": ("GET",),
    "leverageBrackets": ("GET",),
    "stpMode": ("POST", "GET"),
    "noop": ("POST",),
    "guardedCancelOrder": ("DELETE",),
    "guardedBatchOrders": ("DELETE",),
    "remainingOpenableNotionalValue": ("GET",),
}
_V3_PATHS = {f"/fapi/v3/{name}": methods for name, methods in (_TRADING | _V3_ONLY).items()}
_V1_PATHS = {f"/fapi/v1/{name}": methods for name, methods in _TRADING.items()} | {
    "/fapi/v2/balance": ("GET",),
    "/fapi/v2/positionRisk": ("GET",),
    "/fapi/v4/account": ("GET",),
}
"""The signed calls of venues/aster.md (sections 3.4, 4, 8 to 10, 12.1): a path is not part of what is signed."""

_KEY_HEADER_ONLY = "API key header only"


class RequestChecks:
    """Checks of `request_vectors_v3`, `request_vectors_v1` and `known_answers_v1`."""

    def __init__(self, file: AsterFile) -> None:
        self._file = file

    # --- V3 ---

    def wallet(self, case: Case) -> None:
        """Check one EIP-712 request."""
        row = need(
            case.data,
            *("method", "path", "auth", "chain_id", "nonce", "signer", "params", "param_order"),
            *("signed_string", "signed_form", "struct_hash", "digest", "signature", "query", "body", "headers"),
        )
        same("auth", "EIP712", row["auth"])
        one_of("chain_id", row["chain_id"], self._file.chain_ids())
        _check_route(row, _V3_PATHS)
        key = self._file.wallet()
        same("signer", key.address.lower(), text_of(row, "signer").lower())
        self._check_user(row)
        text, signed = self._signed(row)
        same("signed_string", text, row["signed_string"])
        separator, message = domain_separator(row["chain_id"]), text.encode()
        same("struct_hash", "0x" + struct_hash(message).hex(), row["struct_hash"])
        same("digest", "0x" + digest(separator, message).hex(), row["digest"])
        same("signature", key.sign(digest(separator, message)), row["signature"])
        _check_sent(signed, row)
        recovered = recover_signer(row["signed_string"], row["signature"], row["chain_id"])
        same("recovered signer", recovered, row["signer"].lower())
        if "ccxt_url" in row:
            one_of("ccxt_url", row["ccxt_url"].removeprefix("https://fapi.asterdex.com"), (row["path"],))

    def _check_user(self, row: Mapping[str, Any]) -> None:
        known = self._file.credentials("v3")
        if row.get("user") is not None:
            allowed = (text_of(known, "user").lower(), text_of(known, "signer").lower())
            one_of("user", text_of(row, "user").lower(), allowed)

    def _signed(self, row: Mapping[str, Any]) -> tuple[str, SignedRequest]:
        """The text we sign for the vector, and the request we send."""
        parameters, form, order = pairs_of(row, "params"), row["signed_form"], row["param_order"]
        if order == "params_first" and form in ("identical", "encoded"):
            return self._by_client(row, parameters)
        identity = [("user", row["user"])] if row.get("user") is not None else []
        proof = (("nonce", str(whole_of(row, "nonce"))), *identity, ("signer", text_of(row, "signer")))
        if order == "params_first":
            pairs = (*parameters, *proof)
        elif order == "auth_first":
            pairs = (*proof, *parameters)
        else:
            raise Wrong(f"param_order {order!r} is not known")
        encoded = form_encode(pairs)
        raw = "&".join(f"{name}={value}" for name, value in pairs)
        if form == "raw":
            text = raw
            same("decoded body", raw, unquote_plus(encoded))
        elif form in ("identical", "encoded"):
            text = encoded
        else:
            raise Wrong(f"signed_form {form!r} is not known")
        signature = self._file.wallet().sign(digest(domain_separator(row["chain_id"]), text.encode()))
        return text, assemble(_request(row, parameters), f"{encoded}&signature={signature}", {})

    def _by_client(self, row: Mapping[str, Any], parameters: tuple[tuple[str, str], ...]) -> tuple[str, SignedRequest]:
        """The client's own way: a request goes in, bytes for the wire come out."""
        signer = WalletSigner(
            user=row.get("user") or "", key=self._file.wallet(), signer=row["signer"], chain_id=row["chain_id"]
        )
        signed = signer.sign(_request(row, parameters), wall_ns=whole_of(row, "nonce") * 1000)
        text, _, _ = _sent_text(signed).rpartition("&signature=")
        if row["signed_form"] == "identical":
            same("text without encoding", unquote_plus(text), text)
        return text, signed

    # --- V1 ---

    def hmac(self, case: Case) -> None:
        """Check one HMAC request, or a listen-key call that carries the key header only."""
        row = need(case.data, "method", "path", "auth", "headers", "params", "signature", "query", "body")
        _check_route(row, _V1_PATHS)
        known = self._file.credentials("v1")
        signer = HmacSigner(
            api_key=Secret(text_of(known, "apiKey")),
            secret_key=Secret(text_of(known, "secret")),
            recv_window_ms=self._file.recv_window_ms(),
        )
        if row["auth"] == _KEY_HEADER_ONLY:
            same("signature", None, row["signature"])
            if not row["path"].endswith("/listenKey"):
                raise Wrong("only listen-key calls go unsigned")
            _check_sent(signer.sign(_request(row, pairs_of(row, "params")), wall_ns=0), row)
            return
        same("auth", "HMAC-SHA256", row["auth"])
        need(row, "timestamp", "signed_string")
        signed = self._by_key(signer, row)
        text, _, signature = _sent_text(signed).rpartition("&signature=")
        same("signed_string", text, row["signed_string"])
        same("signature", signature, row["signature"])
        _check_sent(signed, row)
        if not is_hmac_of(row["signed_string"], row["signature"], text_of(known, "secret")):
            raise Wrong("the simulated venue does not accept the signature")

    def _by_key(self, signer: HmacSigner, row: Mapping[str, Any]) -> SignedRequest:
        request, timestamp = _request(row, pairs_of(row, "params")), whole_of(row, "timestamp")
        if not row["path"].endswith("/listenKey"):
            return signer.sign(request, wall_ns=timestamp * 1_000_000)
        window = ("recvWindow", str(self._file.recv_window_ms()))  # the client never signs these; some do
        text = form_encode((*request.parameters, window, ("timestamp", str(timestamp))))
        key = {"X-MBX-APIKEY": text_of(self._file.credentials("v1"), "apiKey")}
        return assemble(request, f"{text}&signature={signer.hmac(text)}", key)

    def known_answer(self, case: Case) -> None:
        """Check a published signature: of one text, or of a query and a body joined without a separator."""
        row = need(case.data, "secret", "signed_string", "signature")
        if "query" in row or "body" in row:
            need(row, "query", "body")
            same("signed_string", text_of(row, "query") + text_of(row, "body"), row["signed_string"])
        signer = HmacSigner(api_key=Secret("none"), secret_key=Secret(text_of(row, "secret")), recv_window_ms=5000)
        same("signature", signer.hmac(text_of(row, "signed_string")), row["signature"])


def _request(row: Mapping[str, Any], parameters: tuple[tuple[str, str], ...]) -> HttpRequest:
    return HttpRequest(
        operation=str(row.get("name")), method=row["method"], path=row["path"], parameters=parameters, signed=True
    )


def _check_route(row: Mapping[str, Any], paths: Mapping[str, tuple[str, ...]]) -> None:
    methods = paths.get(text_of(row, "path"))
    if methods is None:
        raise Wrong(f"path {row['path']!r} is no signed call of this venue")
    one_of("method", row["method"], methods)


def _sent_text(signed: SignedRequest) -> str:
    return signed.body.decode() if signed.body else signed.target.partition("?")[2]


def _check_sent(signed: SignedRequest, row: Mapping[str, Any]) -> None:
    """Compare where the parameters went, and the headers."""
    path, _, query = signed.target.partition("?")
    same("path", path, row["path"])
    same("query", query or None, row["query"])
    same("body", signed.body.decode() or None, row["body"])
    same("headers", dict(signed.headers), row["headers"])
