"""Record episodes of a Gymnasium environment as a source: a video, a log of steps, a provenance.

    python record_gym.py ENVIRONMENT FOLDER --episodes 10 --seed 7

The policy draws actions from the environment's own space; put yours into `policy`. Needs the extra
`clearway[gym]`, and whatever the environment draws with.
"""

import argparse
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import av
import gymnasium
import numpy as np

USUAL_RATE = 30


def policy(env, _observation):
    """Choose the next action."""
    return env.action_space.sample()


def main():
    """Record what the command line asks for."""
    parser = argparse.ArgumentParser(description="Record a Gymnasium environment.")
    parser.add_argument("environment", help="id, or MODULE:id for one that a module registers")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--episodes", type=int, default=1)
    parser.add_argument("--steps", type=int, default=10_000, help="at most, for each episode")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    env = gymnasium.make(asked.environment, render_mode="rgb_array")
    env.action_space.seed(asked.seed)
    rate = int(env.metadata.get("render_fps") or USUAL_RATE)
    told = provenance(env, seed=asked.seed, rate=rate)
    (asked.folder / "environment.json").write_text(json.dumps(told, indent=2) + "\n")
    for number in range(asked.episodes):
        path = asked.folder / f"episode-{number:04}"
        record(env, path, seed=asked.seed + number, rate=rate, steps=asked.steps)
    env.close()


def record(env, path, *, seed, rate, steps):
    """Record one episode: N steps, N + 1 pictures, step k leads to picture k + 1."""
    observation, _ = env.reset(seed=seed)
    first = env.render()
    with (
        av.open(str(path.with_suffix(".mp4")), "w") as film,
        path.with_suffix(".jsonl").open("w") as log,
    ):
        stream = film.add_stream("libx264", rate=rate)
        stream.height, stream.width = (size - size % 2 for size in first.shape[:2])
        stream.pix_fmt = "yuv420p"
        show(film, stream, first)
        for step in range(steps):
            action = policy(env, observation)
            observation, reward, terminated, truncated, _ = env.step(action)
            row = {"frame": step + 1, "t_ns": (step + 1) * 10**9 // rate}
            row |= {"action": plain(action), "observation": plain(observation)}
            row |= {"reward": float(reward), "terminated": bool(terminated)}
            log.write(json.dumps(row | {"truncated": bool(truncated)}) + "\n")
            show(film, stream, env.render())
            if terminated or truncated:
                break
        film.mux(stream.encode())


def show(film, stream, pixels):
    """Add a picture; an odd line or column at the edge cannot be coded and is cut off."""
    kept = np.ascontiguousarray(pixels[: stream.height, : stream.width])
    film.mux(stream.encode(av.VideoFrame.from_ndarray(kept, format="rgb24")))


def provenance(env, *, seed, rate):
    """Say what runs: environment, versions, seed, wrappers from the outside in, spaces."""
    wrappers, inner = [], env
    while inner is not env.unwrapped:
        wrappers.append(type(inner).__name__)
        inner = inner.env
    return {
        "environment": env.spec.id,
        "entry_point": str(env.spec.entry_point),
        "arguments": {name: repr(value) for name, value in env.spec.kwargs.items()},
        "version": versions(str(env.spec.entry_point)),
        "seed": seed,
        "seed_of_episode": "seed + number of the episode",
        "wrappers": wrappers,
        "max_episode_steps": env.spec.max_episode_steps,
        "observation_space": str(env.observation_space),
        "action_space": str(env.action_space),
        "policy": "samples the action space",
        "render_fps": rate,
    }


def versions(entry_point):
    """Return the versions of what ran, by the name of the package."""
    named = {"gymnasium": gymnasium.__version__, "numpy": np.__version__}
    package = entry_point.split(":")[0].split(".")[0]
    try:
        return {package: version(package), **named}
    except PackageNotFoundError:
        return {package: "not a package", **named}


def plain(value):
    """Return numbers and arrays as JSON knows them."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return np.asarray(value).tolist()


if __name__ == "__main__":
    main()
