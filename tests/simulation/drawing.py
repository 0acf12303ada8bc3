"""Draws from seeded streams."""

import math
from random import Random


def stream(seed: int, purpose: str) -> Random:
    """Return the random stream of one purpose: taking one purpose away moves no other draw."""
    return Random(f"{seed}/{purpose}")


def log_uniform(rng: Random, least: float, most: float) -> float:
    """Return a number that is as likely between 1 and 10 as between 10 and 100: subtle orders of events need delays
    of every size.
    """
    return math.exp(rng.uniform(math.log(least), math.log(most)))
