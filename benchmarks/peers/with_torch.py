"""PyTorch, eager and compiled."""

import numpy as np
import torch

from benchmarks.parts import Block, Convolution, Dense, Dropout, Flatten, Lookup, Mean, Pool, Recurrence
from benchmarks.peers.base import Peer

functional = torch.nn.functional


class Torch(Peer):
    """An `nn.Sequential` and the fused Adam, the fastest of PyTorch's own on a CPU."""

    def __init__(self, case, threads):
        super().__init__(case, threads)
        torch.set_num_threads(threads)
        self.net = torch.nn.Sequential(*_modules(case))
        self._copy_weights()
        own = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(own, eps=1e-7, fused=True)
        self.net.train(case.trains)
        self.loss_of = self._loss
        self.steps = 0

    def _copy_weights(self):
        weights = [
            array
            for part, shape, own in zip(self.case.parts, self.case.shapes, self.case.weights(), strict=False)
            for array in _translated(part, shape, own, self.case)
        ]
        with torch.no_grad():
            for parameter, value in zip(self.net.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))

    def take(self, array):
        return torch.from_numpy(array)

    def _loss(self, x, y):
        outputs = self.net(x)
        return functional.mse_loss(outputs, y) if self.case.loss == "mse" else functional.cross_entropy(outputs, y)

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss_of(x, y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def exact_loss(self, x, y):
        # PyTorch adds epsilon after the bias correction, Keras before: this one comes to the same.
        self.steps += 1
        self.optimizer.param_groups[0]["eps"] = 1e-7 / (1 - 0.999**self.steps) ** 0.5
        return float(self.step(x, y))

    def predict(self, x):
        with torch.no_grad():
            return self.net(x)

    def outputs(self, x):
        self.net.eval()
        outputs = self.predict(self.take(x))
        self.net.train()
        return outputs

    def save(self, folder):
        torch.save(self.net.state_dict(), folder / "model.pt")


class CompiledTorch(Torch):
    """The same with `torch.compile` around net and loss."""

    def __init__(self, case, threads):
        super().__init__(case, threads)
        self.net = torch.compile(self.net)
        self.loss_of = torch.compile(self._loss) if case.trains else None


class Permute(torch.nn.Module):
    """Images with channels first, as PyTorch has them."""

    def forward(self, x):
        return x.permute(0, 3, 1, 2)


class LastStep(torch.nn.Module):
    """An LSTM's output after the last step. Its second bias, which is the same again, is 0 and not trained."""

    def __init__(self, features, units):
        super().__init__()
        self.lstm = torch.nn.LSTM(features, units, batch_first=True)
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, x):
        return self.lstm(x)[0][:, -1]


class MeanOfSteps(torch.nn.Module):
    """The mean over the steps of a sequence."""

    def forward(self, x):
        return x.mean(1)


class TransformerBlock(torch.nn.Module):
    """Attention and two dense layers, each added to its input and normalized."""

    def __init__(self, part, width):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(width, part.heads, batch_first=True)
        self.first = torch.nn.LayerNorm(width, eps=1e-3)
        self.hidden = torch.nn.Linear(width, part.hidden)
        self.last = torch.nn.Linear(part.hidden, width)
        self.second = torch.nn.LayerNorm(width, eps=1e-3)

    def forward(self, x):
        between = self.first(x + self.attention(x, x, x, need_weights=False)[0])
        return self.second(between + self.last(functional.relu(self.hidden(between))))


def _modules(case):
    nn = torch.nn
    if len(case.shape) == 3:
        yield Permute()
    for part, shape in zip(case.parts, case.shapes, strict=False):
        match part:
            case Dense(units, relu):
                yield nn.Linear(shape[-1], units)
                yield from [nn.ReLU()] * relu
            case Dropout(rate):
                yield nn.Dropout(rate)
            case Convolution(filters, size):
                yield from (nn.Conv2d(shape[-1], filters, size), nn.ReLU())
            case Pool():
                yield nn.MaxPool2d(2)
            case Flatten():
                yield nn.Flatten()
            case Recurrence(units):
                yield LastStep(shape[-1], units)
            case Lookup(count, width):
                yield nn.Embedding(count, width)
            case Mean():
                yield MeanOfSteps()
            case Block():
                yield TransformerBlock(part, shape[-1])


def _translated(part, shape, weights, case):
    """A part's weights in the order and layout of PyTorch's parameters."""
    match part:
        case Dense():
            kernel, bias = weights
            images = [own for own in case.shapes if len(own) == 3 and np.prod(own) == shape[-1]]
            if images:  # its input was flattened with channels first
                rows, columns, channels = images[-1]
                kernel = kernel.reshape(rows, columns, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
            return [kernel.T, bias]
        case Convolution():
            return [weights[0].transpose(3, 2, 0, 1), weights[1]]
        case Recurrence():
            kernel, recurrent, bias = weights
            return [kernel.T, recurrent.T, bias, np.zeros_like(bias)]
        case Block():
            return _of_block(weights, shape[-1])
    return weights


def _of_block(weights, width):
    projections, weights = weights[:6], weights[6:]
    kernels = np.concatenate([kernel.reshape(width, width).T for kernel in projections[::2]])
    biases = np.concatenate([bias.reshape(width) for bias in projections[1::2]])
    kernel, bias, gamma_1, beta_1, hidden, hidden_bias, last, last_bias, gamma_2, beta_2 = weights
    attention = [kernels, biases, kernel.reshape(width, width).T, bias]
    return [*attention, gamma_1, beta_1, hidden.T, hidden_bias, last.T, last_bias, gamma_2, beta_2]
