"""The language of constraints: arithmetic, comparisons and logic over parameters, parsed and never run as code."""
