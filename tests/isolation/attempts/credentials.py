"""Environment of the engine, and access keys of others."""

import http.client
import os

from .attempt import Stopped, attempt


@attempt("reads the environment of the engine", "credentials", "own-environment")
def engines_environment(given):
    if given["variable"] not in os.environ:
        raise Stopped("not in its environment")
    return os.environ[given["variable"]]


def _signed(key, more=""):
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20250101/us-east-1/s3/aws4_request, "
        f"SignedHeaders=host, Signature=0{more}"
    }


def _asks(headers, target="/bucket/key", method="GET"):
    endpoint = http.client.HTTPConnection(os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"), timeout=10)
    endpoint.request(method, target, headers=headers)
    response = endpoint.getresponse()
    if response.status != 200:
        raise Stopped(f"{response.status} {response.read().decode()[:90]}")
    return response.status


def _own():
    return os.environ["AWS_ACCESS_KEY_ID"]


@attempt("calls AWS with another function's access key", "credentials", "own-keys")
def others_key(given):
    return _asks(_signed("AKIAother"))


@attempt("calls AWS as the machine's administrator", "credentials", "own-keys")
def administrators_key(given):
    return _asks(_signed("local"))


@attempt("calls AWS without signing", "credentials", "own-keys")
def unsigned(given):
    return _asks({})


@attempt("calls AWS by an address that names another key", "credentials", "own-keys")
def others_address(given):
    scope = "%2F20250101%2Fus-east-1%2Fs3%2Faws4_request"
    return _asks({}, f"/b/k?X-Amz-Credential=AKIAother{scope}")


@attempt("names another key in the address beside its own in the header", "credentials", "own-keys")
def two_places(given):
    return _asks(_signed(_own()), "/b/k?AWSAccessKeyId=AKIAother")


@attempt("names two keys in one header", "credentials", "own-keys")
def two_keys(given):
    return _asks(_signed(_own(), more="/, AKIAother/"))


@attempt("names another key where a signature is expected", "credentials", "own-keys")
def key_for_signature(given):
    return _asks({"Authorization": f"X AKIAother/ Credential={_own()}/a"})


@attempt("sends a form, whose key would be in its body", "credentials", "own-keys")
def form(given):
    return _asks({}, f"/?X-Amz-Credential={_own()}%2Fa", "POST")
