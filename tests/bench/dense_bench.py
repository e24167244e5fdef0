#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A dense 784-400-400-10 network on random dense input, one sample at a time: Gyrus beside PyTorch.

  tests/bench/dense_bench.py build/release/tests/bench/dense_bench [ROUNDS=7] [STEPS=500]

Runs both alternately, one thread each, and prints the medians over the rounds and the range of the
rounds' ratios. Learning is forward, backward and update. Times are the thread's own, so that other
load on the machine counts little. Needs PyTorch (Debian: python3-torch).
"""
import ctypes
import statistics
import subprocess
import sys
import time

try:
    import torch
except ImportError:
    sys.exit("dense_bench.py needs PyTorch: apt-get install python3-torch, "
             "and run this with /usr/bin/python3")


def be_fair_to_torch():
    """One thread, and none of the costs that are not PyTorch's own."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # Gradients that vanish are slow otherwise.
    m_trim_threshold, m_mmap_threshold = -1, -3
    for parameter in (m_trim_threshold, m_mmap_threshold):  # Else tensors go back to the system,
        ctypes.CDLL(None).mallopt(parameter, 1 << 30)  # and each step faults them in again.


def gyrus_round(binary, optimiser, steps):
    output = subprocess.run([binary, optimiser, str(steps)], check=True, capture_output=True)
    return [float(field) for field in output.stdout.split()]


def torch_network(optimiser):
    net = torch.nn.Sequential(
        torch.nn.Linear(784, 400), torch.nn.ReLU(),
        torch.nn.Linear(400, 400), torch.nn.ReLU(),
        torch.nn.Linear(400, 10))
    make = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}[optimiser]
    return net, make(net.parameters(), lr=0.001)


def median_us(step, samples):
    times = []
    for sample in samples:
        start = time.thread_time()
        step(*sample)
        times.append(1e6 * (time.thread_time() - start))
    return statistics.median(times)


def torch_round(network, steps):
    net, optimiser = network

    def infer(x, _):
        with torch.inference_mode():
            return int(net(x).argmax())

    def learn(x, y):
        optimiser.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()

    samples = [(torch.randn(1, 784), torch.randint(10, (1,))) for _ in range(steps)]
    return [median_us(infer, samples), median_us(learn, samples)]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip())
    binary = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 500
    be_fair_to_torch()
    print(f"784-400-400-10, one sample; medians of {rounds} rounds of {steps} steps, in us")
    print(f"{'optimiser':10}{'step':12}{'PyTorch ' + torch.__version__:>18}{'Gyrus':>10}"
          f"{'ratio':>8}  rounds")
    for optimiser in ("rmsprop", "sgd"):
        network = torch_network(optimiser)
        torch_round(network, 100)  # Warms up.
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(gyrus_round(binary, optimiser, steps))
            theirs.append(torch_round(network, steps))
        for s, step in enumerate(("inference", "learning")):
            a = [us[s] for us in theirs]
            b = [us[s] for us in ours]
            ratios = [x / y for x, y in zip(a, b)]
            print(f"{optimiser:10}{step:12}{statistics.median(a):18.1f}{statistics.median(b):10.1f}"
                  f"{statistics.median(ratios):7.1f}x  {min(ratios):.1f}-{max(ratios):.1f}")


if __name__ == "__main__":
    main()
