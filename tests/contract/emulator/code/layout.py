# ruff: noqa: PTH108, PTH109, PTH115, PTH116, PTH123, PTH208, UP031, FURB122
"""Tells what a function sees of its surroundings. Runs inside the sandbox only."""

import importlib.util
import os
import stat
import sys


def tells(event, context):
    return {
        "sys_path": sys.path,
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "root": sorted(os.listdir("/")),
        "version": "%d.%d" % sys.version_info[:2],
        "prefix": sys.prefix,
        "executable": os.readlink("/proc/self/exe"),
        "flags": [sys.flags.isolated, sys.flags.no_site],
        "uid": os.getuid(),
        "file": __file__,
    }


def finds(event, context):
    """Where modules would come from."""
    found = {}
    for name in event:
        spec = importlib.util.find_spec(name)
        found[name] = spec.origin if spec else None
    return found


def writes(event, context):
    """What writing to each path says."""
    said = {}
    for path in event:
        try:
            with open(path, "a") as file:
                file.write("x")
            said[path] = "written"
        except OSError as error:
            said[path] = error.strerror
    return said


def reads(event, context):
    said = {}
    for path in event:
        try:
            with open(path) as file:
                said[path] = file.read()
        except OSError as error:
            said[path] = f"! {error.strerror}"
    return said


def lists(event, context):
    try:
        return sorted(os.listdir(event))
    except OSError as error:
        return error.strerror


def keeps_in_tmp(event, context):
    """Leaves a file, and tells what lies there."""
    with open("/tmp/" + event["name"], "w") as file:
        file.write("mine")
    return sorted(os.listdir("/tmp"))


def fills_tmp(event, context):
    try:
        with open("/tmp/full", "wb") as file:
            for _ in range(event["mb"]):
                file.write(bytes(1024 * 1024))
    except OSError as error:
        return error.strerror
    finally:
        os.unlink("/tmp/full")
    return "fits"


def limits(event, context):
    import resource

    return {
        name: resource.getrlimit(getattr(resource, name))
        for name in ("RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CPU")
    }


def devices(event, context):
    return {
        name: stat.S_ISCHR(os.stat(f"/dev/{name}").st_mode)
        for name in ("null", "zero", "full", "random", "urandom")
    }
