"""A recurrent network that goes on with waves, its GRU cell made of Linear in the script."""

import math

import minitensor as torch
import minitensor.nn as nn
import minitensor.optim as optim


class GRUCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 3 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size)
        self.reset_parameters()

    def reset_parameters(self):
        std = 1.0 / math.sqrt(self.hidden_size)
        for w in self.parameters():
            nn.init.uniform_(w, -std, std)

    def forward(self, x, hidden=None):
        if hidden is None:
            hidden = torch.zeros(x.size(0), self.hidden_size, device=x.device, dtype=x.dtype)
        x_r, x_z, x_n = self.x2h(x).chunk(3, dim=1)
        h_r, h_z, h_n = self.h2h(hidden).chunk(3, dim=1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        return (1 - z) * n + z * hidden


class Model(nn.Module):
    def __init__(self, hidden_size=16):
        super().__init__()
        self.cells = nn.ModuleList([GRUCell(1, hidden_size), GRUCell(hidden_size, hidden_size)])
        self.norm = nn.LayerNorm(hidden_size)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, x, future=0):
        outputs = []
        hidden = [None for _ in self.cells]
        for step in range(x.size(1) + future):
            inp = x[:, step].unsqueeze(1) if step < x.size(1) else outputs[-1]
            for i, cell in enumerate(self.cells):
                hidden[i] = inp = cell(inp, hidden[i])
            outputs.append(self.out(self.norm(inp)))
        return torch.cat(outputs, dim=1)


def main(load=None, steps=15, dtype=torch.float32):
    torch.manual_seed(0)
    phase = torch.linspace(0, 2 * math.pi, steps=12, dtype=dtype).unsqueeze(1)
    time = torch.arange(0, 20, dtype=dtype).expand(12, -1)
    data = torch.sin(time * 0.4 + phase)
    inputs, target = data[:, :-1], data[:, 1:]
    model = Model().to(dtype)
    if load is not None:
        load(model)
    criterion = nn.MSELoss()
    optimizer = optim.RMSprop(model.parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(inputs), target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        losses += model(inputs[:2], future=3)[:, -3:].flatten().tolist()
    return losses


if __name__ == "__main__":
    print(main(steps=150)[-7])
