"""PyTorch's poolings as functions without arguments, to be measured beside ours."""

import torch
from torch.nn import functional

ATEN = torch.ops.aten


def peers(job, which, x, g):
    """Returns, by name, a function that runs one pass of each pooling on the job's layout in memory."""
    x, g = (_seen(tensor, job) for tensor in (x, g))
    d = len(job.spatial)
    pool = {name: getattr(functional, f"{name}_pool{d}d") for name in ("avg", "max")}
    window = {"kernel_size": job.k, "stride": job.s}

    def composed(x):
        e = torch.exp(x)
        return pool["avg"](x * e, **window) / pool["avg"](e, **window)

    if which == "forward":
        return {
            "average": lambda: pool["avg"](x, **window),
            "max": lambda: pool["max"](x, **window),
            "composed": lambda: composed(x),
        }
    sizes = ([job.k] * d, [job.s] * d, [0] * d)
    dilation = [1] * d
    _, indices = pool["max"](x, **window, return_indices=True)
    average = getattr(ATEN, f"avg_pool{d}d_backward")
    largest = getattr(ATEN, f"max_pool{d}d_with_indices_backward")
    leaf = x.detach().requires_grad_()
    y = composed(leaf)
    return {
        "average": lambda: average(g, x, *sizes, False, True, None),
        "max": lambda: largest(g, x, *sizes, dilation, False, indices),
        "composed": lambda: torch.autograd.grad(y, leaf, g, retain_graph=True),
    }


def _seen(tensor, job):
    """Returns a view [batch, channels, *spatial], as PyTorch needs it. The order in memory stays the same."""
    return tensor if job.data_format == "channels_first" else tensor.movedim(-1, 1)
