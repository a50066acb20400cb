"""A training step in blend's graph and the same in PyTorch, for worker.py: 64x64, minibatch 16, blend's defaults.

Both: non-saturating logistic loss, style mixing, fresh noise, mirrored reals, Adam, moving average, R1 every 16
minibatches. A call is 16 minibatches, so one of each kind is in it.
"""

import numpy as np

RESOLUTION, MINIBATCH, STEPS, LATENT = 64, 16, 16, 64
FMAP_BASE, FMAP_MAX = 1024, 80


def ours():
    import tensorflow.compat.v1 as tf

    from blend.engine import generator
    from blend.training import graph
    from blend.training.loop import Config, static_kwargs

    options = graph.Options()
    assert options.minibatch == MINIBATCH and options.r1_interval == STEPS and not options.pl_weight
    kwargs = static_kwargs(Config("photo", "out", 1), None)
    assert kwargs[0]["fmap_base"] == FMAP_BASE and kwargs[0]["fmap_max"] == FMAP_MAX
    with tf.Graph().as_default() as built:
        made = graph.build(*kwargs, options)
        session = generator.session(built)
        session.run(tf.global_variables_initializer())
    feed = {made.reals: np.random.RandomState(0).randint(0, 256, [MINIBATCH, RESOLUTION, RESOLUTION, 3])}

    def run():
        for count in range(STEPS):
            session.run([made.g_loss, made.g_step])
            session.run(made.average)
            session.run([made.d_loss, made.d_step], feed)
            if count == 0:
                session.run(made.d_regularise, feed)

    return run


def in_torch(threads):
    import torch
    from torch.nn.functional import softplus

    from blend.carried import stylegan2_torch

    torch.set_num_threads(threads)
    channels = dict(channel_base=2 * FMAP_BASE, channel_max=FMAP_MAX)
    generator, average = [
        stylegan2_torch.Generator(LATENT, 0, LATENT, RESOLUTION, 3, mapping_kwargs=dict(num_layers=4),
                                  synthesis_kwargs=channels) for _ in range(2)]
    generator, average = generator.train(), average.requires_grad_(False)
    discriminator = stylegan2_torch.Discriminator(0, RESOLUTION, 3, **channels).train()
    lazy = STEPS / (STEPS + 1)
    g_adam = torch.optim.Adam(generator.parameters(), 0.0025, (0.0, 0.99))
    d_adam = torch.optim.Adam(discriminator.parameters(), 0.0025 * lazy, (0.0, 0.99 ** lazy))
    no_labels = torch.zeros(MINIBATCH, 0)
    pixels = torch.from_numpy(np.random.RandomState(0).randint(0, 256, [MINIBATCH, RESOLUTION, RESOLUTION, 3]))
    beta = 0.5 ** (MINIBATCH / 3000)

    def fakes():
        w, other = [generator.mapping(torch.randn(MINIBATCH, LATENT), no_labels) for _ in range(2)]
        layers = w.shape[1]
        crossover = torch.where(torch.rand(MINIBATCH) < 0.9, torch.randint(1, layers, [MINIBATCH]), layers)
        w = torch.where((torch.arange(layers)[None] < crossover[:, None])[..., None], w, other)
        return generator.synthesis(w, noise_mode="random")

    def step(adam, loss):
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        return float(loss.detach())

    def g_step():
        discriminator.requires_grad_(False)
        step(g_adam, softplus(-discriminator(fakes(), no_labels)).mean())
        discriminator.requires_grad_(True)
        with torch.no_grad():
            for mean, value in zip(average.parameters(), generator.parameters()):
                mean.lerp_(value, 1 - beta)

    def real_images():
        images = pixels.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
        return torch.where(torch.rand(MINIBATCH, 1, 1, 1) < 0.5, images, images.flip(3))

    def d_step():
        with torch.no_grad():
            made = fakes()
        step(d_adam, softplus(discriminator(made, no_labels)).mean()
             + softplus(-discriminator(real_images(), no_labels)).mean())

    def r1_step():
        images = real_images().requires_grad_(True)
        scores = discriminator(images, no_labels)
        gradient = torch.autograd.grad(scores.sum(), images, create_graph=True)[0]
        step(d_adam, 0.05 * gradient.square().sum([1, 2, 3]).mean() * STEPS)

    def run():
        for count in range(STEPS):
            g_step()
            d_step()
            if count == 0:
                r1_step()

    return run
