import datetime as dt

import pytest

from callwright.values.mentions import Mentions
from callwright.values.names import names


def named(text):
    said = Mentions(text, dt.date(2026, 3, 10))
    return list(names(said, [(one.start, one.end) for one in (*said.dates, *said.times, *said.numbers)]))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("please meet Anna", ["Anna"]),
        ("please meet Anna Weber at Riverside Hall.", ["Anna Weber", "Riverside Hall"]),
        ("Dear Anna,", ["Anna"]),
        ("Hi Anna! Please ask Tom.", ["Anna", "Tom"]),
        ("Anna Weber called.", ["Anna Weber"]),
        ("All good. Anna is ill.", ["Anna"]),
        ("All good. Anna's flight is late.", ["Anna"]),
        ("All good. Anna and I will come.", ["Anna"]),
        ("Anna, can you come?", ["Anna"]),
        ("Anna", ["Anna"]),
        ("Best regards,\nAnna", ["Anna"]),
        ("it is for Dr. Weber. Thanks.", ["Weber"]),
        ("J. Smith is here", ["J. Smith"]),
        ("Anna. Tom is here", ["Tom"]),
        ("it is Anna's car", ["Anna"]),
        ("with Jean-Luc O’Brien", ["Jean-Luc O’Brien"]),
        ("with Anna, Tom and Kim", ["Anna", "Tom", "Kim"]),
        ("the Museum of Art", ["Museum", "Art"]),
        ("in Łódź and Århus", ["Łódź", "Århus"]),
        ("- Anna and the others", ["Anna"]),
        ("every Monday", ["Monday"]),
        ("ask NASA", ["NASA"]),
        ("Hi Anna, Thanks for it, Tom", ["Anna", "Tom"]),
    ],
)
def test_a_name_is_found_wherever_it_stands(text, found):
    assert named(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Please come. Thanks!",
        "I think I'm late, and I’ll call.",
        "Confirm the booking.",
        "Bring an umbrella: Expect rain.",
        "Unfortunately, we are closed.",
        "Looking forward to it.",
        "- Buy milk\n- Book a room\n* Call back",
        "See you on Monday, March 16, 2026 at 10 AM.",
        "Three of us come. Two stay.",
        "Best regards",
        "FYI it is OK.",
        "Room B12",
        "Hello (See the notes below).",
        "",
    ],
)
def test_a_capital_that_marks_a_sentence_a_date_or_a_habit_is_no_name(text):
    assert named(text) == []
