"""A depthwise convolution, forward and both ways back, by NumPy, by compiled kernels and by PyTorch.

    python -m benchmarks.depthwise [--rounds 40] [--strides 1,2]

32 images of 28 x 28 with 32 channels, a kernel of 3 x 3, padding "same", float32, one thread. PyTorch's images have
their channels last too, which is its faster way. Calls are interleaved, and the first rounds thrown away. Printed are
medians, and the median over rounds of the ratio to PyTorch. Outputs and gradients are compared.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from nnlite import kernels
from nnlite.arrays.windows import place_windows
from nnlite.kernels import compiled, reference

IMAGES, SIDE, CHANNELS, SIZE, THROWN_AWAY = 32, 28, 32, 3, 5


def contestants(stride):
    """Functions that return outputs, and the gradients by inputs and by the kernel."""
    generator = np.random.default_rng(0)
    images = generator.standard_normal((IMAGES, SIDE, SIDE, CHANNELS), np.float32)
    kernel = generator.standard_normal((SIZE, SIZE, CHANNELS, 1), np.float32)
    windows = place_windows((SIDE, SIDE), (SIZE, SIZE), (stride, stride), "same")
    cotangent = generator.standard_normal((IMAGES, *windows.outputs, CHANNELS), np.float32)

    def by(room):
        return lambda: (
            room.convolve(images, kernel, windows, CHANNELS),
            room.spread(cotangent, kernel, windows, CHANNELS),
            room.kernel_gradient(images, cotangent[None], windows, CHANNELS)[0].reshape(kernel.shape),
        )

    x, slopes = (torch.from_numpy(array).permute(0, 3, 1, 2) for array in (images, cotangent))
    weights = torch.from_numpy(kernel.transpose(2, 3, 0, 1).copy()).requires_grad_()
    x.requires_grad_()
    ahead = (windows.before[0], max(windows.needed[0] - windows.before[0] - SIDE, 0)) * 2
    even = ahead[0] == ahead[1]

    def theirs():
        x.grad = weights.grad = None
        padded = x if even else torch.nn.functional.pad(x, (ahead[0], ahead[1], ahead[0], ahead[1]))
        outputs = torch.nn.functional.conv2d(padded, weights, None, stride, ahead[0] if even else 0, 1, CHANNELS)
        outputs.backward(slopes)
        last = (0, 2, 3, 1)
        return (
            outputs.detach().permute(last).numpy(),
            x.grad.permute(last).numpy(),
            weights.grad.permute(2, 3, 0, 1).numpy(),
        )

    return {"PyTorch": theirs, "NumPy": by(reference), "fast": by(compiled)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--strides", default="1,2")
    options = parser.parse_args()
    kernels.keep_freed_memory()  # as every training does
    with threadpool_limits(1):
        torch.set_num_threads(1)
        for stride in map(int, options.strides.split(",")):
            report(stride, contestants(stride), options.rounds)


def report(stride, functions, rounds):
    """Print the times of one stride."""
    expected = functions["PyTorch"]()
    for name, function in functions.items():
        for one, other in zip(function(), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3, err_msg=name)
    times = {name: [] for name in functions}
    for _ in range(rounds + THROWN_AWAY):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append((time.perf_counter() - start) * 1e3)
    times = {name: series[THROWN_AWAY:] for name, series in times.items()}
    for name, series in times.items():
        ratios = [theirs / ours for theirs, ours in zip(times["PyTorch"], series, strict=True)]
        print(
            f"stride {stride}, {name}: {statistics.median(series):.2f} ms, PyTorch / it {statistics.median(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
