"""The Hugging Face Hub's read side, for its unmodified clients."""
