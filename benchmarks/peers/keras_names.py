"""Parts of nets as layers, for the two engines that have Keras's names."""

from benchmarks.parts import Convolution, Dense, Dropout, Flatten, Lookup, Mean, Pool, Recurrence


def keras_layer(part, layers):
    """The layer of that part; `layers` is the module `layers` of Keras, or of nnlite."""
    match part:
        case Dense(units, relu):
            return layers.Dense(units, activation="relu" if relu else None)
        case Dropout(rate):
            return layers.Dropout(rate)
        case Convolution(filters, size):
            return layers.Conv2D(filters, size, activation="relu")
        case Pool():
            return layers.MaxPooling2D()
        case Flatten():
            return layers.Flatten()
        case Recurrence(units):
            return layers.LSTM(units)
        case Lookup(count, width):
            return layers.Embedding(count, width)
        case Mean():
            return layers.GlobalAveragePooling1D()


def fit_until(model, callbacks, wanted, data, held, batch, epochs) -> list[float]:
    """`fit` until the loss of the rows that are held back is as wanted; these losses.

    Args:
        callbacks: the module with `LambdaCallback`.
    """

    def judge(epoch, logs):
        model.stop_training = logs["val_loss"] <= wanted

    stop = callbacks.LambdaCallback(on_epoch_end=judge)
    options = {"validation_data": held, "batch_size": batch, "epochs": epochs, "callbacks": [stop], "verbose": 0}
    return list(map(float, model.fit(*data, **options).history["val_loss"]))
