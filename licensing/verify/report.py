"""What a check found: one finding a check, passed, failed or not done, and the sum of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check; `state` is passed, failed or skipped (and then says why)."""

    check: str
    state: str
    code: str = ""
    subject: str = ""
    message: str = ""

    def line(self) -> dict[str, str]:
        """The finding as a JSON line."""
        return {
            "check": self.check,
            "state": self.state,
            "code": self.code,
            "subject": self.subject,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings, in the order of the checks; `cleared_until` is empty unless all passed."""

    findings: tuple[Finding, ...]
    cleared_until: str = ""

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that speak against it."""
        return tuple(one for one in self.findings if one.state == "failed")

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it."""
        return bool(self.findings) and not self.failed


def passed(check: str, message: str) -> Finding:
    """A check that holds."""
    return Finding(check=check, state="passed", message=message)


def skipped(check: str, message: str) -> Finding:
    """A check that could not be done, and why."""
    return Finding(check=check, state="skipped", message=message)


def failed(check: str, *, code: str, subject: str, message: str) -> Finding:
    """A check that does not hold."""
    return Finding(check=check, state="failed", code=code, subject=subject, message=message)
