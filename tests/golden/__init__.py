"""The template as CloudFormation gets it: SAM and its loops expanded, settings put in, offline."""
