"""The graph against every path that CTC allows, in an alphabet of four."""

from itertools import groupby, product

import kaldifst
import pytest

from workloads.asr.lexicon_graph import lexicon_graph, prefix_tree

SPACE, A, B, BLANK = range(4)
LEXICON = [(A,), (A, B), (B, A, B), (A, A)]  # the last needs a blank between


def words_of(path):
    """What a frame-by-frame path spells by CTC's own rule; None where it is no sequence
    of words that each end with a space."""
    labels = [label for label, _ in groupby(path) if label != BLANK]
    if labels and labels[-1] != SPACE:
        return None
    spelt, letters = [], []
    for label in labels:
        if label != SPACE:
            letters.append(label)
        elif letters:
            spelt.append(tuple(letters))
            letters = []
    if any(word not in LEXICON for word in spelt):
        return None
    return [1 + LEXICON.index(word) for word in spelt]


def read(graph, path):
    """The words of each way in which a graph reads a path."""
    ways = [(graph.start, ())]
    for label in path:
        ways = [
            (arc.nextstate, (*words, arc.olabel) if arc.olabel else words)
            for state, words in ways
            for arc in kaldifst.ArcIterator(graph, state)
            if arc.ilabel == label + 1
        ]
    infinite = float("inf")
    return [list(words) for state, words in ways if final(graph, state) < infinite]


def final(graph, state):
    return float(graph.final(state).value)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 6, 7])
def test_the_graph_reads_every_path_of_the_lexicon_s_words_once_and_no_other(frames):
    graph = lexicon_graph(LEXICON, SPACE, BLANK)
    for path in product(range(4), repeat=frames):
        words = words_of(path)
        assert read(graph, path) == ([] if words is None else [words]), path


def test_no_arc_is_without_a_label_and_no_word_costs_more_than_another():
    graph = lexicon_graph(LEXICON, SPACE, BLANK)
    arcs = [
        arc
        for state in range(graph.num_states)
        for arc in kaldifst.ArcIterator(graph, state)
    ]
    assert {arc.ilabel for arc in arcs} == {1, 2, 3, 4}
    assert {float(arc.weight.value) for arc in arcs} == {0.0}


def test_words_that_begin_alike_share_their_states():
    tree = prefix_tree(LEXICON, SPACE)
    assert set(tree.children) == {A, B}
    assert tree.children[A].word == 1
    assert {child.word for child in tree.children[A].children.values()} == {2, 4}
    nodes = 1 + len({word[:n] for word in LEXICON for n in range(1, len(word) + 1)})
    assert lexicon_graph(LEXICON, SPACE, BLANK).num_states == 2 * nodes
