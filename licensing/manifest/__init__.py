"""The papers that travel with a training set: manifest, clearance statement, revocation list.

Import every name from here; the modules below are one package only because of their length.
"""

from licensing.manifest.digests import (
    canonical,
    combine,
    digest,
    from_canonical,
    row_digest,
    sha256_hex,
)
from licensing.manifest.packs import (
    PACK_FORMATS,
    PACK_TYPE,
    open_pack,
    open_pack_statement,
    pack_list,
    pack_statement,
)
from licensing.manifest.papers import (
    CLEARANCE_TYPE,
    PREDICATE_TYPE,
    REVOCATIONS_SCHEMA,
    REVOCATIONS_TYPE,
    Clearance,
    Revocations,
    clearance_statement,
    decisions_root,
    instant,
    moment,
    open_clearance,
    open_revocations,
    revocation_list,
)
from licensing.manifest.schema import MANIFEST_SCHEMA, UNLISTED, check_manifest, open_manifest
from licensing.manifest.signing import (
    key_id,
    open_statement,
    public_of,
    public_pem,
    read_public_pem,
    sign_statement,
)

__all__ = [
    "CLEARANCE_TYPE",
    "MANIFEST_SCHEMA",
    "PACK_FORMATS",
    "PACK_TYPE",
    "PREDICATE_TYPE",
    "REVOCATIONS_SCHEMA",
    "REVOCATIONS_TYPE",
    "UNLISTED",
    "Clearance",
    "Revocations",
    "canonical",
    "check_manifest",
    "clearance_statement",
    "combine",
    "decisions_root",
    "digest",
    "from_canonical",
    "instant",
    "key_id",
    "moment",
    "open_clearance",
    "open_manifest",
    "open_pack",
    "open_pack_statement",
    "open_revocations",
    "open_statement",
    "pack_list",
    "pack_statement",
    "public_of",
    "public_pem",
    "read_public_pem",
    "revocation_list",
    "row_digest",
    "sha256_hex",
    "sign_statement",
]
