"""T0: the directory becomes a table, and a draw from it is balanced and repeatable."""

from collections import Counter

import pytest

from callwright.errors import UsageError
from callwright.generators.toolalpaca.toolsets.seeds import (
    Seed,
    draw,
    parse_directory,
    read_table,
    rewrite_table,
)
from callwright.settings import shipped_folder

DIRECTORY = """\
# Sponsored
| [Advert](https://ads.example.com) | Buy this | No | Yes | Yes |
## Index
* [Tides](#tides)

### Tides
API | Description | Auth | HTTPS | CORS
|:---|:---|:---|:---|:---|
| [Moon & Tide](https://t.example.com/?utm_id=x&v=2) | Tides &amp; [moon](https://m.io) 🌙. | `apiKey` | Yes | No
| [Axolotl](https://axolotl.example.com/) | Pictures | No | Yes | No | |
| not a row | at all |

### Trams
API | Description | Auth | HTTPS | CORS
|:---|:---|:---|:---|:---|
| [Tramline](https://tramline.example.com) | When trams leave | No | Yes | Unknown | |

## License
| [Late](https://late.example.com) | After the end | No | Yes | Yes |
"""


def test_the_directory_is_parsed_without_adverts_campaigns_and_pictures():
    moon, axolotl, tram = parse_directory(DIRECTORY)
    assert moon == Seed(
        name="Moon & Tide",
        description="Tides & moon",
        link="https://t.example.com/?v=2",
        category="Tides",
        auth="apiKey",
        https="Yes",
        cors="No",
    )
    assert (axolotl.name, tram.category, tram.cors) == ("Axolotl", "Trams", "Unknown")


def test_a_table_that_is_written_reads_back_without_the_excluded(tmp_path):
    readme, table = tmp_path / "README.md", tmp_path / "seeds.tsv"
    readme.write_text(DIRECTORY, encoding="utf-8")
    assert rewrite_table(readme, table, shipped_folder() / "seeds" / "excluded_apis.tsv") == 2
    assert [seed.name for seed in read_table(table)] == ["Moon & Tide", "Tramline"]


def test_any_table_is_read_without_the_apis_of_benchmarks(tmp_path):
    table = tmp_path / "seeds.tsv"
    rows = [
        "name\tdescription\tlink",
        "Cataas\tCats\t",
        "Other\tfacts\thttps://www.wolframalpha.com/x",
        "Mine\tOwn\t",
    ]
    table.write_text("\n".join(rows), encoding="utf-8")
    assert [seed.name for seed in read_table(table)] == ["Mine"]


def test_the_shipped_table_has_no_benchmark_api_and_all_categories():
    seeds = read_table()
    names = {seed.name.lower() for seed in seeds}
    evaluated = (
        "axolotl aniapi abuseipdb auth0 1forge lob.com nager.date airportsapi fruityvice cataas weatherstack"
    )
    assert not names & set(evaluated.split())
    assert len(seeds) > 1500
    assert len({seed.category for seed in seeds}) == 51
    assert not any("utm_" in seed.link for seed in seeds)


def test_a_draw_takes_the_categories_in_turn_and_a_larger_one_begins_with_a_smaller_one():
    seeds = read_table()
    drawn = draw(seeds, 153, seed=5)
    assert set(Counter(seed.category for seed in drawn).values()) == {3}
    assert drawn[:40] == draw(seeds, 40, seed=5)
    assert drawn != draw(seeds, 153, seed=6)


def test_a_draw_from_named_categories_and_with_some_first():
    seeds = read_table()
    assert {seed.category for seed in draw(seeds, 6, 1, ["music", "Weather"])} == {"Music", "Weather"}
    assert draw(seeds, 1, 1, first=["Patent"])[0].category == "Patent"


@pytest.mark.parametrize(
    ("count", "categories", "said"),
    [(3, ["Musik"], "no seeds of the category Musik"), (99, ["Events"], "ask for fewer with -n")],
)
def test_a_draw_that_cannot_be_made_says_why(count, categories, said):
    with pytest.raises(UsageError, match=said):
        draw(read_table(), count, 1, categories)


def test_a_required_category_is_among_those_to_draw_from():
    with pytest.raises(UsageError, match="Patent is required"):
        draw(read_table(), 2, 1, ["Music"], first=["Patent"])


def test_a_long_description_is_read(tmp_path):
    table = tmp_path / "seeds.tsv"
    table.write_text(f"name\tdescription\nHarbour\t{'tide ' * 40_000}\n", encoding="utf-8")
    assert len(read_table(table)) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tb\n", "tab-separated"),
        ("name\tdescription\nx\t\t", ":2:"),
        ("name\tdescription\tlink\nx\ty\thttp://[z\n", ":2: the link"),
    ],
)
def test_a_file_that_is_no_table_of_seeds_is_refused(tmp_path, text, said):
    table = tmp_path / "seeds.tsv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read_table(table)
