"""Passwords: hashed with Argon2id, compared in the same time whether or not the account is there.

The parameters are the second choice of RFC 9106: 64 MiB, three passes, four lanes.
"""

from __future__ import annotations

import os
import secrets
from functools import cache
from threading import Semaphore
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from pipelines.errors import AccountError

SHORTEST, LONGEST = 12, 256  # characters
_SALT, _KEY, _PASSES, _LANES, _KIB = 16, 32, 3, 4, 64 * 1024
_AT_ONCE: Final = Semaphore(2)  # each takes 64 MiB


def generated() -> str:
    """Make a password of 120 bits."""
    return secrets.token_urlsafe(15)


def hashed(password: str) -> str:
    """Return the Argon2 text of a password, which holds its salt and parameters.

    Raises:
        AccountError: PASSWORD_INVALID.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccountError(
            f"a password of {len(password)} characters, expected {SHORTEST} to {LONGEST}",
            code="PASSWORD_INVALID",
            way_out="take a few words that nobody says together",
        )
    return _phc(password)


def fits(password: str, phc: str | None) -> bool:
    """Is this the password? Without an account (None) the answer takes as long, and is no."""
    if len(password) > LONGEST:
        return False
    try:
        with _AT_ONCE:
            Argon2id.verify_phc_encoded(password.encode(), phc or _nobodys())
    except InvalidKey:
        return False
    return phc is not None


def _phc(password: str) -> str:
    with _AT_ONCE:
        made = Argon2id(
            salt=os.urandom(_SALT), length=_KEY, iterations=_PASSES, lanes=_LANES, memory_cost=_KIB
        )
        return made.derive_phc_encoded(password.encode())


@cache
def _nobodys() -> str:
    return _phc(generated())
