"""Convolutions: every option, and sizes that do not come out even."""

from layers.cases.case import Case

FIRST = {"data_format": "channels_first"}
FILTERS = [  # filters, size of the kernel, the other options, shape
    ("Conv1D", 2, 3, {}, (2, 5, 2)),
    ("Conv1D", 2, 3, {"padding": "same", "strides": 2}, (2, 5, 2)),
    ("Conv1D", 2, 2, {"padding": "causal", "dilation_rate": 2, "activation": "relu"}, (2, 4, 2)),
    ("Conv1D", 2, 2, {"padding": "causal", "strides": 3}, (2, 5, 1)),
    ("Conv1D", 2, 2, {"strides": 3, "use_bias": False}, (2, 6, 2)),
    ("Conv1D", 4, 2, {"groups": 2, **FIRST}, (2, 4, 3)),
    ("Conv1D", 2, 3, {"activation": "softmax", **FIRST}, (2, 2, 4)),
    ("Conv1D", 2, 3, {}, (2, 3, 2)),
    ("Conv1D", 1, 1, {}, (2, 1, 1)),
    ("Conv1D", 3, 2, {}, (2, 3, 5)),
    ("Conv2D", 2, (3, 2), {}, (2, 4, 3, 2)),
    ("Conv2D", 2, 3, {"padding": "same", "activation": "relu", "kernel_regularizer": "l2"}, (2, 3, 2, 1)),
    ("Conv2D", 2, 2, {"padding": "same", "strides": (2, 1)}, (2, 3, 3, 2)),
    ("Conv2D", 4, 2, {"groups": 2, "padding": "same"}, (2, 2, 3, 4)),
    ("Conv2D", 2, 2, {"dilation_rate": (2, 1), **FIRST}, (2, 2, 3, 3)),
    ("Conv2D", 2, 3, {"padding": "same"}, (2, 1, 1, 2)),
    ("Conv2D", 2, 1, {"strides": 2, "kernel_initializer": "he_normal"}, (2, 3, 2, 2)),
    ("Conv2D", 2, 1, {"use_bias": False}, (2, 2, 2, 3)),
    ("Conv3D", 2, 2, {}, (2, 2, 3, 2, 1)),
    ("Conv3D", 2, (1, 2, 2), {"padding": "same", "strides": (1, 2, 1), "groups": 2}, (2, 1, 3, 2, 2)),
    ("Conv3D", 1, 2, {"activation": "tanh", **FIRST}, (1, 2, 2, 2, 2)),
    ("Conv1DTranspose", 2, 3, {}, (2, 3, 2)),
    ("Conv1DTranspose", 2, 2, {"strides": 3, **FIRST}, (2, 2, 2)),
    ("Conv1DTranspose", 2, 3, {"strides": 2, "padding": "same", "output_padding": 1, "activation": "relu"}, (2, 3, 1)),
    ("Conv1DTranspose", 2, 2, {"dilation_rate": 2, "use_bias": False}, (2, 1, 2)),
    ("Conv2DTranspose", 2, (2, 3), {"strides": 2, "padding": "same"}, (2, 2, 2, 2)),
    ("Conv2DTranspose", 2, 2, {"strides": (1, 2), "output_padding": (0, 1)}, (2, 2, 1, 1)),
    ("Conv2DTranspose", 1, 2, {"activation": "softmax", **FIRST}, (2, 2, 1, 2)),
    ("Conv3DTranspose", 1, 2, {"strides": 2}, (2, 1, 2, 1, 2)),
    ("SeparableConv1D", 2, 2, {"depth_multiplier": 2}, (2, 3, 2)),
    ("SeparableConv1D", 3, 3, {"padding": "same", "strides": 2, "activation": "relu"}, (2, 3, 2)),
    ("SeparableConv2D", 2, 2, {"use_bias": False}, (2, 3, 2, 2)),
    ("SeparableConv2D", 3, 2, {"padding": "same", **FIRST}, (2, 2, 2, 2)),
]
DEPTHWISE = [
    ("DepthwiseConv1D", 2, {"depth_multiplier": 2}, (2, 4, 2)),
    ("DepthwiseConv1D", 3, {"padding": "same", "strides": 2, "activation": "relu"}, (2, 4, 3)),
    ("DepthwiseConv2D", 2, {}, (2, 3, 2, 3)),
    ("DepthwiseConv2D", (1, 3), {"padding": "same", "depth_multiplier": 2, "use_bias": False}, (2, 2, 2, 2)),
    ("DepthwiseConv2D", 2, {"dilation_rate": 2, **FIRST}, (2, 2, 3, 3)),
]
SPECTRA = [
    ("STFTSpectrogram", {"frame_length": 4}, (2, 7, 2)),
    ("STFTSpectrogram", {"mode": "magnitude", "frame_length": 3, "frame_step": 2, "padding": "same"}, (2, 5, 1)),
    ("STFTSpectrogram", {"mode": "psd", "frame_length": 4, "scaling": "spectrum", "expand_dims": True}, (1, 6, 2)),
    ("STFTSpectrogram", {"mode": "real", "frame_length": 4, "window": None, **FIRST}, (1, 2, 6)),
    ("STFTSpectrogram", {"mode": "imag", "frame_length": 4, "periodic": True, "window": "hamming"}, (2, 6, 1)),
    ("STFTSpectrogram", {"mode": "angle", "frame_length": 4, "scaling": None, "expand_dims": True, **FIRST}, (1, 2, 6)),
    ("STFTSpectrogram", {"mode": "stft", "frame_length": 3, "fft_length": 5, "window": [1.0, 2.0, 0.5]}, (1, 6, 2)),
    ("MelSpectrogram", {"fft_length": 8, "sequence_stride": 4, "num_mel_bins": 3, "min_power": 1e-3}, (2, 12)),
    (
        "MelSpectrogram",
        {
            "fft_length": 8,
            "sequence_stride": 3,
            "sequence_length": 6,
            "window": "hamming",
            "num_mel_bins": 2,
            "power_to_db": False,
            "mag_exp": 1.0,
        },
        (2, 10),
    ),
    (
        "MelSpectrogram",
        {
            "fft_length": 8,
            "sequence_stride": 4,
            "window": None,
            "num_mel_bins": 2,
            "min_freq": 500.0,
            "max_freq": 7000.0,
        },
        (1, 12),
    ),
]
CASES = [
    *[Case(layer, options, shape) for layer, options, shape in SPECTRA],
    *[Case(layer, {"filters": n, "kernel_size": size, **options}, shape) for layer, n, size, options, shape in FILTERS],
    *[Case(layer, {"kernel_size": size, **options}, shape) for layer, size, options, shape in DEPTHWISE],
]
