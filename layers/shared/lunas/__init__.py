"""Lunas: takes payments for online courses and enrolls the learners who have paid."""
