"""Measurements. They print figures and ratios; they never fail because a machine is slow."""
