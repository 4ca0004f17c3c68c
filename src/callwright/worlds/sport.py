"""A regional soccer league: the table, fixtures and results, teams to follow, tickets by stand."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from callwright.worlds.base import OverLimit, Refused, Thing, World, tool

Stand = Literal["main", "east", "west", "family"]
Venue = Literal["all", "home", "away"]
Outcome = Literal["home_win", "away_win", "draw"]
Alert = Literal["kickoffs", "goals", "final_scores", "lineups", "ticket_sales"]
Reduction = Literal["student", "senior", "child"]
Delivery = Literal["mobile", "mail", "box_office"]
OrderStatus = Literal["held", "returned"]
Limit = Annotated[int, Field(ge=1, le=30)]

# Name, what people call it for short, home ground.
TEAMS = (
    ("Marlow Bay Gulls", "Gulls", "Breakwater Park"),
    ("Quillhaven Foxes", "Foxes", "Vixen Lane"),
    ("Saltwick Anchors", "Anchors", "The Capstan"),
    ("Juniper Flats Coyotes", "Coyotes", "Mesa Field"),
    ("Ottersby Beavers", "Beavers", "Lodge Meadow"),
    ("Lindenport Cranes", "Cranes", "Dockside Arena"),
    ("Copperdale Miners", "Miners", "Shaft Street"),
    ("Fernhollow Lanterns", "Lanterns", "Glow Green"),
    ("Windmere Kestrels", "Kestrels", "Updraft Stadium"),
    ("Thistledown Hares", "Hares", "Clover Ground"),
)
PRICES: dict[Stand, float] = {"main": 28.0, "east": 20.0, "west": 20.0, "family": 16.0}
STANDS: tuple[Stand, ...] = ("east", "west", "family")
REDUCED: dict[Reduction, float] = {"student": 0.75, "senior": 0.75, "child": 0.5}
ALERTS: tuple[Alert, ...] = ("final_scores", "goals", "kickoffs", "lineups", "ticket_sales")
TICKETS_LIMIT, FOLLOWED_LIMIT = 8, 5
NOTICE, LATE_FEE = 7, 2.0


class Standing(Thing):
    position: int
    team_id: str
    team: str
    ground: str
    played: int
    won: int
    drawn: int
    lost: int
    goals_for: int
    goals_against: int
    points: int


class Fixture(Thing):
    id: str
    name: str
    home_team: str
    away_team: str
    date: dt.date
    kickoff: str
    ground: str


class Result(Thing):
    id: str
    name: str
    date: dt.date
    home_goals: int
    away_goals: int
    outcome: Outcome


class FollowedTeam(Thing):
    team_id: str
    team: str
    alerts: list[Alert]


class TicketOrder(Thing):
    id: str
    fixture: str
    date: dt.date
    stand: Stand
    quantity: int
    reduced: Reduction | None
    delivery: Delivery
    total: float
    status: OrderStatus


class TicketReturn(Thing):
    order_id: str
    fixture: str
    returned: int
    refund: float
    kept: int


class Sport(World):
    """A regional soccer league's service for fans: table, fixtures, results, tickets and alerts."""

    title = "Four Rivers Soccer League"
    category = "sport"

    def populate(self) -> None:
        for table in ("teams", "fixtures", "followed", "orders"):
            self.state[table] = {}
        for name, short, ground in TEAMS:
            identity = self.new_id("teams", "team", name)
            self.put("teams", {"id": identity, "name": name, "short": short, "ground": ground})
        rounds = _rounds(self.rng.sample(TEAMS, len(TEAMS)))
        over = self.rng.randint(4, 5)
        next_saturday = self.clock + dt.timedelta(days=(5 - self.clock.weekday()) % 7 or 7)
        ahead: list[list[dict[str, Any]]] = []
        for number, pairs in enumerate(rounds):
            saturday = next_saturday + dt.timedelta(weeks=number - over)
            added = [self._schedule(home, away, saturday, number < over) for home, away in pairs]
            if number >= over:
                ahead.append(added)
        for fixture in self.rng.sample([one for added in ahead[3:] for one in added], 2):
            self.put("fixtures", fixture | {"seats": fixture["seats"] | {"main": 0}})
        for team in self.rng.sample(self.rows("teams"), 2):
            self.put("followed", {"id": team["id"], "alerts": sorted(self.rng.sample(ALERTS, 4))})
        # One order is for the coming weekend, the others are for later ones.
        for place, number in enumerate((0, 3, 4, 5, 6, 7)):
            fixture = self.one("fixtures", self.rng.choice(ahead[number])["id"])
            stand = self.rng.choice(STANDS)
            reduced = self.rng.choice((None, None, *REDUCED))
            delivery = self.rng.choice(("mobile", "mail", "box_office"))
            self._order(fixture, stand, 2 if place == 0 else self.rng.randint(3, 5), reduced, delivery)
        given_back = self._order(ahead[1][0], "east", 2, None, "mobile")
        self._take_seats(self.one("fixtures", ahead[1][0]["id"]), "east", -2)
        self.put("orders", self.one("orders", given_back.id) | {"status": "returned"})

    def _schedule(
        self, home: tuple[str, str, str], away: tuple[str, str, str], saturday: dt.date, over: bool
    ) -> dict[str, Any]:
        day = saturday + dt.timedelta(days=self.rng.choice((0, 0, 1)))
        if over:
            day = min(day, self.clock - dt.timedelta(days=1))
        record = {
            "id": self.new_id("fixtures", "fix", home[0], away[0]),
            "name": f"{home[1]} vs {away[1]}",
            "home_team": home[0],
            "away_team": away[0],
            "date": day.isoformat(),
            "kickoff": self.rng.choice(("13:00", "15:00", "17:30", "19:00")),
            "ground": home[2],
            "home_goals": self.rng.choice((0, 1, 1, 2, 2, 3, 4)) if over else None,
            "away_goals": self.rng.choice((0, 0, 1, 1, 2, 3)) if over else None,
            "seats": {} if over else {stand: self.rng.randint(20, 180) for stand in PRICES},
        }
        return self.put("fixtures", record)

    @tool(resource="standings")
    def get_standings(
        self, query: str | None = None, venue: Venue = "all", limit: Limit = 10
    ) -> list[Standing]:
        """Get the league table, best team first: by points, then goal difference, then goals, then name.

        Args:
            query: Words of the team's name. The team keeps its position in the whole table.
            venue: Whether to count all games, only home games or only away games.
            limit: How many teams to list at most.
        """
        table = [self._standing(team, venue) for team in self.rows("teams")]
        table.sort(
            key=lambda one: (
                -one["points"],
                one["goals_against"] - one["goals_for"],
                -one["goals_for"],
                one["team"],
            )
        )
        found = [
            Standing(position=place, **one)
            for place, one in enumerate(table, 1)
            if query is None or query.casefold() in one["team"].casefold()
        ]
        return found[:limit]

    @tool(resource="fixtures")
    def list_fixtures(
        self,
        query: str | None = None,
        from_date: dt.date | None = None,
        to_date: dt.date | None = None,
        limit: Limit = 15,
    ) -> list[Fixture]:
        """List games that are still to be played, the next ones first.

        Args:
            query: A team's short name, such as Foxes, or both as in "Foxes vs Gulls", home team first.
            from_date: The first day; today unless given.
            to_date: The last day.
            limit: How many to list at most.
        """
        first = from_date or self.clock
        if to_date is not None and to_date < first:
            raise Refused("The last day comes before the first.")
        found = [
            Fixture(**{name: record[name] for name in Fixture.model_fields})
            for record in self.rows("fixtures")
            if record["home_goals"] is None
            and record["date"] >= first.isoformat()
            and (to_date is None or record["date"] <= to_date.isoformat())
            and (query is None or query.casefold() in record["name"].casefold())
        ]
        return sorted(found, key=lambda one: (one.date, one.kickoff, one.id))[:limit]

    @tool(resource="results")
    def list_results(
        self, query: str | None = None, outcome: Outcome | None = None, limit: Limit = 10
    ) -> list[Result]:
        """List games that have been played with their scores, the latest first.

        Args:
            query: A team's short name, such as Foxes, or both as in "Foxes vs Gulls", home team first.
            outcome: Only games that ended like this.
            limit: How many to list at most.
        """
        found = [
            Result(
                outcome=_outcome(record),
                **{name: record[name] for name in Result.model_fields if name != "outcome"},
            )
            for record in self.rows("fixtures")
            if record["home_goals"] is not None
            and outcome in (None, _outcome(record))
            and (query is None or query.casefold() in record["name"].casefold())
        ]
        found.sort(key=lambda one: one.id)
        return sorted(found, key=lambda one: one.date, reverse=True)[:limit]

    @tool(resource="followed teams")
    def follow_team(
        self, team_id: str, alerts: Annotated[list[Alert], Field(min_length=1)] | None = None
    ) -> FollowedTeam:
        """Follow a team, or change what is told of a team that is followed already. At most 5 are followed.

        Args:
            team_id: The team's id, from get_standings.
            alerts: What to tell about the team; final scores alone unless given. Takes the place of what was
                told before.
        """
        team = self.one("teams", team_id)
        wanted = sorted(set(alerts or ["final_scores"]))
        before = self.state["followed"].get(team_id)
        if before is None and len(self.state["followed"]) >= FOLLOWED_LIMIT:
            raise OverLimit(f"{FOLLOWED_LIMIT} teams are followed already, and there cannot be more.")
        if before is not None and before["alerts"] == wanted:
            raise Refused(f"The {team['name']} are followed with these very alerts already.")
        record = self.put("followed", {"id": team_id, "alerts": wanted})
        return FollowedTeam(team_id=team_id, team=team["name"], alerts=record["alerts"])

    @tool(resource="tickets")
    def buy_tickets(
        self,
        fixture_id: str,
        stand: Stand,
        quantity: Annotated[int, Field(ge=1, le=8)],
        reduced: Reduction | None = None,
        delivery: Delivery = "mobile",
    ) -> TicketOrder:
        """Buy tickets for a game, at most 8 for each game. One costs 28 dollars in the main stand, 20 in the east
        and west stands, 16 in the family stand.

        Args:
            fixture_id: The game's id, from list_fixtures.
            stand: The stand to sit in.
            quantity: How many tickets.
            reduced: Reduced price for all of these tickets: students and seniors pay 75 percent, children half.
            delivery: On the phone, by mail, or kept at the box office.
        """
        fixture = self.one("fixtures", fixture_id)
        if fixture["home_goals"] is not None:
            raise Refused("The game has been played.")
        if fixture["seats"][stand] == 0:
            raise Refused(f"The {stand} stand is sold out for that game.")
        if fixture["seats"][stand] < quantity:
            raise OverLimit(f"Only {fixture['seats'][stand]} seats are left in the {stand} stand.")
        held: int = sum(
            one["quantity"]
            for one in self.rows("orders")
            if (one["fixture_id"], one["status"]) == (fixture_id, "held")
        )
        if held + quantity > TICKETS_LIMIT:
            raise OverLimit(f"At most {TICKETS_LIMIT} tickets for a game, and {held} are held already.")
        return self._order(fixture, stand, quantity, reduced, delivery)

    @tool(resource="tickets")
    def list_ticket_orders(
        self, query: str | None = None, status: OrderStatus = "held", limit: Limit = 10
    ) -> list[TicketOrder]:
        """List the fan's own ticket orders in order of the games' days.

        Args:
            query: A team's short name, such as Foxes, or both as in "Foxes vs Gulls", home team first.
            status: Orders that are held, or those that were returned as a whole.
            limit: How many to list at most.
        """
        found = [
            _told(record)
            for record in self.rows("orders")
            if record["status"] == status
            and (query is None or query.casefold() in record["fixture"].casefold())
        ]
        return sorted(found, key=lambda one: (one.date, one.id))[:limit]

    @tool(resource="tickets")
    def return_tickets(
        self, order_id: str, quantity: Annotated[int, Field(ge=1, le=8)] | None = None
    ) -> TicketReturn:
        """Return tickets until the day before the game. With fewer than 7 days to go, 2 dollars are kept for
        each ticket.

        Args:
            order_id: The order's id, from list_ticket_orders.
            quantity: How many of the order's tickets; all of them unless given.
        """
        order = self.one("orders", order_id)
        if order["status"] == "returned":
            raise Refused("These tickets were returned already.")
        ahead = (dt.date.fromisoformat(order["date"]) - self.clock).days
        if ahead < 1:
            raise Refused("Tickets can be returned until the day before the game.")
        count = order["quantity"] if quantity is None else quantity
        if count > order["quantity"]:
            raise OverLimit(f"The order has only {order['quantity']} tickets.")
        refund = round((order["price"] - (LATE_FEE if ahead < NOTICE else 0)) * count, 2)
        kept = order["quantity"] - count
        changes = {"quantity": kept, "total": round(order["price"] * kept, 2)} if kept else {}
        self.put("orders", order | changes | {"status": "held" if kept else "returned"})
        fixture = self.one("fixtures", order["fixture_id"])
        self._take_seats(fixture, order["stand"], -count)
        return TicketReturn(
            order_id=order_id, fixture=order["fixture"], returned=count, refund=refund, kept=kept
        )

    def _order(
        self, fixture: dict[str, Any], stand: Stand, quantity: int, reduced: Reduction | None, delivery: str
    ) -> TicketOrder:
        price = round(PRICES[stand] * (REDUCED[reduced] if reduced else 1), 2)
        record = {
            "id": self.new_id("orders", "ord", fixture["id"], stand, quantity, reduced, delivery),
            "fixture_id": fixture["id"],
            "fixture": fixture["name"],
            "date": fixture["date"],
            "stand": stand,
            "quantity": quantity,
            "reduced": reduced,
            "delivery": delivery,
            "price": price,
            "total": round(price * quantity, 2),
            "status": "held",
        }
        self._take_seats(fixture, stand, quantity)
        return _told(self.put("orders", record))

    def _take_seats(self, fixture: dict[str, Any], stand: Stand, count: int) -> None:
        seats = fixture["seats"]
        self.put("fixtures", fixture | {"seats": seats | {stand: seats[stand] - count}})

    def _standing(self, team: dict[str, Any], venue: Venue) -> dict[str, Any]:
        scores = []
        for record in self.rows("fixtures"):
            if record["home_goals"] is None:
                continue
            if record["home_team"] == team["name"] and venue != "away":
                scores.append((record["home_goals"], record["away_goals"]))
            if record["away_team"] == team["name"] and venue != "home":
                scores.append((record["away_goals"], record["home_goals"]))
        won = sum(own > other for own, other in scores)
        drawn = sum(own == other for own, other in scores)
        return {
            "team_id": team["id"],
            "team": team["name"],
            "ground": team["ground"],
            "played": len(scores),
            "won": won,
            "drawn": drawn,
            "lost": len(scores) - won - drawn,
            "goals_for": sum(own for own, _ in scores),
            "goals_against": sum(other for _, other in scores),
            "points": 3 * won + drawn,
        }


def _rounds(
    teams: list[tuple[str, str, str]],
) -> list[list[tuple[tuple[str, str, str], tuple[str, str, str]]]]:
    """Every team against every other at home and away, each once in a round: the second half is the reverse."""
    first, *others = teams
    half = []
    for number in range(len(others)):
        turned = [first, *others[number:], *others[:number]]
        pairs = list(zip(turned[: len(turned) // 2], reversed(turned[len(turned) // 2 :]), strict=True))
        # A team moves on by one pair each round, so that games at home and away take turns.
        half.append([pair[::-1] if (place or number) % 2 else pair for place, pair in enumerate(pairs)])
    return half + [[(away, home) for home, away in pairs] for pairs in half]


def _outcome(record: dict[str, Any]) -> Outcome:
    home, away = record["home_goals"], record["away_goals"]
    return "home_win" if home > away else "away_win" if away > home else "draw"


def _told(record: dict[str, Any]) -> TicketOrder:
    return TicketOrder(**{name: record[name] for name in TicketOrder.model_fields})
