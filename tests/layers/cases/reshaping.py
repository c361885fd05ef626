"""Other shapes: flattened, permuted, repeated, padded, cropped and enlarged."""

from layers.cases.case import Case

FIRST = {"data_format": "channels_first"}
CASES = [
    Case("Flatten", {}, (2, 3, 2)),
    Case("Flatten", {}, (2, 3)),
    Case("Flatten", {"data_format": "channels_first"}, (2, 3, 2, 2)),
    Case("Flatten", {}, (2, 1, 1, 1)),
    Case("Reshape", {"target_shape": (3, 2)}, (2, 6)),
    Case("Reshape", {"target_shape": (-1, 2)}, (2, 2, 2, 1)),
    Case("Reshape", {"target_shape": (6,)}, (3, 2, 3)),
    Case("Permute", {"dims": (2, 1)}, (2, 3, 2)),
    Case("Permute", {"dims": (3, 1, 2)}, (2, 3, 2, 4)),
    Case("Permute", {"dims": (1,)}, (2, 3)),
    Case("RepeatVector", {"n": 3}, (2, 4)),
    Case("RepeatVector", {"n": 1}, (2, 1)),
    Case("ZeroPadding1D", {}, (2, 3, 2)),
    Case("ZeroPadding1D", {"padding": (0, 2)}, (2, 3, 2)),
    Case("ZeroPadding1D", {"padding": (2, 1), **FIRST}, (2, 3, 1)),
    Case("ZeroPadding2D", {}, (2, 1, 1, 2)),
    Case("ZeroPadding2D", {"padding": (0, 2)}, (2, 2, 3, 1)),
    Case("ZeroPadding2D", {"padding": ((1, 0), (2, 1)), **FIRST}, (2, 2, 2, 1)),
    Case("ZeroPadding3D", {}, (2, 1, 2, 1, 1)),
    Case("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (0, 0)), **FIRST}, (2, 1, 2, 1, 2)),
    Case("Cropping1D", {}, (2, 4, 2)),
    Case("Cropping1D", {"cropping": (0, 2)}, (2, 3, 2)),
    Case("Cropping2D", {}, (2, 2, 3, 2)),
    Case("Cropping2D", {"cropping": ((1, 0), (2, 1))}, (2, 2, 5, 2)),
    Case("Cropping2D", {"cropping": (0, 1), **FIRST}, (2, 2, 1, 3)),
    Case("Cropping3D", {}, (2, 3, 3, 4, 2)),
    Case("Cropping3D", {"cropping": (0, (0, 1), (1, 0)), **FIRST}, (2, 2, 1, 3, 2)),
    Case("UpSampling1D", {}, (2, 3, 2)),
    Case("UpSampling1D", {"size": 3}, (2, 1, 1)),
    Case("UpSampling2D", {}, (2, 2, 1, 2)),
    Case("UpSampling2D", {"size": (1, 3), **FIRST}, (2, 2, 2, 1)),
    *[
        Case("UpSampling2D", {"size": (2, 3), "interpolation": name}, (2, 2, 3, 1))
        for name in ("bilinear", "bicubic", "lanczos3", "lanczos5")
    ],
    Case("UpSampling2D", {"interpolation": "bilinear", **FIRST}, (2, 2, 3, 1)),
    Case("UpSampling3D", {}, (2, 1, 2, 1, 1)),
    Case("UpSampling3D", {"size": (2, 1, 2), **FIRST}, (2, 2, 1, 2, 1)),
]
