"""Laws that people wrote for the eight tasks, as forms: their constants are fitted here.

A baseline arm, and seeds of the search. Sources: the ParScale law, the rectified law of
fine-tuning, Tao et al. 2024, Ye et al. 2024, Clark et al. 2022, Muennighoff et al. 2023, the Step
Law; the U-shape task has none, and stands as a power law with a bump.
"""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.research.scaling_laws.expression import parse_tree
from ratchet.research.scaling_laws.form import Form, Term, parse_form
from ratchet.research.scaling_laws.tasks import Task

_TEXTS = {
    "parallel": "(law id mse 0 own (+ 1) (+ (pow (* n (+ 1 (* ?s (log p)))) (neg ?e))))",
    "vocab": "(law id mse 0 own (~ 1) (+ (pow n (neg ?e))) (+ (pow v (neg ?e)))"
    " (+ (pow d (neg ?e))))",
    "sft": "(law id mse 0 own (+ 1) (+ (/ 1 (+ ?s (pow d ?e)))))",
    "domain_mixture": "(law id mse 0 own (+ 1) (+ (exp (+ (+ (* ?r r1) (* ?r r2))"
    " (+ (* ?r r3) (+ (* ?r r4) (* ?r r5)))))))",
    "moe": "(law log mse 0 own (~ 1) (~ (log n))"
    " (~ (* (+ (log n) ?r) (log (/ 1 (+ (/ 1 (+ x ?s)) (/ ?s 100)))))))",
    "data_constrained": "(law id mse 0 own (+ 1) (+ (pow (eff (* u 0.05) n ?s) (neg ?e)))"
    " (+ (pow (eff u d ?s) (neg ?e))))",
    "lr_bsz_variant": "(law id mse 0 own (+ 1) (+ (pow n (neg ?e))) (+ (pow d (neg ?e)))"
    " (+ (sq (+ (log l) (+ ?r (- (* ?r (log n)) (* ?r (log d)))))))"
    " (+ (sq (- (- (log b) ?r) (* ?e (log d))))))",
    "easy_question": "(law id mse 0 own (- (exp (neg (* ?e f))))"
    " (- (exp (neg (sq (* ?s (- f ?r)))))))",
}

_MORE = {
    "vocab": (
        "(law id mse 0 own (~ 1) (+ (pow n (neg ?e))) (~ (log v))"
        " (+ (* (pow d (neg ?e)) (pow v ?e))))",
    ),
    "sft": ("(law id mse 2 shrunk (+ 1) (+ (/ 1 (+ ?s (pow d ?e)))))",),
    "domain_mixture": (
        "(law id mse 0 shrunk (~ 1) (+ (pow (+ own ?s) (neg ?e))) (~ r1) (~ r2) (~ r4))",
        "(law id mse 0 shrunk (~ 1) (~ (log (+ own ?s))) (~ r1) (~ r2) (~ r3) (~ r4))",
    ),
    "moe": (
        "(law id mse 0 own (+ 1) (+ (* (pow n (neg ?e)) (pow (+ x ?s) (neg ?e)))))",
        "(law log mse 0 own (~ 1) (+ (* (pow n (neg ?e)) (pow (+ x ?s) (neg ?e)))))",
    ),
    "data_constrained": (
        "(law id mse 0 own (+ 1) (+ (pow n (neg ?e))) (+ (pow (eff u d ?s) (neg ?e))))",
        "(law id mse 0 own (+ 1) (+ (pow n (neg ?e))) (+ (pow d (neg ?e)))"
        " (+ (* (log1p (/ d u)) (log1p (/ n u)))))",
    ),
    "lr_bsz_variant": (
        "(law id mse 0 own (+ 1) (+ (pow n (neg ?e))) (+ (pow d (neg ?e)))"
        " (+ (sq (+ (log l) (+ ?r (- (* ?r (log n)) (* ?r (log d)))))))"
        " (+ (sq (+ ?r (+ (log b) (+ (* ?r (log d)) (* ?r (log l))))))))",
    ),
    "easy_question": (
        "(law id mse 0 own (- (exp (neg (* 0.5 f)))) (- (exp (neg (* 1.5 f))))"
        " (- (exp (neg (sq (* 0.4 (- f 1)))))))",
        "(law id mse 2 own (- (exp (neg (* 2 f)))) (- (/ 1 (+ 1 (exp (* 1 (- f 2)))))))",
    ),
}

HUMAN: Mapping[str, Form] = {name: parse_form(text) for name, text in _TEXTS.items()}
"""By task."""


def seeds_of(task: Task) -> list[str]:
    """Return first programs for a search: the seed program, the human law, and physical variants
    of it. They are forms; no published constant is among them."""
    texts = [plain_law(task).text, HUMAN[task.name].text]
    return texts + [parse_form(text).text for text in _MORE.get(task.name, ())]


def plain_law(task: Task) -> Form:
    """Return the seed program of SLDBench, sum of c_j x_j^e_j + b, as far as the cap allows."""
    room = (task.cap - 1) // 2
    terms: list[Term] = []
    for name, variable in list(task.variables.items()):
        power = variable.kind == "size" and len(terms) < room
        leaf = parse_tree(f"(pow {name} (neg ?e))") if power else parse_tree(name)
        terms.append(Term("~", leaf))
    return Form((Term("~", parse_tree("1")), *terms[: task.cap - 1]))
