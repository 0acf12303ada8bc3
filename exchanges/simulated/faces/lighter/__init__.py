"""The simulated Lighter: its wire protocol over the venue-neutral engine (venues/lighter.md)."""
