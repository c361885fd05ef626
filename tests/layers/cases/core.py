"""Dense, activations, normalization, dropout, preprocessing of numbers, shapes, and models as layers."""

from layers.cases.case import Case
from nnlite.layers import (
    ELU,
    Activation,
    BatchNormalization,
    Cast,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Identity,
    Input,
    LayerNormalization,
    LeakyReLU,
    Normalization,
    PReLU,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
)
from nnlite.models import Sequential
from nnlite.ops import ActivationFunction

ACTIVATIONS = sorted(name for name, op in ActivationFunction.members().items() if op.__module__.startswith("nnlite."))
NORMALIZED = [
    ({}, (4, 3)),
    ({"axis": 1}, (3, 2, 4)),
    ({"axis": -2}, (2, 3, 2, 2)),
    ({"scale": False}, (4, 3)),
    ({"center": False, "epsilon": 0.1}, (4, 3)),
    ({"center": False, "scale": False}, (3, 2, 2)),
    ({}, (4, 1)),
    ({}, (3, 1, 1, 2)),
]
CASES = [
    *[
        Case(lambda options=options: Dense(2, **options), shape)
        for options in ({}, {"use_bias": False}, {"activation": "tanh"}, {"activation": "softmax", "use_bias": False})
        for shape in ((3, 4), (2, 3, 4))
    ],
    Case(lambda: Dense(1), (3, 1)),
    Case(lambda: Dense(3, activation="relu", kernel_regularizer="l2", kernel_initializer="he_normal"), (2, 1, 2, 2)),
    *[Case(lambda name=name: Activation(name), (2, 3)) for name in ACTIVATIONS],
    Case(lambda: Activation({"leaky_relu": {"negative_slope": 0.1}}), (2, 3)),
    *[
        Case(lambda kind=kind, arguments=arguments: kind(*arguments), shape)
        for kind, *arguments in [
            (ReLU,),
            (ReLU, 1.0, 0.1, 0.5),
            (LeakyReLU,),
            (LeakyReLU, 0.1),
            (ELU,),
            (ELU, 0.5),
            (Softmax,),
        ]
        for shape in ((2, 3), (2, 2, 3))
    ],
    Case(lambda: Softmax(axis=1), (2, 3, 2)),
    Case(lambda: PReLU(), (2, 3)),
    Case(lambda: PReLU(alpha_initializer="ones"), (2, 3, 2)),
    Case(lambda: PReLU(shared_axes=(1,)), (2, 3, 2)),
    Case(lambda: PReLU(shared_axes=(1, 2)), (2, 2, 3, 2)),
    *[
        Case(lambda o=options: BatchNormalization(**o), shape, mode)
        for options, shape in NORMALIZED
        for mode in (False, True)
    ],
    Case(lambda: BatchNormalization(trainable=False), (4, 3), True),
    *[Case(lambda o=options: LayerNormalization(**o), shape) for options, shape in NORMALIZED],
    Case(lambda: LayerNormalization(axis=(1, 2)), (2, 3, 2)),
    Case(lambda: LayerNormalization(axis=(-1, 1)), (2, 3, 2, 2)),
    *[Case(lambda: Dropout(0.4), shape, mode) for shape in ((4, 3), (2, 3, 2)) for mode in (False, True)],
    Case(lambda: Dropout(0.5, noise_shape=(None, 1, None)), (3, 4, 2), True),
    Case(lambda: Dropout(0.5, seed=3), (4, 3), True),
    Case(lambda: Dropout(0.0), (2, 3), True),
    Case(lambda: Dropout(1.0), (2, 3), True),
    Case(lambda: Embedding(5, 3), (4,)),
    Case(lambda: Embedding(5, 2), (4, 3)),
    Case(lambda: Embedding(5, 1), (2, 3, 2)),
    Case(lambda: Embedding(5, 2, sparse=True), (4, 3)),
    Case(lambda: Normalization(), (3, 2)),
    Case(lambda: Normalization(), (3, 2, 2)),
    Case(lambda: Normalization(axis=1), (2, 3, 2)),
    Case(lambda: Normalization(axis=(1, 2)), (2, 3, 2)),
    Case(lambda: Normalization(axis=None), (3, 2)),
    Case(lambda: Normalization(invert=True), (3, 2)),
    Case(lambda: Normalization(mean=[1.0, -2.0], variance=[4.0, 0.25]), (3, 2)),
    Case(lambda: Rescaling(0.5), (3, 2)),
    Case(lambda: Rescaling(1 / 255, offset=-1.0), (2, 1, 1, 3)),
    Case(lambda: Flatten(), (2, 3, 2)),
    Case(lambda: Flatten(), (2, 3)),
    Case(lambda: Flatten(), (2, 1, 1, 1)),
    Case(lambda: Reshape((3, 2)), (2, 6)),
    Case(lambda: Reshape((-1, 2)), (2, 2, 2, 1)),
    Case(lambda: Reshape((6,)), (3, 2, 3)),
    Case(lambda: Identity(), (2, 3)),
    Case(lambda: Input((3,)), (2, 3)),
    Case(lambda: Cast(), (2, 3)),
    Case(lambda: Sequential([Dense(3, activation="tanh"), Dense(2)], seed=0), (3, 4)),
    *[
        Case(
            lambda: Sequential([Dense(3, activation="gelu"), BatchNormalization(), Dropout(0.3), Dense(1)], seed=0),
            (4, 2),
            mode,
        )
        for mode in (False, True)
    ],
    *[
        Case(
            lambda: Sequential(
                [
                    Sequential([BatchNormalization(), PReLU()], seed=1),
                    Flatten(),
                    Sequential([Dropout(0.5), Dense(2)], seed=2),
                ],
                seed=0,
            ),
            (4, 2, 2),
            mode,
        )
        for mode in (False, True)
    ],
    Case(lambda: Sequential([Embedding(5, 2), Flatten(), LayerNormalization(), Dense(2)], seed=0), (4, 3)),
    Case(lambda: Sequential([Flatten(), Sequential([Identity()], seed=0)], seed=0), (2, 2, 2)),
]
