"""Layers and programs made of layers: chains, graphs, branches, fused dense layers."""
