"""What stands in a request for the arguments of a call."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.schemas.tool import OpenAPIBinding, Place
from callwright.sources import load_toolkit
from callwright.toolbox.refused import Refused
from callwright.toolbox.requests import request_of
from callwright.toolbox.styles import in_header, in_path, in_query

DATA = Path(__file__).parents[1] / "data"
ARRAY = ["blue", "black", "brown"]
OBJECT = {"R": 100, "G": 200, "B": 150}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def place(location, name="color", **words):
    return Place(location=location, name=name, **words)


def request(arguments, *places, path="/items", **binding):
    return request_of(
        OpenAPIBinding(
            **{"method": "POST", "path": path, "places": {one.name: one for one in places}} | binding
        ),
        arguments,
    )


@pytest.mark.parametrize("name", ["museum.yaml", "torture-3.0.yaml", "torture-3.1.yaml"])
def test_every_documented_example_becomes_a_request(name):
    toolkit, _ = load_toolkit(DATA / name)
    examples = [(tool.binding, example) for tool in toolkit.tools for example in tool.examples]
    for binding, example in examples:
        made = request_of(binding, example)
        assert made.target.isascii() and made.target.startswith("/") and "{" not in made.target
        assert (made.body is None) == (binding.content_type is None)
    assert examples


def code_of(*args, **kwargs):
    with pytest.raises(Refused) as caught:
        request(*args, **kwargs)
    return caught.value.code


@pytest.mark.parametrize(
    ("style", "explode", "empty", "string", "array", "object_"),
    [
        ("matrix", False, ";color", ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"),
        (
            "matrix",
            True,
            ";color",
            ";color=blue",
            ";color=blue;color=black;color=brown",
            ";R=100;G=200;B=150",
        ),
        ("label", False, ".", ".blue", ".blue,black,brown", ".R,100,G,200,B,150"),
        ("label", True, ".", ".blue", ".blue.black.brown", ".R=100.G=200.B=150"),
        ("simple", False, "", "blue", "blue,black,brown", "R,100,G,200,B,150"),
        ("simple", True, "", "blue", "blue,black,brown", "R=100,G=200,B=150"),
    ],
)
def test_openapis_table_of_styles_in_a_path(style, explode, empty, string, array, object_):
    one = place("path", style=style, explode=explode)
    assert [in_path(one, value) for value in ("", "blue", ARRAY, OBJECT)] == [empty, string, array, object_]
    if style == "simple":
        header = place("header", explode=explode)
        assert [in_header(header, value) for value in (ARRAY, OBJECT)] == [array, object_]


@pytest.mark.parametrize(
    ("style", "explode", "array", "object_"),
    [
        ("form", False, "color=blue,black,brown", "color=R,100,G,200,B,150"),
        ("form", True, "color=blue&color=black&color=brown", "R=100&G=200&B=150"),
        ("spaceDelimited", False, "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"),
        ("pipeDelimited", False, "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"),
        ("deepObject", True, None, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    ],
)
def test_openapis_table_of_styles_in_a_query(style, explode, array, object_):
    one = place("query", style=style, explode=explode)
    assert "&".join(in_query(one, OBJECT)) == object_
    assert array is None or "&".join(in_query(one, ARRAY)) == array
    assert in_query(place("query"), "") == ["color="]


def test_deeper_values_of_a_deep_object_stand_in_more_brackets():
    value = {"by": {"name": "a&b"}, "tags": ["x", "y"], "none": None}
    shown = [unquote(pair) for pair in in_query(place("query", "f", style="deepObject"), value)]
    assert shown == ["f[by][name]=a&b", "f[tags][0]=x", "f[tags][1]=y"]


def test_the_defaults_are_openapis_own():
    found = {
        one: (place(one).style, place(one).explode, place(one).allow_reserved)
        for one in ("path", "query", "header", "cookie", "body")
    }
    assert found == {
        "path": ("simple", False, False),
        "header": ("simple", False, False),
        "query": ("form", True, False),
        "cookie": ("form", True, False),
        "body": ("form", True, False),
    }
    assert not place("query", style="spaceDelimited").explode


@pytest.mark.parametrize("value", [None, [], {}, [None], {"a": None}])
def test_null_and_what_is_empty_is_left_out_of_a_query(value):
    assert request({"color": value}, place("query")).target == "/items"


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (0, "0"), (1.5, "1.5"), (1e300, "1e%2B300"), ([[1, {"a": 2}]], None)]
)
def test_values_that_are_no_text_are_written_as_json_does(value, text):
    assert in_query(place("query"), value) == [f"color={text or '%5B1%2C%7B%22a%22%3A2%7D%5D'}"]


def test_a_parameter_with_json_content_is_json_text():
    target = request({"filter": {"a": [1, None]}}, place("query", "filter", style="json")).target
    assert unquote(target) == '/items?filter={"a":[1,null]}'


@given(TEXT)
def test_a_value_in_a_query_is_one_value_and_comes_back(value):
    for reserved in (False, True):
        (pair,) = in_query(place("query", allow_reserved=reserved), value)
        assert pair.isascii() and not set(pair) & set("#&+[] \r\n")
        name, text = pair.split("=")
        assert (name, unquote(text)) == ("color", value)


def test_reserved_characters_are_kept_where_the_document_says_so():
    one = place("query", "to", allow_reserved=True)
    assert request({"to": "https://a.b/c?d=1&e"}, one).target == "/items?to=https://a.b/c?d%3D1%26e"


@given(TEXT.filter(lambda text: text not in ("", ".", "..")))
def test_a_value_in_a_path_stays_within_its_segment(value):
    target = request({"id": value}, place("path", "id"), path="/items/{id}/parts").target
    root, items, segment, parts = target.split("/")
    assert (root, items, parts) == ("", "items", "parts")
    assert "?" not in target and "#" not in target and unquote(segment) == value


def test_a_path_that_climbs_is_encoded():
    assert request({"id": "../admin"}, place("path", "id"), path="/items/{id}").target == "/items/..%2Fadmin"


@pytest.mark.parametrize("value", ["", ".", "..", None, [], {}])
def test_a_value_that_would_name_another_operation_is_refused(value):
    assert code_of({"id": value}, place("path", "id"), path="/items/{id}") == "invalid_argument"


def test_a_template_of_a_document_cannot_break_out_of_the_request_line():
    target = request({}, path="/a b\r\nX: 1/é#f").target
    assert target == "/a%20b%0D%0AX:%201/%C3%A9%23f"
    assert request({}, path="//evil.example/x").target == "/evil.example/x"
    assert request({"color": "x"}, place("query"), path="/find?type=a").target == "/find?type=a&color=x"


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\nb", "a\0b", ["a", "\r"], {"a\n": 1}])
def test_line_breaks_do_not_get_into_a_header(value):
    assert code_of({"x-tag": value}, place("header", "x-tag")) == "invalid_argument"


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "Cookie", "a b", "a:b", "x\r\ny"]
)
def test_no_argument_sets_a_header_that_frames_or_routes_the_message(name):
    assert code_of({name: "1"}, place("header", name)) == "invalid_argument"


def test_cookies_are_one_header_and_cannot_be_split():
    made = request({"a": "x; admin=1", "b": ["1", "2"]}, place("cookie", "a"), place("cookie", "b"))
    assert made.headers == {"Cookie": "a=x%3B%20admin%3D1; b=1; b=2"}


def test_fields_of_a_json_body_are_put_together_under_their_names_on_the_wire():
    binding = OpenAPIBinding(
        method="POST",
        path="/pets/{id}",
        places={"id": place("path", "id"), "id_body": place("body", "id"), "note": place("body", "note")},
        content_type="application/merge-patch+json",
    )
    made = request_of(binding, {"id": "p1", "id_body": "p2", "note": None, "more": {"ü": [1.0, True]}})
    assert made.target == "/pets/p1"
    assert made.headers == {"Content-Type": "application/merge-patch+json"}
    assert made.body == '{"id":"p2","note":null,"more":{"ü":[1.0,true]}}'.encode()


def test_a_body_of_one_argument_is_no_object_around_it():
    whole = {"content_type": "application/json", "whole_body": True}
    field = {"content_type": "application/json"}
    assert request({"body": [1]}, place("body", "body"), **whole).body == b"[1]"
    assert request({}, place("body", "body"), **whole).body is None
    assert request({"body": "hi"}, place("body", "body"), **field).body == b'{"body":"hi"}'
    assert request({}, place("body", "body"), **field).body == b"{}"


def test_a_form_holds_a_field_for_each_entry_and_json_for_an_object():
    fields = {
        "name": "a b&c=ü",
        "tags": ["x", "y"],
        "at": {"lat": 1},
        "no": None,
        "none": [],
        "objs": [{"a": 1}],
    }
    places = [place("body", name) for name in fields]
    made = request(fields, *places, content_type="application/x-www-form-urlencoded")
    assert made.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert made.body is not None
    assert made.body.startswith(b"name=a+b%26c%3D%C3%BC&tags=x&tags=y&at=")
    assert unquote_plus(made.body.decode()).endswith('&at={"lat":1}&objs={"a":1}')


def test_a_forms_own_words_on_style_are_kept():
    places = [place("body", "tags", explode=False), place("body", "meta", style="deepObject")]
    made = request(
        {"tags": ["x", "y"], "meta": {"a": 1}}, *places, content_type="application/x-www-form-urlencoded"
    )
    assert made.body == b"tags=x,y&meta%5Ba%5D=1"


def test_a_multipart_form_cannot_be_broken_by_what_it_holds():
    fields = {'a"\r\nX: 1': "--boundary\r\n\r\n--", "at": {"lat": 1}}
    made = request(fields, *(place("body", name) for name in fields), content_type="multipart/form-data")
    assert made == request(
        fields, *(place("body", name) for name in fields), content_type="multipart/form-data"
    )
    boundary = made.headers["Content-Type"].removeprefix("multipart/form-data; boundary=")
    assert made.body is not None
    first, second = made.body.decode().split(f"--{boundary}")[1:-1]
    assert (
        first == '\r\nContent-Disposition: form-data; name="a%22%0D%0AX: 1"\r\n\r\n--boundary\r\n\r\n--\r\n'
    )
    assert "Content-Type: application/json\r\n\r\n" in second and json.loads(second.split("\r\n\r\n")[1]) == {
        "lat": 1
    }


def test_a_whole_form_must_be_an_object():
    whole = {"content_type": "application/x-www-form-urlencoded", "whole_body": True}
    assert request({"body": {"a": [1, 2]}}, place("body", "body"), **whole).body == b"a=1&a=2"
    assert code_of({"body": [1]}, place("body", "body"), **whole) == "invalid_argument"


def test_plain_text_is_sent_as_it_is():
    made = request({"body": "ü\n"}, place("body", "body"), content_type="text/plain", whole_body=True)
    assert (made.headers["Content-Type"], made.body) == ("text/plain; charset=utf-8", "ü\n".encode())


def test_other_media_and_bodies_that_are_not_there_are_refused():
    assert code_of({"a": 1}, place("body", "a"), content_type="application/xml") == "unsupported_media_type"
    assert code_of({"a": 1}) == "invalid_argument"
