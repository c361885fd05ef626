"""A first config for images in one folder per class."""

from pathlib import Path

import numpy as np

from nnlite.data.datasets.images import sizes_of_images
from nnlite.data.sources.images import labelled_images
from nnlite.errors import DataError
from nnlite.experiment.starting.config import quoted
from nnlite.experiment.starting.paths import seen_from

__all__ = ["init_image_config"]

MOST_PIXELS = 64  # of a side: small enough for a CPU
LOOKED_AT = 200  # images whose sizes are read
MOST_CLASSES = 8  # that are counted by name

TEXT = """\
# Which of {classes} classes is an image of? The name of its folder says it.
#     nnlite train {name}
seed: 0

data:
  source:
    ImageFolder:
      path: {path}
      image_size: {size}                  # height, width
      color_mode: rgb                         # or grayscale
  split: {{validation: 0.1, test: 0.2, stratify: true}}

model:
  - Rescaling: {{scale: 0.00392156862745098}}   # pixels run from 0 to 255
  - RandomTranslation: {{height_factor: 0.1, width_factor: 0.1}}   # in training alone: a moved image keeps its class
  - Conv2D: {{filters: 16, kernel_size: 3, padding: same, activation: relu}}
  - MaxPooling2D: {{padding: same}}
  - Conv2D: {{filters: 32, kernel_size: 3, padding: same, activation: relu}}
  - MaxPooling2D: {{padding: same}}
  - Conv2D: {{filters: 64, kernel_size: 3, padding: same, activation: relu}}
  - GlobalMaxPooling2D                        # whether a pattern is anywhere, not where
  - Dropout: {{rate: 0.3}}
  - Dense: {{units: {classes}}}                         # one per class

compile:
  optimizer: {{Adam: {{learning_rate: 2e-3}}}}
  loss: {{SparseCategoricalCrossentropy: {{from_logits: true}}}}
  metrics: [accuracy]

fit:
  epochs: 40
  batch_size: 32
  callbacks:
    - EarlyStopping: {{monitor: val_loss, patience: 8, restore_best_weights: true}}
"""


def init_image_config(folder: str, out: str | None = None) -> tuple[str, str]:
    """A line that says what a folder of images holds, and the text of a config that learns their classes.

    Args:
        folder: with one folder per class in it.
        out: where the config will stand; a relative `folder` is then relative to its folder.

    Raises:
        DataError: fewer than two folders in it, or one without images.
    """
    paths, labels = labelled_images(folder)
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2:
        raise DataError(f"{folder}: one folder of images, {str(names[0])!r}; to tell classes apart takes two or more")
    every = -(-len(paths) // LOOKED_AT)
    height, width = (int(side) for side in np.median(sizes_of_images(paths[::every]), axis=0))
    scale = min(1.0, MOST_PIXELS / max(height, width))
    size = [max(1, round(side * scale)) for side in (height, width)]
    summary = f"{folder}: {len(paths)} images in {len(names)} folders ({_shown(names, counts)}); "
    summary += f"the median size is {height} x {width}"
    name = Path(out).name if out else "config.yaml"
    return summary, TEXT.format(path=quoted(seen_from(folder, out)), size=size, classes=len(names), name=name)


def _shown(names: np.ndarray, counts: np.ndarray) -> str:
    shown = [f"{name}: {count}" for name, count in zip(names, counts, strict=True)]
    return ", ".join([*shown[:MOST_CLASSES], *["..."][: len(shown) > MOST_CLASSES]])
