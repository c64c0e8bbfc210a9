"""A Wasserstein GAN in the plane whose critic has clipped weights."""

import minitensor as torch
import minitensor.nn as nn
import minitensor.optim as optim

nz = 4


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(nz, 32),
            nn.BatchNorm1d(32),
            nn.ReLU(True),
            nn.Linear(32, 2),
        )

    def forward(self, input):
        return self.main(input)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2, inplace=True), nn.Linear(32, 1))

    def forward(self, input):
        return self.main(input).mean(0).view(1)


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight, 1.0, 0.02)
        nn.init.zeros_(m.bias)


def main(load=None, iterations=6, n_critic=3, clip_value=0.03, dtype=torch.float32):
    torch.manual_seed(0)
    netG, netD = Generator().to(dtype), Critic().to(dtype)
    netG.apply(weights_init)
    if load is not None:
        load(netG)
        load(netD)
    optimizerG = optim.RMSprop(netG.parameters(), lr=5e-4)
    optimizerD = optim.RMSprop(netD.parameters(), lr=5e-4)
    angle = torch.linspace(0.1, 6.2, steps=32, dtype=dtype)
    real = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    results = []
    for _ in range(iterations):
        for p in netD.parameters():
            p.requires_grad = True
        for _ in range(n_critic):
            with torch.no_grad():
                for p in netD.parameters():
                    p.clamp_(-clip_value, clip_value)
            netD.zero_grad()
            errD_real = netD(real)
            fake = netG(torch.randn_like(torch.zeros(32, nz, dtype=dtype))).detach()
            errD_fake = netD(fake)
            errD = errD_fake - errD_real
            errD.backward()
            optimizerD.step()
        for p in netD.parameters():
            p.requires_grad = False
        netG.zero_grad()
        errG = -netD(netG(torch.randn_like(torch.zeros(32, nz, dtype=dtype))))
        errG.backward()
        optimizerG.step()
        results += [errD.item(), errG.item()]
    netG.eval()
    return results + netG(torch.ones(1, nz, dtype=dtype)).detach().view(-1).tolist()


if __name__ == "__main__":
    print(main(iterations=200)[-4])
