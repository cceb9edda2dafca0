"""Names of inputs that every format and runtime can hold, made from the names of a model's inputs."""

import itertools
import keyword
import re
import unicodedata
from collections.abc import Iterable, Sequence

# TensorFlow puts this before a name that does not start with a letter.
_PREFIX = "arg_"
# The methods of TensorFlow that take inputs as keywords have this argument themselves.
_TAKEN = {"self"}


def fit_name(name: str) -> str:
    """Returns a name of ASCII letters, digits and underscores that starts with a letter.

    The result is the name that TensorFlow itself would make, where it makes one that can be exported. Accents
    are left out, and other characters that do not fit become underscores.

    Args:
        name: str. The name of an input.

    Example:
        >>> from tf_softpool.serving.names import fit_name
        >>> [fit_name(name) for name in ("image", "my-input", "0_image", "class", "größe")]
        ['image', 'my_input', 'arg_0_image', 'arg_class', 'gro_e']
    """
    letters = (c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    fit = re.sub(r"[^A-Za-z0-9]", "_", "".join(letters))
    is_taken = keyword.iskeyword(fit) or fit in _TAKEN
    return _PREFIX + fit if is_taken or not fit[:1].isalpha() else fit


def fit_names(names: Sequence[str], others: Iterable[str] = ()) -> list[str]:
    """Returns a fit name for each name. All of them differ, even if case does not count.

    TensorFlow's graphs do not tell upper case from lower case. A name that fits already is kept, unless an
    earlier one is equal. Other names get a number at the end if they would be equal to one that is taken.

    Args:
        names: list of str. The names of all inputs of an endpoint.
        others: iterable of str. Names that none of them may get.

    Example:
        >>> from tf_softpool.serving.names import fit_names
        >>> fit_names(["a-b", "a_b", "A_B"])
        ['a_b_1', 'a_b', 'A_B_2']
    """
    fit = [fit_name(name) for name in names]
    result: dict[int, str] = {}
    taken = {name.lower() for name in others}
    # Names that can stay as they are come first.
    for i, name in enumerate(names):
        if fit[i] == name and name.lower() not in taken:
            result[i] = name
            taken.add(name.lower())
    for i in sorted(set(range(len(names))) - set(result)):
        numbered = (f"{fit[i]}_{number}" for number in itertools.count(1))
        free = (name for name in itertools.chain([fit[i]], numbered) if name.lower() not in taken)
        result[i] = next(free)
        taken.add(result[i].lower())
    return [result[i] for i in range(len(names))]
