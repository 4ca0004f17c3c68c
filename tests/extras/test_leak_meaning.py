"""Paraphrases that a sentence model finds (extra `embed`)."""

from __future__ import annotations

from leaks.test_leaks import Pairs, benchmark, both, paraphrased, unrelated

from callwright.leaks import Protected


@both
def test_a_sentence_model_finds_nine_of_ten_paraphrases_and_refuses_hardly_any_other_row(pairs: Pairs):
    rows, far = paraphrased(pairs), [unrelated(number) for number in range(1000)]
    protected = Protected(benchmark(pairs), [row.said for row in (*rows, *far)], encoder="minilm")
    leaks = {one.row: one.item for one in protected.leaks(rows)}
    assert len(leaks) >= 18
    assert all(item == f"bench.jsonl:{row.removeprefix('row')}" for row, item in leaks.items())
    assert len(list(protected.leaks(far))) <= 10
