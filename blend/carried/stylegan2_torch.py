"""StyleGAN2 in plain PyTorch (Karras et al. 2020, arXiv 1912.04958).

`blend` never runs this file: its text travels inside the pickles that it writes for stylegan2-ada-pytorch and the
stylegan3 repository, whose loader builds the networks from it. Names of modules, parameters and arguments are theirs.
It needs no compiled operations and computes in float32 (num_fp16_res is kept for others to read).

Letters: N batch, C channels, H W pixels, I O input and output channels, k kernel size.
"""

import numpy as np
import torch
from torch.nn import functional as F


def activate(x, name, clamp=None, gain=1.0):
    """'lrelu' (slope 0.2) and 'relu' with their gain of sqrt 2, times `gain`; cut off at +-clamp * gain."""
    if name == "lrelu":
        x = F.leaky_relu(x, 0.2) * (np.sqrt(2) * gain)
    elif name == "relu":
        x = F.relu(x) * (np.sqrt(2) * gain)
    else:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)


def normalise(x):
    """x [N,I] to a mean square of 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def make_filter(taps):
    """Normalised [k,k] low-pass filter of 1-D taps."""
    taps = torch.as_tensor([1] if taps is None else taps, dtype=torch.float32)
    kernel = taps if taps.ndim == 2 else taps[:, None] * taps[None, :]
    return kernel / kernel.sum()


def smooth(x, kernel, gain, before, after):
    """Pad x [N,C,H,W] and filter each channel."""
    weight = (kernel.flip([0, 1]) * gain).to(x.dtype)[None, None].repeat(x.shape[1], 1, 1, 1)
    return F.conv2d(F.pad(x, [before, after, before, after]), weight, groups=x.shape[1])


def upsample(x, kernel):
    """[N,C,H,W] to [N,C,2H,2W]: zeros between pixels, then the filter."""
    n, c, h, w = x.shape
    x = F.pad(x.reshape(n, c, h, 1, w, 1), [0, 1, 0, 0, 0, 1]).reshape(n, c, 2 * h, 2 * w)
    p = kernel.shape[0] - 2
    return smooth(x, kernel, 4, (p + 1) // 2 + 1, p // 2)


def downsample(x, kernel):
    """[N,C,H,W] to [N,C,H/2,W/2]: the filter, then every second pixel."""
    p = kernel.shape[0] - 2
    return smooth(x, kernel, 1, (p + 1) // 2, p // 2)[:, :, ::2, ::2]


def convolve(x, weight, kernel, up=1, down=1):
    """x [N,I,H,W] with weight [O,I,k,k], to twice or half the size where up or down is 2."""
    k = weight.shape[2]
    if up == 2:
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        p = kernel.shape[0] - 2 - (k - 1)
        return smooth(x, kernel, 4, (p + 1) // 2 + 1, p // 2 + 1)
    if down == 2:
        p = kernel.shape[0] - 2 + (k - 1)
        return F.conv2d(smooth(x, kernel, 1, (p + 1) // 2, p // 2), weight, stride=2)
    return F.conv2d(x, weight, padding=k // 2)


class FullyConnectedLayer(torch.nn.Module):
    """[N,I] to [N,O], with equalised learning rate."""

    def __init__(self, in_features, out_features, activation="linear", lr_multiplier=1, bias_init=0):
        super().__init__()
        self.in_features, self.out_features, self.activation = in_features, out_features, activation
        self.lr_multiplier, self.bias_init = lr_multiplier, bias_init
        self.bias_gain = lr_multiplier
        self.weight = torch.nn.Parameter(torch.randn([out_features, in_features]) / lr_multiplier)
        self.bias = torch.nn.Parameter(torch.full([out_features], float(bias_init)))

    def forward(self, x):
        weight = self.weight * (self.lr_multiplier / np.sqrt(self.in_features))
        return activate(F.linear(x, weight, self.bias * self.lr_multiplier), self.activation)


class MappingNetwork(torch.nn.Module):
    """z [N,z_dim] and labels c [N,c_dim] to w [N,num_ws,w_dim]."""

    def __init__(self, z_dim, c_dim, w_dim, num_ws, num_layers=8, embed_features=None, layer_features=None,
                 activation="lrelu", lr_multiplier=0.01, w_avg_beta=0.995):
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim, self.num_ws = z_dim, c_dim, w_dim, num_ws
        self.num_layers, self.w_avg_beta = num_layers, w_avg_beta
        embed_features = w_dim if embed_features is None else embed_features
        layer_features = w_dim if layer_features is None else layer_features
        sizes = [z_dim + (embed_features if c_dim else 0)] + [layer_features] * (num_layers - 1) + [w_dim]
        if c_dim:
            self.embed = FullyConnectedLayer(in_features=c_dim, out_features=embed_features)
        for i in range(num_layers):
            setattr(self, "fc%d" % i, FullyConnectedLayer(
                in_features=sizes[i], out_features=sizes[i + 1], activation=activation, lr_multiplier=lr_multiplier))
        if num_ws is not None and w_avg_beta is not None:
            self.register_buffer("w_avg", torch.zeros([w_dim]))

    def forward(self, z, c, truncation_psi=1, truncation_cutoff=None, skip_w_avg_update=False, update_emas=None):
        x = None if not self.z_dim else normalise(z.to(torch.float32))
        if self.c_dim:
            y = normalise(self.embed(c.to(torch.float32)))
            x = y if x is None else torch.cat([x, y], dim=1)
        for i in range(self.num_layers):
            x = getattr(self, "fc%d" % i)(x)
        if update_emas is None:  # stylegan2-ada-pytorch asks the one way, stylegan3 the other
            update_emas = self.training and not skip_w_avg_update
        if update_emas and self.w_avg_beta is not None:
            self.w_avg.copy_(x.detach().mean(dim=0).lerp(self.w_avg, self.w_avg_beta))
        if self.num_ws is None:
            return x
        x = x[:, None].repeat([1, self.num_ws, 1])
        if truncation_psi != 1:
            cut = self.num_ws if truncation_cutoff is None else truncation_cutoff
            x = torch.cat([self.w_avg.lerp(x[:, :cut], truncation_psi), x[:, cut:]], dim=1)
        return x


def modulated_convolution(x, weight, style, kernel=None, up=1, demodulate=True):
    """Convolution of x [N,I,H,W] with weight [O,I,k,k] scaled by style [N,I] (arXiv 1912.04958, eq. 1 and 3)."""
    x = convolve(x * style[:, :, None, None], weight, kernel, up=up)
    if demodulate:
        x = x * (style.square() @ weight.square().sum([2, 3]).t() + 1e-8).rsqrt()[:, :, None, None]
    return x


class SynthesisLayer(torch.nn.Module):
    """Modulated convolution, noise, bias and activation."""

    def __init__(self, in_channels, out_channels, w_dim, resolution, up=1, use_noise=True, activation="lrelu",
                 resample_filter=(1, 3, 3, 1), conv_clamp=None):
        super().__init__()
        self.in_channels, self.out_channels, self.w_dim, self.resolution = in_channels, out_channels, w_dim, resolution
        self.up, self.use_noise, self.activation, self.conv_clamp = up, use_noise, activation, conv_clamp
        self.register_buffer("resample_filter", make_filter(resample_filter))
        self.affine = FullyConnectedLayer(in_features=w_dim, out_features=in_channels, bias_init=1)
        self.weight = torch.nn.Parameter(torch.randn([out_channels, in_channels, 3, 3]))
        if use_noise:
            self.register_buffer("noise_const", torch.randn([resolution, resolution]))
            self.noise_strength = torch.nn.Parameter(torch.zeros([]))
        self.bias = torch.nn.Parameter(torch.zeros([out_channels]))

    def forward(self, x, w, noise_mode="random", gain=1.0):
        weight = self.weight * (1 / np.sqrt(self.in_channels * 9))
        x = modulated_convolution(x, weight, self.affine(w), self.resample_filter, up=self.up)
        if self.use_noise and noise_mode == "random":
            x = x + torch.randn([len(x), 1, self.resolution, self.resolution], device=x.device) * self.noise_strength
        elif self.use_noise and noise_mode == "const":
            x = x + self.noise_const * self.noise_strength
        return activate(x + self.bias[None, :, None, None], self.activation, self.conv_clamp, gain)


class ToRGBLayer(torch.nn.Module):
    """Features [N,I,H,W] to colours [N,out_channels,H,W]."""

    def __init__(self, in_channels, out_channels, w_dim, conv_clamp=None):
        super().__init__()
        self.in_channels, self.out_channels, self.w_dim, self.conv_clamp = in_channels, out_channels, w_dim, conv_clamp
        self.affine = FullyConnectedLayer(in_features=w_dim, out_features=in_channels, bias_init=1)
        self.weight = torch.nn.Parameter(torch.randn([out_channels, in_channels, 1, 1]))
        self.bias = torch.nn.Parameter(torch.zeros([out_channels]))

    def forward(self, x, w):
        weight = self.weight * (1 / np.sqrt(self.in_channels))
        x = modulated_convolution(x, weight, self.affine(w), demodulate=False)
        return activate(x + self.bias[None, :, None, None], "linear", self.conv_clamp)


class Conv2dLayer(torch.nn.Module):
    """Convolution, bias and activation."""

    def __init__(self, in_channels, out_channels, kernel_size, bias=True, activation="linear", up=1, down=1,
                 resample_filter=(1, 3, 3, 1), conv_clamp=None):
        super().__init__()
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.activation, self.up, self.down, self.conv_clamp = activation, up, down, conv_clamp
        self.register_buffer("resample_filter", make_filter(resample_filter))
        self.weight = torch.nn.Parameter(torch.randn([out_channels, in_channels, kernel_size, kernel_size]))
        self.bias = torch.nn.Parameter(torch.zeros([out_channels])) if bias else None

    def forward(self, x, gain=1.0):
        weight = self.weight * (1 / np.sqrt(self.in_channels * self.kernel_size ** 2))
        x = convolve(x, weight, self.resample_filter, self.up, self.down)
        x = x if self.bias is None else x + self.bias[None, :, None, None]
        return activate(x, self.activation, self.conv_clamp, gain)


class SynthesisBlock(torch.nn.Module):
    """The layers of one resolution; in_channels 0: the first."""

    def __init__(self, in_channels, out_channels, w_dim, resolution, img_channels, is_last, architecture="skip",
                 resample_filter=(1, 3, 3, 1), conv_clamp=None, use_noise=True, activation="lrelu",
                 const_channels=None):
        super().__init__()
        self.in_channels, self.w_dim, self.resolution = in_channels, w_dim, resolution
        self.img_channels, self.is_last, self.architecture = img_channels, is_last, architecture
        self.use_fp16 = False
        self.num_conv = 1 if in_channels == 0 else 2
        self.num_torgb = int(is_last or architecture == "skip")
        self.register_buffer("resample_filter", make_filter(resample_filter))
        layer = dict(out_channels=out_channels, w_dim=w_dim, resolution=resolution, use_noise=use_noise,
                     activation=activation, resample_filter=resample_filter, conv_clamp=conv_clamp)
        if in_channels == 0:
            const_channels = const_channels or out_channels
            self.const = torch.nn.Parameter(torch.randn([const_channels, resolution, resolution]))
            self.conv1 = SynthesisLayer(in_channels=const_channels, **layer)
        else:
            self.conv0 = SynthesisLayer(in_channels=in_channels, up=2, **layer)
            self.conv1 = SynthesisLayer(in_channels=out_channels, **layer)
            if architecture == "resnet":
                self.skip = Conv2dLayer(in_channels=in_channels, out_channels=out_channels, kernel_size=1, bias=False,
                                        up=2, resample_filter=resample_filter)
        if self.num_torgb:
            self.torgb = ToRGBLayer(in_channels=out_channels, out_channels=img_channels, w_dim=w_dim,
                                    conv_clamp=conv_clamp)

    def forward(self, x, img, ws, **layer_kwargs):
        if self.in_channels == 0:
            x = self.conv1(self.const[None].repeat([len(ws), 1, 1, 1]), ws[:, 0], **layer_kwargs)
        else:
            gain = np.sqrt(0.5) if self.architecture == "resnet" else 1.0
            y = self.conv1(self.conv0(x, ws[:, 0], **layer_kwargs), ws[:, 1], gain=gain, **layer_kwargs)
            x = y + self.skip(x, gain=gain) if self.architecture == "resnet" else y
        img = None if img is None else upsample(img, self.resample_filter)
        if self.num_torgb:
            y = self.torgb(x, ws[:, self.num_conv])
            img = y if img is None else img + y
        return x, img


class SynthesisNetwork(torch.nn.Module):
    """w [N,num_ws,w_dim] to images [N,C,R,R]."""

    def __init__(self, w_dim, img_resolution, img_channels, channel_base=32768, channel_max=512, num_fp16_res=0,
                 const_channels=None, **block_kwargs):
        super().__init__()
        self.w_dim, self.img_resolution, self.img_channels = w_dim, img_resolution, img_channels
        self.img_resolution_log2 = int(np.log2(img_resolution))
        self.num_fp16_res = num_fp16_res
        self.block_resolutions = [2 ** i for i in range(2, self.img_resolution_log2 + 1)]
        self.num_ws = 2 * self.img_resolution_log2 - 2
        channels = {res: min(channel_base // res, channel_max) for res in self.block_resolutions}
        for res in self.block_resolutions:
            first = dict(const_channels=const_channels) if res == 4 else {}
            setattr(self, "b%d" % res, SynthesisBlock(
                in_channels=channels[res // 2] if res > 4 else 0, out_channels=channels[res], w_dim=w_dim,
                resolution=res, img_channels=img_channels, is_last=res == img_resolution, **first, **block_kwargs))

    def forward(self, ws, noise_mode="random", force_fp32=False, fused_modconv=None, update_emas=False):
        ws, x, img, start = ws.to(torch.float32), None, None, 0
        for res in self.block_resolutions:
            block = getattr(self, "b%d" % res)
            x, img = block(x, img, ws[:, start:start + block.num_conv + 1], noise_mode=noise_mode)
            start += block.num_conv
        return img


class Generator(torch.nn.Module):
    """z [N,z_dim] and labels c [N,c_dim] to images [N,C,R,R], about -1...1."""

    def __init__(self, z_dim, c_dim, w_dim, img_resolution, img_channels, mapping_kwargs=None, synthesis_kwargs=None,
                 **more_synthesis_kwargs):
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim = z_dim, c_dim, w_dim
        self.img_resolution, self.img_channels = img_resolution, img_channels
        self.synthesis = SynthesisNetwork(w_dim=w_dim, img_resolution=img_resolution, img_channels=img_channels,
                                          **dict(synthesis_kwargs or {}, **more_synthesis_kwargs))
        self.num_ws = self.synthesis.num_ws
        self.mapping = MappingNetwork(z_dim=z_dim, c_dim=c_dim, w_dim=w_dim, num_ws=self.num_ws,
                                      **(mapping_kwargs or {}))

    def forward(self, z, c, truncation_psi=1, truncation_cutoff=None, update_emas=None, **synthesis_kwargs):
        ws = self.mapping(z, c, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff,
                          update_emas=update_emas)
        return self.synthesis(ws, **synthesis_kwargs)


class DiscriminatorBlock(torch.nn.Module):
    """The layers of one resolution; in_channels 0: the first."""

    def __init__(self, in_channels, tmp_channels, out_channels, resolution, img_channels, architecture="resnet",
                 activation="lrelu", resample_filter=(1, 3, 3, 1), conv_clamp=None, freeze_layers=0):
        super().__init__()
        self.in_channels, self.resolution, self.img_channels = in_channels, resolution, img_channels
        self.architecture, self.use_fp16 = architecture, False
        self.register_buffer("resample_filter", make_filter(resample_filter))
        layer = dict(in_channels=tmp_channels, activation=activation, conv_clamp=conv_clamp)
        if in_channels == 0 or architecture == "skip":
            self.fromrgb = Conv2dLayer(in_channels=img_channels, out_channels=tmp_channels, kernel_size=1,
                                       activation=activation, conv_clamp=conv_clamp)
        self.conv0 = Conv2dLayer(kernel_size=3, out_channels=tmp_channels, **layer)
        self.conv1 = Conv2dLayer(kernel_size=3, out_channels=out_channels, down=2, resample_filter=resample_filter,
                                 **layer)
        if architecture == "resnet":
            self.skip = Conv2dLayer(kernel_size=1, in_channels=tmp_channels, out_channels=out_channels, bias=False,
                                    down=2, resample_filter=resample_filter)

    def forward(self, x, img):
        if self.in_channels == 0 or self.architecture == "skip":
            y = self.fromrgb(img)
            x = y if x is None else x + y
            img = downsample(img, self.resample_filter) if self.architecture == "skip" else None
        if self.architecture == "resnet":
            return self.skip(x, gain=np.sqrt(0.5)) + self.conv1(self.conv0(x), gain=np.sqrt(0.5)), img
        return self.conv1(self.conv0(x)), img


class MinibatchStdLayer(torch.nn.Module):
    """A channel with the standard deviation over groups of samples (arXiv 1710.10196, section 3)."""

    def __init__(self, group_size, num_channels=1):
        super().__init__()
        self.group_size, self.num_channels = group_size, num_channels

    def forward(self, x):
        n, c, h, w = x.shape
        group = n if self.group_size is None else min(self.group_size, n)
        y = x.reshape(group, -1, self.num_channels, c // self.num_channels, h, w)
        y = ((y - y.mean(dim=0)).square().mean(dim=0) + 1e-8).sqrt().mean(dim=[2, 3, 4])
        y = y.reshape(-1, self.num_channels, 1, 1).repeat(group, 1, h, w)
        return torch.cat([x, y], dim=1)


class DiscriminatorEpilogue(torch.nn.Module):
    """The layers at 4x4 and the score."""

    def __init__(self, in_channels, cmap_dim, resolution, img_channels, architecture="resnet", mbstd_group_size=4,
                 mbstd_num_channels=1, activation="lrelu", conv_clamp=None):
        super().__init__()
        self.in_channels, self.cmap_dim, self.resolution = in_channels, cmap_dim, resolution
        self.img_channels, self.architecture = img_channels, architecture
        if architecture == "skip":
            self.fromrgb = Conv2dLayer(in_channels=img_channels, out_channels=in_channels, kernel_size=1,
                                       activation=activation)
        self.mbstd = MinibatchStdLayer(group_size=mbstd_group_size, num_channels=mbstd_num_channels)
        self.conv = Conv2dLayer(in_channels=in_channels + mbstd_num_channels, out_channels=in_channels, kernel_size=3,
                                activation=activation, conv_clamp=conv_clamp)
        self.fc = FullyConnectedLayer(in_features=in_channels * resolution ** 2, out_features=in_channels,
                                      activation=activation)
        self.out = FullyConnectedLayer(in_features=in_channels, out_features=cmap_dim or 1)

    def forward(self, x, img, cmap):
        if self.architecture == "skip":
            x = x + self.fromrgb(img)
        x = self.out(self.fc(self.conv(self.mbstd(x)).flatten(1)))
        return x if cmap is None else (x * cmap).sum(dim=1, keepdim=True) / np.sqrt(self.cmap_dim)


class Discriminator(torch.nn.Module):
    """Images [N,C,R,R] and labels c [N,c_dim] to scores [N,1]."""

    def __init__(self, c_dim, img_resolution, img_channels, architecture="resnet", channel_base=32768, channel_max=512,
                 num_fp16_res=0, conv_clamp=None, cmap_dim=None, block_kwargs=None, mapping_kwargs=None,
                 epilogue_kwargs=None):
        super().__init__()
        self.c_dim, self.img_resolution, self.img_channels = c_dim, img_resolution, img_channels
        self.img_resolution_log2 = int(np.log2(img_resolution))
        self.block_resolutions = [2 ** i for i in range(self.img_resolution_log2, 2, -1)]
        channels = {res: min(channel_base // res, channel_max) for res in self.block_resolutions + [4]}
        cmap_dim = 0 if c_dim == 0 else channels[4] if cmap_dim is None else cmap_dim
        common = dict(img_channels=img_channels, architecture=architecture, conv_clamp=conv_clamp)
        for res in self.block_resolutions:
            setattr(self, "b%d" % res, DiscriminatorBlock(
                in_channels=channels[res] if res < img_resolution else 0, tmp_channels=channels[res],
                out_channels=channels[res // 2], resolution=res, **(block_kwargs or {}), **common))
        if c_dim:
            self.mapping = MappingNetwork(z_dim=0, c_dim=c_dim, w_dim=cmap_dim, num_ws=None, w_avg_beta=None,
                                          **(mapping_kwargs or {}))
        self.b4 = DiscriminatorEpilogue(in_channels=channels[4], cmap_dim=cmap_dim, resolution=4,
                                        **(epilogue_kwargs or {}), **common)

    def forward(self, img, c, update_emas=False, force_fp32=False):
        x, rgb = None, img
        for res in self.block_resolutions:
            x, rgb = getattr(self, "b%d" % res)(x, rgb)
        return self.b4(x, rgb, self.mapping(None, c) if self.c_dim else None)


class NoDiscriminator(torch.nn.Module):
    """Stands where a file has no discriminator; loaders ask for one."""

    def forward(self, img, c, **_kwargs):
        raise RuntimeError("this file has no discriminator")
