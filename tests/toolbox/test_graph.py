import json

import pytest
from command import callwright
from made import demo
from workshops import TOOLS

from callwright.engine.tools import load_world
from callwright.schemas.tool import Tool, Toolkit
from callwright.toolbox.graph import feeds_of, sources_of, tool_graph
from callwright.worlds import NAMES

TEXT = {"type": "string"}
LIBRARY = load_world("library")


def gives(name, resource, /, **fields):
    """A tool that takes nothing and answers with a list of things of these fields."""
    row = {"type": "object", "properties": fields}
    return Tool(
        name=name,
        description=name,
        parameters={"type": "object", "properties": {}},
        returns={"type": "array", "items": row},
        resource=resource,
    )


def takes(name, resource="", /, **properties):
    return Tool(
        name=name,
        description=name,
        resource=resource,
        parameters={"type": "object", "properties": properties, "required": list(properties)},
    )


def edges(*tools):
    graph = tool_graph(Toolkit(name="kit", title="Kit", tools=tools))
    return {
        (giver, taker, feed.field, feed.argument, feed.confirmed)
        for giver, taker in graph.edges
        for feed in feeds_of(graph, giver, taker)
    }


@pytest.mark.parametrize(
    ("giver", "taker", "feed"),
    [
        (gives("list", "pets", pet_id=TEXT), takes("feed", pet_id=TEXT), ("pet_id", "pet_id")),
        (gives("list", "pets", id=TEXT), takes("feed", pet_id=TEXT), ("id", "pet_id")),
        (gives("list", "pets", id=TEXT), takes("feed", "pets", id=TEXT), ("id", "id")),
        (gives("list", "old_pets", id=TEXT), takes("feed", petId=TEXT), ("id", "petId")),
        (gives("list", "pets", id=TEXT), takes("merge", source_pet_id=TEXT), ("id", "source_pet_id")),
        (
            gives("list_staff", "staff", id=TEXT),
            takes("book", stand_in_id={**TEXT, "description": "The colleague's id, from list_staff."}),
            ("id", "stand_in_id"),
        ),
        (
            gives("list", "pets", id={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            takes("feed", pet_id={"type": "integer"}),
            ("id", "pet_id"),
        ),
    ],
)
def test_an_answer_feeds_an_id_by_its_name_its_kind_or_the_documentation(giver, taker, feed):
    assert edges(giver, taker) == {(giver.name, taker.name, *feed, False)}


@pytest.mark.parametrize(
    ("giver", "taker"),
    [
        (gives("list", "pets", name=TEXT), takes("feed", name=TEXT)),
        (gives("list", "owners", id=TEXT), takes("feed", pet_id=TEXT)),
        (gives("list", "owners", id=TEXT), takes("feed", "pets", id=TEXT)),
        (gives("list", "pets", id={"type": "integer"}), takes("feed", pet_id=TEXT)),
        (gives("list", "pets", pet={"type": "object"}), takes("feed", pet=TEXT)),
        (takes("make", "pets", name=TEXT), takes("feed", pet_id=TEXT)),
    ],
)
def test_what_only_sounds_alike_is_no_edge(giver, taker):
    assert edges(giver, taker) == set()


def test_a_tool_does_not_feed_itself():
    assert edges(gives("list", "pets", id=TEXT)) == set()
    both = gives("next_pet", "pets", id=TEXT).model_copy(
        update={"parameters": {"type": "object", "properties": {"pet_id": TEXT}, "required": ["pet_id"]}}
    )
    assert edges(both) == set()


def test_fields_deep_in_an_answer_are_found():
    deep = gives("list", "pets", owner={"type": "object", "properties": {"pet_id": TEXT}})
    assert edges(deep, takes("feed", pet_id=TEXT)) == {("list", "feed", "pet_id", "pet_id", False)}


def test_a_shape_that_holds_itself_ends():
    node = {"type": "object", "properties": {"pet_id": TEXT, "parent": {"$ref": "#/$defs/Node"}}}
    tree = takes("tree").model_copy(
        update={"returns": {"$defs": {"Node": node}, "$ref": "#/$defs/Node"}, "resource": "pets"}
    )
    assert edges(tree, takes("feed", pet_id=TEXT)) == {("tree", "feed", "pet_id", "pet_id", False)}


def test_nothing_is_confirmed_where_nothing_can_be_executed():
    for toolkit in demo().toolkits:
        graph = tool_graph(toolkit)
        feeds = [feed for edge in graph.edges for feed in feeds_of(graph, *edge)]
        assert feeds
        assert not any(feed.confirmed for feed in feeds)


def test_a_world_confirms_what_it_accepts():
    graph = tool_graph(LIBRARY)
    found = {
        (giver, taker, one.field, one.argument)
        for giver, taker in graph.edges
        for one in feeds_of(graph, giver, taker)
        if one.confirmed
    }
    assert found == {
        ("search_books", "get_book", "id", "book_id"),
        ("search_books", "place_hold", "id", "book_id"),
        ("get_book", "place_hold", "id", "book_id"),
        ("list_loans", "renew_loan", "id", "loan_id"),
        ("place_hold", "cancel_hold", "id", "hold_id"),
        ("list_holds", "cancel_hold", "id", "hold_id"),
        ("list_fines", "pay_fine", "id", "fine_id"),
    }


@pytest.mark.parametrize(
    ("world", "gone", "taker"),
    [
        ("contacts", "delete_contact", "get_contact"),
        ("music", "delete_playlist", "add_song"),
        ("maps", "remove_saved_place", "remove_saved_place"),
        ("library", "cancel_hold", "cancel_hold"),
    ],
)
def test_the_id_of_what_is_gone_feeds_nothing(world, gone, taker):
    assert not tool_graph(load_world(world)).has_edge(gone, taker)


def test_values_that_belong_together_are_tried_together():
    """Leave of a kind is only granted with its own reason and days: drawn apart, hardly any would be."""
    hr = load_world("hr")
    (feed,) = feeds_of(tool_graph(hr), "search_staff", "request_leave")
    assert (feed.argument, feed.confirmed) == ("stand_in_id", True)


def test_an_id_comes_from_tools_that_need_none_themselves():
    assert sources_of(LIBRARY, tool_graph(LIBRARY), "place_hold", "book_id") == ["search_books"]
    assert sources_of(LIBRARY, tool_graph(LIBRARY), "cancel_hold", "hold_id") == ["list_holds"]
    assert sources_of(LIBRARY, tool_graph(LIBRARY), "search_books", "query") == []


def test_a_source_that_was_confirmed_wins_over_one_that_was_not():
    files = load_world("files")
    graph = tool_graph(files)
    assert graph.has_edge("search_files", "restore_file")
    assert sources_of(files, graph, "restore_file", "file_id") == ["list_trash"]


def test_without_execution_every_candidate_is_a_source():
    kit = Toolkit(
        name="kit",
        title="Kit",
        tools=(gives("list", "pets", id=TEXT), gives("find", "pets", id=TEXT), takes("feed", pet_id=TEXT)),
    )
    assert sources_of(kit, tool_graph(kit), "feed", "pet_id") == ["list", "find"]


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_of_a_world_is_the_same_each_time(name):
    first, second = (tool_graph(load_world(name)) for _ in range(2))
    assert [*first.edges(data=True)] == [*second.edges(data=True)]


def test_the_graph_is_drawn_below_each_tool(tmp_path):
    result = callwright("tools", "show", "--graph", "world:library", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    start = lines.index("search_books")
    assert lines[start + 1 : start + 3] == [
        "  |- id -> get_book(book_id)",
        "  `- id -> place_hold(book_id)",
    ]
    assert [line for line in lines if not line.startswith(" ")] == [tool.name for tool in LIBRARY.tools]
    assert result.stderr.splitlines()[-1] == "library: 10 tools, 7 edges, 7 ways confirmed by execution"


def test_a_way_that_could_not_be_tried_is_drawn_as_such(tmp_path):
    result = callwright("tools", "show", "--graph", TOOLS / "museum.yaml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    ways = [line for line in result.stdout.splitlines() if "->" in line]
    assert "  `- ticketId -> getTicketCode(ticketId)  (not accepted when tried, or not executable)" in ways
    assert all(line.endswith(")  (not accepted when tried, or not executable)") for line in ways)


def test_the_graph_as_json_names_every_way(tmp_path):
    result = callwright("tools", "show", "--graph", "world:library", "--json", cwd=tmp_path)
    drawn = json.loads(result.stdout)
    assert (drawn["toolkit"], len(drawn["tools"]), len(drawn["edges"])) == ("library", 10, 7)
    assert drawn["edges"][0] == {
        "from": "search_books",
        "to": "get_book",
        "field": "id",
        "argument": "book_id",
        "confirmed": True,
    }
