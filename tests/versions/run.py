"""Tests a wheel beside every TensorFlow and Keras of tests/versions.toml, and writes the README's table.

Usage: python tests/versions/run.py [--wheel FILE] [--tensorflow 2.21] [--keras 3.15] [--jobs 2]

Each TensorFlow has an environment of its own, with the wheel in it and without a compiler. For each pair,
this runs tests/smoke.py and the short run of the files that tests/versions.toml names, and saves models. At
last, every Keras loads the models that all of them have saved. What was seen is also in build/versions.json.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "build_support"))

from environments import ROOT, Environment, promised

from tf_softpool_cli.supported import minor

HERE = Path(__file__).resolve().parent
SAVED, RESULTS = ROOT / "build" / "saved-models", ROOT / "build" / "versions.json"
BEGIN, END = "<!-- versions -->", "<!-- end of versions -->"
PROMISES = promised()
# What the environments have beside TensorFlow and the wheel.
TESTS_NEED = ("pytest>=8.2,<10", "pytest-xdist>=3.6,<4", "scikit-learn>=1.5,<2")


def main():
    options = parsed()
    wheel = options.wheel or only_wheel()
    shutil.rmtree(SAVED, ignore_errors=True)
    results = []
    environments = {tensorflow: with_wheel(tensorflow, wheel) for tensorflow in options.tensorflow}
    for tensorflow, environment in environments.items():
        for keras in options.keras:
            if minor(keras) >= minor(PROMISES["tensorflow"][tensorflow]):
                add(results, tested(environment, tensorflow, keras, options.jobs))
    # The oldest TensorFlow accepts every Keras.
    tensorflow, environment = next(iter(environments.items()))
    for keras in options.keras:
        environment.install(f"keras=={keras}.*")
        loaded = ran(environment, HERE / "load_models.py", SAVED, lines=len(options.keras))
        add(results, {"tensorflow": tensorflow, "keras": keras, "loads": loaded})
    RESULTS.write_text(json.dumps({"wheel": wheel.name, "results": results}, indent=2))
    if options.everything:
        write_table([row for row in results if "smoke" in row])
    return 1 if any("failed" in text for row in results for text in row.values()) else 0


def parsed():
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="the wheel to test. Default: the one in dist/")
    parser.add_argument("--jobs", default="2", help="how many processes run tests (%(default)s)")
    for name in ("tensorflow", "keras"):
        all_of_them = list(PROMISES[name])
        text = f"one of {', '.join(all_of_them)}; may be given several times. Default: all"
        parser.add_argument(f"--{name}", action="append", choices=all_of_them, metavar="VERSION", help=text)
    options = parser.parse_args()
    options.everything = not (options.tensorflow or options.keras)
    options.tensorflow = options.tensorflow or list(PROMISES["tensorflow"])
    options.keras = options.keras or PROMISES["keras"]
    return options


def only_wheel():
    """Returns the wheel in dist/."""
    found = sorted((ROOT / "dist").glob("*.whl"))
    if len(found) != 1:
        raise SystemExit(f"dist/ has {len(found)} wheels instead of one. Run `make wheels` first.")
    return found[0]


def with_wheel(tensorflow, wheel):
    """Returns an environment with a TensorFlow, the wheel and what tests need."""
    environment = Environment(f"versions-{tensorflow}", f"tensorflow-cpu=={tensorflow}.*", *TESTS_NEED)
    environment.install("--force-reinstall", "--no-deps", wheel)
    environment.install(wheel)
    return environment


def tested(environment, tensorflow, keras, jobs):
    """Returns what happened in the tests of one pair, by the name of the test."""
    environment.install(f"keras=={keras}.*")
    files = [ROOT / file for file in PROMISES["tests"]["files"]]
    pytest = ("-m", "pytest", "-q", "--short", "-p", "no:cacheprovider", "-n", jobs, *files)
    row = {"tensorflow": tensorflow, "keras": keras}
    row["smoke"] = ran(environment, ROOT / "tests" / "smoke.py")
    row["tests"] = ran(environment, *pytest)
    if not list(SAVED.glob(f"{keras}.*")):
        row["saves"] = ran(environment, HERE / "save_models.py", SAVED)
    return row


def ran(environment, *arguments, lines=1):
    """Runs Python with some arguments, and returns as text whether it passed, and its last lines."""
    start = time.monotonic()
    printed = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = environment.run(*arguments, check=False, **printed)
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
    last = "\n  ".join(done.stdout.strip("\n= ").splitlines()[-lines:])
    return f"{'failed' if done.returncode else 'passed'} in {time.monotonic() - start:.0f} s: {last}"


def add(results, row):
    """Adds a row to the results, and prints it."""
    results.append(row)
    print(*row.values(), sep="\n  ", flush=True)


def write_table(results):
    """Writes which pairs passed into README.md, between two comments."""
    kerases = PROMISES["keras"]
    rows = [["TensorFlow", *(f"Keras {keras}" for keras in kerases)], ["---"] * (1 + len(kerases))]
    for tensorflow in PROMISES["tensorflow"]:
        rows.append([tensorflow, *(cell(results, tensorflow, keras) for keras in kerases)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    readme = ROOT / "README.md"
    text = f"{BEGIN}\n\n{table}\n\n{END}"
    readme.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: text, readme.read_text(), flags=re.DOTALL))


def cell(results, tensorflow, keras):
    """Returns the text of one pair in the table."""
    for row in results:
        if (row["tensorflow"], row["keras"]) == (tensorflow, keras):
            passed = all(row[name].startswith("passed") for name in ("smoke", "tests"))
            return "passes" if passed else "fails"
    return ""


if __name__ == "__main__":
    sys.exit(main())
