"""What a section `[exchange.NAME]` with `venue = backpack` may say (CONFIG.md D.1)."""

from dataclasses import dataclass
from enum import StrEnum

from exchanges.account_settings import AUTO, SecretResolver, common_problems, secrets_from
from exchanges.secrets import Secret
from exchanges.settings import setting


class Network(StrEnum):
    """Which of the venue's networks is traded on. There is no public test network."""

    MAINNET = "mainnet"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackpackSettings:
    """One account on Backpack. Secrets are named by environment variable and never stand here themselves."""

    network: Network = setting(help="mainnet; the venue has no public test network", default=Network.MAINNET)
    public_key_env: str = setting(
        help="variable with the API key (base64 of the ED25519 public key)",
        default="BACKPACK_PUBLIC_KEY",
        names_secret=True,
        paper=False,
    )
    secret_key_env: str = setting(
        help="variable with the API secret (base64 of the ED25519 seed)",
        default="BACKPACK_SECRET_KEY",
        names_secret=True,
        paper=False,
    )
    window_ms: int = setting(
        help="how late a signed request may arrive (X-Window); short, it is the fence",
        unit="ms",
        ge=1000,
        le=60000,
        default=3000,
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
class BackpackCredentials:
    """What signs for one account: the API key (public) and the secret key it belongs to."""

    api_key: str
    secret_key: Secret


def credentials_from(settings: BackpackSettings, resolve: SecretResolver) -> BackpackCredentials:
    """Read the credentials that `settings` names.

    Raises:
        ConfigError: variables are not set; every one of them is named.
    """
    found = secrets_from({"public_key": settings.public_key_env, "secret_key": settings.secret_key_env}, resolve)
    return BackpackCredentials(api_key=found["public_key"].reveal(), secret_key=found["secret_key"])
