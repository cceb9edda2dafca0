"""The command line of an experiment: its options, its runs with progress, and what it shows at the end."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import quiet  # noqa: F401

# isort: split
import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments import data, printing, store
from experiments.experiment import Effort, Experiment, Results, Run
from tf_softpool.benchmark.machine import machine
from tf_softpool_cli.numbers import positive

OUT = Path("out")


def main(experiment: Experiment, arguments: Sequence[str] | None = None) -> None:
    """Runs an experiment, prints its tables, and writes its results, tables and picture.

    Args:
        experiment: `Experiment`.
        arguments: list of str. Default: the arguments of the process.

    Raises:
        SystemExit: with code 2 after bad arguments, with code 1 if data is missing, or with code 130 if the
            user interrupts. What is complete then is kept.
    """
    options = _options(experiment, arguments)
    effort = {name: getattr(options, name) for name in experiment.short}
    console, errors = Console(), Console(stderr=True)
    folder: Path = options.out / experiment.name
    try:
        results = run(experiment, effort, folder, options.settings, errors, options.again)
    except data.MissingDataError as error:
        errors.print(f"error: {error}", style="red", markup=False)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        errors.print("interrupted; the same command goes on with what is complete")
        raise SystemExit(130) from None
    show(experiment, results, folder, console)


def run(
    experiment: Experiment,
    effort: Effort,
    folder: Path,
    settings: Sequence[str] | None = None,
    console: Console | None = None,
    again: bool = False,
) -> Results:
    """Makes all runs of an experiment, or finds them where they were kept.

    Args:
        experiment: `Experiment`.
        effort: dict of ints.
        folder: path of the experiment's folder. Its runs are kept there.
        settings: list of strings, the settings to run beside those that always run. Default: all.
        console: rich's console for the progress. Default: standard error.
        again: bool, whether runs that are kept are made again.

    Returns:
        `Results`.
    """
    chosen = {*(settings or experiment.settings), *experiment.always}
    settings = [setting for setting in experiment.settings if setting in chosen]
    # All settings with one seed come before the next seed: what is complete can be compared at any time.
    order = [
        (setting, seed)
        for seed in range(effort["seeds"])
        for setting in settings
        if seed == 0 or setting not in experiment.once
    ]
    about = machine()
    source = " ".join(str(about[name]) for name in ("tf_softpool", "tensorflow", "keras"))
    kept = store.Store(folder, effort, source)
    runs: dict[str, list[Run]] = {setting: [] for setting in settings}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as progress:
        task = progress.add_task(experiment.name, total=len(order))
        for setting, seed in order:
            progress.update(task, description=f"{setting}, seed {seed}")
            found = None if again else kept.find(setting, seed)
            if found is None:
                found = _run(experiment.run, setting, seed, effort)
                kept.keep(setting, seed, found)
            runs[setting].append(found)
            progress.advance(task)
    seconds = sum(each["seconds"] for found in runs.values() for each in found)
    return Results(experiment.name, effort, runs, {**about, "seconds": round(seconds)})


def _run(make: Callable[[str, int, Effort], Run], setting: str, seed: int, effort: Effort) -> Run:
    """Makes one run. What earlier runs left in Keras is cleared, and all generators start from the seed."""
    keras.backend.clear_session(free_memory=True)
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    made = make(setting, seed, effort)
    return {"seed": seed, "seconds": round(time.perf_counter() - start, 1), **made}


def show(experiment: Experiment, results: Results, folder: Path, console: Console) -> None:
    """Prints the tables of an experiment, and writes `results.json`, `tables.md` and `picture.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = experiment.tables(results)
    for table in tables:
        console.print(printing.for_terminal(table))
    store.save(results, folder / "results.json")
    store.write(folder / "tables.md", "\n".join(map(printing.markdown, tables)))
    experiment.draw(results, folder / "picture.png")
    minutes = results.about["seconds"] / 60
    console.print(f"{minutes:.1f} minutes of computing. Picture: {folder}/picture.png", highlight=False)


def _options(experiment: Experiment, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=Path(sys.argv[0]).name, description=experiment.description)
    parser.add_argument("--full", action="store_true", help="take more data, epochs and seeds: takes hours")
    for name, number in experiment.short.items():
        parser.add_argument(
            f"--{name}",
            type=positive,
            metavar="N",
            help=f"default: {number}; {experiment.full[name]} with --full",
        )
    parser.add_argument(
        "--settings",
        nargs="+",
        choices=experiment.settings,
        metavar="SETTING",
        help=f"any of {', '.join(experiment.settings)}. Default: all",
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--again", action="store_true", help="make runs again that are kept in FOLDER")
    options = parser.parse_args(arguments)
    numbers: Mapping[str, int] = experiment.full if options.full else experiment.short
    for name, number in numbers.items():
        if getattr(options, name) is None:
            setattr(options, name, number)
    if options.seeds < experiment.least_seeds:
        parser.error(f"--seeds must be at least {experiment.least_seeds}, because the tables compare seeds")
    return options
