"""What a check found: problems that forbid a start, and warnings that do not."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Findings:
    """Lines for people, each naming section, key, value, reason and remedy."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        """Add a problem once."""
        if text not in self.problems:
            self.problems.append(text)

    def warn(self, text: str) -> None:
        """Add a warning once."""
        if text not in self.warnings:
            self.warnings.append(text)
