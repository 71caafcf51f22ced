"""Small files that state something: containers made byte by byte, books, and signed recordings."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

RESERVED = {"natural_language": "reserved"}
NO_TRAINING = "These films may not be used to train AI models."
JUMBF = b"\0\0\0\x28jumb\0\0\0\x20jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\3c2pa\0"
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def xmp(value: str = "DMI-PROHIBITED", *, words: str = "") -> bytes:
    """A packet that states a value of PLUS, and perhaps words."""
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<d xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" plus:DataMining="{value}">{words}</d>'
        '</x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def box(kind: bytes, *inside: bytes) -> bytes:
    """A box of ISO media files."""
    content = b"".join(inside)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mp4(*boxes: bytes) -> bytes:
    """A file that begins and ends as an mp4 does, with no samples."""
    return box(b"ftyp", b"isom\0\0\2\0isom") + b"".join(boxes) + box(b"mdat", bytes(64))


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a RIFF file."""
    return struct.pack("<4sI", kind, len(content)) + content + b"\0" * (len(content) % 2)


def riff(form: bytes, *chunks: bytes) -> bytes:
    """A RIFF file of these chunks."""
    return chunk(b"RIFF", form + b"".join(chunks))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks, without their checksums."""
    made = [
        struct.pack(">I4s", len(content), kind) + content + bytes(4) for kind, content in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG of these segments, with no picture after them."""
    made = [
        struct.pack(">BBH", 0xFF, kind, 2 + len(content)) + content for kind, content in segments
    ]
    return b"\xff\xd8" + b"".join(made) + b"\xff\xda\0\2pixels"


def ebml(kind: bytes, content: bytes) -> bytes:
    """An element of Matroska, its length in eight bytes."""
    return kind + struct.pack(">Q", (1 << 56) | len(content)) + content


def book(opf: bytes, *, container: bytes | None = None) -> bytes:
    """An EPUB of one package file."""
    named = (
        b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        b'<rootfile full-path="OEBPS/content.opf"/></rootfiles></container>'
    )
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip")
        made.writestr("META-INF/container.xml", named if container is None else container)
        made.writestr("OEBPS/content.opf", opf)
    return sink.getvalue()


def signed(raw: bytes, mime: str, entries: dict[str, Any] | None) -> bytes:
    """The file `raw` with a C2PA manifest of our own making; its signer is known to nobody."""
    import c2pa

    assertions: list[dict[str, Any]] = [{
        "label": "c2pa.actions",
        "data": {"actions": [{
            "action": "c2pa.created",
            "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
        }]},
    }]  # fmt: skip
    if entries is not None:
        assertions.append({"label": "cawg.training-mining", "data": {"entries": entries}})
    said = {"claim_generator_info": [{"name": "made", "version": "1"}], "assertions": assertions}
    chain, key = _credentials()
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
    sink = io.BytesIO()
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(said) as builder:
        builder.sign(signer, mime, io.BytesIO(raw), sink)
    return sink.getvalue()


def _credentials() -> tuple[bytes, bytes]:
    """A chain of two certificates and the key of the first."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    publics = [one.public_key() for one in keys]
    names = [
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, one)]) for one in ("Leaf", "Root")
    ]
    now = datetime.now(UTC)
    chain = b""
    for at, root in enumerate((False, True)):
        uses = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        uses |= {"digital_signature": not root, "key_cert_sign": root, "crl_sign": root}
        made = (
            x509.CertificateBuilder()
            .subject_name(names[at]).issuer_name(names[1])
            .public_key(publics[at]).serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**uses), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(publics[at]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(publics[1]), critical=False
            )
        )  # fmt: skip
        if not root:
            made = made.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
        chain += made.sign(keys[1], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return chain, keys[0].private_bytes(serialization.Encoding.PEM, form, plain)


def write(folder: Path, files: dict[str, bytes | str]) -> None:
    """Write these files below `folder`."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
