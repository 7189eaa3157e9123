"""What leaves on paper: manifests and sheets of labels, as PDF that needs nothing from outside."""
