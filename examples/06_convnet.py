"""Train a convolutional network on handwritten digits: the whole training loop, nothing hidden.

python examples/06_convnet.py               on the 1,797 digits of 8×8 pixels that come with scikit-learn
python examples/06_convnet.py digits.npz    on images of 28×28 pixels: x (n, 784) from 0 to 255, and y (n,)
"""

import sys
import time

import numpy as np

import minitensor
from minitensor import nn, no_grad, optim
from minitensor.data import DataLoader, load_digits, train_test_split

minitensor.manual_seed(0)
if len(sys.argv) > 1:
    with np.load(sys.argv[1]) as file:
        x, y = (file["x"] / 255).astype(np.float32), file["y"].astype(np.int64)
    size, kernel, padding, batch_size, held_out = 28, 5, 0, 64, 2000
else:
    x, y = load_digits()
    size, kernel, padding, batch_size, held_out = 8, 3, 1, 32, 360
images = x.reshape(-1, 1, size, size)  # n images, one channel, height and width
x_train, x_test, y_train, y_test = train_test_split(images, y, test_size=held_out / len(y))

model = nn.Sequential(
    *[nn.Conv2d(1, 16, kernel, padding=padding), nn.ReLU(), nn.MaxPool2d(2)],  # 16 features of small patches
    *[nn.Conv2d(16, 32, kernel, padding=padding), nn.ReLU(), nn.MaxPool2d(2)],  # 32 features of larger ones
    *[nn.Flatten(), nn.Linear(512 if size == 28 else 128, 10)],  # one score per digit
)
loss_function = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
schedule = optim.CosineAnnealingLR(optimizer, T_max=10)  # smaller and smaller steps
print(model)

for epoch in range(10):
    start = time.perf_counter()
    for batch, digits in DataLoader(x_train, y_train, batch_size=batch_size, shuffle=True):
        loss = loss_function(model(batch), digits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    schedule.step()
    seconds = time.perf_counter() - start
    print(f"epoch {epoch + 1:2}  loss of the last batch {loss.item():.4f}  {seconds:.2f} s")

with no_grad():
    predictions = model(x_test).argmax(axis=1).numpy()
print(f"test accuracy {(predictions == y_test).mean():.1%}")
