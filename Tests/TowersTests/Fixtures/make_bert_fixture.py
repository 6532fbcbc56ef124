"""Makes tiny_bert.safetensors: rows, features and every gradient of a small BertModel with a last layer on top.

    python make_bert_fixture.py        # torch 2.15.0, transformers 5.23.0, safetensors 0.8.0, CPU

The file's `config` metadata is kelip's `text_cfg` as JSON, `embed_dim` the joint dimension. Tensors (B = 6 captions,
T = context, W = width, D = embed_dim; P = pooler, cls, mean):
  weights.NAME         every parameter under kelip's name, with biases and gains away from 0 and 1
  texts                [B, T] int64, `[CLS] … [SEP] 0 0`
  lengths              [B] int64, what of each row is no padding
  probe                [B, D], the weights of the sums below
  tokens               [sum of lengths, W] the last hidden state without padding
  tokenProbe           [sum of lengths, W]
  P.features           [B, D] of each pooling
  P.grads.NAME         of sum(P.features · probe)
  tokens.grads.NAME    of sum(tokens · tokenProbe)

Computed in fp64 and stored as fp32, so that the whole tolerance belongs to the program under test.
"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file

CONFIG = {
    "type": "bert", "context_length": 11, "vocab_size": 31, "width": 16, "heads": 2, "layers": 2, "mlp_ratio": 3,
    "max_positions": 14, "token_types": 2,
}
EMBED_DIM = 9
LENGTHS = [11, 2, 3, 10, 5, 4]


def perturb(model):
    """Moves what starts at 0 or 1 away from it, or an omitted bias or gain would go unseen."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.add_(torch.randn_like(value) * (0.2 if "LayerNorm" in name else 0.1))


def texts():
    rows = torch.zeros(len(LENGTHS), CONFIG["context_length"], dtype=torch.long)
    for row, length in enumerate(LENGTHS):
        rows[row, :length] = torch.randint(3, CONFIG["vocab_size"], (length,))
        rows[row, 0], rows[row, length - 1] = 1, 2
    return rows


def poolings(output, mask):
    hidden = output.last_hidden_state
    return {
        "pooler": output.pooler_output,
        "cls": hidden[:, 0],
        "mean": (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True),
    }


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(
        vocab_size=CONFIG["vocab_size"], hidden_size=CONFIG["width"], num_hidden_layers=CONFIG["layers"],
        num_attention_heads=CONFIG["heads"], intermediate_size=CONFIG["width"] * CONFIG["mlp_ratio"],
        max_position_embeddings=CONFIG["max_positions"], type_vocab_size=CONFIG["token_types"]))
    projection = torch.nn.Linear(CONFIG["width"], EMBED_DIM)
    perturb(model)
    model.double().eval()
    projection.double()
    named = {f"text.{name}": value for name, value in model.named_parameters()}
    named |= {f"text.projection.{name}": value for name, value in projection.named_parameters()}

    rows, lengths = texts(), torch.tensor(LENGTHS)
    mask = (torch.arange(rows.shape[1])[None] < lengths[:, None]).double()
    probe = torch.randn(len(LENGTHS), EMBED_DIM).float()
    token_probe = torch.randn(sum(LENGTHS), CONFIG["width"]).float()
    tensors = {"texts": rows, "lengths": lengths, "probe": probe, "tokenProbe": token_probe}
    tensors |= {f"weights.{name}": value for name, value in named.items()}

    def results(kind, pick):
        for value in named.values():
            value.grad = None
        output = model(input_ids=rows, attention_mask=mask.long())
        result, weights = pick(output)
        (result * weights.double()).sum().backward()
        for name, value in named.items():
            if value.grad is not None:
                tensors[f"{kind}.grads.{name}"] = value.grad.clone()
        return result

    for kind in ["pooler", "cls", "mean"]:
        tensors[f"{kind}.features"] = results(
            kind, lambda output: (projection(poolings(output, mask)[kind]), probe))
    tensors["tokens"] = results("tokens", lambda output: (output.last_hidden_state[mask.bool()], token_probe))

    stored = {name: value.detach().contiguous() for name, value in tensors.items()}
    stored = {name: value if value.dtype == torch.long else value.float() for name, value in stored.items()}
    path = pathlib.Path(__file__).with_name("tiny_bert.safetensors")
    save_file(stored, path, metadata={"config": json.dumps(CONFIG), "embed_dim": str(EMBED_DIM)})
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
