"""Our poolings on a card: functions without arguments that call the CUDA kernels on PyTorch's tensors."""

import functools
import math

import interface
import torch

# Bytes of scratch memory for kernels. All calls run in one stream, so each call may use the same memory
# again.
SCRATCH = 256 * 2**20


class _Scratch:
    def __init__(self):
        self._memory = torch.empty(SCRATCH, dtype=torch.uint8, device="cuda")
        self.begin = self._next = self._memory.data_ptr()
        self.allocate = interface.ALLOCATE(self._allocate)

    def _allocate(self, size):
        address = self._next
        self._next += -(-size // 256) * 256
        return address if self._next <= self.begin + SCRATCH else None

    def reset(self):
        self._next = self.begin


@functools.cache
def _library(path):
    return interface.load(path), _Scratch()


def poolings(library, job, which, x, logits, g):
    """Returns, by name, a function that runs one pass of each of our poolings.

    Args:
        library: string, the path of the kernels' library.
        job: `Job`, the tensor's shape and the windows.
        which: string, the pass: `"forward"` or `"backward"`.
        x: tensor to pool.
        logits: tensor of `x`'s shape and type, the logits of importance pooling.
        g: tensor of the output's shape and type: the output's gradient in a backward pass.
    """
    function, scratch = _library(library)
    windows = ((job.k,) * len(job.spatial), (job.s,) * len(job.spatial), "valid", job.data_format)
    ranks = math.prod(windows[0])
    one = torch.ones(job.channels, device="cuda")
    weights = torch.linspace(-1, 1, ranks, device="cuda")
    variants = {
        "soft": ([], {"gradient": "exact"}),
        "sorted": ([weights], {"normalize": "softmax"}),
        "importance": ([logits], {}),
        "detail_preserving": ([None, one, one], {"N": 0, "symmetric": True}),
    }
    stream = torch.cuda.current_stream().cuda_stream
    calls = {}
    for name, (others, attributes) in variants.items():
        gradient = which == "backward"
        op = interface.op_name(name, gradient)
        inputs = [x, *others, g] if gradient else [x, *others]
        outputs = [v if v is None else torch.empty_like(v) for v in (inputs[:-1] if gradient else [g])]
        tensors = [[_on_device(t) for t in tensors] for tensors in (inputs, outputs)]
        attributes = {**interface.window_attributes(windows), **attributes}
        call = interface.prepare(function, op, attributes, *tensors, stream, scratch.allocate)
        calls[name] = _held(call, scratch, inputs, outputs)
    return calls


def _on_device(tensor):
    if tensor is None:
        return None
    dtype = str(tensor.dtype).removeprefix("torch.")
    return interface.Tensor(tensor.data_ptr(), dtype, tuple(tensor.shape))


def _held(call, scratch, *tensors):
    """Returns a function that makes a call and keeps the call's tensors alive."""

    def run(_tensors=tensors):
        scratch.reset()
        call()

    return run
