"""The models of keras.applications: each one's name, and a function that makes it with random weights.

Nothing is downloaded. Images are small, because the tests do not depend on their size.
"""

import inspect

import keras

# The functions that build a model are those with an argument `weights`.
NAMES = [
    name
    for name, function in vars(keras.applications).items()
    if inspect.isfunction(function) and "weights" in inspect.signature(function).parameters
]
# The smallest size that all models take is 75.
SIZE = 80
# Without a classifier, these models can end in another pooling, and take images of any size.
HEADLESS = {"VGG16": "max", "ResNet50": "max", "MobileNetV2": "avg", "DenseNet121": "max"}


def application(name, **kwargs):
    """Makes a model of `keras.applications` that returns logits: a saturated softmax hides differences."""
    head = {"classes": 10, "classifier_activation": None, "input_shape": (SIZE, SIZE, 3)}
    return getattr(keras.applications, name)(weights=None, **(kwargs or head))


APPLICATIONS = {name: (lambda name=name: application(name)) for name in NAMES} | {
    f"{name}-{pooling}": (
        lambda name=name, pooling=pooling: application(
            name, include_top=False, pooling=pooling, input_shape=(None, None, 3)
        )
    )
    for name, pooling in HEADLESS.items()
}
