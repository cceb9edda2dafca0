"""What an interface lost since an earlier version. Versions may gain what is optional, and lose nothing."""


def losses(old, new):
    """Returns a sentence for each thing that models or programs of the old interface would miss."""
    return [
        *_gone("the op", old["ops"], new["ops"]),
        *(loss for name in _both(old, new, "ops") for loss in _op(name, old["ops"][name], new["ops"][name])),
        *_gone("the function", old["functions"], new["functions"]),
        *(
            f"{name} {loss}"
            for name in _both(old, new, "functions")
            for loss in _arguments(old["functions"][name], new["functions"][name])
        ),
        *_gone("the layer", old["configs"], new["configs"]),
        *(
            loss
            for name in _both(old, new, "configs")
            for loss in _changed(f"the config of {name}", old["configs"][name], new["configs"][name])
        ),
        *_gone("the registered name", old["registered"], new["registered"]),
        *_gone("the command", old["commands"], new["commands"]),
        *(
            f"the command {name} {loss}"
            for name in _both(old, new, "commands")
            for loss in _options(old["commands"][name], new["commands"][name])
        ),
    ]


def _both(old, new, part):
    return [name for name in old[part] if name in new[part]]


def _gone(what, old, new):
    return [f"{what} {name} is gone" for name in old if name not in new]


def _changed(what, old, new):
    """Returns what says something else than before. `new` may have more entries."""
    absent = "nothing"
    return [
        f"{what} has {key}={new.get(key, absent)}, and had {value}"
        for key, value in old.items()
        if new.get(key, absent) != value
    ]


def _op(name, old, new):
    """Returns the losses of an op. A graph that leaves an attribute out gets the default, so it must stay."""
    found = [
        f"{name} has other {part}" for part in ("inputs", "outputs", "stateful") if old[part] != new[part]
    ]
    found += _gone(f"{name}'s attribute", old["attributes"], new["attributes"])
    for key, attribute in new["attributes"].items():
        if key not in old["attributes"]:
            found += [] if "default" in attribute else [f"{name}'s new attribute {key} has no default"]
            continue
        before = old["attributes"][key]
        what = f"{name}'s attribute {key}"
        if attribute["type"] != before["type"] or attribute.get("default") != before.get("default"):
            found.append(f"{what} has another type or default")
        allowed = attribute.get("allowed")
        if allowed is not None and not set(before.get("allowed") or ["anything"]) <= set(allowed):
            found.append(f"{what} takes fewer values")
        if attribute.get("minimum", before.get("minimum")) != before.get("minimum"):
            found.append(f"{what} has another minimum")
    return found


def _arguments(old, new):
    """Returns the losses of a function. New arguments need defaults, and come after the others."""
    found, by_name = [], {each["name"]: each for each in new}
    for argument in old:
        now = by_name.get(argument["name"])
        if now is None:
            found.append(f"has lost the argument {argument['name']}")
        elif now.get("default") != argument.get("default"):
            found.append(f"has another default of {argument['name']}")
        elif now["kind"] not in (argument["kind"], "POSITIONAL_OR_KEYWORD"):
            found.append(f"takes {argument['name']} in fewer ways")
    positional = [
        [each["name"] for each in side if each["kind"] == "POSITIONAL_OR_KEYWORD"] for side in (old, new)
    ]
    if positional[1][: len(positional[0])] != positional[0]:
        found.append("takes its arguments in another order")
    names = {each["name"] for each in old}
    return found + [
        f"needs the new argument {each['name']}"
        for each in new
        if each["name"] not in names and "default" not in each and not each["kind"].startswith("VAR_")
    ]


def _options(old, new):
    """Returns the losses of a command."""
    found, by_name = [], {each["name"]: each for each in new}
    for option in old:
        now, name = by_name.get(option["name"]), option["name"]
        if now is None or not set(option["options"]) <= set(now["options"]):
            found.append(f"has lost {option['options'] or name}")
            continue
        if any(now[part] != option[part] for part in ("nargs", "takes", "default")):
            found.append(f"takes {name} in another way")
        if now["required"] and not option["required"]:
            found.append(f"needs {name} now")
        if now["choices"] is not None and not set(option["choices"] or ["anything"]) <= set(now["choices"]):
            found.append(f"takes fewer values for {name}")
    places = [[each["name"] for each in side if not each["options"]] for side in (old, new)]
    if places[1][: len(places[0])] != places[0]:
        found.append("takes its arguments in another order")
    names = {each["name"] for each in old}
    return found + [
        f"needs the new {each['name']}" for each in new if each["required"] and each["name"] not in names
    ]
