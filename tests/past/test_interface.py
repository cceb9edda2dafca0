"""Versions gain ops, arguments and commands, and lose none: each interface has all that earlier ones had."""

import copy

import past_files
import promises
import pytest
from losses import losses


@pytest.fixture(scope="module")
def today():
    return promises.today()


def test_there_are_versions():
    assert "0_1_0" in past_files.VERSIONS


@pytest.mark.parametrize("version", past_files.VERSIONS)
def test_nothing_is_lost(version, today):
    assert losses(past_files.interface_of(version), today) == []


SOFT, EXPORT = "Softpool>SoftPool", "tf_softpool.export"


def rename(part, old, new):
    part[new] = part.pop(old)


def argument(interface, function, name):
    return next(each for each in interface["functions"][function] if each["name"] == name)


def option(interface, command, name):
    return next(each for each in interface["commands"][command] if each["name"] == name)


# What a later version might do, and a part of what must be said of it.
ALTERATIONS = {
    "an op is renamed": (lambda i: rename(i["ops"], SOFT, "Softpool>Soft"), f"the op {SOFT} is gone"),
    "an attribute is renamed": (
        lambda i: rename(i["ops"][SOFT]["attributes"], "gradient", "slope"),
        "attribute gradient is gone",
    ),
    "a default of an attribute": (
        lambda i: i["ops"][SOFT]["attributes"]["gradient"].update(default="weights"),
        "another type or default",
    ),
    "no default of an attribute": (
        lambda i: i["ops"][SOFT]["attributes"]["gradient"].pop("default"),
        "another type or default",
    ),
    "a value of an attribute": (
        lambda i: i["ops"][SOFT]["attributes"]["padding"]["allowed"].remove("SAME"),
        "takes fewer values",
    ),
    "values of an attribute": (
        lambda i: i["ops"][SOFT]["attributes"]["ksize"].update(allowed=["one"]),
        "takes fewer values",
    ),
    "a new attribute": (
        lambda i: i["ops"][SOFT]["attributes"].update(new={"type": "int"}),
        "new attribute new has no default",
    ),
    "an input": (lambda i: i["ops"][SOFT]["inputs"][0].update(name="x"), "has other inputs"),
    "an output": (lambda i: i["ops"][SOFT]["outputs"].append({"name": "y"}), "has other outputs"),
    "a state": (lambda i: i["ops"][SOFT].update(stateful=True), "has other stateful"),
    "a function is gone": (lambda i: i["functions"].pop(EXPORT), f"the function {EXPORT} is gone"),
    "an argument is renamed": (
        lambda i: argument(i, EXPORT, "format").update(name="kind"),
        "has lost the argument format",
    ),
    "an argument by keyword only": (
        lambda i: argument(i, EXPORT, "format").update(kind="KEYWORD_ONLY"),
        "takes format in fewer ways",
    ),
    "a default of an argument": (
        lambda i: argument(i, EXPORT, "check").update(default="False"),
        "another default of check",
    ),
    "a new argument": (
        lambda i: i["functions"][EXPORT].append({"name": "new", "kind": "KEYWORD_ONLY"}),
        "needs the new argument new",
    ),
    "an argument in front": (
        lambda i: i["functions"][EXPORT].insert(
            1, {"name": "new", "kind": "POSITIONAL_OR_KEYWORD", "default": "1"}
        ),
        "in another order",
    ),
    "a layer": (lambda i: i["configs"].pop("SoftPooling2D"), "the layer SoftPooling2D is gone"),
    "an entry of a config": (
        lambda i: rename(i["configs"]["SoftPooling2D"], "gradient", "slope"),
        "the config of SoftPooling2D has gradient=nothing",
    ),
    "a registered name": (
        lambda i: i["registered"].remove("tf_softpool>SoftPool"),
        "registered name tf_softpool>SoftPool is gone",
    ),
    "a command": (lambda i: i["commands"].pop("export"), "the command export is gone"),
    "an option": (
        lambda i: option(i, "export", "sample").update(options=["--example"]),
        "has lost ['--sample']",
    ),
    "a choice": (
        lambda i: option(i, "export", "format")["choices"].remove("onnx"),
        "fewer values for format",
    ),
    "a default of an option": (
        lambda i: option(i, "export", "portable").update(default="True"),
        "takes portable in another way",
    ),
    "an option that is needed": (
        lambda i: option(i, "export", "format").update(required=True),
        "needs format now",
    ),
    "a new place": (
        lambda i: i["commands"]["export"].append({**option(i, "export", "model"), "name": "new"}),
        "needs the new new",
    ),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_what_is_lost_is_said(name, today):
    alter, said = ALTERATIONS[name]
    later = copy.deepcopy(today)
    alter(later)
    assert any(said in loss for loss in losses(today, later)), losses(today, later)


def test_what_is_gained_is_no_loss(today):
    later = copy.deepcopy(today)
    later["ops"]["Softpool>New"] = later["ops"][SOFT]
    later["ops"][SOFT]["attributes"]["new"] = {"type": "int", "default": 0}
    later["ops"][SOFT]["attributes"]["padding"]["allowed"].append("NEW")
    later["functions"][EXPORT].append({"name": "new", "kind": "KEYWORD_ONLY", "default": "None"})
    argument(later, EXPORT, "check")["kind"] = "POSITIONAL_OR_KEYWORD"
    later["configs"]["SoftPooling2D"]["new"] = "1"
    later["commands"]["export"].append(
        {**option(later, "export", "sample"), "name": "new", "options": ["--new"]}
    )
    option(later, "export", "format")["choices"].append("new")
    later["registered"].append("tf_softpool>New")
    assert losses(today, later) == []
