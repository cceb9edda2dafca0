"""What compiled ops in a graph say of their windows."""

_TEXTS = ("padding", "data_format")
_LISTS = ("ksize", "strides")


def attributes_of(op, *texts):
    """The attributes of an op that describe its windows, and those named, as its function takes them."""
    return {name: list(op.get_attr(name)) for name in _LISTS} | {
        name: op.get_attr(name).decode() for name in (*_TEXTS, *texts)
    }
