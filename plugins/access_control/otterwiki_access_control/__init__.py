"""Answers Otterwiki's permission questions from the request's Actor. For farms only."""
