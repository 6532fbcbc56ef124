"""Makes mae_*.safetensors: predictions, loss and every gradient of two published masked autoencoders, at small sizes.

    python make_mae_fixture.py        # torch 2.15.0, safetensors 0.8.0, CPU

  mae_kelip_causal   `MAE` of navervision/KELIP (kelip/model.py, Apache 2.0), copied but for the numbers of heads, which
                     it takes from widths above 64. The release holds no loss: it is the paper's, squared error on
                     the masked patches' pixels in [-1, 1], which is what its tanh gives.
  mae_kelip          the same with the decoder's causal mask left away.
  mae_he             `MaskedAutoencoderViT` of facebookresearch/mae (models_mae.py, CC BY-NC 4.0, He et al. 2021),
                     written out after it: class token, linear embedding into the decoder, targets normalised a patch
                     (norm_pix_loss). Fixed noise in place of torch.rand. Two departures, since the encoder is CLIP's
                     tower: its ln_pre before the blocks, and learned positions in place of fixed sines. timm's Block
                     is written out. eps is nn.LayerNorm's 1e-5, the class's own default.

Metadata `config`: `model` (open_clip's keys) and `mae`. Tensors (B pictures of P patches, K of them kept, M masked,
p pixels a side of a patch):
  weights.NAME   every parameter: `visual.` under OpenAI CLIP's names, `mae.` under KELIP's after its `decoder.`.
                 He's output rows are brought from his (y, x, channel) into (channel, y, x) order.
  images         [B, 3, S, S] fp32, normalised as CLIP's
  kept           [B, K] int64, ascending
  prediction     [B, M, 3·p·p] of the masked patches, ascending, after tanh where there is one
  loss           []
  grads.NAME     the loss's gradient of every parameter

Computed in fp64 and stored as fp32.
"""
import json
import pathlib
from collections import OrderedDict

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

BATCH = 3
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CONFIGS = {
    "mae_kelip_causal": {
        "model": {
            "embed_dim": 12, "quick_gelu": True,
            "vision_cfg": {"image_size": 16, "patch_size": 4, "width": 16, "layers": 2, "head_width": 4},
            "text_cfg": {"context_length": 3, "vocab_size": 4, "width": 4, "heads": 1, "layers": 1},
        },
        "mae": {
            "masked_fraction": 0.75, "target": "pixels", "decoder_width": 12, "decoder_layers": 2,
            "decoder_heads": 3, "causal": True, "class_token": False, "decoder_input": "projection",
        },
    },
    "mae_he": {
        "model": {
            "embed_dim": 7, "quick_gelu": False,
            "vision_cfg": {"image_size": 15, "patch_size": 5, "width": 14, "layers": 2, "head_width": 7},
            "text_cfg": {"context_length": 3, "vocab_size": 4, "width": 4, "heads": 1, "layers": 1},
        },
        "mae": {
            "masked_fraction": 0.75, "target": "normalised_pixels", "decoder_width": 10, "decoder_layers": 2,
            "decoder_heads": 2, "causal": False, "class_token": True, "decoder_input": "linear",
        },
    },
}
CONFIGS["mae_kelip"] = json.loads(json.dumps(CONFIGS["mae_kelip_causal"]))
CONFIGS["mae_kelip"]["mae"]["causal"] = False


# ---- KELIP ----------------------------------------------------------------------------------------------------------
class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class ResidualAttentionBlock(nn.Module):
    def __init__(self, d_model, n_head, attn_mask=None):
        super().__init__()
        self.attn = nn.MultiheadAttention(d_model, n_head)
        self.ln_1 = nn.LayerNorm(d_model)
        self.mlp = nn.Sequential(OrderedDict([
            ("c_fc", nn.Linear(d_model, d_model * 4)),
            ("gelu", QuickGELU()),
            ("c_proj", nn.Linear(d_model * 4, d_model))
        ]))
        self.ln_2 = nn.LayerNorm(d_model)
        self.attn_mask = attn_mask

    def attention(self, x):
        self.attn_mask = self.attn_mask.to(dtype=x.dtype) if self.attn_mask is not None else None
        return self.attn(x, x, x, need_weights=False, attn_mask=self.attn_mask)[0]

    def forward(self, x):
        x = x + self.attention(self.ln_1(x))
        x = x + self.mlp(self.ln_2(x))
        return x


class Transformer(nn.Module):
    def __init__(self, width, layers, heads, attn_mask=None):
        super().__init__()
        self.resblocks = nn.Sequential(*[ResidualAttentionBlock(width, heads, attn_mask) for _ in range(layers)])

    def forward(self, x):
        return self.resblocks(x)


class VisualTransformer(nn.Module):
    def __init__(self, input_resolution, patch_size, width, layers, heads, output_dim):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, kernel_size=patch_size, stride=patch_size, bias=False)
        scale = width ** -0.5
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn((input_resolution // patch_size) ** 2 + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, heads)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(scale * torch.randn(width, output_dim))

    def forward_with_mask(self, x, mask):
        B, nc, h, w = x.shape
        x = self.conv1(x)
        x = x.reshape(x.shape[0], x.shape[1], -1)
        x = x.permute(0, 2, 1)
        x = torch.cat([self.class_embedding.to(x.dtype).repeat(x.shape[0], 1, 1), x], dim=1)
        x = x + self.positional_embedding
        # When pretraining MAE, class_embedding is treated as auxiliary embedding.
        x = x[:, 1:, :]
        _, _, nd = x.shape
        x = x[~mask].reshape(B, -1, nd)
        x = self.ln_pre(x)
        x = x.permute(1, 0, 2)
        x = self.transformer(x)
        x = x.permute(1, 0, 2)
        x = self.ln_post(x)
        x = x @ self.proj
        return x


class KelipMAE(nn.Module):
    def __init__(self, model, mae):
        super().__init__()
        vision = model["vision_cfg"]
        self.vision_patch_size = vision["patch_size"]
        self.num_patches = (vision["image_size"] // self.vision_patch_size) ** 2
        width = mae["decoder_width"]
        self.visual = VisualTransformer(
            vision["image_size"], self.vision_patch_size, vision["width"], vision["layers"],
            vision["width"] // vision["head_width"], model["embed_dim"])
        self.decoder = Transformer(
            width, mae["decoder_layers"], mae["decoder_heads"],
            attn_mask=self.build_attention_mask() if mae["causal"] else None)
        self.decoder.mask_embedding = nn.Parameter(torch.randn(width))
        self.decoder.positional_embedding = nn.Parameter(torch.randn(self.num_patches, width) * 0.1)
        self.decoder.ln_final = nn.LayerNorm(width)
        self.decoder.pixel_predictor = nn.Linear(width, 3 * self.vision_patch_size ** 2)

    def build_attention_mask(self):
        mask = torch.empty(self.num_patches, self.num_patches)
        mask.fill_(float("-inf"))
        mask.triu_(1)
        return mask

    def decode_image(self, sampled_image_features, mask):
        B, N, nd = sampled_image_features.shape
        expanded_pos_emb = self.decoder.positional_embedding.expand(B, -1, -1)
        selected_pos_emb = expanded_pos_emb[~mask].reshape(B, -1, nd)
        masked_pos_emb = expanded_pos_emb[mask].reshape(B, -1, nd)
        x = torch.cat([self.decoder.mask_embedding + masked_pos_emb, sampled_image_features + selected_pos_emb], dim=1)
        unshuffled_x = torch.zeros_like(x)
        unshuffled_x[mask] = (self.decoder.mask_embedding + masked_pos_emb).reshape(-1, nd)
        unshuffled_x[~mask] = (sampled_image_features + selected_pos_emb).reshape(-1, nd)
        x = unshuffled_x
        x = x.permute(1, 0, 2)
        x = self.decoder(x)
        x = x.permute(1, 0, 2)
        x = self.decoder.ln_final(x)
        x = self.decoder.pixel_predictor(x)
        x = torch.tanh(x)
        return x.reshape(B, self.num_patches, 3, self.vision_patch_size, self.vision_patch_size)

    def forward(self, images, mask):
        """→ loss, prediction [B, M, 3·p·p]"""
        generated = self.decode_image(self.visual.forward_with_mask(images, mask), mask)
        p, (batch, _, size, _) = self.vision_patch_size, images.shape
        pixels = images * torch.tensor(STD).view(1, 3, 1, 1).to(images) + torch.tensor(MEAN).view(1, 3, 1, 1).to(images)
        target = (2 * pixels - 1).reshape(batch, 3, size // p, p, size // p, p)
        target = target.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, 3, p, p)
        return F.mse_loss(generated[mask], target[mask]), generated[mask].reshape(batch, -1, 3 * p * p)

    def outside(self, values):
        """Tensors by this module's names under the names of the fixture."""
        return {name.replace("decoder.", "mae.", 1) if name.startswith("decoder.") else name: value
                for name, value in values.items()}


# ---- He et al. ------------------------------------------------------------------------------------------------------
class Attention(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.num_heads, self.scale = num_heads, (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.num_heads, C // self.num_heads).permute(2, 0, 3, 1, 4)
        attn = ((q @ k.transpose(-2, -1)) * self.scale).softmax(dim=-1)
        return self.proj((attn @ v).transpose(1, 2).reshape(B, N, C))


class Mlp(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, num_heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim), Attention(dim, num_heads)
        self.norm2, self.mlp = nn.LayerNorm(dim), Mlp(dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class HeMAE(nn.Module):
    def __init__(self, model, mae):
        super().__init__()
        vision = model["vision_cfg"]
        self.patch_size, dim, decoder_dim = vision["patch_size"], vision["width"], mae["decoder_width"]
        num_patches = (vision["image_size"] // self.patch_size) ** 2
        self.patch_embed = nn.Conv2d(3, dim, kernel_size=self.patch_size, stride=self.patch_size, bias=False)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 0.2)
        self.pos_embed = nn.Parameter(torch.randn(1, num_patches + 1, dim) * 0.2)
        self.ln_pre = nn.LayerNorm(dim)
        self.blocks = nn.ModuleList([Block(dim, dim // vision["head_width"]) for _ in range(vision["layers"])])
        self.norm = nn.LayerNorm(dim)
        self.decoder_embed = nn.Linear(dim, decoder_dim, bias=True)
        self.mask_token = nn.Parameter(torch.randn(1, 1, decoder_dim) * 0.2)
        self.decoder_pos_embed = nn.Parameter(torch.randn(1, num_patches + 1, decoder_dim) * 0.2)
        self.decoder_blocks = nn.ModuleList(
            [Block(decoder_dim, mae["decoder_heads"]) for _ in range(mae["decoder_layers"])])
        self.decoder_norm = nn.LayerNorm(decoder_dim)
        self.decoder_pred = nn.Linear(decoder_dim, self.patch_size ** 2 * 3, bias=True)

    def patchify(self, imgs):
        p = self.patch_size
        h = w = imgs.shape[2] // p
        x = imgs.reshape(shape=(imgs.shape[0], 3, h, p, w, p))
        x = torch.einsum('nchpwq->nhwpqc', x)
        return x.reshape(shape=(imgs.shape[0], h * w, p ** 2 * 3))

    def masking(self, x, noise, len_keep):
        N, L, D = x.shape
        ids_shuffle = torch.argsort(noise, dim=1)
        ids_restore = torch.argsort(ids_shuffle, dim=1)
        ids_keep = ids_shuffle[:, :len_keep]
        x_masked = torch.gather(x, dim=1, index=ids_keep.unsqueeze(-1).repeat(1, 1, D))
        mask = torch.ones([N, L])
        mask[:, :len_keep] = 0
        return x_masked, torch.gather(mask, dim=1, index=ids_restore), ids_restore

    def forward_encoder(self, imgs, noise, len_keep):
        x = self.patch_embed(imgs).flatten(2).transpose(1, 2)
        x = x + self.pos_embed[:, 1:, :]
        x, mask, ids_restore = self.masking(x, noise, len_keep)
        cls_token = self.cls_token + self.pos_embed[:, :1, :]
        x = torch.cat((cls_token.expand(x.shape[0], -1, -1), x), dim=1)
        x = self.ln_pre(x)
        for blk in self.blocks:
            x = blk(x)
        return self.norm(x), mask, ids_restore

    def forward_decoder(self, x, ids_restore):
        x = self.decoder_embed(x)
        mask_tokens = self.mask_token.repeat(x.shape[0], ids_restore.shape[1] + 1 - x.shape[1], 1)
        x_ = torch.cat([x[:, 1:, :], mask_tokens], dim=1)
        x_ = torch.gather(x_, dim=1, index=ids_restore.unsqueeze(-1).repeat(1, 1, x.shape[2]))
        x = torch.cat([x[:, :1, :], x_], dim=1)
        x = x + self.decoder_pos_embed
        for blk in self.decoder_blocks:
            x = blk(x)
        return self.decoder_pred(self.decoder_norm(x))[:, 1:, :]

    def forward_loss(self, imgs, pred, mask):
        target = self.patchify(imgs)
        mean = target.mean(dim=-1, keepdim=True)
        var = target.var(dim=-1, keepdim=True)
        target = (target - mean) / (var + 1.e-6) ** .5
        loss = (pred - target) ** 2
        loss = loss.mean(dim=-1)
        return (loss * mask).sum() / mask.sum()

    def forward(self, imgs, keep_mask):
        # Noise below ½ for what is kept, in shuffled order among themselves.
        noise = torch.rand(keep_mask.shape) / 2 + keep_mask / 2
        latent, mask, ids_restore = self.forward_encoder(imgs, noise, int((~keep_mask[0]).sum()))
        assert torch.equal(mask.bool(), keep_mask)
        pred = self.forward_decoder(latent, ids_restore)
        loss = self.forward_loss(imgs, pred, mask)
        return loss, self.channel_first(pred[keep_mask]).reshape(len(imgs), -1, pred.shape[-1])

    def channel_first(self, rows):
        p = self.patch_size
        return rows.reshape(-1, p, p, 3).permute(0, 3, 1, 2)

    def outside(self, values):
        result = {}
        for name, value in values.items():
            if name.startswith("decoder_pred."):
                # The first axis counts pixels: (y, x, channel) → (channel, y, x).
                p = self.patch_size
                value = value.reshape(p, p, 3, -1).permute(2, 0, 1, 3).reshape(value.shape)
            result[self.rename(name)] = value[0, 0] if name.endswith("_token") else (
                value[0] if name.endswith("pos_embed") else value)
        return result

    @staticmethod
    def rename(name):
        for old, new in [
            ("decoder_blocks.", "mae.resblocks."), ("blocks.", "visual.transformer.resblocks."),
            ("decoder_norm.", "mae.ln_final."), ("norm.", "visual.ln_post."), ("ln_pre.", "visual.ln_pre."),
            ("decoder_embed.", "mae.embed."), ("decoder_pred.", "mae.pixel_predictor."),
            ("patch_embed.", "visual.conv1."), ("cls_token", "visual.class_embedding"),
            ("decoder_pos_embed", "mae.positional_embedding"), ("pos_embed", "visual.positional_embedding"),
            ("mask_token", "mae.mask_embedding"),
        ]:
            if name.startswith(old):
                name = new + name[len(old):]
                break
        for old, new in [
            (".norm1.", ".ln_1."), (".norm2.", ".ln_2."), (".attn.qkv.", ".attn.in_proj_"),
            (".attn.proj.", ".attn.out_proj."), (".mlp.fc1.", ".mlp.c_fc."), (".mlp.fc2.", ".mlp.c_proj."),
        ]:
            name = name.replace(old, new)
        return name


# ---------------------------------------------------------------------------------------------------------------------
def perturb(model):
    """Moves what starts at 0 or 1 away from it, or an omitted bias or gain would go unseen."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("bias"):
                value.add_(torch.randn_like(value) * 0.1)
            elif "ln_" in name or "norm" in name:
                value.add_(torch.randn_like(value) * 0.2)


def fixture(name, config, seed):
    torch.manual_seed(seed)
    model = (HeMAE if name == "mae_he" else KelipMAE)(config["model"], config["mae"])
    perturb(model)
    vision = config["model"]["vision_cfg"]
    size, patches = vision["image_size"], (vision["image_size"] // vision["patch_size"]) ** 2
    images = (torch.rand(BATCH, 3, size, size) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    keep = int(patches * (1 - config["mae"]["masked_fraction"]))
    kept = torch.stack([torch.randperm(patches)[:keep].sort().values for _ in range(BATCH)])
    mask = torch.ones(BATCH, patches, dtype=torch.bool).scatter(1, kept, False)
    tensors = {"images": images, "kept": kept}
    weights = {key: value.detach().clone() for key, value in model.named_parameters()}
    tensors |= {f"weights.{key}": value for key, value in model.outside(weights).items()}

    model.double()
    loss, prediction = model(images.double(), mask)
    loss.backward()
    gradients = {key: value.grad for key, value in model.named_parameters()}
    results = {"prediction": prediction, "loss": loss}
    results |= {f"grads.{key}": value for key, value in model.outside(gradients).items()}
    tensors |= {key: value.detach().float() for key, value in results.items()}
    return {key: value.contiguous().clone() for key, value in tensors.items()}


def main():
    torch.set_num_threads(1)
    for seed, (name, config) in enumerate(CONFIGS.items()):
        path = pathlib.Path(__file__).with_name(f"{name}.safetensors")
        save_file(fixture(name, config, seed), path, metadata={"config": json.dumps(config)})
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
