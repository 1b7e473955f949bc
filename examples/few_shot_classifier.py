"""`FewShotClassifier` on pictures of your own: fit, partial_fit, forget, save, load.

python -m examples.few_shot_classifier
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from hidra_tf import FewShotClassifier

CORNERS = {"triangle": 3, "square": 4, "star": 0}


def drawing(name: str, rng: np.random.Generator) -> Image.Image:
    """A drawing with dark strokes on white, in a hand of its own."""
    picture = Image.new("L", (64, 64), 255)
    pen = ImageDraw.Draw(picture)
    center, turn = rng.uniform(30, 34, 2), rng.uniform(-0.2, 0.2)
    if name == "star":  # five lines through the middle
        angles = turn + np.arange(5) * np.pi / 5
        for angle in angles:
            line = 22 * np.array([np.cos(angle), np.sin(angle)])
            pen.line([*(center - line), *(center + line)], fill=0, width=3)
        return picture
    angles = turn + np.arange(CORNERS[name] + 1) * 2 * np.pi / CORNERS[name]
    corners = center + 22 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    pen.line([tuple(corner) for corner in corners], fill=0, width=3)
    return picture


def main() -> FewShotClassifier:
    """Learns two classes, then a third one, forgets one, and keeps what is left."""
    rng = np.random.default_rng(0)
    first = ["triangle"] * 3 + ["square"] * 3
    classifier = FewShotClassifier.from_pretrained("omniglot")
    classifier.fit([drawing(name, rng) for name in first], first)
    classifier.partial_fit([drawing("star", rng) for _ in range(2)], ["star"] * 2)
    new = [drawing(name, rng) for name in CORNERS]
    for name, answer, probabilities in zip(
        CORNERS, classifier.predict(new), classifier.predict_proba(new), strict=True
    ):
        print(f"{name}: taken for {answer}, with probability {probabilities.max():.2f}")
    classifier.forget("square")
    with tempfile.TemporaryDirectory() as folder:
        classifier.save(Path(folder) / "shapes")
        loaded = FewShotClassifier.load(Path(folder) / "shapes")
    print("kept:", ", ".join(loaded.classes_))
    return loaded


if __name__ == "__main__":
    main()
