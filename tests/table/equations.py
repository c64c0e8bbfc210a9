"""Einstein's sums: diagonals, ellipses, outer and implied results, sizes of 1 and 0."""

from __future__ import annotations

import numpy as np

import minitensor as mt
from tests.table.checks import check
from tests.table.row import Check, Sample, Shape
from tests.table.samples import drawn, sample


def checked(subscripts: str, *shapes: Shape) -> Check:
    return check(lambda *operands: mt.einsum(subscripts, *operands), *shapes)


def equations(*shapes: Shape, of: list[str]) -> list[Sample]:
    """Each equation, of operands of these shapes."""
    return [sample(*[drawn(*shape) for shape in shapes], subscripts=subscripts) for subscripts in of]


CHECKED: list[Check] = [
    *[checked("ij,jk->ik", (2, 3), (3, 2)), checked("ij,jk", (2, 3), (3, 2))],
    *[checked("ij->ji", (2, 3)), checked("ij->", (2, 3)), checked("ij->i", (2, 3))],
    *[checked("ii->i", (3, 3)), checked("ii", (3, 3)), checked("iij->j", (2, 2, 3))],
    *[checked("iji->ij", (2, 3, 2)), checked("ii,i->i", (3, 3), (3,))],
    *[checked("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)), checked("...i,i", (2, 3), (3,))],
    checked("i...,i...->...", (2, 3), (2, 3)),
    *[checked("ij,j,jk->ik", (2, 3), (3,), (3, 2)), checked("i,j,k->kij", (2,), (3,), (2,))],
    *[checked("ij,ij->ij", (1, 3), (2, 3)), checked("i,i->", (1,), (3,)), checked(",i->i", (), (3,))],
    *[checked("ij,k->j", (2, 3), (2,)), checked("i,ij->j", (0,), (0, 3))],
    checked(" i j , jk -> k i ", (2, 3), (3, 2)),
]

EQUATIONS: list[Sample] = [
    *equations((2, 3), (3, 4), of=["ij,jk->ik", "ij,jk", "ij,jk->ki", "ij,jk->"]),
    *equations((2, 3), (3, 4), of=["ij,jk->ijk", "ij,jk->j", "ij,jk->i", "ba,ac"]),
    *[sample(drawn(3, 2).T, drawn(4, 3).T, subscripts=s) for s in ["ij,jk->ik", " i j , j k -> k i "]],
    *equations((2, 3), of=["ij", "ji", "ij->ji", "ij->", "ij->j", "ba", "...->..."]),
    *equations((3, 3), of=["ii->i", "ii", "ii->", "ij->ji"]),
    *equations((3, 3, 3), of=["iii->i", "iii", "iij->ij", "iji->j", "iij->i", "ijj->ij"]),
    *equations((3, 3), (3,), of=["ii,i->i", "ii,i", "ii,j->ij", "ij,i->", "ij,j->i"]),
    *equations((3,), (3,), of=["i,i", "i,i->i", "i,j", "i,j->ji", "i,j->", "j,i"]),
    *equations((2, 3, 4), (2, 4, 5), of=["bij,bjk->bik", "bij,bjk", "bij,bjk->ik"]),
    *equations((2, 3, 4), of=["...j->...", "...j", "i...->...", "i...->...i", "..."]),
    *equations((5, 2, 3), (3, 4), of=["...ij,jk->...ik", "...ij,...jk->...ik"]),
    *equations((5, 2, 3), (1, 3, 4), of=["...ij,...jk->...ik", "...ij,...jk"]),
    *equations((1, 5, 2, 3), (7, 1, 3), of=["...ij,...j->...i", "...ij,...j"]),
    *equations((2, 1), (3, 4), of=["ij,jk->ik", "ij,jk->ijk", "ij,jk", "ij,jk->"]),
    *equations((1, 3), (2, 3), of=["ij,ij->ij", "ij,ij->j", "ij,ij->", "ij,ij->i"]),
    *equations((2, 3), (3, 4), (4, 2), of=["ij,jk,ki->", "ij,jk,kl->il"]),
    *equations((3,), (3,), (3,), of=["i,i,i->", "i,j,k->kji", "i,i,j->j"]),
    *equations((), (2,), of=[",i->i", ",i"]),
    *[*equations((), of=["->"]), *equations((), (), of=[","])],
    *[*equations((0, 3), (3, 2), of=["ij,jk->ik"]), *equations((2, 0), (0, 3), of=["ij,jk"])],
    *equations((2, 0), of=["ij->i", "ij->j", "ij->"]),
    *equations((2, 3, 4, 5), (4, 5, 3), of=["bhij,ijh->bh"]),
    *equations((2, 3), (2, 3), (2,), of=["Ab,Ab,A->b"]),
    sample(
        np.array([[np.inf, 1.0], [0.0, np.nan]]), np.array([[0.0, 1.0], [2.0, 3.0]]), subscripts="ij,jk->ik"
    ),
]
