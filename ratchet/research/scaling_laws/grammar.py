"""Typed genetic programming over forms: macros, mutation, crossover.

Types are kinds of variables: sizes come as powers, logarithms and saturating terms, shares as
exponentials and logarithms near zero, levels as rates, bumps and steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from ratchet.core.seeds import Seed
from ratchet.research.scaling_laws.expression import Tree, parse_tree
from ratchet.research.scaling_laws.form import (
    FOCUSES,
    LINKS,
    LOSSES,
    POOLS,
    Fitter,
    Form,
    Term,
    parse_form,
)
from ratchet.research.scaling_laws.tasks import Task
from ratchet.search.archive import Entry
from ratchet.search.proposer import Proposal

_MACROS = {
    "size": (
        "(pow X (neg ?e))",
        "(pow X (neg ?e))",
        "(pow (+ X ?s) (neg ?e))",
        "(/ 1 (+ ?s (pow X ?e)))",
        "(log X)",
        "(log (+ X ?s))",
        "(sq (log X))",
        "(exp (neg (pow X ?e)))",
        "(/ 1 (+ 1 (* ?s (log1p X))))",
        "(sq (+ (log X) ?r))",
    ),
    "share": (
        "X",
        "(sq X)",
        "(log (+ X ?s))",
        "(exp (neg (* ?s X)))",
        "(pow (+ X ?s) (neg ?e))",
        "(exp (* ?r X))",
        "(sqrt X)",
    ),
    "level": (
        "(exp (neg (* ?e X)))",
        "(exp (neg (sq (* ?s (- X ?r)))))",
        "(sig (neg (* ?e (- X ?r))))",
        "(sig (neg (* ?s (- X ?r))))",
        "(exp (neg (exp (* ?e (- X ?r)))))",
        "(/ 1 (+ 1 (exp (* ?e X))))",
    ),
}
_PAIRS = (
    "(* A B)",
    "(pow (* X (+ 1 (* ?s (log Y)))) (neg ?e))",
    "(* (log X) (log Y))",
    "(pow (+ X (* ?s Y)) (neg ?e))",
    "(pow (eff X Y ?s) (neg ?e))",
    "(* (pow X (neg ?e)) (pow Y (neg ?e)))",
    "(/ (log X) (log (+ Y ?s)))",
)
_NUMBERS = ("0.25", "0.3333", "0.5", "1", "2")
_TRIES = 40


@dataclass(frozen=True)
class Grammar:
    """Writes forms for one task."""

    task: Task
    """Its variables, cap and limits."""
    positive: bool
    """Whether every target is positive, so that a logarithm can be fitted."""
    cells: int = 2
    """Groups with targets; with a single one there is nothing to pool."""

    def fresh(self, seed: Seed) -> Proposal:
        """Write a form from macros alone."""
        rng = seed.rng()
        form = self._settle(self._within(lambda: self._random(rng)))
        return Proposal(form.text, (), "fresh")

    def change(self, parents: Sequence[Entry], seed: Seed) -> Proposal:
        """Mutate the first parent, or cross it with the second."""
        rng = seed.rng()
        forms = [parse_form(entry.program) for entry in parents]
        ids = tuple(entry.id for entry in parents)
        if len(forms) > 1 and rng.random() < 0.25:
            form = self._settle(self._within(lambda: _cross(forms[0], forms[1], rng)))
            return Proposal(form.text, ids, "cross")
        form = self._settle(self._within(lambda: self._mutate(forms[0], rng)))
        return Proposal(form.text, ids[:1], "mutate")

    def _settle(self, form: Form) -> Form:
        """Return the form without settings that change nothing."""
        if self.cells > 1 and form.constants:
            return form
        return replace(form, fitter=replace(form.fitter, pool="own"))

    def _within(self, make: Callable[[], Form]) -> Form:
        """Draw until a form keeps to the cap; else cut the last one drawn."""
        for _ in range(_TRIES):
            form = make()
            if form.count <= self.task.cap and form.terms:
                return form
        return (
            replace(form, terms=form.terms[:1])
            if form.terms[0].tree.op == "1"
            else Form((Term("~", Tree("1")),))
        )

    def _random(self, rng: np.random.Generator) -> Form:
        most = int(rng.integers(1, min(self.task.cap, 5)))
        terms = [Term("~" if rng.random() < 0.5 else "+", Tree("1"))]
        if self.task.limits is not None:
            terms = []
        if rng.random() < 0.4:
            names = [str(name) for name in rng.permutation(list(self.task.variables))]
            names = names[: max(1, self.task.cap // 2)]
            # Variables often enter alike, and where they act together, each acts alone too.
            at = rng.random() if rng.random() < 0.5 else None
            terms += [self._signed(self._single(name, rng, at), rng) for name in names]
            if rng.random() < 0.3 and len(apart := _apart(terms, rng)) == 2:
                terms.append(Term("~", Tree("*", apart)))
        else:
            terms += [self._term(rng) for _ in range(most)]
        link = "log" if self.positive and rng.random() < 0.25 else "id"
        return Form(_distinct(terms), link, Fitter() if rng.random() < 0.5 else _fitter(rng))

    def _term(self, rng: np.random.Generator) -> Term:
        return self._signed(self._tree(rng), rng)

    def _signed(self, tree: Tree, rng: np.random.Generator) -> Term:
        """Bound the coefficient of what falls, such as a power; a logarithm may go either way."""
        if self.task.limits is not None:
            return Term("-", tree)
        falls = tree.op in ("pow", "exp", "/", "sig")
        return Term("+" if falls and rng.random() < 0.7 else "~", tree)

    def _tree(self, rng: np.random.Generator) -> Tree:
        names = self._names()
        if len(names) > 1 and rng.random() < 0.3:
            return self._pair(rng)
        return self._single(str(rng.choice(names)), rng)

    def _names(self) -> list[str]:
        """The variables; what belongs to the target counts as much as all others."""
        names = list(self.task.variables)
        return names + ["own"] * len(names) if self.task.own else names

    def _kind(self, name: str) -> str:
        return "share" if name == "own" else self.task.variables[name].kind

    def _single(self, name: str, rng: np.random.Generator, at: float | None = None) -> Tree:
        """Draw a shape of a variable; ``at`` in [0, 1) names one, the same for all of a kind."""
        macros = _MACROS[self._kind(name)]
        place = int(rng.integers(len(macros))) if at is None else int(at * len(macros))
        return _fill(macros[place], {"X": Tree(name)})

    def _pair(self, rng: np.random.Generator) -> Tree:
        names = self._names()
        x, y = (str(n) for n in rng.choice(names, 2, replace=False))
        sizes = self._kind(x) == self._kind(y) == "size"
        pattern = _PAIRS[int(rng.integers(len(_PAIRS)))] if sizes else "(* A B)"
        parts = {"X": Tree(x), "Y": Tree(y)}
        return _fill(pattern, {**parts, "A": self._single(x, rng), "B": self._single(y, rng)})

    def _mutate(self, form: Form, rng: np.random.Generator) -> Form:
        kind = int(rng.integers(11))
        terms = list(form.terms)
        at = int(rng.integers(len(terms)))
        if kind == 0:
            terms.append(self._term(rng))
        elif kind == 1 and len(terms) > 1:
            del terms[at]
        elif kind == 2:
            terms[at] = self._term(rng)
        elif kind == 3:
            return replace(form, fitter=_refit(form.fitter, rng))
        elif kind == 4 and self.positive:
            return replace(form, link=str(rng.choice(LINKS)))
        elif kind == 5 and self.task.limits is None:
            terms[at] = Term(str(rng.choice(["+", "-", "~"])), terms[at].tree)
        elif kind in (6, 7) and len(terms[at].tree.variables) == 1:
            (name,) = terms[at].tree.variables
            terms[at] = Term(terms[at].sign, self._single(name, rng))
        elif kind == 8 and len(apart := _apart(terms, rng)) == 2:
            terms.append(Term("~", Tree("*", apart)))
        else:
            terms[at] = Term(terms[at].sign, self._edit(terms[at].tree, rng))
        return replace(form, terms=_distinct(terms))

    def _edit(self, tree: Tree, rng: np.random.Generator) -> Tree:
        """Change one node: shift or swap a variable, free or fix a constant, wrap, or replace."""
        nodes = [node for node in tree.walk() if node.op != "1"]
        if not nodes:
            return self._tree(rng)
        node = nodes[int(rng.integers(len(nodes)))]
        kind = int(rng.integers(5))
        if node.op in self.task.variables or node.op == "own":
            if kind < 2:
                return _swap(tree, node, _fill("(+ X ?s)", {"X": node}))
            return _swap(tree, node, Tree(str(rng.choice(self._names()))))
        if node.op == "?e" and kind < 3:
            return _swap(tree, node, Tree(str(rng.choice([*_NUMBERS, "?s"]))))
        if node.op in _NUMBERS and kind < 3:
            return _swap(tree, node, Tree("?e" if kind == 0 else str(rng.choice(_NUMBERS))))
        if node.op in ("?s", "?r") and kind < 2:
            return _swap(tree, node, Tree(str(rng.choice(["1", "?e"]))))
        if kind == 0:
            return Tree("*", (tree, self._single(str(rng.choice(self._names())), rng)))
        if kind == 1 and node.args:
            return _swap(tree, node, node.args[int(rng.integers(len(node.args)))])
        if kind == 2:
            return _swap(
                tree, node, _fill(str(rng.choice(["(log1p A)", "(sqrt A)", "(sq A)"])), {"A": node})
            )
        return _swap(tree, node, self._tree(rng))


def write_macros(task: Task, name: str) -> tuple[str, ...]:
    """Return the shapes that a variable of a task comes in, as texts."""
    kind = "share" if name == "own" else task.variables[name].kind
    texts = (_fill(macro, {"X": Tree(name)}).text for macro in _MACROS[kind])
    return tuple(dict.fromkeys(texts))


def _fill(pattern: str, parts: dict[str, Tree]) -> Tree:
    def place(tree: Tree) -> Tree:
        if tree.op in parts and not tree.args:
            return parts[tree.op]
        return Tree(tree.op, tuple(map(place, tree.args)))

    return place(parse_tree(pattern))


def _swap(tree: Tree, old: Tree, new: Tree) -> Tree:
    """Return the tree with one node, the very object, in place of another."""
    if tree is old:
        return new
    return Tree(tree.op, tuple(_swap(a, old, new) for a in tree.args))


def _distinct(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Drop terms that repeat another one without constants of their own."""
    kept: dict[str, Term] = {}
    for place, term in enumerate(terms):
        kept.setdefault(term.tree.text if not term.tree.constants else f"#{place}", term)
    return tuple(kept.values())


def _apart(terms: Sequence[Term], rng: np.random.Generator) -> tuple[Tree, ...]:
    """Return two terms that share no variable, so that their product is an interaction; or none."""
    trees = [term.tree for term in terms if term.tree.variables]
    for i, j in rng.permutation(list(combinations(range(len(trees)), 2))):
        if not trees[i].variables & trees[j].variables:
            return trees[i], trees[j]
    return ()


def _cross(a: Form, b: Form, rng: np.random.Generator) -> Form:
    """Take each term of either parent with an even chance; the rest from the first."""
    pool = [*a.terms, *b.terms]
    terms = [term for term in pool if rng.random() < 0.5] or [pool[0]]
    fitter = a.fitter if rng.random() < 0.5 else b.fitter
    return Form(_distinct(terms), a.link, fitter)


def _fitter(rng: np.random.Generator) -> Fitter:
    return Fitter(
        str(rng.choice(LOSSES, p=[0.8, 0.2])),
        int(rng.choice(FOCUSES, p=[0.55, 0.15, 0.15, 0.15])),
        str(rng.choice(POOLS, p=[0.4, 0.3, 0.3])),
    )


def _refit(fitter: Fitter, rng: np.random.Generator) -> Fitter:
    part = int(rng.integers(3))
    if part == 0:
        return replace(fitter, loss=str(rng.choice(LOSSES)))
    if part == 1:
        return replace(fitter, focus=int(rng.choice(FOCUSES)))
    return replace(fitter, pool=str(rng.choice(POOLS)))
