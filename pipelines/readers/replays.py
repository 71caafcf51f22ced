"""Replays of games that are recognised and have no reader, by bytes that nothing else begins with.

A replay holds commands, not pictures: it means something only to the very version of its game.
"""

from __future__ import annotations

import string

REPLAYS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"HL2DEMO\x00", "Source demo (Counter-Strike, Half-Life 2, Team Fortress 2)"),
    (0, b"HLDEMO\x00", "GoldSrc demo (Half-Life, Counter-Strike 1.6)"),
    (0, b"PBDEMS2\x00", "Source 2 demo (Counter-Strike 2, Dota 2, Deadlock)"),
    (0, b"MPQ\x1b", "MPQ replay (StarCraft II, Heroes of the Storm)"),
    (0, b"MPQ\x1a", "MPQ archive (StarCraft II, Warcraft III)"),
    (0, b"Warcraft III recorded game\x1a\x00", "Warcraft III replay"),
    (12, b"reRS", "StarCraft replay"),
    (12, b"seRS", "StarCraft Remastered replay"),
    (0, b"RIOT\x00", "League of Legends replay"),
    (0, b"RIOT\x02", "League of Legends replay"),
    (0, b"\x7f\xe2\xa2\x1c", "Unreal Engine replay (Fortnite, PUBG)"),
    (0, b"\x12\x32\x34\x11", "World of Tanks or Warships replay"),
    (0, b"GBX\x06", "Trackmania replay or map (Gbx)"),
    (4, b"COH__REC", "Company of Heroes replay"),
    (0, b"GENREP", "Command & Conquer Generals replay"),
    (0, b"C&C3 REPLAY HEADER", "Command & Conquer 3 replay"),
    (0, b"RA3 REPLAY HEADER", "Red Alert 3 replay"),
    (0, b"Supreme Commander v1", "Supreme Commander replay"),
    (0, b"spring demofile\x00", "Spring replay"),
    (0, b"TWDEMO\x00", "Teeworlds demo"),
    (0, b"{U\x03raw[$U#l", "Slippi replay (Super Smash Bros. Melee)"),
    (1, b"\x1dBoom\xe6", "Boom demo of Doom"),
    (1, b"\x1dMBF\xe6", "MBF demo of Doom"),
    (0, b"\xffPR+UM", "PrBoom+ demo of Doom"),
    (0, b"DTM\x1a", "Dolphin input movie"),
    (0, b"M64\x1a", "Mupen64 input movie"),
    (0, b"VBM\x1a", "VisualBoyAdvance input movie"),
    (0, b"SMV\x1a", "Snes9x input movie"),
    (0, b"FCM\x1a", "FCE Ultra input movie"),
    (0, b"MAMEINP\x00", "MAME input recording"),
)
_INSIDE_ZIP = (
    (b"recording.tmcpr", "Minecraft replay (mcpr)"),
    (b"Input Log.txt", "BizHawk input movie"),
    (b"/level-init.dat", "Factorio save with its replay"),
    (b"observation$", "MineRL episode (npz)"),
    (b".npy", "NumPy arrays (npz)"),
)
_HEX = frozenset(string.hexdigits.encode())


def replay(head: bytes) -> str:
    """Say which game's replay begins with `head`, or "" when none does."""
    for offset, magic, what in REPLAYS:
        if head.startswith(magic, offset):
            return what
    if head.startswith(b"FORM") and head[8:12] == b"ZDEM":
        return "ZDoom demo"
    if b"TAGame.Replay_" in head[:64]:
        return "Rocket League replay"
    return "osu! replay" if _is_osu(head) else ""


def inside_zip(head: bytes, tail: bytes) -> str:
    """Say what a zip archive holds, by the names at its two ends."""
    return next((what for name, what in _INSIDE_ZIP if name in head or name in tail), "zip")


def _is_osu(head: bytes) -> bool:
    """Say whether a mode, a version that is a date, and the digest of a beatmap come first."""
    version = int.from_bytes(head[1:5], "little")
    marked = head[:1] < b"\x04" and head[5:7] == b"\x0b\x20"
    return marked and 20_070_000 < version < 21_000_000 and _HEX.issuperset(head[7:39])
