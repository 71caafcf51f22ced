"""Worlds in which a command decides what comes next, drawn from a seed: cells and pixels.

A thing stands on a square of cells and goes one cell by each command, or stays; at the edge it
stays. Who does not listen to the commands cannot know where it is.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from training.loader import Batch, Shapes
from training.model.slots import Seen

ACTIONS = 5
CELL = 8  # pixels a side
_MOVES = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
_COLOURS = np.array([[1.0, 0.2, 0.2], [0.2, 1.0, 0.2], [0.3, 0.3, 1.0]])

Ints = NDArray[np.int64]


def walks(
    seed: tuple[int, int], count: int, *, frames: int, side: int
) -> tuple[Ints, Ints, np.random.Generator]:
    """Row and column in every frame, the commands that led there, and numbers for the rest."""
    numbers = np.random.default_rng(seed)
    here = numbers.integers(0, side, (count, 2))
    commands = numbers.integers(0, ACTIONS, (count, frames))
    places = np.zeros((count, frames, 2), np.int64)
    for frame in range(frames):
        if frame:
            here = np.clip(here + _MOVES[commands[:, frame]], 0, side - 1)
        places[:, frame] = here
    return places, commands, numbers


def codes_of_cells() -> torch.Tensor:
    """A latent for each of 16 cells, orthogonal to the others: rows of a Hadamard matrix."""
    rows = torch.ones(1, 1)
    while len(rows) < 16:
        rows = torch.cat([torch.cat([rows, rows], 1), torch.cat([rows, -rows], 1)])
    return rows / 2  # about as large as what a tokenizer makes


def one_token(seed: tuple[int, int], count: int, codes: torch.Tensor) -> tuple[torch.Tensor, Seen]:
    """Cells of 4 x 4, and frames of one token: the code of the cell."""
    places, commands, _ = walks(seed, count, frames=16, side=4)
    cells = torch.from_numpy(places[..., 0] * 4 + places[..., 1])
    size = cells.shape
    seen = Seen(
        z_BTNC=codes[cells][:, :, None],
        action_BTA=torch.eye(ACTIONS)[torch.from_numpy(commands)],
        action_mask_BTA=torch.ones(*size, ACTIONS, dtype=torch.bool),
        state_BTS=torch.zeros(*size, 1),
        state_mask_BTS=torch.zeros(*size, 1, dtype=torch.bool),
        dt_BT=torch.full(size, 0.1),
        domain_B=torch.zeros(count, dtype=torch.long),
        video_B=torch.ones(count, dtype=torch.bool),
    )
    return cells, seen


def pixel_shapes(side: int) -> Shapes:
    """What a model must know of the pixels."""
    pixels = side * CELL
    return Shapes(height=pixels, width=pixels, num_actions=ACTIONS, num_states=1, domains=("sim",))


def pixel_batch(seed: int, step: int, count: int, *, frames: int, side: int) -> Batch:
    """A coloured thing on a floor of random cells, another floor and colour in every window."""
    places, commands, numbers = walks((seed, step), count, frames=frames, side=side)
    floor = numbers.uniform(0.1, 0.5, (count, side, side, 3))
    colour = _COLOURS[numbers.integers(0, len(_COLOURS), count)]
    cells = np.repeat(floor[:, None], frames, axis=1)
    rows, times = np.ogrid[:count, :frames]
    cells[rows, times, places[..., 0], places[..., 1]] = colour[:, None]
    pixels = cells.repeat(CELL, axis=2).repeat(CELL, axis=3)
    return Batch(
        step=step,
        sequence=0,
        slots_B=np.arange(count),
        window_B=np.arange(count),
        frames_BTHWC=(pixels * 255).astype(np.uint8),
        action_BTA=np.eye(ACTIONS, dtype=np.float32)[commands],
        action_mask_BTA=np.ones((count, frames, ACTIONS), np.bool_),
        state_BTS=np.zeros((count, frames, 1), np.float32),
        state_mask_BTS=np.zeros((count, frames, 1), np.bool_),
        past_action_BPA=np.zeros((count, 0, ACTIONS), np.float32),
        past_action_mask_BPA=np.zeros((count, 0, ACTIONS), np.bool_),
        past_state_BQS=np.zeros((count, 0, 1), np.float32),
        past_state_mask_BQS=np.zeros((count, 0, 1), np.bool_),
        dt_BT=np.full((count, frames), 0.1, np.float32),
        domain_B=np.zeros(count, np.int64),
        video_B=np.ones(count, np.bool_),
        weight_B=np.ones(count, np.float32),
        lost=(),
    )
