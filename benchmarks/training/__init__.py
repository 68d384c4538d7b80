"""Networks as a careful user would write them from torch.nn alone, to measure ours against."""
