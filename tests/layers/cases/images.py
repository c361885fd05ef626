"""Images resized, cut, turned, moved and recoloured."""

from layers.cases.case import Case

FIRST = {"data_format": "channels_first"}
FILLED = [{"fill_mode": mode, "fill_value": 0.7} for mode in ("reflect", "wrap", "constant", "nearest")]
SIZED = [  # height, width, the other options, shape
    ("Resizing", 5, 3, {}, (2, 3, 4, 2)),
    ("Resizing", 2, 5, FIRST, (2, 2, 3, 3)),
    ("Resizing", 1, 1, {}, (2, 3, 2, 1)),
    ("Resizing", 3, 3, {}, (2, 1, 1, 2)),
    *[
        ("Resizing", 3, 5, {"interpolation": kind}, (2, 4, 3, 1))
        for kind in ("nearest", "bicubic", "lanczos3", "lanczos5")
    ],
    ("Resizing", 2, 3, {"antialias": True}, (2, 5, 4, 1)),
    ("Resizing", 3, 3, {"crop_to_aspect_ratio": True}, (2, 3, 5, 1)),
    ("Resizing", 4, 2, {"crop_to_aspect_ratio": True, **FIRST}, (2, 1, 2, 3)),
    ("Resizing", 3, 3, {"pad_to_aspect_ratio": True, "fill_value": 0.5}, (2, 2, 4, 2)),
    ("Resizing", 2, 5, {"pad_to_aspect_ratio": True, "fill_value": 0.5, **FIRST}, (2, 1, 3, 2)),
    ("CenterCrop", 2, 3, {}, (2, 5, 4, 1)),
    ("CenterCrop", 3, 3, FIRST, (2, 2, 3, 3)),
    ("CenterCrop", 4, 2, {}, (2, 3, 3, 1)),
    ("RandomCrop", 2, 3, {}, (3, 4, 5, 2)),
    ("RandomCrop", 3, 2, {"seed": 2, **FIRST}, (3, 1, 3, 4)),
    ("RandomCrop", 3, 3, {}, (2, 2, 4, 1)),
]
AUGMENTED = [  # drawn numbers lie off the kinks: the table's inputs are apart from one another
    ("RandomInvert", {"value_range": (-3.0, 3.0), "seed": 2}, (4, 2, 2, 2)),
    ("RandomInvert", {"factor": (1.0, 1.0), **FIRST}, (2, 3, 2, 2)),
    ("RandomPosterization", {"factor": (3, 4), "value_range": (-3.0, 3.1)}, (3, 2, 2, 2)),
    ("RandomPosterization", {"factor": 2, "value_range": (-3.0, 3.1), **FIRST}, (2, 3, 2, 2)),
    (
        "Solarization",
        {"addition_factor": 0.2, "threshold_factor": (0.4, 0.6), "value_range": (-3.0, 3.0)},
        (3, 2, 2, 2),
    ),
    ("Solarization", {"value_range": (-3.0, 3.0), "seed": 1, **FIRST}, (2, 1, 3, 2)),
    ("RandomSaturation", {"factor": 0.4, "value_range": (-3.0, 3.0)}, (3, 2, 3, 3)),
    ("RandomSaturation", {"factor": (0.6, 0.9), "value_range": (-3.0, 3.0), **FIRST}, (2, 3, 2, 2)),
    ("RandomColorDegeneration", {"factor": 0.7, "value_range": (-9.0, 9.0)}, (3, 2, 2, 3)),
    ("RandomColorDegeneration", {"factor": (-0.5, -0.2), "value_range": (-1.0, 1.0), **FIRST}, (2, 3, 2, 2)),
    ("RandomSharpness", {"factor": 1.0, "value_range": (-9.0, 9.0)}, (2, 3, 4, 2)),
    ("RandomSharpness", {"factor": (0.7, 0.9), "value_range": (-1.0, 1.0), "seed": 3, **FIRST}, (2, 1, 3, 3)),
    ("RandomGaussianBlur", {"factor": (0.5, 1.0), "kernel_size": (3, 5)}, (3, 3, 4, 2)),
    ("RandomGaussianBlur", {"sigma": (0.5, 1.0), "seed": 1, **FIRST}, (2, 2, 4, 3)),
    ("AutoContrast", {"value_range": (-1.0, 2.0)}, (2, 3, 2, 2)),
    ("AutoContrast", {"value_range": (-1.0, 2.0), **FIRST}, (2, 2, 3, 2)),
    ("MaxNumBoundingBoxes", {"max_number": 2}, (2, 3, 2, 2)),
    ("Equalization", {"value_range": (-3.0, 3.1)}, (2, 3, 2, 2)),
    ("Equalization", {"value_range": (-3.0, 3.1), "bins": 16, **FIRST}, (2, 2, 2, 3)),
    (
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"value_range": (-3.0, 3.1), "tile_grid_size": (2, 1)},
        (2, 3, 2, 2),
    ),
    (
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"value_range": (-3.0, 3.1), "clip_limit": 99.0, "tile_grid_size": (1, 2), **FIRST},
        (2, 2, 2, 3),
    ),
    (
        "RandomShear",
        {"x_factor": 0.5, "y_factor": (0.2, 0.4), "fill_mode": "constant", "fill_value": 0.5},
        (2, 3, 4, 1),
    ),
    ("RandomShear", {"x_factor": (0.3, 0.6), "interpolation": "nearest", "seed": 1, **FIRST}, (2, 2, 3, 3)),
    ("RandomPerspective", {"factor": (1.0, 1.0), "scale": 0.6, "fill_value": 0.5}, (2, 4, 3, 2)),
    ("RandomPerspective", {"interpolation": "nearest", "seed": 1, **FIRST}, (3, 1, 3, 4)),
    ("RandomElasticTransform", {"factor": (1.0, 1.0), "scale": (0.5, 1.0)}, (2, 4, 3, 2)),
    ("RandomElasticTransform", {"fill_mode": "constant", "fill_value": 0.5, "seed": 1, **FIRST}, (2, 1, 3, 4)),
    ("MixUp", {"alpha": 1.0}, (3, 2, 2, 1)),
    ("MixUp", {"seed": 1, **FIRST}, (3, 2, 2, 1)),
    ("CutMix", {"factor": (0.5, 1.0)}, (3, 3, 4, 1)),
    ("CutMix", {"seed": 1, **FIRST}, (3, 1, 3, 4)),
    (
        "RandomColorJitter",
        {
            "value_range": (-4.0, 4.0),
            "brightness_factor": 0.1,
            "contrast_factor": 0.2,
            "saturation_factor": (0.3, 0.5),
            "hue_factor": 0.2,
        },
        (2, 2, 3, 3),
    ),
    ("RandomColorJitter", {"value_range": (-4.0, 4.0), "brightness_factor": (0.1, 0.2), **FIRST}, (2, 2, 3, 1)),
    ("RandAugment", {"value_range": (-3.0, 3.1)}, (3, 3, 3, 3)),
    ("RandAugment", {"value_range": (-3.0, 3.1), "num_ops": 3, "factor": (0.2, 0.9), "seed": 2, **FIRST}, (3, 1, 3, 2)),
    ("AugMix", {"value_range": (-3.0, 3.1)}, (2, 3, 3, 3)),
    (
        "AugMix",
        {"value_range": (-3.0, 3.1), "num_chains": 2, "chain_depth": 2, "all_ops": False, "seed": 2, **FIRST},
        (2, 1, 3, 2),
    ),
]
CASES = [
    *[Case(layer, options, shape) for layer, options, shape in AUGMENTED],
    *[Case(layer, {"height": h, "width": w, **options}, shape) for layer, h, w, options, shape in SIZED],
    Case("RandomFlip", {}, (3, 3, 2, 1)),
    Case("RandomFlip", {"mode": "horizontal", "seed": 1}, (3, 2, 3, 2)),
    Case("RandomFlip", {"mode": "vertical", **FIRST}, (3, 2, 3, 1)),
    *[Case("RandomRotation", {"factor": 0.4, **filled}, (2, 3, 4, 1)) for filled in FILLED],
    Case("RandomRotation", {"factor": (0.1, 0.2), "interpolation": "nearest", "seed": 4, **FIRST}, (2, 2, 3, 3)),
    *[
        Case("RandomTranslation", {"height_factor": 0.9, "width_factor": 0.6, **filled}, (2, 3, 3, 1))
        for filled in FILLED
    ],
    Case("RandomTranslation", {"height_factor": (0.2, 0.3), "width_factor": 0.0, **FIRST}, (2, 2, 4, 1)),
    *[Case("RandomZoom", {"height_factor": 0.8, "width_factor": 0.5, **filled}, (2, 3, 3, 1)) for filled in FILLED],
    Case("RandomZoom", {"height_factor": (-0.5, -0.2), "interpolation": "nearest", **FIRST}, (2, 2, 4, 3)),
    Case("RandomBrightness", {"factor": 0.5, "value_range": (-1.0, 1.0)}, (3, 2, 2, 2)),
    Case("RandomBrightness", {"factor": (0.1, 0.2), "seed": 1}, (2, 1, 1, 3)),
    Case("RandomContrast", {"factor": 0.5, "value_range": (-1.0, 1.0)}, (2, 2, 3, 2)),
    Case("RandomHue", {"factor": 0.7, "value_range": (-3.0, 3.0)}, (3, 2, 3, 3)),
    Case("RandomHue", {"factor": (0.2, 0.9), "value_range": (-3.0, 3.0), "seed": 1, **FIRST}, (2, 3, 2, 2)),
    Case("RandomGrayscale", {"factor": 0.5}, (4, 2, 2, 3)),
    Case("RandomGrayscale", {"factor": 0.7, "seed": 1, **FIRST}, (4, 3, 2, 2)),
    Case("RandomErasing", {"scale": (0.2, 0.6), "value_range": (-3.0, 3.0)}, (4, 3, 4, 2)),
    Case("RandomErasing", {"factor": (1.0, 1.0), "scale": 0.5, "fill_value": 0.5, **FIRST}, (2, 2, 4, 3)),
    Case("RandomContrast", {"factor": (0.2, 0.7), "value_range": (-9.0, 9.0), "seed": 1, **FIRST}, (2, 2, 3, 1)),
]
