"""The data sets of `keras.datasets`, read from Keras's own files; nothing is downloaded."""

from nnlite.datasets import (
    california_housing as california_housing,
    cifar10 as cifar10,
    cifar100 as cifar100,
    fashion_mnist as fashion_mnist,
    imdb as imdb,
    mnist as mnist,
    reuters as reuters,
)
