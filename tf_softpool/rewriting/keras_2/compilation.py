"""How a model of Keras 2 was compiled, and the state of its optimizer, for Keras 3."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from tf_softpool.rewriting.identify import is_hdf5
from tf_softpool.rewriting.keras_2.differences import Config
from tf_softpool.rewriting.keras_2.errors import Keras2Error
from tf_softpool.rewriting.keras_2.weights import names_in

_ADVICE = "Compile the model before you train it"
# Arguments of optimizers that have another name in Keras 3.
_RENAMED = {"lr": "learning_rate"}
# Arguments of optimizers and losses that Keras 3 lacks, and that change nothing.
_DROPPED = ("is_legacy_optimizer", "jit_compile", "fn")
# Metrics that average a function, which their config names.
_WRAPPERS = ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper")
# Names of losses that Keras 3 has under another name.
_LOSSES = {
    "kld": "kl_divergence",
    "KLD": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "cosine_proximity": "cosine_similarity",
}
_SIMILARITIES = ("cosine_similarity", "cosine_proximity")
_REDUCTIONS = {"auto": "sum_over_batch_size"}


def compile_model(model: keras.Model, compilation: Config, path: Path) -> list[str]:
    """Compiles a model as the file says, and gives its optimizer the state that the file has.

    Args:
        model: the model.
        compilation: what the file says.
        path: the file, for the state of the optimizer.

    Returns:
        Notes for the user.
    """
    try:
        outputs = list(getattr(model, "output_names", []) or [])
        model.compile(**_arguments(compilation, outputs))
    except Exception as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [f"{_ADVICE}: Keras 3 cannot read how Keras 2 compiled it ({why})."]
    if model.optimizer is None or not model.built or _load_state(model, compilation, path):
        return []
    return ["The optimizer starts anew, because Keras 3 cannot take over the state that the file has."]


def _description_of_optimizer(compilation: Config) -> Any:
    return compilation.get("optimizer_config") or compilation.get("optimizer")


def _arguments(compilation: Config, outputs: list[str]) -> dict[str, Any]:
    """Returns the arguments of `compile`, for a model with these outputs."""
    return {
        "optimizer": _optimizer(_description_of_optimizer(compilation)),
        "loss": _for_outputs(_nested(compilation.get("loss"), _loss), outputs),
        "loss_weights": compilation.get("loss_weights"),
        "metrics": _metrics(compilation.get("metrics"), outputs),
        "weighted_metrics": _metrics(compilation.get("weighted_metrics"), outputs),
    }


def _for_outputs(losses: Any, outputs: list[str]) -> Any:
    """Returns losses with None for each output that has none, which Keras 2 leaves out."""
    return {name: losses.get(name) for name in outputs} if isinstance(losses, dict) and outputs else losses


def _metrics(descriptions: Any, outputs: list[str]) -> Any:
    """Returns metrics in the structure that Keras 3 wants.

    Keras 2 writes the metrics of one output as a list in a list, None for an output without metrics, and a
    single list for metrics of every output. In HDF5 files a metric's name begins with its output's name.
    """
    if not isinstance(descriptions, list) or not descriptions:
        return _nested(descriptions, _metric)
    if len(outputs) > 1 and not any(isinstance(each, list | None) for each in descriptions):
        descriptions = [descriptions] * len(outputs)
    if not any(isinstance(each, list | None) for each in descriptions):
        return _nested(descriptions, _metric)
    found = [
        [_metric(_without_prefix(each, output)) for each in of_output or [] if each is not None]
        for of_output, output in zip(descriptions, outputs or [""] * len(descriptions), strict=False)
    ]
    return found[0] if len(found) == 1 else found


def _without_prefix(description: Any, output: str) -> Any:
    if not isinstance(description, dict) or not isinstance(description["config"], dict):
        return description
    name = description["config"].get("name")
    if not isinstance(name, str) or not output:
        return description
    return {**description, "config": {**description["config"], "name": name.removeprefix(f"{output}_")}}


def _optimizer(description: Any) -> Any:
    if not isinstance(description, dict):
        return description
    name = description["class_name"].split(">")[-1]
    if name.startswith("LossScaleOptimizer"):
        return keras.optimizers.LossScaleOptimizer(_optimizer(description["config"]["inner_optimizer"]))
    config = {_RENAMED.get(k, k): v for k, v in description["config"].items() if k not in _DROPPED}
    rate, decay = config.get("learning_rate"), config.pop("decay", None)
    if isinstance(rate, dict):
        arguments = {key: value for key, value in rate["config"].items() if (key, value) != ("name", None)}
        module = {"module": "keras.optimizers.schedules", "registered_name": None}
        config["learning_rate"] = {**rate, **module, "config": arguments}
    elif decay:
        schedule = keras.optimizers.schedules.InverseTimeDecay(rate, 1, decay)
        config["learning_rate"] = keras.saving.serialize_keras_object(schedule)
    return keras.optimizers.get({"class_name": name, "config": config})


def _loss(description: Any) -> Any:
    if isinstance(description, str):
        # Keras 3 must know it now, and not when the model is trained.
        return keras.losses.get(_LOSSES.get(description, description))
    if not isinstance(description, dict):
        return description
    if description["class_name"] == "function":
        return _loss(description["config"])
    config = {k: v for k, v in description["config"].items() if k not in _DROPPED}
    if "reduction" in config:
        config["reduction"] = _REDUCTIONS.get(config["reduction"], config["reduction"])
    if description["class_name"] == "LossFunctionWrapper":
        return _loss(description["config"]["fn"])
    return keras.losses.get({**description, "config": config})


def _metric(description: Any) -> Any:
    if not isinstance(description, dict):
        return description
    if description["class_name"] == "function":
        return description["config"]
    config = dict(description["config"])
    function = config.pop("fn", None)
    if description["class_name"] in _WRAPPERS:
        if not isinstance(function, str):
            raise Keras2Error(f"the metric {config.get('name')!r} is a function without a name.")
        if function in _SIMILARITIES:
            # The loss of this name has the other sign.
            return keras.metrics.CosineSimilarity(name=config.get("name") or function)
        # Keras 3 has some of these functions among the metrics, and others among the losses.
        found = getattr(keras.metrics, function, None) or _loss(function)
        return keras.metrics.MeanMetricWrapper(found, name=config.get("name"))
    return keras.metrics.get({"class_name": description["class_name"], "config": config})


def _nested(value: Any, make: Any) -> Any:
    """Returns objects in the structure that their descriptions have."""
    if isinstance(value, list | tuple):
        return [_nested(each, make) for each in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _nested(each, make) for key, each in value.items()}
    return make(value)


def _load_state(model: keras.Model, compilation: Config, path: Path) -> bool:
    """Gives an optimizer the state that a file has, and returns whether this is done or there is none.

    The state is the number of iterations and then, for each variable, its momentums. Keras 3 has the learning
    rate after the number of iterations. Until 2.10, Adam had one momentum of all variables, then the other.
    """
    values, trained = _state(path), model.trainable_variables
    if not values:
        return True
    model.optimizer.build(trained)
    variables = [variable for variable in model.optimizer.variables if variable.name != "learning_rate"]
    if isinstance(model.optimizer, keras.optimizers.SGD) and not model.optimizer.momentum:
        # Keras 2 keeps momentums that are not used.
        values = values[:1]
    if _is_legacy(_description_of_optimizer(compilation)) and len(variables) > 1 + len(trained):
        if type(model.optimizer) is not keras.optimizers.Adam or len(values) != 1 + 2 * len(trained):
            return False
        first, second = values[1 : 1 + len(trained)], values[1 + len(trained) :]
        values = [values[0], *(each for pair in zip(first, second, strict=True) for each in pair)]
    if [tuple(v.shape) for v in variables] != [v.shape for v in values]:
        return False
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return True


def _is_legacy(description: Any) -> bool:
    """Returns whether an optimizer is one of those until 2.10. Later ones are registered in HDF5 files."""
    if not isinstance(description, dict):
        return False
    module = description.get("module") or ""
    return module.endswith("legacy") or not (module or ">" in description["class_name"])


def _state(path: Path) -> list[np.ndarray]:
    """Returns the values of the optimizer's variables in a file."""
    if is_hdf5(path):
        with h5py.File(path) as file:
            group = file.get("optimizer_weights")
            if group is None:
                return []
            return [np.asarray(group[name]) for name in names_in(group, "weight_names")]
    if path.is_dir():
        with h5py.File(path / "model.weights.h5") as file:
            return _of_archive(file)
    with (
        zipfile.ZipFile(path) as archive,
        archive.open("model.weights.h5") as member,
        h5py.File(member) as file,
    ):
        return _of_archive(file)


def _of_archive(file: h5py.File) -> list[np.ndarray]:
    group = file.get("optimizer/vars", {})
    return [np.asarray(group[name]) for name in sorted(group, key=int)]
