"""Train a network on handwritten digits: the whole training loop, nothing hidden.

python examples/03_train_digits.py
"""

import minitensor
from minitensor import nn, no_grad, optim
from minitensor.data import DataLoader, load_digits, train_test_split

minitensor.manual_seed(0)
x, y = load_digits()  # 1,797 images of 8×8 pixels, and the digits they show
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2)

model = nn.MLP(64, [64, 32, 10])
loss_function = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
print(model)

for epoch in range(15):
    for images, digits in DataLoader(x_train, y_train, batch_size=32, shuffle=True):
        logits = model(images)  # forward: one score per class
        loss = loss_function(logits, digits)  # how wrong they are
        optimizer.zero_grad()
        loss.backward()  # backward: which way each parameter should move
        optimizer.step()  # and move it
    print(f"epoch {epoch + 1:2}  loss of the last batch {loss.item():.4f}")

with no_grad():
    predictions = model(x_test).argmax(axis=1).numpy()
print(f"test accuracy {(predictions == y_test).mean():.1%}")
