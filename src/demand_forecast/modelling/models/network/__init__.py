"""Neural network with categorical embeddings."""
