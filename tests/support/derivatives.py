"""Derivatives by finite differences, in float64."""

import numpy as np


def numeric(function, x, step=1e-5):
    """Returns the gradient of a scalar function by central differences."""
    gradient = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        gradient[i] = (function(up) - function(down)) / (2 * step)
    return gradient


def numeric_along(function, x, direction, step=1e-5):
    """Returns the derivative of a scalar function in one direction. It takes two calls for any size of x."""
    return (function(x + step * direction) - function(x - step * direction)) / (2 * step)


def small(case):
    """Returns a case with one image and two channels: finite differences take two calls for each value."""
    return type(case)(case.spatial, case.pool_size, case.strides, batch=1, channels=2)
