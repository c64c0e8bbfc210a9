"""Train on MNIST, 70,000 images of 28×28 pixels: the loop in full, with a test after each epoch.

python examples/04_train_mnist.py               fetches MNIST, once
python examples/04_train_mnist.py mnist.npz     or reads a file or folder of yours
"""

import sys

import minitensor
from minitensor import nn, no_grad, optim
from minitensor.data import DataLoader, load_file, load_mnist, scale_pixels, train_test_split

minitensor.manual_seed(0)
data = load_file(sys.argv[1]) if len(sys.argv) > 1 else load_mnist()
x_train, y_train, x_test, y_test = data  # bytes: 55 MB and not 220
if x_test is None or y_test is None:
    x_train, x_test, y_train, y_test = train_test_split(x_train, y_train, test_size=0.2)

epochs, batch_size = 10, 128
model = nn.MLP(784, [256, 128, 10], dropout=0.2)
loss_function = nn.CrossEntropyLoss()
optimizer = optim.AdamW(model.parameters(), lr=2e-3)
train = DataLoader(x_train, y_train, batch_size=batch_size, shuffle=True, transform=scale_pixels)
test = DataLoader(x_test, y_test, batch_size=1000, transform=scale_pixels)
schedule = optim.OneCycleLR(optimizer, max_lr=2e-3, epochs=epochs, steps_per_epoch=len(train))
print(model)

for epoch in range(epochs):
    model.train()  # dropout drops
    total = 0.0
    for images, digits in train:
        loss = loss_function(model(images), digits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item() * len(digits)

    model.eval()  # and now it does not
    with no_grad():
        correct = sum(int((model(images).argmax(axis=1) == digits).sum().item()) for images, digits in test)
    print(f"epoch {epoch + 1:2}  loss {total / len(y_train):.4f}  test accuracy {correct / len(y_test):.2%}")
