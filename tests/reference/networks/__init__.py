"""Reference networks of what neither torchvision nor timm has, by the keys of their publishers."""
