"""A physics-informed network: u'' + 0.4 u' + 4 u = 0, u(0) = 1, u'(0) = 0, learnt from the equation alone."""

import minitensor as torch
import minitensor.nn as nn


class PINN(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, t):
        return self.net(t)


def main(load=None, steps=10):
    torch.manual_seed(123)
    pinn = PINN()
    if load is not None:
        load(pinn)
    t_boundary = torch.tensor(0.0).view(-1, 1).requires_grad_(True)
    t_physics = torch.linspace(0, 1, 30).view(-1, 1).requires_grad_(True)
    optimiser = torch.optim.Adam(pinn.parameters(), lr=1e-3)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        u = pinn(t_boundary)
        loss1 = (torch.squeeze(u) - 1) ** 2
        dudt = torch.autograd.grad(u, t_boundary, torch.ones_like(u), create_graph=True)[0]
        loss2 = (torch.squeeze(dudt) - 0) ** 2
        u = pinn(t_physics)
        dudt = torch.autograd.grad(u, t_physics, torch.ones_like(u), create_graph=True)[0]
        d2udt2 = torch.autograd.grad(dudt, t_physics, torch.ones_like(dudt), create_graph=True)[0]
        loss3 = torch.mean((d2udt2 + 0.4 * dudt + 4 * u) ** 2)
        loss = loss1 + 1e-1 * loss2 + 1e-2 * loss3
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses + pinn(t_physics).detach()[::10].view(-1).tolist()


if __name__ == "__main__":
    print(main(steps=500)[-4])
