"""The models: each one's name, and a function that makes it with random weights.

Nothing is downloaded. Images are small, for what is tested does not depend on their size.
"""

import inspect

import keras

# Every function that builds a model: those have weights to choose.
NAMES = [
    name
    for name, function in vars(keras.applications).items()
    if inspect.isfunction(function) and "weights" in inspect.signature(function).parameters
]
# The smallest size that all of them take is 75.
SIZE = 80
# Without their classifier they can end in another pooling, and take images of any size.
HEADLESS = {"VGG16": "max", "ResNet50": "max", "MobileNetV2": "avg", "DenseNet121": "max"}


def application(name, **kwargs):
    """One of `keras.applications`. Its outputs are logits: where softmax saturates, much looks the same."""
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
