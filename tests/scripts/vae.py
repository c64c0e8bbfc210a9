"""A variational autoencoder of digits, as PyTorch's examples write it."""

from sklearn.datasets import load_digits

import minitensor as torch
from minitensor import nn, optim
from minitensor.data import DataLoader, TensorDataset
from minitensor.nn import functional as F


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(64, 40)
        self.fc21 = nn.Linear(40, 5)
        self.fc22 = nn.Linear(40, 5)
        self.fc3 = nn.Linear(5, 40)
        self.fc4 = nn.Linear(40, 64)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 64))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 64), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


def main(load=None, epochs=1, shuffle=True):
    torch.manual_seed(0)
    images = torch.from_numpy(load_digits().images).float() / 16.0
    labels = torch.from_numpy(load_digits().target)
    train_loader = DataLoader(TensorDataset(images, labels), batch_size=128, shuffle=shuffle)
    model = VAE()
    if load is not None:
        load(model)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(epochs):
        model.train()
        for data, _ in train_loader:
            optimizer.zero_grad()
            recon_batch, mu, logvar = model(data)
            loss = loss_function(recon_batch, data, mu, logvar)
            loss.backward()
            losses.append(loss.item() / len(data))
            optimizer.step()
    with torch.no_grad():
        sample = model.decode(torch.randn_like(torch.zeros(4, 5))).cpu()
        losses += sample.view(4, 1, 8, 8).mean(dim=(1, 2, 3)).tolist()
    return losses


if __name__ == "__main__":
    print(main(epochs=20)[-5])
