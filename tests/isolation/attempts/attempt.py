"""One attempt, and the list of all of them."""

import errno
from dataclasses import dataclass, field


class Stopped(Exception):  # noqa: N818 - that is no error, it is what should be
    """It did not work, and this is what said so."""


@dataclass(frozen=True)
class Attempt:
    """Something that a plugin must not manage.

    Attributes:
        name: What it does, in words; the document's too.
        area: files, network, processes, resources, kernel, credentials, state, forgery or imports.
        layers: What stops it. Where there are several, each of them alone does.
        run: Does it, and says what it got. It raises `Stopped`, or OSError, where it did not.
        before: Runs in a call of its own, in the same worker where nothing replaces that.
        log_line: It has worked where the log holds exactly this line.
        files: More files of the function, by path.
        layer_files: Files of a layer of its own.
        spec: More of the function.
        plugin: Instead of `run`: the files of a plugin, run by the platform's wrapper.
    """

    name: str
    area: str
    layers: tuple
    run: object
    before: object = None
    log_line: str = ""
    files: dict = field(default_factory=dict)
    layer_files: dict = field(default_factory=dict)
    spec: dict = field(default_factory=dict)
    plugin: dict = field(default_factory=dict)

    def attempted(self, given):
        """`["did it", what it got]` or `["stopped", why]`."""
        try:
            return ["did it", str(self.run(given))]
        except Stopped as stopped:
            return ["stopped", str(stopped)]
        except MemoryError:
            return ["stopped", "MemoryError"]
        except OSError as error:
            return ["stopped", errno.errorcode.get(error.errno, str(error))]


ALL = []


def attempt(name, area, *layers, **more):
    """Puts a function into the list, as what is run or, with `run` given, as what comes before it."""

    def listed(function):
        ALL.append(Attempt(name, area, layers, **{"run": function, **more}))
        return function

    return listed
