"""The league's own rules: a table that adds up, seats that run out, refunds that shrink as the game draws near."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from callwright.worlds.sport import Sport

CLOCK = dt.date(2026, 3, 10)


@pytest.fixture
def league() -> Sport:
    return Sport(5, CLOCK)


def ask(league: Sport, name: str, /, **arguments: Any) -> Any:
    status, body = league.call(name, arguments)
    assert status == 200, body
    return body


def untouched(league: Sport, place: int = 0) -> dict[str, Any]:
    """A coming game without orders and with enough seats everywhere."""
    taken = {one["fixture_id"] for one in league.rows("orders")}
    games = ask(league, "list_fixtures", limit=30)
    full = {one["id"] for one in league.rows("fixtures") if min(one["seats"].values(), default=0) < 10}
    found: dict[str, Any] = [one for one in games if one["id"] not in taken | full][place]
    return found


@pytest.mark.parametrize("day", range(7))
def test_everybody_plays_everybody_twice_and_the_past_alone_has_scores(day: int) -> None:
    league = Sport(day, CLOCK + dt.timedelta(days=day))
    games = league.rows("fixtures")
    assert len({one["name"] for one in games}) == 90
    assert set(Counter(one["home_team"] for one in games).values()) == {9}
    for one in games:
        assert (one["date"] < league.clock.isoformat()) == (one["home_goals"] is not None)


def test_home_and_away_games_take_turns(league: Sport) -> None:
    for venue in ("home", "away"):
        assert {one["played"] for one in ask(league, "get_standings", venue=venue)} <= {2, 3}


def test_the_table_adds_up_and_is_in_order(league: Sport) -> None:
    table = ask(league, "get_standings")
    assert [one["position"] for one in table] == list(range(1, 11))
    assert [one["points"] for one in table] == sorted((one["points"] for one in table), reverse=True)
    assert sum(one["goals_for"] for one in table) == sum(one["goals_against"] for one in table)
    for one in table:
        assert one["played"] == one["won"] + one["drawn"] + one["lost"]
        assert one["points"] == 3 * one["won"] + one["drawn"]


def test_home_and_away_points_make_up_all_points_and_a_team_keeps_its_place(league: Sport) -> None:
    points: Counter[str] = Counter()
    for venue in ("home", "away"):
        points.update({one["team"]: one["points"] for one in ask(league, "get_standings", venue=venue)})
    for row in ask(league, "get_standings"):
        assert points[row["team"]] == row["points"]
        assert ask(league, "get_standings", query=row["team"].upper()) == [row]


def test_fixtures_come_in_order_within_their_days(league: Sport) -> None:
    games = ask(league, "list_fixtures", query="foxes", from_date="2026-04-01", to_date="2026-05-01")
    days = [one["date"] for one in games]
    assert days == sorted(days) and days[0] >= "2026-04-01" and days[-1] <= "2026-05-01"
    assert all("Foxes" in one["name"] for one in games)
    wrong = {"from_date": "2026-05-01", "to_date": "2026-04-01"}
    assert league.call("list_fixtures", wrong)[0] == 409


def test_results_are_told_by_how_they_ended(league: Sport) -> None:
    every = ask(league, "list_results", limit=30)
    parts = [ask(league, "list_results", outcome=one, limit=30) for one in ("home_win", "away_win", "draw")]
    assert sum(map(len, parts)) == len(every) in (20, 25)
    assert all(one["home_goals"] == one["away_goals"] for one in parts[2])


@pytest.mark.parametrize(
    ("stand", "reduced", "total"),
    [
        ("main", None, 84),
        ("east", "student", 45),
        ("west", "senior", 45),
        ("family", "child", 24),
    ],
)
def test_a_ticket_costs_what_its_stand_and_reduction_say(
    league: Sport, stand: str, reduced: str | None, total: float
) -> None:
    wanted = {"fixture_id": untouched(league)["id"], "stand": stand, "quantity": 3, "reduced": reduced}
    assert ask(league, "buy_tickets", **wanted)["total"] == total


def test_a_game_is_sold_up_to_eight_tickets_and_not_once_it_is_played(league: Sport) -> None:
    wanted = {"fixture_id": untouched(league)["id"], "stand": "west", "quantity": 6}
    ask(league, "buy_tickets", **wanted)
    assert league.call("buy_tickets", wanted | {"quantity": 3})[0] == 422
    ask(league, "buy_tickets", **wanted | {"quantity": 2, "stand": "east"})
    played = ask(league, "list_results")[0]["id"]
    assert league.call("buy_tickets", wanted | {"fixture_id": played})[0] == 409


def test_seats_run_out_and_come_back(league: Sport) -> None:
    game = untouched(league)
    record = league.one("fixtures", game["id"])
    league.put("fixtures", record | {"seats": record["seats"] | {"main": 4}})
    wanted = {"fixture_id": game["id"], "stand": "main", "quantity": 4}
    assert league.call("buy_tickets", wanted | {"quantity": 5})[0] == 422
    order = ask(league, "buy_tickets", **wanted)
    assert league.call("buy_tickets", wanted)[0] == 409
    ask(league, "return_tickets", order_id=order["id"])
    ask(league, "buy_tickets", **wanted)


def test_some_tickets_of_an_order_can_go_back_and_then_the_rest(league: Sport) -> None:
    game = untouched(league, 12)
    order = ask(league, "buy_tickets", fixture_id=game["id"], stand="east", quantity=5)["id"]
    some = ask(league, "return_tickets", order_id=order, quantity=2)
    assert (some["returned"], some["kept"], some["refund"]) == (2, 3, 40)
    assert league.call("return_tickets", {"order_id": order, "quantity": 4})[0] == 422
    assert ask(league, "list_ticket_orders", query=game["name"])[0]["total"] == 60
    assert ask(league, "return_tickets", order_id=order)["kept"] == 0
    assert league.call("return_tickets", {"order_id": order})[0] == 409
    assert order in {one["id"] for one in ask(league, "list_ticket_orders", status="returned")}


@pytest.mark.parametrize(("ahead", "refund"), [(0, None), (1, 36), (6, 36), (7, 40)])
def test_a_refund_shrinks_in_the_last_week_and_ends_on_the_day(
    league: Sport, ahead: int, refund: float | None
) -> None:
    game = untouched(league)
    day = (CLOCK + dt.timedelta(days=ahead)).isoformat()
    league.put("fixtures", league.one("fixtures", game["id"]) | {"date": day})
    order = ask(league, "buy_tickets", fixture_id=game["id"], stand="west", quantity=2)
    status, body = league.call("return_tickets", {"order_id": order["id"]})
    assert (status, body.get("refund")) == ((200, refund) if refund else (409, None))


def test_five_teams_are_followed_and_alerts_can_change(league: Sport) -> None:
    teams = [one["team_id"] for one in ask(league, "get_standings")]
    fresh = [one for one in teams if one not in league.state["followed"]]
    first = ask(league, "follow_team", team_id=fresh[0])
    assert first["alerts"] == ["final_scores"]
    assert league.call("follow_team", {"team_id": fresh[0]})[0] == 409
    changed = ask(league, "follow_team", team_id=fresh[0], alerts=["lineups", "goals", "goals"])
    assert changed["alerts"] == ["goals", "lineups"]
    for one in fresh[1:3]:
        ask(league, "follow_team", team_id=one)
    assert league.call("follow_team", {"team_id": fresh[3]})[0] == 422
