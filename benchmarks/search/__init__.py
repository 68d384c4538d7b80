"""Search compared: how good the best trial is after a budget, on tabulated real tasks and on COCO's bbob functions."""
