import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.schemas.base import canonical_json
from callwright.values.canonical import parse_json

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(deadline=None)  # the machine may be busy
@given(JSON)
def test_what_is_written_is_read_back(value: object):
    assert parse_json(canonical_json(value)) == value
    assert parse_json(f" {json.dumps(value, indent=1)}\n") == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "'c' stands twice"),
        ("[NaN]", "NaN is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("1e999", "too large"),
        ('["\\ud800"]', "lone surrogate"),
        ('{"\\uDFFF": 1}', "lone surrogate"),
        ('["\ud800"]', "lone surrogate"),
        ("1 2", "stands after"),
        ("", "Expecting value"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "digits"),
    ],
)
def test_what_has_no_single_meaning_is_refused(text: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_escapes_that_form_a_character_or_no_escape_at_all_are_fine():
    assert parse_json('"\\ud83d\\ude00"') == "\U0001f600"
    assert parse_json('"\\\\ud800"') == "\\ud800"
