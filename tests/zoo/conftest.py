"""A hook that ignores these tests unless slow ones were asked for: keras-hub takes seconds to import."""


def pytest_ignore_collect(config):
    asked = "slow" in config.option.markexpr.replace("not slow", "")
    return None if asked else True
