"""What is said of models that are changed in place. It is in the reports too, which the tests look at."""

IN_PLACE = (
    "ignore:The pooling of",
    "ignore:.*given model itself",
    "ignore:`build\\(\\)` was called on layer",
)
