"""Bugs that derivatives and layers have had since they exist, each planted in a copy of a class: `check` finds all."""

from typing import NamedTuple

import numpy as np
import pytest

from nnlite.check import check_layer, check_loss
from nnlite.jacobians import (
    Broadcast,
    Composed,
    Contraction,
    Diagonal,
    Embedded,
    Jacobian,
    Jacobians,
    KernelOfRows,
    RowsTimesKernel,
    SoftmaxJacobian,
    Standardize,
)
from nnlite.layers import (
    Activation,
    BatchNormalization,
    Conv1D,
    Dense,
    Dropout,
    Layer,
    LayerNormalization,
    PReLU,
    Rescaling,
    Softmax,
    ZeroPadding1D,
)
from nnlite.losses import BinaryCrossentropy, Loss, MeanSquaredError
from nnlite.ops import Sigmoid
from nnlite.parameters import Parameter
from nnlite.random import RandomSource


def swapped(jacobians, index, part):
    """The same maps with another one at `index`."""
    maps = [part if place == index else own for place, own in enumerate(jacobians.maps)]
    return Jacobians(*maps, outer=jacobians.outer, state=jacobians.state)


class MissingShare(MeanSquaredError):
    def linearize(self, y_true, y_pred, sample_weight=None, mask=None):
        value, jacobian = super().linearize(y_true, y_pred, sample_weight, mask)
        rank = y_pred.ndim if np.ndim(value) == 0 else 1
        return value, Contraction(jacobian.gradients * len(y_pred), rank)


class MissingShareInBoth(MeanSquaredError):
    def linearize(self, y_true, y_pred, sample_weight=None, mask=None):
        value, jacobian = super().linearize(y_true, y_pred, sample_weight, mask)
        return value * len(y_pred), Contraction(jacobian.gradients * len(y_pred), jacobian.rank)


class MaskForgotten(MeanSquaredError):
    def linearize(self, y_true, y_pred, sample_weight=None, mask=None):
        return super().linearize(y_true, y_pred, sample_weight)


class AnotherLossOfLogits(BinaryCrossentropy):
    link = Sigmoid

    def per_row(self, y_true, y_pred):
        return super().per_row(y_true, 2 * y_pred if self.from_logits else y_pred)


class WeightsForgotten(MeanSquaredError):
    def linearize(self, y_true, y_pred, sample_weight=None, mask=None):
        value, _ = super().linearize(y_true, y_pred, sample_weight, mask)
        return value, super().linearize(y_true, y_pred, mask=mask)[1]


class CurvatureWithoutSlope(BinaryCrossentropy):
    def row_hessian(self, y_true, y_pred):
        p = 1 / (1 + np.exp(-y_pred))
        return Diagonal(p / y_pred.shape[-1], y_pred.shape, y_pred.shape)


class BackwardOfOne(MeanSquaredError):
    def backward(self, jacobian=1):
        return super().backward(1)


class WeightsInDoublePrecision(MeanSquaredError):
    def linearize(self, y_true, y_pred, sample_weight=None, mask=None):
        weights = None if sample_weight is None else sample_weight.astype(np.float64)
        value, jacobian = super().linearize(y_true, y_pred, weights, mask)
        return value, Contraction(jacobian.gradients * np.float64(1), jacobian.rank) if mask is None else jacobian


class FirstRowOfBias(Broadcast):
    __slots__ = ()

    def vjp(self, cotangent):
        return cotangent[..., 0, :]


class ForgottenBiasSum(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 2, FirstRowOfBias(bias.shape, outputs.shape))


class TransposedProduct(KernelOfRows):
    __slots__ = ()

    def vjp(self, cotangent):
        return super().vjp(cotangent).swapaxes(-1, -2)

    def vjp_into(self, cotangent, out):
        out[...] = self.vjp(cotangent)


class TransposedKernel(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 1, TransposedProduct(inputs, kernel.shape, outputs.shape))


class PaddingOffByOne(ZeroPadding1D):
    def linearize(self, inputs):
        outputs, _ = super().linearize(inputs)
        start = self.padding[0] + 1
        place = (slice(start, start + inputs.shape[1]), slice(None))
        return outputs, Jacobians(Embedded(place, inputs.shape, outputs.shape))


class PaddingInConvolution(Conv1D):
    def linearize(self, inputs, kernel, bias):
        shifted = np.roll(inputs, 1, axis=1)
        outputs, _ = super().linearize(inputs, kernel, bias)
        return outputs, super().linearize(shifted, kernel, bias)[1]


class SlopeOffByAMillionth(Activation):
    def linearize(self, inputs):
        outputs, jacobians = super().linearize(inputs)
        return outputs, Jacobians(Diagonal(jacobians[0].slopes * (1 + 1e-6), inputs.shape, inputs.shape))


class SoftmaxWithoutRankOne(Softmax):
    def linearize(self, inputs):
        outputs, _ = super().linearize(inputs)
        return outputs, Jacobians(Diagonal(outputs, inputs.shape, inputs.shape))


class AlongTheWrongAxis(Diagonal):
    __slots__ = ()

    def vjp(self, cotangent):
        return super().vjp(cotangent.swapaxes(-1, -2))

    def jvp(self, tangent):
        return super().jvp(tangent).swapaxes(-1, -2)


class WrongBroadcastAxis(PReLU):
    def linearize(self, inputs, alpha):
        outputs, jacobians = super().linearize(inputs, alpha)
        slopes = jacobians[1].slopes
        return outputs, swapped(jacobians, 1, AlongTheWrongAxis(slopes, alpha.shape, inputs.shape))


class MomentumTheOtherWay(BatchNormalization):
    def linearize(self, inputs, *parameters, training=False, mask=None):
        outputs, jacobians = super().linearize(inputs, *parameters, training=training, mask=mask)
        if jacobians.state:
            m, averages = self.momentum, parameters[-2:]
            batch = [(new - m * old) / (1 - m) for new, old in zip(jacobians.state, averages, strict=True)]
            jacobians.state = tuple((1 - m) * old + m * own for old, own in zip(averages, batch, strict=True))
        return outputs, jacobians


class MomentumTwice(BatchNormalization):
    def linearize(self, inputs, *parameters, training=False, mask=None):
        outputs, jacobians = super().linearize(inputs, *parameters, training=training, mask=mask)
        if jacobians.state:
            m, averages = self.momentum, parameters[-2:]
            batch = [(new - m * old) / (1 - m) for new, old in zip(jacobians.state, averages, strict=True)]
            jacobians.state = tuple(m * old + m * own for old, own in zip(averages, batch, strict=True))
        return outputs, jacobians


class ForwardModeOnly(RowsTimesKernel):
    __slots__ = ()

    def vjp(self, cotangent):
        return super().vjp(cotangent) * 0.5


class NoTranspose(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 0, ForwardModeOnly(kernel, inputs.shape, outputs.shape))


class AddsToWhatIsThere(KernelOfRows):
    __slots__ = ()

    def vjp_into(self, cotangent, out):
        out += self.vjp(cotangent)


class GradientsAddUp(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 1, AddsToWhatIsThere(inputs, kernel.shape, outputs.shape))


class SharesInPlace(KernelOfRows):
    __slots__ = ()

    def per_example_into(self, cotangent, out):
        out[...] = self.vjp(cotangent) / len(cotangent)


class PerExampleIntoShares(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 1, SharesInPlace(inputs, kernel.shape, outputs.shape))


class OneSeedAxis(RowsTimesKernel):
    __slots__ = ()

    def jvp(self, tangent):
        return super().jvp(tangent if tangent.ndim <= 3 else tangent.mean(axis=0, keepdims=True) + 0 * tangent)


class SeedsMixed(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 0, OneSeedAxis(kernel, inputs.shape, outputs.shape))


class FirstTangentOnly(Jacobians):
    __slots__ = ()

    def jvp(self, *tangents):
        first = [place for place, tangent in enumerate(tangents) if tangent is not None][:1]
        return super().jvp(*[tangent if place in first else None for place, tangent in enumerate(tangents)])


class ForwardModeOfOneInput(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, FirstTangentOnly(*jacobians.maps, outer=jacobians.outer)


class Centering(Jacobian):
    __slots__ = ()

    def vjp(self, cotangent):
        return cotangent - cotangent.mean(axis=-2, keepdims=True)

    jvp = vjp


class MixingCentering(Centering):
    __slots__ = ()

    mixes_rows = True


class MixesRowsInSecret(Layer):
    def linearize(self, inputs):
        return inputs - inputs.mean(axis=0, keepdims=True), Jacobians(Centering(inputs.shape, inputs.shape))


class SaysThatItMixesRows(Layer):
    def linearize(self, inputs):
        return inputs - inputs.mean(axis=0, keepdims=True), Jacobians(MixingCentering(inputs.shape, inputs.shape))


class ScaledAfterActivation(Dense):
    ends_in_activation = True

    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        double = Diagonal(np.full((), 2, inputs.real.dtype), outputs.shape, outputs.shape)
        outer = double if jacobians.outer is None else Composed(double, jacobians.outer)
        return 2 * outputs, Jacobians(*jacobians.maps, outer=outer)


class SinglePrecisionInside(Rescaling):
    def linearize(self, inputs):
        outputs, jacobians = super().linearize(inputs)
        return outputs.astype(np.float32) if outputs.dtype == np.float64 else outputs, jacobians


class SharedEvenly(KernelOfRows):
    __slots__ = ()

    def per_example(self, cotangent):
        found = super().per_example(cotangent)
        return np.broadcast_to(found.mean(axis=0), found.shape)


class PerExampleMixed(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 1, SharedEvenly(inputs, kernel.shape, outputs.shape))


class Float64Leak(Rescaling):
    def linearize(self, inputs):
        outputs, _ = super().linearize(inputs)
        return outputs, Jacobians(Diagonal(np.array(self.scale), inputs.shape, inputs.shape))


class InputsInPlace(LayerNormalization):
    def linearize(self, inputs, *gamma_beta):
        result = super().linearize(inputs.copy(), *gamma_beta)
        if inputs.flags.writeable:
            inputs -= inputs.mean(axis=-1, keepdims=True)
        return result


class ScaledInPlace(Diagonal):
    __slots__ = ()

    def vjp(self, cotangent):
        if not cotangent.flags.writeable:
            return cotangent * self.slopes
        cotangent *= self.slopes
        return cotangent


class UpstreamInPlace(Activation):
    def linearize(self, inputs):
        outputs, jacobians = super().linearize(inputs)
        return outputs, Jacobians(ScaledInPlace(jacobians[0].slopes, inputs.shape, inputs.shape))


class KeepsItsInput(Dense):
    def linearize(self, inputs, kernel, bias):
        self.last_inputs = inputs
        return super().linearize(inputs, kernel, bias)


class TrainingIgnoredInDerivative(BatchNormalization):
    def linearize(self, inputs, *parameters, training=False, mask=None):
        outputs, jacobians = super().linearize(inputs, *parameters, training=training, mask=mask)
        inference = super().linearize(inputs, *parameters)[1]
        return outputs, Jacobians(*inference.maps, outer=inference.outer, state=jacobians.state)


class AnotherMask(Dropout):
    def linearize(self, inputs, training=False, random=None):
        outputs, jacobians = super().linearize(inputs, training, random)
        if training:
            jacobians = super().linearize(inputs, training, RandomSource(random.seed, random.step + 1))[1]
        return outputs, jacobians


class WithoutMean(Standardize):
    __slots__ = ()

    def vjp(self, cotangent):
        along = np.mean(cotangent * self.standardized, axis=self.axes, keepdims=True)
        return (cotangent - self.standardized * along) * self.inverse_deviation

    jvp = vjp


class NormalizationWithoutMeanTerm(Layer):
    def linearize(self, inputs):
        centered = inputs - inputs.mean(axis=-1, keepdims=True)
        inverse = 1 / np.sqrt((centered * centered).mean(axis=-1, keepdims=True) + 1e-3)
        return centered * inverse, Jacobians(WithoutMean(centered * inverse, inverse, (-1,)))


class NormalizationWithMeanTerm(Layer):
    def linearize(self, inputs):
        centered = inputs - inputs.mean(axis=-1, keepdims=True)
        inverse = 1 / np.sqrt((centered * centered).mean(axis=-1, keepdims=True) + 1e-3)
        return centered * inverse, Jacobians(Standardize(centered * inverse, inverse, (-1,)))


class WrongSign(Rescaling):
    def linearize(self, inputs):
        outputs, _ = super().linearize(inputs)
        slope = np.full((), -self.scale, inputs.real.dtype)
        return outputs, Jacobians(Diagonal(slope, inputs.shape, inputs.shape))


class MissingInput(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 1, None)


class StaleKernel(Dense):
    def build(self, input_shape):
        super().build(input_shape)
        self.kept = self.kernel.value.copy()

    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, swapped(jacobians, 0, RowsTimesKernel(self.kept, inputs.shape, outputs.shape))


class WrongDeclaredShape(Conv1D):
    def compute_output_shape(self, input_shape):
        shape = super().compute_output_shape(input_shape)
        return (shape[0], shape[1] + 1, shape[2])


class FailsOnOneRow(Softmax):
    def compute_output_shape(self, input_shape):
        return input_shape

    def linearize(self, inputs):
        inputs = np.squeeze(inputs)
        outputs, _ = super().linearize(inputs)
        return outputs, Jacobians(SoftmaxJacobian(outputs))


class TakesMemoryAsItLies(Rescaling):
    def linearize(self, inputs):
        shape = inputs.shape
        outputs = (inputs.ravel(order="K") * self.scale + self.offset).reshape(shape)
        return outputs, Jacobians(Diagonal(np.full((), self.scale, inputs.real.dtype), shape, shape))


class DrawsOnItsOwn(Dropout):
    def linearize(self, inputs, training=False, random=None):
        keep = np.random.default_rng().random(inputs.shape) < 0.5 if training else np.ones(inputs.shape, bool)
        return inputs * keep, Jacobians(Diagonal(keep.astype(inputs.real.dtype), inputs.shape, inputs.shape))


class ForgetsAnArgument(Rescaling):
    def get_config(self):
        return {**super().get_config(), "offset": 0.0}


class DenseTwice(Diagonal):
    __slots__ = ()

    def todense(self):
        return 2 * super().todense()


class WrongDenseForm(Rescaling):
    def linearize(self, inputs):
        outputs, jacobians = super().linearize(inputs)
        return outputs, Jacobians(DenseTwice(jacobians[0].slopes, inputs.shape, inputs.shape))


class CalledWithoutBias(Dense):
    def __call__(self, inputs, training=None, mask=None):
        return inputs @ self.kernel.value


class CallKeepsJacobians(Dense):
    def __call__(self, inputs, training=None, mask=None):
        return self.forward(inputs, training or False, mask)


class BackwardHalved(Dense):
    def backward(self, jacobian=1, wanted=None):
        return tuple(0.5 * result for result in super().backward(jacobian, wanted))


class CallGivesItsInput(Rescaling):
    def __call__(self, inputs, training=None, mask=None):
        return inputs


class AveragesNotStored(BatchNormalization):
    def update_state(self, state):
        pass


class TangentAsItLies(Diagonal):
    __slots__ = ()

    def jvp(self, tangent):
        return super().jvp(tangent.ravel(order="K").reshape(tangent.shape))


class TangentsAsTheyLie(Rescaling):
    def linearize(self, inputs):
        outputs, jacobians = super().linearize(inputs)
        return outputs, Jacobians(TangentAsItLies(jacobians[0].slopes, inputs.shape, inputs.shape))


class GradientsOfTheData(Jacobians):
    __slots__ = ()

    def per_example(self, cotangent, wanted=None, into=None):
        found = super().per_example(cotangent, wanted, into)
        return (cotangent[..., :1], *found[1:])


class PerExampleOfTheData(Dense):
    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs, GradientsOfTheData(*jacobians.maps, outer=jacobians.outer)


class TableBesideTheParameters(Dense):
    def build(self, input_shape):
        super().build(input_shape)
        self.table = np.random.default_rng().normal(size=self.units)

    def linearize(self, inputs, kernel, bias):
        outputs, jacobians = super().linearize(inputs, kernel, bias)
        return outputs + self.table.astype(outputs.real.dtype), jacobians


class DoublePrecisionParameter(Dense):
    def build(self, input_shape):
        super().build(input_shape)
        self.parameters[1] = Parameter("bias", np.zeros(self.units))


class Bug(NamedTuple):
    """A class with a bug, how to make it, which row of the report must show it, and what the sentence there says."""

    cls: type
    arguments: dict
    shape: tuple
    check: str
    words: str

    def __str__(self):
        return self.cls.__name__


DENSE, SQUARE, CONVOLUTION = {"units": 3}, (4, 3), {"filters": 2, "kernel_size": 3}
BUGS = [
    Bug(MissingShare, {}, (4, 3), "y_pred, complex step", "should be"),
    Bug(MissingShareInBoth, {}, (4, 3), "reduction", "the losses of the rows make"),
    Bug(MaskForgotten, {}, (4, 3), "reduction", "masked"),
    Bug(AnotherLossOfLogits, {}, (4, 3), "logits", "Sigmoid, its link"),
    Bug(WeightsForgotten, {}, (4, 3), "y_pred, complex step", "weighted"),
    Bug(CurvatureWithoutSlope, {"from_logits": True}, (4, 3), "Hessian, complex step", "should be"),
    Bug(BackwardOfOne, {}, (4, 3), "called", "backward of the loss is not that of its Jacobian"),
    Bug(WeightsInDoublePrecision, {}, (4, 3), "float32", "is float64 for float32 predictions"),
    Bug(ForgottenBiasSum, DENSE, SQUARE, "jvp = vjp'", "by bias"),
    Bug(TransposedKernel, DENSE, SQUARE, "jvp = vjp'", "by kernel"),
    Bug(PaddingOffByOne, {"padding": 1}, (2, 4, 2), "inputs, complex step", "is 0, should be 1"),
    Bug(PaddingInConvolution, {**CONVOLUTION, "padding": "same"}, (2, 5, 2), "kernel, stencil", "should be"),
    Bug(SlopeOffByAMillionth, {"activation": "tanh"}, (3, 4), "inputs, stencil", "should be"),
    Bug(SoftmaxWithoutRankOne, {}, (3, 4), "inputs, complex step", "should be"),
    Bug(WrongBroadcastAxis, {}, (2, 3, 3), "alpha, complex step", "d alpha["),
    Bug(MomentumTheOtherWay, {}, (4, 3), "state", "0.01 of the old one, momentum is 0.99"),
    Bug(MomentumTwice, {}, (4, 3), "state", "settle elsewhere"),
    Bug(NoTranspose, DENSE, SQUARE, "jvp = vjp'", "by inputs"),
    Bug(GradientsAddUp, DENSE, SQUARE, "written into", "vjp_into by kernel"),
    Bug(PerExampleIntoShares, DENSE, SQUARE, "written into", "per_example_into by kernel"),
    Bug(SeedsMixed, DENSE, SQUARE, "leading axes", "jvp by inputs of several"),
    Bug(ForwardModeOfOneInput, DENSE, SQUARE, "jvp = vjp'", "all tangents together"),
    Bug(MixesRowsInSecret, {}, (4, 3), "per example", "mixes_rows"),
    Bug(ScaledAfterActivation, {**DENSE, "activation": "tanh"}, SQUARE, "activation", "ends_in_activation"),
    Bug(SinglePrecisionInside, {"scale": 0.5}, (2, 3), "shapes", "float32 in a layer of float64"),
    Bug(PerExampleMixed, DENSE, SQUARE, "per example", "per_example by kernel"),
    Bug(Float64Leak, {"scale": 0.5}, (2, 3), "float32", "float64 for float32 inputs"),
    Bug(InputsInPlace, {}, (3, 4), "arrays left alone", "inputs was changed in place"),
    Bug(UpstreamInPlace, {"activation": "tanh"}, (3, 4), "arrays left alone", "incoming Jacobian was changed in place"),
    Bug(KeepsItsInput, DENSE, SQUARE, "stores nothing", "self.last_inputs"),
    Bug(TrainingIgnoredInDerivative, {}, (4, 3), "inputs, complex step", "(training"),
    Bug(AnotherMask, {"rate": 0.5}, (4, 6), "inputs, complex step", "(training"),
    Bug(NormalizationWithoutMeanTerm, {}, (3, 4), "inputs, complex step", "should be"),
    Bug(WrongSign, {"scale": 0.5}, (2, 3), "inputs, complex step", "is -0.5, should be 0.5"),
    Bug(MissingInput, DENSE, SQUARE, "kernel, complex step", "is 0, should be"),
    Bug(StaleKernel, DENSE, SQUARE, "inputs, complex step", "d inputs["),
    Bug(WrongDeclaredShape, CONVOLUTION, (2, 5, 2), "shapes", "declares (None, 4, 2)"),
    Bug(FailsOnOneRow, {}, (3, 4), "shapes", "batch of 1"),
    Bug(TakesMemoryAsItLies, {"scale": 0.5}, (3, 4), "any memory layout", "not contiguous"),
    Bug(DrawsOnItsOwn, {"rate": 0.5}, (4, 3), "same twice", "two outputs"),
    Bug(ForgetsAnArgument, {"scale": 0.5, "offset": 1.0}, (2, 3), "config", "another"),
    Bug(WrongDenseForm, {"scale": 0.5}, (2, 3), "todense", "todense by inputs"),
    Bug(CalledWithoutBias, {**DENSE, "bias_initializer": "ones"}, SQUARE, "called", "the call gives another output"),
    Bug(CallKeepsJacobians, DENSE, SQUARE, "called", "calling the layer keeps its Jacobians"),
    Bug(BackwardHalved, DENSE, SQUARE, "called", "backward is not that of the Jacobians"),
    Bug(CallGivesItsInput, {"scale": 1.0}, (3, 4), "called", "memory of its inputs"),
    Bug(AveragesNotStored, {}, (4, 3), "called", "training does not store"),
    Bug(TangentsAsTheyLie, {"scale": 0.5}, (3, 4), "any memory layout", "jvp of non-contiguous tangents"),
    Bug(PerExampleOfTheData, DENSE, SQUARE, "per example", "by the data too"),
    Bug(TableBesideTheParameters, DENSE, SQUARE, "file", "a loaded model has other predictions"),
    Bug(DoublePrecisionParameter, DENSE, SQUARE, "float32", "a parameter is float64"),
]
bugs = pytest.mark.parametrize("bug", BUGS, ids=str)
SOUND = {
    NormalizationWithoutMeanTerm: NormalizationWithMeanTerm,
    MixesRowsInSecret: SaysThatItMixesRows,
}


def report_of(cls, bug):
    made = cls(**bug.arguments)
    return check_loss(made, bug.shape) if isinstance(made, Loss) else check_layer(made, bug.shape)


@bugs
def test_the_bug_is_found_where_it_is(bug):
    report = report_of(bug.cls, bug)
    assert not report.ok
    found = {row.check: row.detail for row in report.failures}
    assert bug.words in found[bug.check], found


@bugs
def test_the_class_without_it_passes(bug):
    report = report_of(SOUND.get(bug.cls, bug.cls.__mro__[1]), bug)
    assert report.ok, report
