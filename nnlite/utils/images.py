"""Images as files, as Pillow objects and as arrays."""

import os
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.config import DataFormat, floatx, image_data_format
from nnlite.errors import ConfigError, ShapeError, WrongTypeError, needed_for
from nnlite.errors.boundary import reading

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


@runtime_checkable
class _Readable(Protocol):
    """An open file, also one of those that are not `io.IOBase`."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        ...


def _pillow() -> Any:
    with needed_for("images are read and written by Pillow", "nnlite[images]"):
        from PIL import Image

        return Image


def array_to_img(
    x: ArrayLike, data_format: DataFormat | None = None, scale: bool = True, dtype: str | None = None
) -> "Image":
    """An array as a Pillow image.

    Args:
        x: `(height, width, channels)` with 1, 3 or 4 channels, or `(channels, height, width)`.
        data_format: which of the two; `nnlite.config.image_data_format()` when None.
        scale: scale the numbers to 0 ... 255 by their minimum and maximum.
        dtype: dtype of the computation; `nnlite.config.floatx()` when None.

    Raises:
        ShapeError: the array is not an image.
        ConfigError: another `data_format`.
    """
    channels_first = _channels_first(data_format)
    values = np.asarray(x, dtype or floatx())
    if values.ndim == 3 and channels_first:
        values = values.transpose(1, 2, 0)
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4):
        raise ShapeError(f"an image has the shape (height, width, channels) with 1, 3 or 4 channels, got {np.shape(x)}")
    if scale:
        values = values - values.min()
        values = values / (values.max() or 1) * 255
    if values.shape[2] == 1:  # shades of gray beyond eight bits stay what they are
        return _pillow().fromarray(values[..., 0].astype("int32" if values.max(initial=0) > 255 else "uint8"))
    return _pillow().fromarray(values.astype("uint8"))


def _channels_first(data_format: DataFormat | None) -> bool:
    if data_format not in (None, "channels_first", "channels_last"):
        raise ConfigError(f'data_format must be "channels_first", "channels_last" or None, got {data_format!r}')
    return (data_format or image_data_format()) == "channels_first"


def img_to_array(img: Any, data_format: DataFormat | None = None, dtype: str | None = None) -> np.ndarray:
    """A Pillow image as an array of `(height, width, channels)`, or `(channels, height, width)`.

    Args:
        img: the image, or an array of one.
        data_format: which of the two; `nnlite.config.image_data_format()` when None.
        dtype: of the array; `nnlite.config.floatx()` when None.
    """
    values = np.asarray(img, dtype or floatx())
    if values.ndim not in (2, 3):
        raise ShapeError(f"an image has two or three axes, got the shape {values.shape}")
    values = values[..., None] if values.ndim == 2 else values
    return values.transpose(2, 0, 1) if _channels_first(data_format) else values


def load_img(
    path: str | os.PathLike,
    color_mode: Literal["grayscale", "rgb", "rgba"] = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> "Image":
    """Read an image file.

    Args:
        path: of the file, in any format that Pillow reads; or the file itself, open for reading bytes.
        color_mode: the mode to convert its pixels to.
        target_size: height and width to resize it to.
        interpolation: interpolation for resizing: nearest, bilinear, bicubic, hamming, box or lanczos.
        keep_aspect_ratio: crop the longer side around the center instead of distorting the image.

    Raises:
        ConfigError: an unknown mode or interpolation; neither a path nor an open file.
        DataError: the file does not exist or is not an image.
    """
    if color_mode not in MODES or interpolation not in RESAMPLING:
        name, value, allowed = ("color_mode", color_mode, list(MODES))
        if color_mode in MODES:
            name, value, allowed = "interpolation", interpolation, list(RESAMPLING)
        raise ConfigError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    if not isinstance(path, (str, bytes, os.PathLike, _Readable)):
        raise WrongTypeError(f"load_img takes a path or an open file, got {path!r}")
    pillow = _pillow()
    with reading(path, "no image that Pillow can read"), pillow.open(path) as file:
        image = file.convert(MODES[color_mode])
    if target_size is None:
        return image
    height, width = target_size
    box = _middle(image.size, width / height) if keep_aspect_ratio else None
    return image.resize((width, height), pillow.Resampling[interpolation.upper()], box=box)


def _middle(size: tuple[int, int], ratio: float) -> tuple[int, int, int, int]:
    """The largest box of `ratio`, width by height, in the middle of an image."""
    width, height = size
    inner_width, inner_height = min(width, int(height * ratio)), min(height, int(width / ratio))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    return left, top, left + inner_width, top + inner_height


def save_img(
    path: str | os.PathLike,
    x: ArrayLike,
    data_format: DataFormat | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **options: Any,
) -> None:
    """Write an array as an image file; the extension determines the format, unless `file_format` is given.

    Args:
        path: of the file.
        x, data_format, scale: as for `array_to_img`.
        file_format: Pillow's name of a format, such as `"png"`.
        options: further arguments of Pillow's `save`.
    """
    image = array_to_img(x, data_format, scale)
    jpeg = (file_format or os.fspath(path).rpartition(".")[2]).lower() in ("jpg", "jpeg")
    image = image.convert("RGB") if jpeg and image.mode == "RGBA" else image
    image.save(path, format="jpeg" if file_format == "jpg" else file_format, **options)
