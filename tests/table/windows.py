"""Windows, convolution, pooling; tests/oracle/test_oracle_layers.py draws more hyperparameters."""

from __future__ import annotations

import minitensor as mt
from tests.table.checks import check
from tests.table.row import Row
from tests.table.samples import drawn, sample, with_each

WINDOWS: dict[str, Row] = {
    "windows": Row(
        mt.windows,
        "adapters.windows",
        [
            check(lambda x: mt.windows(x, 3), (2, 5)),
            check(lambda x: mt.windows(x, 2, 0, 3, 2), (9, 2)),
            check(lambda x: mt.windows(x, 1, 1, 2), (2, 4, 1)),
            check(lambda x: mt.windows(mt.windows(x, 2, 0), 2, 2, 2), (3, 4)),
        ],
        [
            *with_each([sample(drawn(7, 3, 8))], size=[1, 3], axis=[0, -1], stride=[1, 2], dilation=[1, 3]),
            *[sample(drawn(0, 4), 2), sample(drawn(4, 6).T, 2, 0)],
        ],
    ),
    "fold": Row(
        mt.fold,
        "adapters.fold",
        [
            check(lambda x: mt.fold(x, 5), (2, 3, 3)),
            check(lambda x: mt.fold(x, 9, 0, 3, 2), (3, 2, 2)),
            check(lambda x: mt.fold(x, 6, -1, 2), (2, 2, 3)),
        ],
        [
            *[sample(drawn(2, 3, 3), 5), sample(drawn(3, 2, 2), length=10, axis=0, stride=3, dilation=2)],
            sample(drawn(2, 4, 1, 3), length=8, axis=-2, stride=2),
        ],
    ),
    "conv2d": Row(
        mt.conv2d,
        "nn.functional.conv2d",
        [
            check(mt.conv2d, (2, 2, 4, 5), (3, 2, 3, 2), (3,)),
            check(lambda x, w: mt.conv2d(x, w), (2, 4, 3), (1, 2, 2, 2)),
            check(lambda x, w, b: mt.conv2d(x, w, b, (2, 1), (1, 2)), (2, 1, 4, 3), (2, 1, 3, 2), (2,)),
            check(lambda x, w: mt.conv2d(x, w, dilation=2, padding="same"), (1, 1, 3, 4), (1, 1, 2, 3)),
            check(lambda x, w, b: mt.conv2d(x, w, b, 2, 1, groups=2), (2, 4, 3, 3), (2, 2, 2, 2), (2,)),
            check(mt.conv2d, (0, 2, 3, 3), (1, 2, 2, 2), (1,)),
        ],
        [
            sample(drawn(2, 3, 6, 5), drawn(4, 3, 3, 2), drawn(4)),
            sample(drawn(2, 4, 6, 5), drawn(6, 2, 3, 2), None, stride=(2, 1), padding=1, groups=2),
            sample(drawn(1, 6, 5), drawn(2, 1, 2, 3), padding="same", dilation=2),
        ],
    ),
    "conv1d": Row(
        mt.conv1d,
        "nn.functional.conv1d",
        [
            check(mt.conv1d, (2, 2, 5), (3, 2, 3), (3,)),
            check(lambda x, w, b: mt.conv1d(x, w, b, 2, 1, 2, 2), (2, 4, 6), (2, 2, 2), (2,)),
            check(lambda x, w: mt.conv1d(x, w, padding="same", dilation=2), (1, 5), (2, 1, 2)),
        ],
        [
            sample(drawn(2, 3, 6), drawn(4, 3, 3), drawn(4)),
            sample(drawn(2, 4, 9), drawn(6, 2, 3), None, stride=2, padding=1, groups=2),
            sample(drawn(1, 9), drawn(2, 1, 3), drawn(2), padding="same", dilation=2),
            sample(drawn(3, 2, 5).T, drawn(4, 2, 1), padding="valid"),
            sample(drawn(0, 2, 5), drawn(1, 2, 5)),
        ],
    ),
    "max_pool1d": Row(
        mt.max_pool1d,
        "nn.functional.max_pool1d",
        [
            check(lambda x: mt.max_pool1d(x, 2), (2, 2, 5)),
            check(lambda x: mt.max_pool1d(x, 3, 1, 1, 2), (1, 6)),
        ],
        [
            *[sample(drawn(2, 3, 7), 2), sample(drawn(3, 7), 3, 2, padding=1, ceil_mode=True)],
            sample(drawn(2, 3, 9), 3, 2, dilation=2),
        ],
    ),
    "avg_pool1d": Row(
        mt.avg_pool1d,
        "nn.functional.avg_pool1d",
        [
            check(lambda x: mt.avg_pool1d(x, 2), (2, 2, 5)),
            check(lambda x: mt.avg_pool1d(x, 3, 2, 1, True, False), (1, 6)),
        ],
        [sample(drawn(2, 3, 7), 2), sample(drawn(3, 8), 3, 2, 1, True, False)],
    ),
    "adaptive_avg_pool2d": Row(
        mt.adaptive_avg_pool2d,
        "nn.functional.adaptive_avg_pool2d",
        [
            check(lambda x: mt.adaptive_avg_pool2d(x, 2), (2, 1, 3, 4)),
            check(lambda x: mt.adaptive_avg_pool2d(x, (1, None)), (2, 3, 2)),
        ],
        [
            *with_each([sample(drawn(2, 3, 7, 5))], output_size=[1, 3, (7, 5), (2, 9), (None, 2)]),
            *[sample(drawn(3, 4, 4), 2), sample(drawn(0, 2, 3, 3), 2), sample(drawn(4, 6, 2).T, (3, 4))],
        ],
    ),
    "max_pool2d": Row(
        mt.max_pool2d,
        "nn.functional.max_pool2d",
        [
            check(lambda x: mt.max_pool2d(x, 2), (2, 2, 4, 5)),
            check(lambda x: mt.max_pool2d(x, (3, 2), 1, 1), (1, 4, 3)),
            check(lambda x: mt.max_pool2d(x, 2, 2, 0, (1, 2), ceil_mode=True), (2, 1, 3, 6)),
        ],
        [sample(drawn(2, 3, 6, 5), 2), sample(drawn(3, 6, 5), (3, 2), 1, padding=1, ceil_mode=True)],
    ),
    "avg_pool2d": Row(
        mt.avg_pool2d,
        "nn.functional.avg_pool2d",
        [
            check(lambda x: mt.avg_pool2d(x, 2), (2, 2, 4, 5)),
            check(lambda x: mt.avg_pool2d(x, (3, 2), 1, 1), (1, 4, 3)),
            check(lambda x: mt.avg_pool2d(x, 3, 2, 1, True, False), (1, 1, 4, 4)),
        ],
        [sample(drawn(2, 3, 6, 5), 2), sample(drawn(3, 6, 5), 3, 2, 1, True, False)],
    ),
}
