"""Callbacks: what happens around the training loop, with Keras's names and semantics."""

from nnlite.callbacks.base import Callback, CallbackList, LambdaCallback
from nnlite.callbacks.checkpoints import ModelCheckpoint
from nnlite.callbacks.history import History
from nnlite.callbacks.logging import CSVLogger
from nnlite.callbacks.monitor import MonitorCallback
from nnlite.callbacks.progress import ProgressBar
from nnlite.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from nnlite.callbacks.stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
