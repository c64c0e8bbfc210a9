"""Neural networks: modules, activations, losses and initialisers, under PyTorch's names.

Imported as `minitensor.nn`; the folder stands at the top of the repository to be found and read easily.
"""

if __name__ != "minitensor.nn":
    raise ImportError("this package is minitensor.nn: write `import minitensor.nn`, not `import nn`")

from typing import TYPE_CHECKING

from minitensor.instead import answers
from minitensor.nn import activations as activations
from minitensor.nn import functional as functional
from minitensor.nn import init as init
from minitensor.nn import scalar as scalar
from minitensor.nn import utils as utils
from minitensor.nn.activations import *  # every class, the table, ...
from minitensor.nn.containers import ModuleDict as ModuleDict
from minitensor.nn.containers import ModuleList as ModuleList
from minitensor.nn.containers import ParameterDict as ParameterDict
from minitensor.nn.containers import ParameterList as ParameterList
from minitensor.nn.containers import Sequential as Sequential
from minitensor.nn.convolution import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from minitensor.nn.convolution import AvgPool1d as AvgPool1d
from minitensor.nn.convolution import AvgPool2d as AvgPool2d
from minitensor.nn.convolution import Conv1d as Conv1d
from minitensor.nn.convolution import Conv2d as Conv2d
from minitensor.nn.convolution import MaxPool1d as MaxPool1d
from minitensor.nn.convolution import MaxPool2d as MaxPool2d
from minitensor.nn.layers import MLP as MLP
from minitensor.nn.layers import Dropout as Dropout
from minitensor.nn.layers import Dropout2d as Dropout2d
from minitensor.nn.layers import Embedding as Embedding
from minitensor.nn.layers import Flatten as Flatten
from minitensor.nn.layers import Identity as Identity
from minitensor.nn.layers import Linear as Linear
from minitensor.nn.layers import Unflatten as Unflatten
from minitensor.nn.losses import BCELoss as BCELoss
from minitensor.nn.losses import BCEWithLogitsLoss as BCEWithLogitsLoss
from minitensor.nn.losses import CrossEntropyLoss as CrossEntropyLoss
from minitensor.nn.losses import HingeLoss as HingeLoss
from minitensor.nn.losses import HuberLoss as HuberLoss
from minitensor.nn.losses import KLDivLoss as KLDivLoss
from minitensor.nn.losses import L1Loss as L1Loss
from minitensor.nn.losses import MSELoss as MSELoss
from minitensor.nn.losses import NLLLoss as NLLLoss
from minitensor.nn.losses import SmoothL1Loss as SmoothL1Loss
from minitensor.nn.module import Buffer as Buffer
from minitensor.nn.module import Module as Module
from minitensor.nn.module import Parameter as Parameter
from minitensor.nn.normalization import BatchNorm1d as BatchNorm1d
from minitensor.nn.normalization import BatchNorm2d as BatchNorm2d
from minitensor.nn.normalization import LayerNorm as LayerNorm

if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
