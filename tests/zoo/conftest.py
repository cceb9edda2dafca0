"""Keeps these tests from being imported where slow ones are left out: keras-hub takes seconds to import."""


def pytest_ignore_collect(config):
    asked = "slow" in config.option.markexpr.replace("not slow", "")
    return None if asked else True
