"""The formulas of all optimizers, written plainly in float64: one parameter, all its steps.

Each takes the parameter's first value, its gradients, the learning rates, and the optimizer's attributes.
"""

import re

import numpy as np


def sgd(weight, gradients, rates, momentum, nesterov, **_):
    velocity = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = momentum * velocity - rate * gradient
        weight = weight + (momentum * velocity - rate * gradient if nesterov else velocity)
    return weight


def rmsprop(weight, gradients, rates, rho, momentum, epsilon, centered, **_):
    velocity = mean = change = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = rho * velocity + (1 - rho) * gradient**2
        mean = rho * mean + (1 - rho) * gradient
        change = momentum * change + rate * gradient / np.sqrt(velocity - centered * mean**2 + epsilon)
        weight = weight - change
    return weight


def adam(weight, gradients, rates, weight_decay, beta_1, beta_2, epsilon, amsgrad=False, **_):
    momentum = velocity = largest = 0.0
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        weight = weight - weight * rate * (weight_decay or 0.0)
        momentum = beta_1 * momentum + (1 - beta_1) * gradient
        velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
        largest = np.maximum(largest, velocity)
        rate = rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        weight = weight - rate * momentum / (np.sqrt(largest if amsgrad else velocity) + epsilon)
    return weight


def adagrad(weight, gradients, rates, initial_accumulator_value, epsilon, **_):
    squares = initial_accumulator_value
    for gradient, rate in zip(gradients, rates, strict=True):
        squares = squares + gradient**2
        weight = weight - rate * gradient / np.sqrt(squares + epsilon)
    return weight


def adadelta(weight, gradients, rates, rho, epsilon, **_):
    squares = changes = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        squares = rho * squares + (1 - rho) * gradient**2
        change = np.sqrt(changes + epsilon) / np.sqrt(squares + epsilon) * gradient
        changes = rho * changes + (1 - rho) * change**2
        weight = weight - rate * change
    return weight


def adamax(weight, gradients, rates, beta_1, beta_2, epsilon, **_):
    momentum = norm = 0.0
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        momentum = beta_1 * momentum + (1 - beta_1) * gradient
        norm = np.maximum(beta_2 * norm, np.abs(gradient))
        weight = weight - rate / (1 - beta_1**step) * momentum / (norm + epsilon)
    return weight


def nadam(weight, gradients, rates, weight_decay, beta_1, beta_2, epsilon, **_):
    momentum, velocity, product = 0.0, 0.0, 1.0
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        weight = weight - weight * rate * (weight_decay or 0.0)
        now, later = (beta_1 * (1 - 0.5 * 0.96**number) for number in (step, step + 1))
        product *= now
        momentum = beta_1 * momentum + (1 - beta_1) * gradient
        velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
        ahead = later * momentum / (1 - product * later) + (1 - now) * gradient / (1 - product)
        weight = weight - rate * ahead / (np.sqrt(velocity / (1 - beta_2**step)) + epsilon)
    return weight


def ftrl(
    weight,
    gradients,
    rates,
    learning_rate_power,
    initial_accumulator_value,
    l1_regularization_strength,
    l2_regularization_strength,
    l2_shrinkage_regularization_strength,
    beta,
    **_,
):
    squares, linear = np.full_like(weight, initial_accumulator_value), 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        total = squares + gradient**2
        sigma = (total**-learning_rate_power - squares**-learning_rate_power) / rate
        linear = linear + gradient + 2 * l2_shrinkage_regularization_strength * weight - sigma * weight
        quadratic = total**-learning_rate_power / rate + 2 * (l2_regularization_strength + beta / (2 * rate))
        weight = (np.clip(linear, -l1_regularization_strength, l1_regularization_strength) - linear) / quadratic
        squares = total
    return weight


def lion(weight, gradients, rates, weight_decay, beta_1, beta_2, **_):
    momentum = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        weight = weight - weight * rate * (weight_decay or 0.0)
        weight = weight - rate * np.sign(beta_1 * momentum + (1 - beta_1) * gradient)
        momentum = beta_2 * momentum + (1 - beta_2) * gradient
    return weight


def lamb(weight, gradients, rates, weight_decay, beta_1, beta_2, epsilon, **_):
    momentum = velocity = 0.0
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        weight = weight - weight * rate * (weight_decay or 0.0)
        momentum = beta_1 * momentum + (1 - beta_1) * gradient
        velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
        change = momentum / (1 - beta_1**step) / (np.sqrt(velocity / (1 - beta_2**step)) + epsilon)
        weight = weight - rate * change * np.sqrt(np.sum(weight**2)) / np.sqrt(np.sum(change**2))
    return weight


def adafactor(weight, gradients, rates, weight_decay, beta_2_decay, epsilon_1, epsilon_2, clip_threshold, **_):
    def rms(x):
        return np.sqrt(np.mean(x**2))

    row = column = velocity = 0.0
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        weight = weight - weight * rate * (weight_decay or 0.0)
        kept, squares = 1 - step**beta_2_decay, gradient**2 + epsilon_1
        if weight.ndim == 2:
            row = kept * row + (1 - kept) * squares.mean(axis=1)
            column = kept * column + (1 - kept) * squares.mean(axis=0)
            velocity = np.outer(row / row.mean(), column)
        else:
            velocity = kept * velocity + (1 - kept) * squares
        change = gradient / np.sqrt(velocity)
        change = change / max(1, rms(change) / clip_threshold)
        weight = weight - max(epsilon_2, rms(weight)) * min(rate, 1 / np.sqrt(step)) * change
    return weight


def muon(weight, gradients, rates, path, **own):
    if weight.ndim != 2 or any(re.search(expression, path) for expression in own["exclude_layers"]):
        rates_of_adam = [rate * own["adam_lr_ratio"] for rate in rates]
        decay = (own["adam_weight_decay"] or 0.0) / own["adam_lr_ratio"]
        return adam(weight, gradients, rates_of_adam, decay, own["adam_beta_1"], own["adam_beta_2"], own["epsilon"])
    momentum = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        weight = weight - weight * rate * (own["weight_decay"] or 0.0)
        momentum = own["momentum"] * momentum + gradient
        x = gradient + own["momentum"] * momentum if own["nesterov"] else momentum
        x = x / (np.sqrt(np.sum(x**2)) + 1e-7)  # the parameters here are no higher than wide
        for _ in range(own["ns_steps"]):
            squared = x @ x.T
            x = own["muon_a"] * x + (own["muon_b"] * squared + own["muon_c"] * squared @ squared) @ x
        size = 1 if own["rms_rate"] is None else own["rms_rate"] * np.sqrt(max(weight.shape))
        weight = weight - rate * size * x
    return weight


def schedule_free(weight, gradients, rates, beta_1, beta_2, epsilon, warmup_steps, **_):
    z, x, velocity = weight, weight, 0.0
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        rate = rate * min(1, step / warmup_steps) if warmup_steps else rate
        velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
        z = z - rate * gradient / (np.sqrt(velocity / (1 - beta_2**step)) + epsilon)
        x = (1 - 1 / step) * x + z / step
        weight = (1 - beta_1) * z + beta_1 * x
    return weight
