"""Dense, activations, embeddings, preprocessing of numbers, and functions as layers."""

import numpy as np
from registered import registered

from layers.cases.case import Case
from nnlite import ops
from nnlite.ops import ActivationFunction
from nnlite.registry import register_function

ACTIVATIONS = sorted(set(registered(ActivationFunction)) - {"Recorded", "Sparsemax", "Threshold"})


@register_function
def rows_test_wave(inputs, frequency=2.0):
    return np.sin(frequency * inputs) * inputs


@register_function
def rows_test_pairs(inputs):
    return ops.concatenate([inputs, inputs**2], axis=-1).sum(axis=1)


FUNCTIONS = {"thresholds": [[0.0, 0.4, 1.0], [0.5]], "probabilities": [[0.1, 0.2, 0.9], [0.3]]}

CASES = [
    *[
        Case("Dense", {"units": 2, **options}, shape)
        for options in ({}, {"use_bias": False}, {"activation": "tanh"}, {"activation": "softmax", "use_bias": False})
        for shape in ((3, 4), (2, 3, 4))
    ],
    Case("Dense", {"units": 1}, (3, 1)),
    *[
        Case("Dense", {"units": 2, "parametrization": "ntk", **options}, shape)
        for options in ({}, {"activation": "selu", "data_dependent_init": True})
        for shape in ((3, 4), (2, 3, 4))
    ],
    *[
        Case("Dense", {"units": 2, "members": 3, **options}, (4, 3, 5))
        for options in (
            {},
            {"use_bias": False, "kernel_initializer": "orthogonal"},
            {"activation": "mish", "parametrization": "ntk", "data_dependent_init": True},
            {"activation": "softmax", "kernel_regularizer": "l2", "bias_regularizer": "l1"},
        )
    ],
    Case("Dense", {"units": 3, "members": 1, "activation": "tanh"}, (2, 1, 4)),
    Case(
        "Dense",
        {"units": 3, "activation": "relu", "kernel_regularizer": "l2", "kernel_initializer": "he_normal"},
        (2, 1, 2, 2),
    ),
    *[
        Case("MonotonicDense", {"units": 2, "monotonicity": [1, -1, 0, 1], **options}, (3, 4))
        for options in ({}, {"use_bias": False, "activation": "tanh"}, {"data_dependent_init": True})
    ],
    Case("MonotonicDense", {"units": 2, "monotonicity": -1, "activation": "softplus"}, (2, 3, 4)),
    Case("MonotonicDense", {"units": 2, "monotonicity": [[-1, 1]]}, (2, 3, 4)),
    Case("MonotonicDense", {"units": 2, "monotonicity": [[-1, 1], [0, 0], [1, 0]], "members": 2}, (4, 2, 3)),
    Case("MonotonicDense", {"units": 2, "monotonicity": {3: -1, 0: 1}, "activation": "tanh"}, (3, 4)),
    Case("MonotonicDense", {"units": 2, "members": 3, "parametrization": "ntk", "activation": "elu"}, (4, 3, 5)),
    *[Case("Activation", {"activation": name}, (2, 3)) for name in ACTIVATIONS],
    Case("Activation", {"activation": "Sparsemax"}, (3, 4)),
    Case("Activation", {"activation": {"Threshold": {"threshold": 0.1, "default_value": -3.0}}}, (2, 3)),
    Case("Activation", {"activation": {"leaky_relu": {"negative_slope": 0.1}}}, (2, 3)),
    *[
        Case(layer, options, shape)
        for layer, options in [
            ("ReLU", {}),
            ("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.5}),
            ("LeakyReLU", {}),
            ("LeakyReLU", {"negative_slope": 0.1}),
            ("ELU", {}),
            ("ELU", {"alpha": 0.5}),
            ("Softmax", {}),
        ]
        for shape in ((2, 3), (2, 2, 3))
    ],
    Case("Softmax", {"axis": 1}, (2, 3, 2)),
    Case("PReLU", {}, (2, 3)),
    Case("PReLU", {"alpha_initializer": "ones"}, (2, 3, 2)),
    Case("PReLU", {"shared_axes": (1,)}, (2, 3, 2)),
    Case("PReLU", {"shared_axes": (1, 2)}, (2, 2, 3, 2)),
    Case("Embedding", {"input_dim": 5, "output_dim": 3}, (4,)),
    Case("Embedding", {"input_dim": 5, "output_dim": 2}, (4, 3)),
    Case("Embedding", {"input_dim": 5, "output_dim": 1}, (2, 3, 2)),
    Case("Embedding", {"input_dim": 5, "output_dim": 2, "sparse": True}, (4, 3)),
    Case("ReversibleEmbedding", {"input_dim": 5, "output_dim": 3}, (4,)),
    Case("ReversibleEmbedding", {"input_dim": 5, "output_dim": 2, "logit_soft_cap": 3.0}, (4, 3)),
    Case("ReversibleEmbedding", {"input_dim": 5, "output_dim": 2, "tie_weights": False}, (4, 3)),
    Case("ReversibleEmbedding", {"input_dim": 5, "output_dim": 1}, (2, 3, 2)),
    Case("Normalization", {}, (3, 2)),
    Case("Normalization", {}, (3, 2, 2)),
    Case("Normalization", {"axis": 1}, (2, 3, 2)),
    Case("Normalization", {"axis": (1, 2)}, (2, 3, 2)),
    Case("Normalization", {"axis": None}, (3, 2)),
    Case("Normalization", {"invert": True}, (3, 2)),
    Case("Normalization", {"mean": [1.0, -2.0], "variance": [4.0, 0.25]}, (3, 2)),
    Case("Rescaling", {"scale": 0.5}, (3, 2)),
    Case("Rescaling", {"scale": 1 / 255, "offset": -1.0}, (2, 1, 1, 3)),
    Case("Identity", {}, (2, 3)),
    Case("Input", {"shape": (3,)}, (2, 3)),
    Case("Cast", {}, (2, 3)),
    Case("Lambda", {"function": "rows_test_wave"}, (3, 2)),
    Case("Lambda", {"function": "rows_test_wave", "arguments": {"frequency": 0.5}}, (2, 3, 1)),
    Case("Lambda", {"function": "rows_test_pairs"}, (2, 3, 2)),
    Case("Operation", {"function": "exp"}, (3, 2)),
    Case("Operation", {"function": "mean", "options": {"axis": -1, "keepdims": True}}, (2, 3, 2)),
    Case("Scale", {}, (3, 4)),
    Case("Scale", {"scale_initializer": "zeros", "scale_regularizer": "l2"}, (2, 3, 2)),
    Case("Scale", {"members": 3}, (2, 3, 4)),
    Case("Scale", {"members": 1}, (2, 1, 1)),
    Case("Scale", {"positive": True, "scale_initializer": "random_normal"}, (3, 4)),
    Case("Scale", {"positive": True, "members": 3, "scale_initializer": "random_normal"}, (2, 3, 4)),
    Case("Clip", {"low": -0.3, "high": 0.4}, (3, 4)),
    Case("Clip", {"low": [-0.3, 0.1], "high": 0.4}, (2, 3, 2)),
    Case("Clip", {"low": [-0.3, 0.1], "high": [0.0, 0.2]}, (3, 2)),
    Case("TemperatureScaling", {}, (3, 4)),
    Case("TemperatureScaling", {"temperature": 1.7}, (2, 3, 4)),
    Case("TemperatureScaling", {"temperature": 0.4, "blur": 0.1}, (3, 2)),
    Case("TemperatureScaling", {"temperature": 0.4, "blur": 0.1, "activation": "sigmoid"}, (3, 2)),
    Case("TemperatureScaling", {"activation": "sigmoid"}, (2, 3, 2)),
    Case("IsotonicCalibration", {**FUNCTIONS, "blur": 0.1}, (6, 2)),
    Case("IsotonicCalibration", {**FUNCTIONS, "exclusive": False}, (6, 2)),
    Case("PeriodicEmbedding", {"frequencies": 4}, (3, 2)),
    Case("PeriodicEmbedding", {"frequencies": 3, "output_dim": 1, "columns": [2, 0]}, (2, 4)),
    Case("PeriodicEmbedding", {"frequencies": 3, "output_dim": 2, "columns": [1], "members": 3}, (4, 3, 2)),
    Case("CategoryEmbedding", {"sizes": {"1": 3}}, (4, 3), codes=(1,)),
    Case("CategoryEmbedding", {"sizes": {"3": 2, "0": 4}, "output_dim": 2}, (4, 5), codes=(0, 3)),
    Case("CategoryEmbedding", {"sizes": {"0": 2, "1": 3}, "output_dim": 1}, (3, 2), codes=(0, 1)),
    Case("CategoryEmbedding", {"sizes": {"1": 3}, "output_dim": 2}, (2, 3, 2), codes=(1,)),
    Case("CategoryEmbedding", {"sizes": {"1": 3}, "output_dim": 2, "members": 1}, (3, 1, 2), codes=(1,)),
    Case(
        "CategoryEmbedding",
        {"sizes": {"3": 2, "0": 4}, "output_dim": 2, "members": 3, "embeddings_regularizer": "l2"},
        (4, 3, 5),
        codes=(0, 3),
    ),
    *[
        Case("RobustScaling", options, shape)
        for options in ({}, {"clip": None}, {"clip": 0.5, "columns": [2, 0]}, {"clip": None, "columns": [1, 2]})
        for shape in ((5, 3), (2, 3, 4))
    ],
    *[
        Case("PiecewiseLinearEncoding", options, shape)
        for options in ({"num_bins": 3}, {"num_bins": 2, "columns": [2, 0]}, {"num_bins": 4, "columns": [1, 2]})
        for shape in ((5, 3), (4, 2, 3))
    ],
    Case("RobustScaling", {"center": [1.0, -2.0], "width": 4.0}, (3, 2)),
    Case("RobustScaling", {"center": [1.0, -2.0], "width": [4.0, 0.5], "columns": [1, 0]}, (3, 2)),
]
