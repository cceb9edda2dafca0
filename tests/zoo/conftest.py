"""Keeps these tests from being imported where slow ones are left out: keras-hub takes seconds to import."""


def pytest_ignore_collect(config):
    return True if config.option.markexpr == "not slow" else None
