"""Answers about a person's folder of pictures: a table, files, a contact sheet."""
