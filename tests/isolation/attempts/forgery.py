"""Answers of calls that it was not given, and log lines that look like the platform's."""

import http.client
import json
import os

from .attempt import Stopped, attempt

_EARLIER = {}


def _posts(request_id, kind="response"):
    """Answers a call as this one's worker: where that is taken, this is what its caller gets."""
    forged = json.dumps(["did it", "forged"]).encode()
    if kind == "error":
        forged = json.dumps({"errorMessage": "forged", "errorType": "did it"}).encode()
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=5)
    api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/{kind}", forged)
    answer = api.getresponse()
    said = answer.read().decode()[:100]
    if answer.status != 202:
        raise Stopped(f"{answer.status} {said}")
    return "forged"


@attempt("answers a call that it was not given", "forgery", "request-id")
def answers_other(given):
    return _posts("11111111-2222-3333-4444-555555555555")


@attempt("reports an error of a call that it was not given", "forgery", "request-id")
def fails_other(given):
    return _posts("11111111-2222-3333-4444-555555555555", "error")


def _remembers(given):
    _EARLIER["id"] = given["request_id"]


@attempt(
    "answers the call before once more, while another tenant's runs", "forgery", "request-id", before=_remembers
)
def answers_earlier(given):
    if "id" not in _EARLIER:
        raise Stopped("its worker was replaced")
    return _posts(_EARLIER["id"])


@attempt("answers under an id that is none", "forgery", "request-id")
def answers_nonsense(given):
    return _posts("next")


def _prints(name, line, shown=""):
    @attempt(name, "forgery", "marked-output", log_line=shown or line)
    def prints(given):
        print(line, flush=True)
        return "printed"


_ID = "11111111-2222-3333-4444-555555555555"
_prints("prints a line that looks like Lambda's report", f"REPORT RequestId: {_ID}\tDuration: 1.00 ms")
_prints("prints a line that looks like the start of a call", f"START RequestId: {_ID} Version: 7")
_prints("prints a line that looks like the end of a call", f"END RequestId: {_ID}")
_prints("prints a line that looks like a failed import", "INIT_REPORT Init Duration: 1.00 ms\tPhase: init")
_prints(
    "prints a line that looks like a crash", f"RequestId: {_ID} Error: Runtime exited with error: signal: killed"
)
_prints("prints a line of JSON that looks like the platform's", '{"type": "platform.report", "record": {}}')
_prints("prints what changes the terminal of whoever reads the log", "\x1b]0;owned\x07")
_prints("prints what turns a line round for whoever reads the log", "ok \u202eDERUCES\u202c")
