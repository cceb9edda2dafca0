"""The poolings that have a page: how their layers, functions and rows of measurements are called."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pooling:
    """What fills a pooling's page.

    Attributes:
        title: the pooling's name in a sentence.
        layers: what the names of its layers have between the form and the number of dimensions.
        functions: the public functions.
        others: other public classes that belong to it, such as initializers.
        measured: its rows in the tables of `docs/benchmarks.md`: their names there, and on the page.
        exported: its rows in the table of runtimes there, in the same way.
        no_forms: why it has no global and adaptive layers, or nothing.
    """

    title: str
    layers: str
    measured: dict[str, str]
    exported: dict[str, str]
    functions: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    no_forms: str = ""


# By the name that `replace_pooling` knows a pooling by, which is the name of its page too.
POOLINGS = {
    "soft": Pooling("SoftPool", "SoftPooling", {"soft_pool": ""}, {"SoftPool": ""}, ("soft_pool",)),
    "sorted": Pooling(
        "sorted-weight pooling",
        "SortedPooling",
        {"sorted_pool": ""},
        {"sorted, 4 ranks": "4 ranks", "sorted, 3 ranks": "3 ranks"},
        ("sorted_pool",),
        ("LeadingRank",),
    ),
    "detail_preserving": Pooling(
        "detail-preserving pooling",
        "DetailPreservingPooling",
        {"detail_preserving_pool": "lite", "DetailPreservingPooling full": "full"},
        {"detail-preserving": ""},
        ("detail_preserving_pool",),
    ),
    "local_importance": Pooling(
        "local importance pooling",
        "LocalImportancePooling",
        {"importance_pool": ""},
        {"importance": ""},
        ("importance_pool",),
        ("CenterTap",),
    ),
    "sum": Pooling("sum pooling", "SumPooling", {"SumPooling": ""}, {"sum": ""}),
    "power_average": Pooling(
        "power-average pooling",
        "PowerAveragePooling",
        {"PowerAveragePooling p=2": "p = 2", "PowerAveragePooling p=3.5": "p = 3.5"},
        {"power average, p = 3": "p = 3"},
    ),
    "lp": Pooling(
        "learned-norm pooling",
        "LpPooling",
        {"LpPooling": "any p"},
        {"Lp, p = 2": "p = 2", "Lp, p = 2.7": "p = 2.7"},
    ),
    "mixed": Pooling(
        "mixed pooling", "MixedPooling", {"MixedPooling": ""}, {"mixed": ""}, others=("UnitInterval",)
    ),
    "gated": Pooling(
        "gated pooling",
        "GatedPooling",
        {"GatedPooling": ""},
        {"gated": ""},
        no_forms="it has a weight for each position of a window, so all windows must have one size",
    ),
    "stochastic": Pooling(
        "stochastic pooling",
        "StochasticPooling",
        {"StochasticPooling": "in training", "StochasticPooling expectation": "at inference"},
        {"stochastic": "at inference"},
    ),
    "s3": Pooling(
        "S3Pool over max pooling",
        "S3Pooling",
        {"S3Pooling": "in training", "S3Pooling inference": "at inference"},
        {"S3": "at inference"},
        no_forms="it needs strides",
    ),
    "median": Pooling("median pooling", "MedianPooling", {}, {"median": ""}),
}
# What a class of layers begins with, by its form.
FORMS = {"windows": "", "global": "Global", "adaptive": "Adaptive"}


def classes(pooling, form):
    """Returns a list of the names of a pooling's layers of one form, or an empty list."""
    if pooling.no_forms and form != "windows":
        return []
    return [f"{FORMS[form]}{pooling.layers}{rank}D" for rank in (1, 2, 3)]
