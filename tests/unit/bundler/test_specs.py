from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services_ai_sdk.bundler.dependencies import records
from services_ai_sdk.manifest.load import Loaded, parse_manifest
from services_ai_sdk.manifest.model import Manifest
from services_ai_sdk.manifest.package_spec import PackageSpec
from services_ai_sdk.manifest.positions import locate
from services_ai_sdk.manifest.spec_findings import spec_findings
from services_ai_sdk.manifest.specs import requirements, translate
from services_ai_sdk.wire.errors import InvalidInputError


@pytest.mark.parametrize(
    ("spec", "fits", "does_not"),
    [
        # PEP 440 comes first and means what it says.
        (">=2.28.0", "2.28.0 3.0", "2.27.1"),
        ("~=1.4", "1.4 1.9", "1.3 2.0"),
        ("~=1.4.2", "1.4.2 1.4.9", "1.5"),
        ("==1.*", "1.0 1.9.9", "2.0"),
        (">1.5", "1.6", "1.5 1.5.0"),
        ("!=1.5", "1.4 1.6", "1.5.0"),
        (">=1,<2", "1.5", "2.0 0.9"),
        # Carets: semver.org through npm; python-poetry.org/docs/dependency-specification.
        ("^1.2.3", "1.2.3 1.9", "1.2.2 2.0.0 2.0rc1"),
        ("^1.2", "1.2 1.9", "1.1 2.0"),
        ("^1", "1.0 1.9", "0.9 2.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("^0.0", "0.0 0.0.9", "0.1"),
        ("^0", "0.0 0.9", "1.0"),
        ("^1.2.3.4", "1.2.3.4 1.3", "1.2.3.3 2"),
        ("^0.0.0.5", "0.0.0.5", "0.0.1 0.0.0.4"),
        ("^1!2.3", "1!2.4", "2.4 1!3.0"),
        ("^1.2.3-beta.1", "1.2.3 1.2.3b1", "1.2.2 2.0"),
        # Tildes.
        ("~1.5.2", "1.5.2 1.5.9", "1.5.1 1.6.0"),
        ("~1.5", "1.5.0 1.5.9", "1.4 1.6"),
        ("~1", "1.0 1.9", "2.0"),
        ("~0", "0.5", "1.0"),
        # Wildcards, exact, ranges.
        ("1.x", "1.0 1.9", "2.0"),
        ("1.5.X", "1.5.0 1.5.9", "1.6"),
        ("1.*", "1.0 1.9", "2.0"),
        ("1.x.x", "1.0 1.9", "2.0"),
        ("*", "0.1 99", ""),
        ("", "0.1 99", ""),
        ("x", "0.1 99", ""),
        ("1.5.0", "1.5.0 1.5", "1.5.1"),
        ("1.5", "1.5 1.5.0", "1.5.1"),
        ("=1.5.0", "1.5.0", "1.5.1"),
        ("v1.5.0", "1.5.0", "1.5.1"),
        ("1.2 - 2.3", "1.2 2.3.9", "1.1 2.4"),
        ("1.2 - 2.3.4", "1.2 2.3.4", "2.3.5"),
        (">=1.2 <2", "1.5", "1.1 2.0"),
        ("^1.2, !=1.3", "1.2 1.4", "1.3 2.0"),
        (" ^ 1.5 ", "1.5", "2.0"),
        ("^1 || ^2", "1.0 2.9", "0.9 3.0"),
        ("2.x || 1.5.x || 1.6 - 1", "1.5 1.9.9 2.5", "1.4 3.0"),
        ("<=2.0 || >=2.0", "0.1 9", ""),
        ("==1!1.* || ==1!2.*", "1!1.5 1!2.5", "1.5 1!3"),
    ],
)
def test_a_spec_means_what_its_author_means(spec: str, fits: str, does_not: str) -> None:
    specifier = translate("pandas", spec).specifier
    assert [version for version in fits.split() if not specifier.contains(version, prereleases=True)] == []
    assert [version for version in does_not.split() if specifier.contains(version)] == []


def test_extras_and_markers_are_kept() -> None:
    requirement = translate("requests[Socks, security]", "^2; python_version < '3.12'")
    assert (requirement.name, requirement.extras) == ("requests", {"socks", "security"})
    assert str(requirement.marker) == 'python_version < "3.12"'
    assert str(requirement.specifier) == "<3,>=2"


class TestTheLongForm:
    def load(self, packages: str) -> Loaded:
        fields = '"name": "x", "version": "1", "description": "d", "author": "a", "email": "a@example.com"'
        return parse_manifest(f'{{{fields},\n"dependencies": {{"packages": {packages}}}}}'.encode())

    def read(self, packages: str) -> list[str]:
        manifest = self.load(packages).require()
        again = Manifest.model_validate(manifest.to_dict())
        assert again == manifest
        return [str(requirement) for requirement in requirements(again.dependencies.packages)]

    @pytest.mark.parametrize(
        ("long", "short"),
        [
            ('{"requests": {"version": "^2", "extras": ["Socks"]}}', '{"requests[socks]": "^2"}'),
            (
                '{"requests[socks]": {"version": "^2", "extras": ["security"]}}',
                '{"requests[socks,security]": "^2"}',
            ),
            (
                '{"tomli": {"version": "*", "markers": "python_version < \'3.11\'"}}',
                '{"tomli": "*; python_version < \'3.11\'"}',
            ),
            ('{"idna": {"version": ">=3"}}', '{"idna": ">=3"}'),
        ],
    )
    def test_it_means_what_the_short_form_means(self, long: str, short: str) -> None:
        assert self.read(long) == self.read(short)

    def test_a_record_shows_it_as_the_short_form(self) -> None:
        packages = {"a": PackageSpec(version="^1", extras=("x",), markers="os_name == 'posix'"), "B [x]": "2"}
        assert [(row.package, row.spec) for row in records("p", packages, None, None)] == [
            ("a", "^1; os_name == 'posix'"),
            ("b", "2"),
        ]

    @pytest.mark.parametrize(
        ("packages", "place", "said"),
        [
            ('{"a": {"version": "^1 ||"}}', '||"', "'||'"),
            (
                '{"a": {"version": "^1", "markers": "python"}}',
                'python"',
                "a: 'python' is no environment marker (column 1)",
            ),
            ('{"a": {"version": "^1; os_name == \'x\'"}}', "; os", "belongs in 'markers'"),
            ('{"a": {"extras": ["x"]}}', '"a"', "'dependencies.packages.a.version' is missing"),
            ('{"a": {"version": "1", "extra": ["x"]}}', '["x"]', "extra"),
            ('{"a": {"version": "1", "extras": ["x y"]}}', '"x y"', "'x y'"),
            ('{"a": {"version": 1}}', "1", "must be text"),
            ('{"a": 1}', "1", "must be text"),
            ('{"a": ["1"]}', "[", "must be text"),
        ],
    )
    def test_what_is_wrong_in_it_has_its_place(self, packages: str, place: str, said: str) -> None:
        (found,) = self.load(packages).findings
        assert said in found.message
        column = len('"dependencies": {"packages": ') + packages.index(place) + 1
        assert found.where() == f"manifest.json:2:{column}"

    def test_two_forms_of_one_package_are_an_error(self) -> None:
        (found,) = self.load('{"PyYAML": {"version": "*"}, "pyyaml": "*"}').findings
        assert found.code == "dependency-duplicate"

    def test_they_are_told_beside_a_bad_spec(self) -> None:
        found = self.load('{"PyYAML": "latest", "pyyaml": "oldest"}').findings
        assert [each.code.removeprefix("dependency-") for each in found] == [
            "spec-invalid",
            "duplicate",
            "spec-invalid",
        ]


@pytest.mark.parametrize(
    ("spec", "column", "meant"),
    [
        ("latest", 1, "*"),
        ("^1 || ^3", 4, ">=1,<4"),
        ("1.2.0 || 1.2.1", 7, ">=1.2.0,<=1.2.1"),
        ("^1 || !=1.5", 4, ">=1,<2"),
        ("!=1 || !=2", 5, ""),
        ("^1 ||", 4, "^1"),
        ("|| ^1", 1, "^1"),
        ("^1 || lat", 7, ""),
        ("^1 | ^2", 4, ""),
        ("~>1.5", 1, "~1.5 or ~=1.5"),
        ("1.x.3", 1, "1"),
        (">=1.5.x", 3, ">=1.5"),
        ("^2.x.3", 2, "^2"),
        ("^", 1, ""),
        ("^1.5,", 5, "^1.5"),
        ("1.5.0 foo", 7, ""),
        ("2.0 - 1.0", 7, "1.0 - 2.0"),
        ("1.0+cu118", 4, "1.0"),
        ("^1.5;", 6, "python_version < '3.12'"),
        ("１.5", 1, ""),
        ("^1\n--index-url x", 3, ""),
        ("^" + "9" * 21, 2, ""),
        ("~=1", 3, "~=1.0"),
    ],
)
def test_a_bad_spec_says_where_and_what_was_meant(spec: str, column: int, meant: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        translate("pandas", spec)
    assert caught.value.code == "dependency-spec-invalid"
    assert (caught.value.details["column"], caught.value.details["meant"]) == (column, meant)
    assert "pandas" in caught.value.message


@pytest.mark.parametrize(
    "spec", ["git+https://example.com/x.git", "file:///x.whl", "./x", "https://example.com/x.whl"]
)
def test_a_link_is_refused_with_the_reason(spec: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        translate("pandas", spec)
    assert "never from a URL or path" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["", "a b", "-x", "x-", "é", "x[", "x[a", "x]y", "x==1", "x @ file:///y", "a\nb", "a;b"]
)
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        translate(name, "*")
    assert caught.value.code == "dependency-name-invalid"


@pytest.mark.parametrize("name", ["python", "Python", "services-ai-sdk", "services_ai_sdk[cli]"])
def test_what_is_no_dependency_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        translate(name, "*")
    assert caught.value.code == "dependency-name-invalid"


def test_long_text_is_refused_before_it_is_parsed() -> None:
    for name, spec in [
        ("pandas", "1." * 50_000),
        ("pandas", " " * 100_000),
        ("x" * 100_000, "*"),
        ("x", "9" * 5000),
    ]:
        with pytest.raises(InvalidInputError):
            translate(name, spec)


def test_two_spellings_of_one_package_are_an_error() -> None:
    with pytest.raises(InvalidInputError) as caught:
        requirements({"PyYAML": "*", "zope.interface": "*", "pyyaml": "6"})
    assert caught.value.code == "dependency-duplicate"
    assert [requirement.name for requirement in requirements({"b": "*", "A": "*"})] == ["A", "b"]


@given(st.text(max_size=60), st.text(max_size=40))
def test_any_text_is_read_or_refused(name: str, spec: str) -> None:
    for pair in ((name, spec), ("pandas", spec), (name, "*")):
        try:
            text = str(translate(*pair))
        except InvalidInputError as error:
            text = str(error.details["column"])
        assert "\n" not in text


@given(st.from_regex(r"[\^~<>=!x*v.0-9 ,|+a-]{1,20}", fullmatch=True))
def test_what_looks_like_a_spec_is_read_or_refused(spec: str) -> None:
    with contextlib.suppress(InvalidInputError):
        translate("pandas", spec)


def test_escapes_do_not_move_the_place() -> None:
    text = r'{"dependencies": {"packages": {"a": "\u005e1 \/ 2", "\ud83d\ude00b": "*"}}}'
    located = locate(text)
    found = list(spec_findings(located.value["dependencies"]["packages"], located))
    assert [finding.column for finding in found] == [text.index(r"\/") + 1, text.index(r"\ud8") + 1]


def test_findings_point_at_the_character() -> None:
    packages = '{\n  "requests": "^2 || 4",\n  "a b": "*", "PyYAML": "*",\n"pyyaml": "1"}'
    text = '{"dependencies": {"packages": ' + packages + "}}"
    located = locate(text)
    found = list(spec_findings(located.value["dependencies"]["packages"], located))
    assert [(finding.code, finding.where()) for finding in found] == [
        ("dependency-spec-invalid", "manifest.json:2:19"),
        ("dependency-name-invalid", "manifest.json:3:5"),
        ("dependency-duplicate", "manifest.json:4:1"),
    ]
