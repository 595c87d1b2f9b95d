"""A lexicon as the graph of all frame-by-frame CTC paths that spell its words.

The composition of CTC's topology and a lexicon (Y. Miao, M. Gowayyed, F. Metze,
"EESEN", ASRU 2015), here written down at once: the lexicon is a prefix tree, and each
of its nodes two states. `spelt` is where paths are whose last frame is the node's
label, which may repeat; `rested` is where a blank has followed. No arc is without a
label, so that a search takes one arc a frame. No word costs more than another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

NO_WORD = 0  # OpenFst's epsilon, which also is no output: those count from 1 on


@dataclass
class Node:
    """Of the prefix tree: a label after those of its ancestors. `word` is the number of
    what they spell together."""

    label: int
    children: dict[int, Node] = field(default_factory=dict)
    word: int = NO_WORD


def prefix_tree(spellings: Sequence[Sequence[int]], root: int) -> Node:
    """The tree of the words' labels, each word once; its root stands for the label
    `root`."""
    tree = Node(root)
    for word, labels in enumerate(spellings, start=1):
        node = tree
        for label in labels:
            node = node.children.setdefault(label, Node(label))
        assert node.word == NO_WORD, f"{list(labels)} is spelt twice"
        node.word = word
    return tree


def lexicon_graph(spellings: Sequence[Sequence[int]], boundary: int, blank: int) -> Any:
    """A kaldifst.StdConstFst that reads the numbers of outputs + 1, and writes those of
    words from 1 on, in the order of the `spellings`.

    A word is written at the boundary after it; at the start, between and after words
    boundaries and blanks may repeat. A path ends there too.
    """
    import kaldifst

    graph = _Graph(kaldifst.StdVectorFst(), blank)
    tree = prefix_tree(spellings, boundary)
    between = graph.add(tree)
    graph.fst.start = between.spelt
    for state in (between.spelt, between.rested):
        graph.fst.set_final(state, 0.0)
    graph.follow(between, boundary, between)
    pending = [between]
    while pending:
        here = pending.pop()
        if here.node.word != NO_WORD:
            graph.follow(here, boundary, between, here.node.word)
        for child in here.node.children.values():
            pending.append(graph.add(child))
            graph.follow(here, child.label, pending[-1])
    return kaldifst.StdConstFst(graph.fst)


@dataclass(frozen=True)
class _States:
    """A node's two states in the graph."""

    node: Node
    spelt: int
    rested: int


@dataclass(frozen=True)
class _Graph:
    """The graph while it is made; `fst` is a kaldifst.StdVectorFst."""

    fst: Any
    blank: int

    def add(self, node: Node) -> _States:
        states = _States(node, self.fst.add_state(), self.fst.add_state())
        self._arc(states.spelt, node.label, states.spelt)
        self._arc(states.spelt, self.blank, states.rested)
        self._arc(states.rested, self.blank, states.rested)
        return states

    def follow(
        self, before: _States, label: int, after: _States, word: int = NO_WORD
    ) -> None:
        """A label that is read after a node's own; the same one needs a blank first."""
        self._arc(before.rested, label, after.spelt, word)
        if label != before.node.label:
            self._arc(before.spelt, label, after.spelt, word)

    def _arc(self, start: int, label: int, end: int, word: int = NO_WORD) -> None:
        import kaldifst

        self.fst.add_arc(start, kaldifst.StdArc(label + 1, word, 0.0, end))
