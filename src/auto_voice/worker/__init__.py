"""The process that does the work: it takes jobs from the table and runs the models."""
