"""Glyphs: characters of invented alphabets, drawn from a seed; nothing to download.

A character is a few strokes through points on a loose grid; its alphabet gives it manner, such
as round or angular. A drawing is a character in the hand of one of 20 people: their slant, size
and pen, and each time a little chance. Made to be like Omniglot, so that one can stand in for
the other: the same size, the same polarity, and raw pixels that are not enough to tell
characters apart.
"""

import math
from typing import NamedTuple

import numpy as np
import PIL
from PIL import Image, ImageDraw

from data_gen import cache
from data_gen.class_pool import ClassPool, Splits, split_by_name
from data_gen.pictures import resize
from data_gen.request import DataRequest
from data_gen.room import check_fits

SEED = 20
SPLIT_SEED = "hidra-glyphs-1"
ALPHABETS = 20
CHARACTERS = 20  # per alphabet
HANDS = 20  # drawings per character, each by someone else
TRAIN_CLASSES = 280
VAL_CLASSES = 40  # The other 80 characters are for testing.
SIDE = 28  # pixels, of a drawing
IMAGE_SIZE = (SIDE, SIDE)
CHANNELS = 1

_RECIPE = 1  # Raise it when the drawings change, so that cached ones are not used.
_SUPERSAMPLE = 4
_CURVE_POINTS = 16  # per stroke
_GRID = 3  # by 3 points, over the unit square
_NEARNESS = 1.0  # how much a pen prefers near grid points to far ones
# Standard deviations: of people's manners, and of one person's drawings around their manner.
_HAND_ROTATION, _DRAWING_ROTATION = 0.10, 0.12  # radians
_HAND_SLANT, _DRAWING_SLANT = 0.18, 0.08  # horizontal shift per unit of height
_HAND_SCALE, _DRAWING_SCALE = 0.12, 0.08  # of log size
_SHIFT = 0.07  # of the picture's side
_WOBBLE = 0.06  # of a control point, in units of the character's side


class _Hands(NamedTuple):
    """How each person writes; all float64 [HANDS]."""

    rotation: np.ndarray
    slant: np.ndarray
    scale: np.ndarray
    pen: np.ndarray  # width in pixels of the finished picture


def load(request: DataRequest) -> Splits:
    """Draws the glyphs, or takes them from the cache.

    Args:
        request: what is wanted, of which the cache folder, the polarity, the size (28 × 28 unless
            it names another) and the channels (1) count here.

    Returns:
        Pools of 280, 40 and 80 characters, 20 drawings each, uint8 [N, H, W, channels].

    Raises:
        UserError: if there is no memory for so large pictures.
    """
    shape = request.shape(IMAGE_SIZE, CHANNELS)
    drawings = ALPHABETS * CHARACTERS * HANDS
    # Resampled pictures, stacked, with their channels, and dealt out to the splits.
    check_fits("glyphs", drawings, shape, copies=4, disk=None)
    # Pillow draws the lines, so another version may draw them a little differently.
    key = {"seed": SEED, "recipe": _RECIPE, "pillow": PIL.__version__}
    arrays = cache.cached(key, lambda: {"images": draw_all(SEED)}, request.cache_dir, "glyphs")
    images = 255 - arrays["images"] if request.invert else arrays["images"]
    names = tuple(
        f"alphabet{a + 1:02d}/character{c + 1:02d}"
        for a in range(ALPHABETS)
        for c in range(CHARACTERS)
    )
    pool = ClassPool(_resampled(images, shape), (HANDS,) * len(names), names)
    return split_by_name(pool, SPLIT_SEED, train=TRAIN_CLASSES, val=VAL_CLASSES)


def locate(data_dir: str | None = None) -> None:
    """Looks for nothing: this data set has no files, and all data sets have this function."""
    del data_dir


def _resampled(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Pictures [N, 28, 28, 1] as [N, *shape], height, width and channels."""
    if shape[:2] != IMAGE_SIZE:
        resized = [resize(Image.fromarray(image[..., 0]), shape[:2]) for image in images]
        images = np.stack(resized)[..., None]
    return np.repeat(images, shape[2], axis=-1)


def draw_all(seed: int) -> np.ndarray:
    """Draws every character in every hand.

    Args:
        seed: the number that chooses the alphabets and the people.

    Returns:
        uint8 [ALPHABETS * CHARACTERS * HANDS, 28, 28, 1], dark strokes on white.
    """
    rng = np.random.default_rng(seed)
    hands = _Hands(
        rotation=rng.normal(0, _HAND_ROTATION, HANDS),
        slant=rng.normal(0, _HAND_SLANT, HANDS),
        scale=np.exp(rng.normal(0, _HAND_SCALE, HANDS)),
        pen=rng.uniform(1.1, 2.0, HANDS),
    )
    images = []
    for _ in range(ALPHABETS):
        roundness = rng.beta(1.5, 0.5)  # Most alphabets are round, some angular.
        joined = rng.uniform(0.2, 0.9)
        for _ in range(CHARACTERS):
            strokes = _invent_character(rng, joined)
            images.extend(_draw_character(rng, strokes, roundness, hands))
    return np.stack(images)[..., None]


def _invent_character(rng: np.random.Generator, joined: float) -> list[np.ndarray]:
    """Invents 2 to 4 strokes; each is float64 [control points, 2], (x, y) around 0.

    A character fits a square of side 1.5.

    Args:
        rng: the source of chance.
        joined: the probability that a stroke starts where an earlier one has a control point.
    """
    cells = np.stack(np.meshgrid(np.arange(_GRID), np.arange(_GRID)), -1).reshape(-1, 2)
    loose = (cells + rng.uniform(-0.25, 0.25, cells.shape)) / (_GRID - 1)
    strokes: list[np.ndarray] = []
    used: list[int] = []
    for _ in range(rng.integers(2, 5)):
        start = used[rng.integers(len(used))] if used and rng.uniform() < joined else None
        path = _walk(rng, cells, start)
        used.extend(path)
        strokes.append(loose[path])
    points = np.concatenate(strokes)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    return [stroke - centre for stroke in strokes]


def _walk(rng: np.random.Generator, cells: np.ndarray, start: int | None) -> list[int]:
    """Picks 2 to 4 distinct grid points, each likely near the one before it.

    Args:
        rng: the source of chance.
        cells: int64 [points, 2], the grid.
        start: the index of the first point; None chooses any.
    """
    path = [int(rng.integers(len(cells))) if start is None else start]
    for _ in range(rng.integers(1, 4)):
        weight = np.exp(-_NEARNESS * np.linalg.norm(cells - cells[path[-1]], axis=-1))
        weight[path] = 0
        path.append(int(rng.choice(len(cells), p=weight / weight.sum())))
    return path


def _draw_character(
    rng: np.random.Generator, strokes: list[np.ndarray], roundness: float, hands: _Hands
) -> list[np.ndarray]:
    """Draws one character once in each hand; returns uint8 [28, 28] each, dark on white."""
    matrices = _affine(rng, hands)
    shifts = rng.normal(0, _SHIFT, (HANDS, 1, 2))
    curves = []
    for stroke in strokes:
        points = stroke + rng.normal(0, _WOBBLE, (HANDS, *stroke.shape))
        curve = _curve_basis(len(stroke), roundness) @ points
        curves.append((curve @ matrices + shifts + 0.5) * (SIDE * _SUPERSAMPLE))
    return [
        _render([curve[hand] for curve in curves], hands.pen[hand] * _SUPERSAMPLE)
        for hand in range(HANDS)
    ]


def _affine(rng: np.random.Generator, hands: _Hands) -> np.ndarray:
    """How each hand turns, slants and scales a character: float64 [HANDS, 2, 2], from the right."""
    angle = hands.rotation + rng.normal(0, _DRAWING_ROTATION, HANDS)
    slant = hands.slant + rng.normal(0, _DRAWING_SLANT, HANDS)
    # Width and height vary apart; 0.6 leaves a margin for what slant and shift move out.
    size = 0.6 * hands.scale[:, None] * np.exp(rng.normal(0, _DRAWING_SCALE, (HANDS, 2)))
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)
    shear = np.zeros((HANDS, 2, 2))
    shear[:, 0, 0] = shear[:, 1, 1] = 1
    shear[:, 1, 0] = slant
    return size[:, :, None] * shear @ turn


def _curve_basis(controls: int, roundness: float) -> np.ndarray:
    """Weights of the control points along a stroke: float64 [_CURVE_POINTS, controls].

    Args:
        controls: the number of control points, at least 2.
        roundness: 0 gives straight lines from point to point, 1 for a Bézier curve.
    """
    t = np.linspace(0, 1, _CURVE_POINTS)[:, None]
    i = np.arange(controls)
    binomials = np.array([math.comb(controls - 1, k) for k in i])
    bezier = binomials * t**i * (1 - t) ** (controls - 1 - i)
    straight = np.maximum(0, 1 - np.abs(t * (controls - 1) - i))
    return roundness * bezier + (1 - roundness) * straight


def _render(curves: list[np.ndarray], width: float) -> np.ndarray:
    """Draws curves, float64 [points, 2] in supersampled pixels: uint8 [28, 28], dark on white."""
    side = SIDE * _SUPERSAMPLE
    image = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(image)
    for curve in curves:
        draw.line(curve.ravel().tolist(), fill=0, width=round(width))
        for x, y in (curve[0], curve[-1]):
            half = width / 2
            draw.ellipse((x - half, y - half, x + half, y + half), fill=0)
    return np.asarray(image.reduce(_SUPERSAMPLE))
