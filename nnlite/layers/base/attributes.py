"""Attributes of a layer: every attribute that other code reads, with its default."""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.config import image_data_format
from nnlite.errors import NotReadyError
from nnlite.layers.base.contract import naming as named
from nnlite.layers.base.contract.around import as_returned, copied, copied_whole, read_policy, returned_dtypes
from nnlite.layers.base.contract.keras_config import get
from nnlite.layers.base.contract.structure import kept, weights_in_order
from nnlite.layers.base.simplified import DensePart, Simplified, without_activation
from nnlite.ops.activations import ActivationFunction, Linear
from nnlite.parameters import Parameter, assign_all
from nnlite.random import RandomSource, fresh_seed
from nnlite.schedules import LearningRateSchedule

if TYPE_CHECKING:
    from nnlite.layers.base.contract.naming import Place
    from nnlite.layers.base.layer import Layer
    from nnlite.layers.base.symbolic import Symbol

__all__ = []

InputKind = Literal["numbers", "indices", "strings", "categories"]
Fixed = Literal["shape", "rank", "last", "nothing"]


class LayerCall(NamedTuple):
    """Arguments of a call; `runner` is the layer to run, or a variant of it with the same parameters."""

    runner: Any
    inputs: Any
    training: bool | None = None
    mask: Any = None


class LayerAttributes:
    """Base of `Layer` only; modules that `Layer` is built from identify a layer by it.

    Attributes, of a class or of an instance:
        input_kind: what the layer takes, see `read_inputs`: numbers are brought into its dtype.
        _input_kinds: the same for each of several inputs; None if all are numbers.
        takes_several: whether `inputs` is a tuple of arrays; None in a class where what it is built for decides.
        supports_masking: whether masks of the inputs are taken into account: they are those of the outputs too.
        _sets_mask: whether the outputs of a layer that supports masking have another mask than the inputs.
        call: the method `call`, where a class writes one.
        infer: the method `infer(inputs)`, where a class writes one: the outputs at inference, with the weights of the
            moment and without Jacobians. Only layers that need and set no mask have it.
        _traced: whether the derivative is recorded from `call`, rather than written in `linearize`.
        _context: which of `training`, `random` and `mask` `linearize` takes by keyword.
        _call_context: the same for `call`.
        _call_arguments: the names of the arguments of `call` that may be data.
        _writes_call, _writes_mask: whether a class writes `call`, or `compute_mask`.
        _builds_itself, _lists_outputs: whether `build` does all of the building, as of models; outputs are in a list.
        autocast, supports_jit, quantization_mode: whether a custom `call` gets inputs in `dtype`; others do nothing.
        _fixes: what of the shape that the layer was built for a call on arrays has to have; see `takes_too`.
        ends_in_activation: whether `self.activation` is the last thing that `linearize` applies.
        _final_activation: the activation function that gives the outputs; None if that is not known.
        input_spec: an `InputSpec` that the inputs have to fit, or a list of them; None for none.
        _has_spec: whether that is to be checked: a layer of nnlite says the same itself, in its own words.
        _needs_no_building: whether the layer is `built` from the beginning, as Keras says of some without parameters.
        activity_regularizer: a penalty on the outputs, divided by the number of examples; None for none.
        label, _next_random: how errors call the layer; the random numbers of its next call.
        _moves_on: whether calls outside training store new states, as those of stateful recurrent layers do; None until
            `moves_on` has asked the layers inside.
        _compares_first: whether the layer looks whether its weights are still those that it began with.
        _keeps_values: whether the outputs, outside training, are the inputs, possibly in another order.
        _kept_kinds: kinds of types, of integers "iu" and booleans "b", whose inputs a call computes with as they are.
        _penalizes: whether the loss has a term of the layer: a `Penalized` or an `AddedLoss` is among its maps.
        _takes_policies, _token_dtype: whether the policy of `set_dtype_policy` is meant for it; type of a vocabulary.
        _drawn_by, _adapts: the argument that is 0 if nothing is drawn; the weight that takes an adapter of low rank.
        _adapter: the two matrices of that adapter.
        _lowers: whether results are rounded by a mixed policy, its own or that of a layer inside a model.
        stops_gradient: whether a part of the function counts as a constant, so that numerical derivatives differ.
        schedules: the `LearningRateSchedule`s among its arguments, which `fit` tells how long the training is.
        member_count: how many models the layer is at once; each of its parameters has an axis of them in front.
        _kernel_gain: what compiled kernels save by each number of the outputs, in updates of single parameters.

        adapted, _check_ready, _layers_inside, _activation_argument, _keeps_mask, _keras_arguments: see there.
        _path_inside, at_inference, _dense_part, without_activation, _output_dtype, _returned_dtypes: see there.
        values, weights, get_weights, set_weights, count_params: the arrays, and the parameters in Keras's order.
        _as_returned, _given_name, _given_dtype, _name_stem, _fixed_axis, compute_dtype, variable_dtype, get: see there.

    Attributes of an instance:
        parameters: in the order in which `linearize` takes them; those of layers inside are among them.
        built: whether there are any, and shapes are known.
        input_shape, output_shape: with None for the batch, tuples of shapes where there are several; None until built.
        name: for display; see `contract.naming`.
        _made_name: the name that was made when it was asked for; None before, and for a layer that has one.
        _calls: how many calls drew random numbers.
        random: where initial values are drawn from; None until built.
        _drawn: the `fingerprint` of its weights, if it was built by being called on a symbol.
        _first: the `fingerprint` of its weights as they were drawn, where `adapt` has yet to fit them to data.
        chain: the program that a model runs; None for a layer that is not a model, and for a model that is not built.
        _node: the symbols of its first use in a graph, those that it took and those that it gave; None before.
        _symbol: the value in a graph that an `Input` stands for; None for other layers.
        _options: what the arguments of `call` that are not data are.
        _data_arguments, _data_keys: the names of several data, as arguments of `call`, or in one dict.
        _data_form: how several data are nested, or that they are a tuple, see `form_of`; None for a list or one dict.
        _recorded: the traced values of the parameters, by id, of what `call` knows as `self`; None for other layers.
        _further_arguments, _take_further: arguments of the constructor that are not part of the config.
        _losses: the terms that the last call on arrays added to the loss.
        _building, _build_done, _declared: whether `build` is running, whether it has; parameters of the layer itself.
        _structure: the dicts and lists that outputs are returned in, see `structure_of`; None for a tuple, or one.
        _built_on, _told_shape: the shape, or shapes, of the first data or symbols, or what `build` got; None otherwise.
        _site: its `Place` among the layers that are built inside one another; None until it is needed.
        _stated_shape: the shape of the data that the argument `input_shape` states; None if it does not.
    """

    activity_regularizer: Any = None
    input_spec: Any = None
    _has_spec: bool = False
    _needs_no_building: bool = False
    input_kind: InputKind = "numbers"
    _input_kinds: list[InputKind] | None = None
    takes_several: bool | None = False
    _kernel_gain: int = 0
    supports_masking: bool = False
    _sets_mask: bool = False
    call: Callable[..., Any] | None = None
    infer: Callable[..., np.ndarray] | None = None
    _traced: bool = False
    _context: tuple[str, ...] = ()
    _call_context: tuple[str, ...] = ()
    _call_arguments: tuple[str, ...] = ("inputs",)
    _writes_call: bool = False
    _writes_mask: bool = False
    _builds_itself = _lists_outputs = False
    _fixes: Fixed = "shape"
    autocast, supports_jit, quantization_mode = True, True, None
    ends_in_activation: bool = False
    _moves_on: bool | None = None
    _compares_first: bool = False
    _keeps_values: bool = False
    _kept_kinds: str = ""
    _penalizes, stops_gradient = False, False
    _takes_policies, _lowers, _drawn_by, _adapts = True, False, cast("str | None", None), cast("str | None", None)
    _adapter = cast("tuple[Parameter, Parameter] | None", None)
    schedules: tuple[LearningRateSchedule, ...] = ()

    name: str | None
    parameters: list[Parameter]
    built: bool
    input_shape: Any
    output_shape: Any
    random: RandomSource | None
    _calls: int
    _drawn: tuple | None = None
    _first: tuple | None = None
    chain = cast(Any, None)
    _node: tuple[Any, Any] | None = None
    _symbol = cast("Symbol | None", None)
    _options = cast("dict[str, Any]", MappingProxyType({}))
    _data_arguments: tuple[str, ...] = ()
    _data_keys, _data_form = cast("tuple[str, ...]", ()), cast(Any, None)
    _recorded = cast("dict[int, Any] | None", None)
    _losses: tuple[float, ...] = ()
    _building, _build_done = False, False
    _further_arguments: tuple[str, ...] = ()
    _declared: list[Parameter]
    _stated_shape: tuple[int | None, ...] | None = None
    _structure, _built_on, _told_shape = (cast(Any, None),) * 3
    _made_name, _token_dtype = (cast("str | None", None),) * 2
    _site = cast("Place | None", None)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "data_format" and value is None and not cast(Any, self)._own_constructor:
            value = image_data_format()
        if name == "input_spec":
            self._has_spec = value is not None
        if name == "dtype":
            value = read_policy(self, value)
        if name == "padding" and isinstance(value, str):
            value = value.lower()  # as Keras takes it
        super().__setattr__(name, value)

    def _keras_arguments(self) -> dict[str, Any]:
        """The arguments as Keras's config has them, before they become plain values."""
        layer: Any = self
        return layer._arguments()

    @property
    def _keeps_mask(self) -> bool:
        """Whether the mask of the inputs is that of the outputs."""
        return self.supports_masking and not self._sets_mask

    @property
    def member_count(self) -> int | None:
        """The argument `members`; None for a layer that has no such argument."""
        return vars(self).get("members")

    def _next_random(self) -> RandomSource:
        """The source of this layer's own calls, another one for each."""
        source = self.random = self.random or RandomSource(fresh_seed())
        self._calls += 1
        return RandomSource(source.seed, self._calls, source.place)

    def __getstate__(self) -> dict[str, Any]:
        parent: Any = super()
        return {name: value for name, value in parent.__getstate__().items() if name not in ("_node", "_site")}

    @staticmethod
    def _path_inside(parameter: str) -> str:
        """The end of the path of a parameter of this name, behind the path of the layer."""
        return parameter

    @property
    def values(self) -> list[np.ndarray]:
        """The parameters' arrays, as `linearize` takes them."""
        return [parameter.value for parameter in self.parameters]

    @property
    def weights(self) -> list[Parameter]:
        """All parameters: the layer's own, those declared trainable first, then those of each layer inside."""
        return weights_in_order(self, kept(self, LayerAttributes) if self._traced else ())

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the arrays of `weights`."""
        return [parameter.numpy() for parameter in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy arrays in, in the order of `weights`; `ShapeError` when number or shapes differ."""
        assign_all(self.weights, weights, self.label)

    def count_params(self) -> int:
        """Number of scalars in all parameters; `NotReadyError` before the layer is built."""
        if not self.built:
            raise NotReadyError(f"{self.label} has no parameters yet: build it, or call it on data")
        return sum(parameter.size for parameter in self.weights)

    @property
    def adapted(self) -> bool:
        """Whether the layer has learned by `adapt` what it needs from data; most layers need nothing."""
        return True

    def _layers_inside(self) -> "Sequence[Layer]":
        """The layers that a container is made of, in order; none in any other layer."""
        return ()

    @property
    def _activation_argument(self) -> ActivationFunction | None:
        """The argument `activation`; None for a layer that has no such argument."""
        return vars(self).get("activation")

    def _check_ready(self) -> None:
        """Raise `NotReadyError` when the layer lacks something other than `build`, such as `adapt`."""

    if TYPE_CHECKING:  # these of `Layer`

        @property
        def trainable_weights(self) -> list[Parameter]: ...
        @property
        def non_trainable_weights(self) -> list[Parameter]: ...

    def _take_further(self, arguments: dict[str, Any]) -> None:
        """Take those of `_further_arguments` that the constructor was given."""

    _given_name, _given_dtype, _name_stem, get = named.given_name, named.given_dtype, named.name_stem, get
    compute_dtype, variable_dtype, _returned_dtypes = named.compute_dtype, named.variable_dtype, returned_dtypes
    _as_returned, without_activation, __copy__, __deepcopy__ = as_returned, without_activation, copied, copied_whole

    @property
    def _fixed_axis(self) -> int | tuple[int, ...]:
        """Axis of the features, whose number the parameters fix: the argument `axis`, the last one without it."""
        return vars(self).get("axis", -1)

    @property
    def label(self) -> str:
        """The layer's name in error messages: `layer 'dense_1' (Dense)`."""
        name = self._given_name
        return f"layer {type(self).__name__}" if name is None else f"layer {name!r} ({type(self).__name__})"

    @property
    def _final_activation(self) -> ActivationFunction | None:
        """The activation function that gives the outputs; None if that is not known."""
        return (vars(self).get("activation") or Linear()) if self.ends_in_activation else None

    def at_inference(self) -> Simplified | None:
        """A simpler form of `linearize` for inference, with the current weights; None if there is none."""
        return None

    def _dense_part(self) -> DensePart | None:
        """The part that the layer can take over in several dense layers trained as one; None for none."""
        return None

    @property
    def _output_dtype(self) -> str:
        """Type of the outputs: `dtype`, `"int64"` for indices, `"object"` for strings."""
        return self.dtype

    if TYPE_CHECKING:
        dtype: Any

        def adapt(self, data: Any) -> None:
            """Learn from data; layers that have something to learn define it, and are not `adapted` before."""
