"""The world model: a patch tokenizer and block-causal dynamics over its latents."""
