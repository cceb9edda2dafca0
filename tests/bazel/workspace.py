"""The Bazel workspace of a small model server, which has everything that BUILD needs under its usual names.

TensorFlow is the one that pip installed. Highway and Bazel's rules are the distribution's. Nothing is
fetched.
"""

import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import tensorflow as tf

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent
# The folder's name begins with a dot, so that setuptools does not follow links in it when it looks for
# packages.
FOLDER = CHECKOUT / "build" / ".bazel"
FILES = {
    "WORKSPACE": """
        workspace(name = "model_server")
        local_repository(name = "tf_softpool", path = "tf_softpool")
        local_repository(name = "org_tensorflow", path = "org_tensorflow")
        local_repository(name = "com_google_highway", path = "com_google_highway")
        """,
    "BUILD": """
        LOADER = "@org_tensorflow//tensorflow/cc/saved_model:loader"
        cc_binary(
            name = "server",
            srcs = ["serve_model.cc"],
            deps = [LOADER, "@tf_softpool//:softpool_ops"],
        )
        cc_binary(
            name = "server_without_our_ops",
            srcs = ["serve_model.cc"],
            deps = [LOADER],
        )
        """,
    "org_tensorflow/WORKSPACE": 'workspace(name = "org_tensorflow")',
    "org_tensorflow/BUILD": """
        cc_library(
            name = "installed",
            srcs = glob(["lib/*.so.2"]),
            hdrs = glob(["include/**"], exclude = ["include/external/**"]),
            defines = %(defines)r,
            includes = ["include"],
            visibility = ["//visibility:public"],
        )
        """,
    "org_tensorflow/tensorflow/core/BUILD": """
        package(default_visibility = ["//visibility:public"])
        cc_library(name = "framework", deps = ["//:installed"])
        cc_library(name = "lib", deps = ["//:installed"])
        """,
    "org_tensorflow/tensorflow/cc/saved_model/BUILD": """
        cc_library(name = "loader", deps = ["//:installed"], visibility = ["//visibility:public"])
        """,
    "com_google_highway/WORKSPACE": 'workspace(name = "com_google_highway")',
    # Like Highway's own BUILD, this one adds no folder for includes in angle brackets.
    "com_google_highway/BUILD": """
        cc_library(
            name = "hwy",
            srcs = ["libhwy.so"],
            textual_hdrs = glob(["hwy/*.h", "hwy/ops/*.h"]),
            visibility = ["//visibility:public"],
        )
        """,
    # These are the rules that Bazel's description of the compiler loads.
    "rules_cc/WORKSPACE": 'workspace(name = "rules_cc")',
    "rules_cc/cc/BUILD": """
        package(default_visibility = ["//visibility:public"])
        alias(name = "toolchain_type", actual = "@bazel_tools//tools/cpp:toolchain_type")
        """,
    "rules_cc/cc/defs.bzl": """
        cc_binary = native.cc_binary
        cc_library = native.cc_library
        cc_toolchain = native.cc_toolchain
        cc_toolchain_suite = native.cc_toolchain_suite
        """,
}
# The folders where Debian's packages install rules.
RULES = {
    "rules_java": "/usr/share/bazel/rules/java",
    "rules_proto": "/usr/share/bazel/rules/proto",
    "platforms": "/usr/share/bazel/tools/platforms",
}
TENSORFLOW_LIBRARIES = ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")
# Debian's Bazel has this name. Another Bazel in PATH would be named `bazel`.
BAZEL = "bazel-4"
HIGHWAY = "/usr/include/hwy"


def missing():
    """Returns what a build needs and is not installed, as text, or "" if everything is installed."""
    absent = [path for path in (HIGHWAY, *RULES.values()) if not Path(path).exists()]
    return ", ".join(absent if shutil.which(BAZEL) else [BAZEL, *absent])


def write():
    """Writes the workspace over an earlier one, if there is one, and returns its folder."""
    folder = FOLDER / "model_server"
    include = Path(tf.sysconfig.get_include())
    flags = tf.sysconfig.get_compile_flags()
    values = {"defines": [flag[2:] for flag in flags if flag.startswith("-D")]}
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text % values if "%(" in text else text))
    links = {
        "serve_model.cc": HERE / "serve_model.cc",
        # Only the parts of the checkout that the library is built from.
        **{f"tf_softpool/{name}": CHECKOUT / name for name in ("BUILD", "WORKSPACE", "custom_ops")},
        "org_tensorflow/include": include,
        **{f"org_tensorflow/lib/{name}": include.parent / name for name in TENSORFLOW_LIBRARIES},
        "com_google_highway/hwy": HIGHWAY,
        "com_google_highway/libhwy.so": library("libhwy.so"),
    }
    for name, target in links.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    return folder


def library(name):
    """Returns the path where the compiler finds an installed library."""
    run = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return os.path.realpath(run.stdout.strip())


def build(*targets):
    """Builds targets of the workspace, and returns the folder of their files."""
    folder = write()
    rules = {**RULES, "rules_cc": folder / "rules_cc"}
    # With --batch, Bazel leaves no server process running.
    command = [BAZEL, "--batch", f"--output_user_root={FOLDER}/output", "build", *targets]
    # These options are those of TensorFlow Serving's .bazelrc.
    command += ["--compilation_mode=opt", "--cxxopt=-std=c++17"]
    command += [f"--override_repository={name}={path}" for name, path in rules.items()]
    command += [f"--jobs={os.environ.get('BAZEL_JOBS', os.cpu_count())}", "--color=no", "--curses=no"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return folder / "bazel-bin"
