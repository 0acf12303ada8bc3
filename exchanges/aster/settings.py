"""What a section `[exchange.NAME]` with `venue = aster` may say (CONFIG.md D.1)."""

from dataclasses import dataclass
from enum import StrEnum

from exchanges.account_settings import AUTO, NO_SECRET, SecretResolver, common_problems, fee_rate, secrets_from
from exchanges.secrets import Secret
from exchanges.settings import setting


class Network(StrEnum):
    """Which of the venue's networks is traded on."""

    MAINNET = "mainnet"
    TESTNET = "testnet"


class Auth(StrEnum):
    """How requests are signed: v3 = wallet signature (EIP-712), v1 = HMAC with an old API key."""

    V3 = "v3"
    V1 = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsterSettings:
    """One account on Aster. Secrets are named by environment variable and never stand here themselves."""

    network: Network = setting(help="mainnet, or testnet (other hosts, other signing domain)", default=Network.MAINNET)
    auth: Auth = setting(
        help="v3 = wallet signature (EIP-712); v1 = HMAC, only for accounts that still have such keys", default=Auth.V3
    )
    user_env: str = setting(
        help="variable with the address of the main wallet (v3)",
        default="ASTER_USER",
        names_secret=True,
        paper=False,
    )
    signer_env: str = setting(
        help="variable with the address of the API wallet (v3)",
        default="ASTER_SIGNER",
        names_secret=True,
        paper=False,
    )
    private_key_env: str = setting(
        help="variable with the private key of the API wallet (v3)",
        default="ASTER_PRIVATE_KEY",
        names_secret=True,
        paper=False,
    )
    api_key_env: str = setting(
        help="variable with the API key (v1)", default="ASTER_API_KEY", names_secret=True, paper=False
    )
    secret_key_env: str = setting(
        help="variable with the API secret (v1)", default="ASTER_SECRET_KEY", names_secret=True, paper=False
    )
    recv_window_ms: int = setting(
        help="how late a signed request may arrive (v1); short, it is the fence",
        unit="ms",
        ge=1000,
        le=60000,
        default=5000,
    )
    nonce_window_s: int = setting(
        help="how far from its clock the venue accepts a nonce (v3); an order of unknown outcome counts as possibly "
        "accepted for so long",
        unit="s",
        ge=5,
        le=600,
        default=60,
    )
    listen_key_renew_s: int = setting(
        help="the private stream's key is renewed so often; it lives an hour", unit="s", ge=60, le=3000, default=1500
    )
    maker_fee_bps: str = setting(help="auto = read from the venue, else a number", unit="bps", default=AUTO)
    taker_fee_bps: str = setting(help="auto = read from the venue, else a number", unit="bps", default=AUTO)
    rest_url: str = setting(help="another REST address than the network's; empty = the network's", default="")
    ws_url: str = setting(help="another stream address than the network's; empty = the network's", default="")
    proxy: str = setting(help="http://host:port for REST and streams; empty = direct", default="")
    ca_file: str = setting(help="certificates to trust instead of the system's; empty = the system's", default="")

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong between or inside the settings beyond single ranges, one text per problem."""
        return tuple(common_problems(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class AsterCredentials:
    """What signs for one account. Only the fields of the chosen way of signing are filled.

    `user` and `signer` are wallet addresses (public); the rest is secret.
    """

    user: str = ""
    signer: str = ""
    private_key: Secret = NO_SECRET
    api_key: Secret = NO_SECRET
    secret_key: Secret = NO_SECRET


def credentials_from(settings: AsterSettings, resolve: SecretResolver) -> AsterCredentials:
    """Read the credentials that `settings` names.

    Raises:
        ConfigError: variables are not set; every one of them is named.
    """
    names = (
        {"user": settings.user_env, "signer": settings.signer_env, "private_key": settings.private_key_env}
        if settings.auth is Auth.V3
        else {"api_key": settings.api_key_env, "secret_key": settings.secret_key_env}
    )
    found = secrets_from(names, resolve)
    return AsterCredentials(
        user=found["user"].reveal() if "user" in found else "",
        signer=found["signer"].reveal() if "signer" in found else "",
        private_key=found.get("private_key", NO_SECRET),
        api_key=found.get("api_key", NO_SECRET),
        secret_key=found.get("secret_key", NO_SECRET),
    )


__all__ = [
    "AsterCredentials",
    "AsterSettings",
    "Auth",
    "Network",
    "SecretResolver",
    "credentials_from",
    "fee_rate",
]
