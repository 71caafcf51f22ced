"""Gymnasium episodes: recorded by the script of the docs, ingested with their provenance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines.readers.recordings import film, lines, read_all

SCRIPT = Path(__file__).parents[3] / "docs/examples/record_gym.py"
DOT = '''
import gymnasium, numpy as np

class Dot(gymnasium.Env):
    """A dot that moves left and right on a line of eight places."""
    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}
    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Box(0, 7, (1,), np.float32)

    def __init__(self, render_mode=None, start=3):
        self.render_mode, self.start = render_mode, start

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = self.start
        return np.array([self.at], np.float32), {}

    def step(self, action):
        self.at = min(7, max(0, self.at + (1 if action else -1)))
        return np.array([self.at], np.float32), float(self.at == 7), self.at == 7, False, {}

    def render(self):
        picture = np.zeros((33, 64, 3), np.uint8)
        picture[:, 8 * self.at : 8 * self.at + 8] = 255
        return picture

gymnasium.register("Dot-v0", entry_point="dot:Dot", max_episode_steps=25)
'''
ROWS = [
    {"frame": n + 1, "t_ns": n * 10**7, "action": n % 2, "observation": [n, 0.5],
     "reward": 1.0, "terminated": False, "truncated": n == 8}
    for n in range(9)
]  # fmt: skip


def test_what_the_script_records_is_ingested_with_its_provenance(tmp_path):
    (tmp_path / "dot.py").write_text(DOT)
    folder = tmp_path / "in"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "dot:Dot-v0", str(folder), "--episodes", "2", "--seed", "7"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    files, episodes, _ = read_all(folder, tmp_path / "s")

    assert files["environment.json"].status == "companion"
    assert [files[f"episode-000{n}.jsonl"].status for n in range(2)] == ["ingested"] * 2
    for episode in episodes:
        video, action, state, events = episode.streams
        assert len(video.ts_ns) == len(events.ts_ns) + 1
        assert action.ts_ns.tolist() == video.ts_ns[1:].tolist()
        assert action.channels == ("action",)
        assert "observation.0" in state.channels
        told = json.loads(episode.notes[0].removeprefix("environment.json: "))
        assert (told["environment"], told["seed"]) == ("Dot-v0", 7)
        assert told["wrappers"] == ["TimeLimit", "OrderEnforcing", "PassiveEnvChecker"]
        assert "gymnasium" in told["version"]


def test_an_episode_without_its_provenance_says_so(tmp_path):
    film(tmp_path / "in/a.mp4", frames=10)
    lines(tmp_path / "in/a.jsonl", ROWS)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.notes[0].startswith("no environment.json")
    assert episode.streams[1].ts_ns.tolist() == episode.streams[0].ts_ns[1:].tolist()


@pytest.mark.parametrize("text", ['{"environment": "A-v0"}', "{", "[]"])
def test_a_provenance_that_lacks_something_says_what(text, tmp_path):
    lines(tmp_path / "in/a.jsonl", ROWS)
    (tmp_path / "in/environment.json").write_text(text)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert "version, seed, wrappers" in episode.notes[1]
    assert files["environment.json"].status == "companion"


def test_a_broken_film_leaves_the_steps_with_their_provenance(tmp_path):
    whole = film(tmp_path / "in/a.mp4").read_bytes()
    (tmp_path / "in/a.mp4").write_bytes(whole[: len(whole) // 2])
    lines(tmp_path / "in/a.jsonl", ROWS)
    (tmp_path / "in/environment.json").write_text('{"environment": "A-v0"}')

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.mp4"].reason, files["a.jsonl"].status) == ("TRUNCATED", "ingested")
    assert "A-v0" in episode.notes[0]
