"""What a section `[exchange.NAME]` with `venue = toy` may say."""

from dataclasses import dataclass

from exchanges.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ToySettings:
    """One account on the toy venue."""

    key_env: str = setting(help="variable with the name of the key", default="TOY_KEY", names_secret=True, paper=False)
    secret_env: str = setting(help="variable with the secret", default="TOY_SECRET", names_secret=True, paper=False)

    def problems(self) -> tuple[str, ...]:
        """Nothing can be wrong beyond single ranges."""
        return ()
