"""A classifier of digits, as PyTorch's tutorials write it: a Dataset, log_softmax, train and test loops."""

from sklearn.datasets import load_digits

import minitensor as torch
import minitensor.nn as nn
import minitensor.nn.functional as F
import minitensor.optim as optim
from minitensor.data import DataLoader, Dataset


class Digits(Dataset):
    def __init__(self, train=True, transform=None):
        images, labels = load_digits(return_X_y=True)
        self.images = images[:1500] if train else images[1500:]
        self.labels = labels[:1500] if train else labels[1500:]
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = torch.tensor(self.images[index], dtype=torch.float32).view(1, 8, 8)
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[index])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(8 * 4 * 4, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


def train(model, device, train_loader, optimizer, log=None):
    model.train()
    losses = []
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if log is not None and batch_idx % 10 == 0:
            log(f"[{batch_idx * len(data)}/{len(train_loader.dataset)}]\tLoss: {loss.item():.6f}")
    return losses


def test(model, device, test_loader):
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    return test_loss / len(test_loader.dataset), correct / len(test_loader.dataset)


def main(load=None, epochs=2, shuffle=True):
    use_cuda = torch.cuda.is_available()
    torch.manual_seed(1)
    device = torch.device("cuda" if use_cuda else "cpu")
    scale = lambda image: (image - 4.88) / 6.02
    train_loader = DataLoader(Digits(transform=scale), batch_size=64, shuffle=shuffle)
    test_loader = DataLoader(Digits(train=False, transform=scale), batch_size=100)
    model = Net().to(device)
    if load is not None:
        load(model)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    results = []
    for _ in range(epochs):
        results += train(model, device, train_loader, optimizer)
        results += test(model, device, test_loader)
        scheduler.step()
    return results


if __name__ == "__main__":
    print(main()[-1])
